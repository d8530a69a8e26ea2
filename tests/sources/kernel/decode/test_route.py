"""The kernel's answer for one destination, and the entry that it matched."""

from contextlib import suppress
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calico_agent.model.network.address import Family
from calico_agent.model.network.kernel import RouteLookup
from calico_agent.model.network.route import NextHop, Route
from calico_agent.sources.decode_error import Interrupted, KernelRefusal, Malformed
from calico_agent.sources.kernel.decode.route import decode_match, decode_source
from tests.sources.kernel.netlink_messages import LINKS, RTM_NEWROUTE, failure, message, route_body

ETH0 = NextHop(None, "eth0")
PEER = NextHop(ip_address("10.77.0.13"), "eth0")
BLOCK = Route(ip_network("192.168.5.64/26"), next_hops=(PEER,), protocol=12)
HERE, THERE = ip_address("10.77.0.11"), ip_address("10.77.0.12")


def test_the_kernels_answer_for_one_destination() -> None:
    route = Route(ip_network("10.77.0.12/32"), next_hops=(PEER,), source=HERE)
    datagram = message(RTM_NEWROUTE, route_body(route, flags=0x200), flags=0)
    assert decode_source(datagram, THERE, LINKS) == RouteLookup(THERE, HERE, "eth0", PEER.gateway)


@pytest.mark.parametrize(
    ("number", "word"),
    [
        (101, "no route"),
        (113, "unreachable"),
        (22, "blackhole"),
        (13, "prohibited"),
        pytest.param(95, "no route", id="a kernel whose IPv6 is switched off"),
        pytest.param(97, "no route", id="a kernel without IPv6"),
    ],
)
def test_no_way_to_a_destination_is_an_answer_too(number: int, word: str) -> None:
    assert decode_source(failure(number), THERE, LINKS) == RouteLookup(THERE, None, error=word)


def test_any_other_error_is_not_an_answer() -> None:
    with pytest.raises(KernelRefusal):
        decode_source(failure(105), THERE, LINKS)


def test_a_route_without_a_source_address_says_so() -> None:
    datagram = message(RTM_NEWROUTE, route_body(Route(ip_network("10.77.0.12/32"), next_hops=(ETH0,))), flags=0)
    assert decode_source(datagram, THERE, LINKS) == RouteLookup(THERE, None, "eth0", error="no source address")


@pytest.mark.parametrize("table", [254, 100, 1000])
def test_the_entry_that_was_matched_comes_with_its_table(table: int) -> None:
    route = Route(BLOCK.prefix, next_hops=(PEER,), protocol=12, table=table)
    assert decode_match(message(RTM_NEWROUTE, route_body(route), flags=0), Family.IPV4, LINKS) == route


def test_a_match_that_is_no_entry_of_a_table_is_none() -> None:
    datagram = message(RTM_NEWROUTE, route_body(BLOCK, flags=0x200), flags=0)
    assert decode_match(datagram, Family.IPV4, LINKS) is None


def test_no_match_is_refused() -> None:
    with pytest.raises(KernelRefusal):
        decode_match(failure(101), Family.IPV4, LINKS)


def decode_or_refuse(datagram: bytes) -> None:
    """No other error than ours may come out."""
    with suppress(Malformed, KernelRefusal):
        decode_source(datagram, THERE, LINKS)
    for family in Family:
        with suppress(Malformed, Interrupted, KernelRefusal):
            str(decode_match(datagram, family, LINKS))


@given(datagram=st.binary(max_size=200))
def test_no_bytes_crash_it(datagram: bytes) -> None:
    decode_or_refuse(datagram)
    decode_or_refuse(message(RTM_NEWROUTE, datagram, flags=0))


@given(position=st.integers(0, 10**6), value=st.integers(0, 255), end=st.integers(0, 10**6))
def test_no_change_to_a_good_answer_crashes_it(position: int, value: int, end: int) -> None:
    datagram = bytearray(message(RTM_NEWROUTE, route_body(BLOCK), flags=0))
    datagram[position % len(datagram)] = value
    decode_or_refuse(bytes(datagram))
    decode_or_refuse(bytes(datagram[: end % len(datagram)]))
