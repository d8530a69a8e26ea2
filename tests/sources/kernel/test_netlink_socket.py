"""What the netlink socket does when the kernel, or somebody else, does not answer as it should."""

import errno
import socket
import time
from struct import pack

import pytest

from calico_agent.model.observation import Unreadable
from calico_agent.sources.decode_error import Interrupted, KernelRefusal, Malformed
from calico_agent.sources.kernel import netlink_socket as netlink
from calico_agent.sources.kernel.decode.rtnetlink import acknowledge
from calico_agent.sources.kernel.netlink_socket import NetlinkSocket, attribute, retry_transient
from tests.netns import network_namespace
from tests.patience import PATIENCE

RTM_GETROUTE, RTM_GETLINK, RTM_NEWNEIGH = 26, 18, 28


def failing(*errors: Exception, then: str = "read") -> "Source":
    return Source(list(errors), then)


class Source:
    """Raises its errors one after the other, then gives its value."""

    def __init__(self, errors: list[Exception], value: str) -> None:
        self.errors, self.value, self.reads = errors, value, 0

    def __call__(self) -> str:
        self.reads += 1
        if self.errors:
            raise self.errors.pop(0)
        return self.value


@pytest.mark.parametrize(
    "error",
    [Interrupted("changed"), OSError(errno.ENOBUFS, "full"), TimeoutError("timed out"), KernelRefusal(errno.EBUSY)],
    ids=["an interrupted dump", "a full buffer", "no answer in time", "busy"],
)
def test_what_may_pass_is_tried_again(error: Exception) -> None:
    source = failing(error, error)
    assert retry_transient(source) == "read"
    assert source.reads == 3


@pytest.mark.parametrize(
    ("error", "reason", "code"),
    [
        (Malformed("half a message"), "half a message", "malformed"),
        (PermissionError(errno.EPERM, "no"), "Operation not permitted", "denied"),
        (KernelRefusal(errno.EACCES), "Permission denied", "denied"),
        (OSError(errno.EAFNOSUPPORT, "no"), "Address family not supported", "refused"),
        (OSError(errno.EMFILE, "no"), "Too many open files", "refused"),
    ],
)
def test_what_does_not_pass_is_said_at_once(error: Exception, reason: str, code: str) -> None:
    source = failing(error)
    found = retry_transient(source)
    assert isinstance(found, Unreadable)
    assert (found.source, found.code, source.reads) == ("kernel", code, 1)
    assert reason in found.reason


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (Interrupted("it changed"), "no consistent answer for 2 s: it changed."),
        (OSError(errno.ENOBUFS, "full"), "netlink failed: No buffer space available (error 105)."),
    ],
    ids=["interrupted dumps", "full buffers"],
)
def test_after_two_seconds_not_knowing_is_the_answer(error: Exception, reason: str) -> None:
    source = failing(*[error] * 1000)
    before = time.monotonic()
    found = retry_transient(source)
    assert 1 < time.monotonic() - before < PATIENCE
    assert found == Unreadable("kernel", reason, "busy")
    assert 5 < source.reads < 20


@pytest.mark.real
def test_a_datagram_that_does_not_fit_is_an_error_and_not_a_short_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(netlink, "_BUFFER", 64)
    with NetlinkSocket() as route_socket, pytest.raises(Malformed, match="more than 64 bytes"):
        next(route_socket.dump(RTM_GETLINK, bytes(16)))


@pytest.mark.real
def test_an_answer_that_does_not_come_ends_the_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(netlink, "_ANSWER_SECONDS", 0.1)
    with network_namespace() as namespace, namespace.run(NetlinkSocket) as route_socket:
        datagrams = route_socket.dump(RTM_GETROUTE, pack("=BBBBBBBBI", 10, *bytes(8)))
        next(datagrams)
        with pytest.raises(TimeoutError):  # the first datagram of so small a table was the last
            list(datagrams)


@pytest.mark.real
def test_another_process_cannot_answer_for_the_kernel() -> None:
    with (
        NetlinkSocket() as route_socket,
        socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as other,
    ):
        datagrams = route_socket.dump(RTM_GETLINK, bytes(16))
        next(datagrams)
        ours = route_socket._socket.getsockname()[0]
        while True:  # the kernel's own answers come first
            other.sendto(pack("=IHHII", 20, 3, 2, route_socket._sequence, ours) + bytes(4), (ours, 0))
            try:
                next(datagrams)
            except Malformed as error:
                assert "does not answer" in error.what  # noqa: PT017 - it may come after any number of answers
                break


@pytest.mark.real
def test_a_single_question_gets_its_answer() -> None:
    with network_namespace() as namespace, namespace.run(NetlinkSocket) as route_socket:
        body = pack("=BBBBBBBBI", 2, 32, *bytes(7)) + attribute(1, bytes([127, 0, 0, 9]))
        assert b"\x7f\x00\x00\x09" in route_socket.request(RTM_GETROUTE, body)


@pytest.mark.real
def test_two_sockets_of_one_number_get_the_same_bytes_and_two_at_once_their_answers_all_the_same() -> None:
    def dump(route_socket: NetlinkSocket) -> bytes:
        with route_socket:
            return next(route_socket.dump(RTM_GETROUTE, pack("=BBBBBBBBI", 2, *bytes(8))))

    def dumps() -> tuple[bytes, bytes, bytes]:
        first, second = dump(NetlinkSocket(7)), dump(NetlinkSocket(7))
        with NetlinkSocket(7):
            return first, second, dump(NetlinkSocket(7))

    with network_namespace() as namespace:
        namespace.ip("link add eth0 type veth peer name wire0", "link set eth0 up", "addr add 10.77.0.11/24 dev eth0")
        first, second, third = namespace.run(dumps)
    assert first == second != third
    assert len(third) == len(first)


@pytest.mark.real
def test_of_many_changes_only_those_that_are_refused_are_answered() -> None:
    def neighbour(link: int, number: int) -> bytes:
        return (
            pack("=BxxxiHBB", 2, link, 0x04, 0, 0) + attribute(1, bytes([10, 77, 0, number])) + attribute(2, bytes(6))
        )

    def tell() -> tuple[list[bytes], list[bytes]]:
        loopback, nowhere = ([neighbour(link, number) for number in range(1, 251)] for link in (1, 999))
        with NetlinkSocket() as route_socket:
            refused = route_socket.send(RTM_NEWNEIGH, 0x400, [*nowhere, *loopback[:3]])
            return refused, route_socket.send(RTM_NEWNEIGH, 0x400, loopback[:3])

    with network_namespace() as namespace:
        refused, made = namespace.run(tell)
    assert len(refused) == 250
    assert made == []
    for refusal in refused:
        with pytest.raises(KernelRefusal) as error:
            acknowledge(refusal)
        assert error.value.errno == errno.ENODEV
