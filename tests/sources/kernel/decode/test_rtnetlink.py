"""A dump is taken whole or not at all."""

from ipaddress import IPv4Address, IPv6Address
from struct import pack

import pytest

from calico_agent.model.network.address import Family
from calico_agent.sources.decode_error import Interrupted, KernelRefusal, Malformed
from calico_agent.sources.kernel.decode.rtnetlink import (
    acknowledge,
    address,
    answer,
    attributes,
    dump_bodies,
    dump_runs,
    link_name,
    number,
)
from tests.sources.kernel.netlink_messages import (
    DUMP_INTERRUPTED,
    NLMSG_ERROR,
    NLMSG_NOOP,
    NLMSG_OVERRUN,
    RTM_NEWLINK,
    RTM_NEWROUTE,
    attribute,
    done,
    failure,
    message,
)
from tests.sources.kernel.netlink_messages import number as number_attribute

A, B, LONG = (message(RTM_NEWROUTE, body) for body in (b"aaaa", b"bbbb", b"long body"))


def bodies(*datagrams: bytes) -> list[bytes]:
    return list(dump_bodies(datagrams, RTM_NEWROUTE))


@pytest.mark.parametrize(
    ("datagrams", "expected"),
    [
        ([done()], []),
        ([A + B + done()], [b"aaaa", b"bbbb"]),
        ([A, B, done()], [b"aaaa", b"bbbb"]),
        ([A + LONG + B, done()], [b"aaaa", b"long body", b"bbbb"]),
        ([LONG + LONG, done()], [b"long body", b"long body"]),
        ([LONG[:-3], done()], [b"long body"]),
        ([message(NLMSG_NOOP, b"") + A, done()], [b"aaaa"]),
        ([A + done() + B], [b"aaaa"]),
    ],
    ids=[
        "an empty table",
        "all in one datagram",
        "one message a datagram",
        "messages of different lengths",
        "lengths that need padding",
        "a last message without its padding",
        "nothing to say is passed over",
        "what follows the end is not taken",
    ],
)
def test_a_whole_dump_gives_its_messages(datagrams: list[bytes], expected: list[bytes]) -> None:
    assert bodies(*datagrams) == expected


def test_messages_with_the_same_header_are_one_run() -> None:
    runs = list(dump_runs([A + B + LONG + A, B, done()], RTM_NEWROUTE))
    assert [(len(run.data) // run.length, run.length) for run in runs] == [(2, 20), (1, 25), (1, 20), (1, 20)]


def test_no_datagram_is_taken_beyond_the_end() -> None:
    datagrams = iter([A, done(), B])
    list(dump_bodies(datagrams, RTM_NEWROUTE))
    assert next(datagrams) == B


@pytest.mark.parametrize(
    ("datagrams", "error"),
    [
        ([], Malformed),
        ([A], Malformed),
        ([A[:10], done()], Malformed),
        ([A[:-1], done()], Malformed),
        ([A + B[:-1], done()], Malformed),
        ([pack("=IHHII", 15, RTM_NEWROUTE, 2, 7, 4242), done()], Malformed),
        ([pack("=IHHII", 0, RTM_NEWROUTE, 2, 7, 4242), done()], Malformed),
        ([A, message(RTM_NEWLINK, b"aaaa"), done()], Malformed),
        ([A, done(sequence=8)], Malformed),
        ([A, done(port=1)], Malformed),
        ([A, message(NLMSG_ERROR, bytes(20)), done()], Malformed),
        ([A, message(3, b"")], Malformed),
        ([A, message(RTM_NEWROUTE, b"bbbb", flags=DUMP_INTERRUPTED), done()], Interrupted),
        ([A, done(flags=DUMP_INTERRUPTED)], Interrupted),
        ([A, message(NLMSG_OVERRUN, b""), done()], Interrupted),
        ([A, done(error=-105)], KernelRefusal),
        ([failure(1)], KernelRefusal),
    ],
    ids=[
        "nothing at all",
        "no end",
        "half a header",
        "a message cut short",
        "a second message cut short",
        "shorter than its header",
        "a length of zero",
        "a message of another type",
        "the end of another dump",
        "somebody else's end",
        "an acknowledgement",
        "an end without its result",
        "marked as interrupted",
        "marked as interrupted at the end",
        "an overrun",
        "an end with an error",
        "permission denied",
    ],
)
def test_anything_less_is_an_error(datagrams: list[bytes], error: type[Exception]) -> None:
    with pytest.raises(error):
        bodies(*datagrams)


def test_an_error_carries_its_number() -> None:
    with pytest.raises(KernelRefusal) as refused:
        bodies(failure(95))
    assert refused.value.errno == 95


def test_an_answer_is_one_message() -> None:
    assert answer(A, RTM_NEWROUTE) == b"aaaa"


@pytest.mark.parametrize(
    ("datagram", "error"),
    [
        (failure(101), KernelRefusal),
        (message(NLMSG_ERROR, bytes(20)), Malformed),
        (A[:15], Malformed),
        (A[:19], Malformed),
    ],
    ids=["an error", "an acknowledgement", "half a header", "cut short"],
)
def test_another_answer_is_an_error(datagram: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        answer(datagram, RTM_NEWROUTE)


def test_attributes_are_found_by_type_without_their_flags() -> None:
    data = b"head" + attribute(1, b"abc") + attribute(0x8000 | 2, b"nest") + attribute(1, b"again") + attribute(3, b"")
    assert attributes(data, 4) == {1: b"abc", 2: b"nest", 3: b""}


def test_a_last_attribute_may_lack_its_padding() -> None:
    assert attributes(attribute(1, b"abc")[:-1], 0) == {1: b"abc"}


@pytest.mark.parametrize("data", [b"\x04\0", b"\x03\0\x01\0", b"\x09\0\x01\0abcd"], ids=["half", "tiny", "too long"])
def test_attributes_that_do_not_fit_are_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        attributes(data, 0)


def test_numbers_and_addresses_have_their_size() -> None:
    assert number(number_attribute(1, 258)[4:]) == 258
    assert number(None, 9) == 9
    assert address(bytes([10, 0, 0, 1])) == IPv4Address("10.0.0.1")
    assert address(bytes(15) + b"\1", Family.IPV6) == IPv6Address("::1")
    with pytest.raises(Malformed):
        number(b"\1\0")
    with pytest.raises(Malformed):
        address(bytes(5))
    with pytest.raises(Malformed):
        address(bytes(4), Family.IPV6)
    with pytest.raises(Malformed):
        address(bytes(16), Family.IPV4)


def test_a_link_without_a_name_is_called_as_ip_calls_it() -> None:
    assert link_name(2, {2: "eth0"}) == "eth0"
    assert link_name(7, {2: "eth0"}) == "if7"


def test_a_change_is_acknowledged_by_an_error_of_zero() -> None:
    acknowledge(failure(0))
    with pytest.raises(KernelRefusal) as refused:
        acknowledge(failure(1))
    assert refused.value.errno == 1
    with pytest.raises(Malformed):
        acknowledge(A)
    with pytest.raises(Malformed):
        acknowledge(failure(0)[:18])
