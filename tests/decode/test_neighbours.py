"""Neighbour tables and the forwarding database of VXLAN devices."""

import struct
from contextlib import suppress
from ipaddress import ip_address
from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calico_agent.decode.errors import Interrupted, Malformed, Refused
from calico_agent.decode.neighbours import decode_forwarding, decode_liveness, decode_neighbours
from calico_agent.model.route import ForwardingEntry, Neighbour
from tests.decode.netlink_messages import (
    AF_BRIDGE,
    AF_INET,
    AF_INET6,
    LINKS,
    RTM_NEWNEIGH,
    attribute,
    done,
    dump,
    message,
)

MAC = bytes.fromhex("663b00aa01ff")


def entry(family: int, index: int, state: int, *parts: bytes) -> bytes:
    return message(RTM_NEWNEIGH, pack("=BxxxiHBB", family, index, state, 2, 1) + b"".join(parts))


def destination(address: str) -> bytes:
    return attribute(1, ip_address(address).packed)


@pytest.mark.parametrize(
    ("state", "word"),
    [
        (0x01, "INCOMPLETE"),
        (0x02, "REACHABLE"),
        (0x04, "STALE"),
        (0x08, "DELAY"),
        (0x10, "PROBE"),
        (0x20, "FAILED"),
        (0x40, "NOARP"),
        (0x80, "PERMANENT"),
        (0x00, "NONE"),
        (0x82, "0x82"),
    ],
)
def test_a_neighbour_has_the_kernels_word_for_its_state(state: int, word: str) -> None:
    datagrams = dump([entry(AF_INET, 2, state, destination("10.77.0.12"), attribute(2, MAC))])
    assert decode_neighbours(datagrams, LINKS) == (
        Neighbour(ip_address("10.77.0.12"), "eth0", word, "66:3b:00:aa:01:ff"),
    )


def test_both_families_are_neighbours_and_a_bridges_entries_are_not() -> None:
    datagrams = dump(
        [
            entry(AF_INET6, 2, 0x20, destination("fd00:77::12")),
            entry(AF_BRIDGE, 3, 0x80, destination("10.77.0.12"), attribute(2, MAC)),
            entry(12, 2, 0x80, attribute(1, b"ab")),
        ]
    )
    assert decode_neighbours(datagrams, LINKS) == (Neighbour(ip_address("fd00:77::12"), "eth0", "FAILED", ""),)


def test_only_entries_that_lead_to_another_host_forward() -> None:
    datagrams = dump(
        [
            entry(AF_BRIDGE, 3, 0x80, attribute(2, MAC), destination("10.77.0.12")),
            entry(AF_BRIDGE, 3, 0x80, attribute(2, MAC), destination("fd00:77::12")),
            entry(AF_BRIDGE, 2, 0x80, attribute(2, MAC)),
            entry(AF_INET, 2, 0x02, destination("10.77.0.13"), attribute(2, MAC)),
        ]
    )
    assert decode_forwarding(datagrams, LINKS) == (
        ForwardingEntry("66:3b:00:aa:01:ff", "vxlan.calico", ip_address("10.77.0.12")),
        ForwardingEntry("66:3b:00:aa:01:ff", "vxlan.calico", ip_address("fd00:77::12")),
    )


@pytest.mark.parametrize(
    "broken", [message(RTM_NEWNEIGH, b"12345678901"), entry(AF_INET, 2, 2, attribute(1, b"123"))], ids=["cut", "size"]
)
def test_an_entry_that_cannot_be_is_malformed(broken: bytes) -> None:
    with pytest.raises(Malformed):
        decode_neighbours(dump([broken]), LINKS)


@given(body=st.binary(max_size=80))
def test_no_bytes_crash_it(body: bytes) -> None:
    for decode in (decode_neighbours, decode_forwarding):
        with suppress(Malformed, Interrupted, Refused):
            decode([message(RTM_NEWNEIGH, body), done()], LINKS)


def ages(confirmed: int) -> bytes:
    """NDA_CACHEINFO: confirmed, used, updated in hundredths of a second, references."""
    return attribute(3, struct.pack("=IIII", confirmed, 0, 0, 1))


@pytest.mark.parametrize(
    ("state", "flags", "expected"),
    [
        pytest.param(0x02, 0, ("REACHABLE", 12.5, True), id="alive"),
        pytest.param(0x04, 0x80, ("STALE", 12.5, True), id="a router"),
        pytest.param(0x80, 0, ("PERMANENT", 12.5, False), id="written in"),
        pytest.param(0x40, 0, ("NOARP", 12.5, False), id="one that is never asked"),
        pytest.param(0x02, 0x10, ("REACHABLE", 12.5, False), id="kept by another program"),
    ],
)
def test_the_life_of_one_neighbour(state: int, flags: int, expected: tuple[str, float, bool]) -> None:
    body = struct.pack("=BxxxiHBB", AF_INET, 2, state, flags, 1) + destination("10.77.0.12") + ages(1250)
    assert decode_liveness(message(RTM_NEWNEIGH, body)) == expected


@given(body=st.binary(max_size=80))
def test_no_answer_about_one_neighbour_crashes_it(body: bytes) -> None:
    with suppress(Malformed, Refused):
        decode_liveness(message(RTM_NEWNEIGH, body))
