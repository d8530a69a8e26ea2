"""Listening sockets: built as the kernel builds them, and whatever bytes come."""

from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, ip_address
from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calico_agent.model.network.address import Family
from calico_agent.sources.decode_error import Interrupted, KernelRefusal, Malformed
from calico_agent.sources.kernel.decode.sock_diag import Socket, ask_for_listening, decode_listening
from tests.sources.kernel.netlink_messages import AF_INET, AF_INET6, done, message


def listening(address: str, port: int, inode: int) -> bytes:
    """One message, of type SOCK_DIAG_BY_FAMILY."""
    at = ip_address(address)
    family = AF_INET if at.version == 4 else AF_INET6
    head = pack("=BBBB", family, 10, 0, 0) + pack("!HH", port, 0) + at.packed.ljust(16, b"\0") + bytes(16)
    return message(20, head + bytes(12) + pack("=IIIII", 0, 0, 128, 0, inode) + b"\5\0\10\0\0\0\0\0")


def test_port_address_and_inode_of_both_families() -> None:
    found = decode_listening([listening("10.0.0.1", 179, 7), listening("::", 9099, 1 << 31) + done()])
    assert list(found) == [
        Socket(179, IPv4Address("10.0.0.1"), 7),
        Socket(9099, IPv6Address("::"), 1 << 31),
    ]


def test_the_question_is_for_those_that_listen() -> None:
    assert ask_for_listening(Family.IPV6) == bytes((10, 6, 0, 0)) + pack("=I", 1 << 10) + bytes(48)


def test_a_socket_that_is_cut_short() -> None:
    with pytest.raises(Malformed, match="cut short"):
        list(decode_listening([message(20, bytes((AF_INET,)) + bytes(40)) + done()]))


@given(st.lists(st.binary(max_size=80).map(lambda body: message(20, body)), max_size=4))
def test_no_input_crashes_it(messages: list[bytes]) -> None:
    with suppress(Malformed, Interrupted, KernelRefusal):
        list(decode_listening([b"".join(messages) + done()]))
