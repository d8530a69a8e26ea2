"""Look-ups in a table answer as the kernel would."""

from ipaddress import IPv4Address, IPv4Network, ip_address, ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calico_agent.model.network.fib import Fib
from calico_agent.model.network.route import TABLE_LOCAL, NextHop, Route, RouteType, host_prefix


def route(prefix: str, device: str = "eth0", **fields: Any) -> Route:
    return Route(ip_network(prefix), next_hops=(NextHop(None, device),), **fields)


DEFAULT = route("0.0.0.0/0")
POOL = route("192.168.0.0/16", "pool")
BLOCK = route("192.168.5.64/26", "block")
POD = route("192.168.5.65/32", "pod")
SPARE = route("192.168.5.64/26", "spare", metric=1024)
DEFAULT_V6 = route("::/0", metric=1024)
BLOCK_V6 = route("fd00:192::40/122", metric=1024)
TABLE = (DEFAULT, SPARE, POD, BLOCK, POOL, DEFAULT_V6, BLOCK_V6)
FIB = Fib.of(TABLE)


def test_it_keeps_every_route() -> None:
    assert set(FIB.routes) == set(TABLE)
    assert len(FIB) == len(TABLE)


def test_it_keeps_the_routes_of_its_own_table_only() -> None:
    elsewhere = route("10.0.0.1/32", table=TABLE_LOCAL)
    assert Fib.of((DEFAULT, elsewhere)).routes == (DEFAULT,)
    assert Fib.of((DEFAULT, elsewhere), TABLE_LOCAL).routes == (elsewhere,)


def test_the_order_of_the_routes_does_not_matter() -> None:
    assert Fib.of(reversed(TABLE)) == FIB


def test_exact_gives_all_routes_of_a_prefix_with_the_best_metric_first() -> None:
    assert FIB.exact(ip_network("192.168.5.64/26")) == (BLOCK, SPARE)


@pytest.mark.parametrize("prefix", ["192.168.5.64/27", "192.168.5.0/26", "fd00:192::/122", "192.168.0.0/15"])
def test_exact_gives_nothing_for_another_prefix(prefix: str) -> None:
    assert FIB.exact(ip_network(prefix)) == ()


def test_paths_are_the_exact_routes_without_their_prefix() -> None:
    prefix = ip_network("192.168.5.64/26")
    assert FIB.paths(prefix) == (BLOCK.path, SPARE.path)
    assert tuple(Route(prefix, *path) for path in FIB.paths(prefix)) == FIB.exact(prefix)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("192.168.5.65", POD),
        ("192.168.5.66", BLOCK),
        ("192.168.5.128", POOL),
        ("192.169.0.1", DEFAULT),
        ("fd00:192::41", BLOCK_V6),
        ("fd00:192::80", DEFAULT_V6),
    ],
)
def test_lookup_takes_the_longest_prefix_then_the_lowest_metric(address: str, expected: Route) -> None:
    assert FIB.lookup(ip_address(address)) == expected


def test_lookup_can_ignore_a_prefix() -> None:
    assert FIB.lookup(ip_address("192.168.5.66"), ignoring=BLOCK.prefix) == POOL
    assert FIB.lookup(ip_address("192.168.5.65"), ignoring=BLOCK.prefix) == POD


def test_lookup_without_any_covering_route_is_none() -> None:
    assert Fib.of((BLOCK,)).lookup(ip_address("10.0.0.1")) is None
    assert Fib().lookup(ip_address("fd00::1")) is None


def test_a_throw_route_ends_the_search() -> None:
    thrown = Route(ip_network("192.168.5.0/24"), RouteType.THROW)
    assert Fib.of((DEFAULT, thrown)).lookup(ip_address("192.168.5.1")) is None


def test_a_blackhole_is_an_answer() -> None:
    blackhole = Route(ip_network("192.168.5.64/26"), RouteType.BLACKHOLE)
    assert Fib.of((DEFAULT, blackhole)).lookup(ip_address("192.168.5.70")) == blackhole


def test_a_route_whose_next_hops_are_all_dead_is_passed_over() -> None:
    dead, alive = NextHop(None, "eth0", dead=True), NextHop(None, "eth1")
    assert Fib.of((DEFAULT, Route(BLOCK.prefix, next_hops=(dead,)))).lookup(ip_address("192.168.5.70")) == DEFAULT
    half = Route(BLOCK.prefix, next_hops=(dead, alive))
    assert Fib.of((DEFAULT, half)).lookup(ip_address("192.168.5.70")) == half


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [("192.168.5.65/32", BLOCK), ("192.168.5.64/26", POOL), ("192.168.0.0/16", DEFAULT), ("0.0.0.0/0", None)],
)
def test_covering_is_the_best_shorter_prefix(prefix: str, expected: Route | None) -> None:
    assert FIB.covering(ip_network(prefix)) == expected


def test_within_is_everything_more_specific() -> None:
    assert set(FIB.within(ip_network("192.168.0.0/16"))) == {BLOCK, SPARE, POD}
    assert FIB.within(ip_network("192.168.5.64/26")) == (POD,)
    assert FIB.within(ip_network("::/0")) == (BLOCK_V6,)


def test_the_prefix_of_one_address() -> None:
    assert host_prefix(ip_address("fd00::1")) == ip_network("fd00::1/128")


def test_a_route_reads_as_people_write_it() -> None:
    hops = (NextHop(ip_address("10.0.0.1"), "eth0"), NextHop(ip_address("10.0.0.2"), "vxlan.calico", onlink=True))
    assert str(Route(BLOCK.prefix, next_hops=hops, protocol=12)) == (
        "192.168.5.64/26 via 10.0.0.1 dev eth0 + via 10.0.0.2 dev vxlan.calico onlink proto bird"
    )
    assert str(Route(BLOCK.prefix, RouteType.BLACKHOLE, protocol=99)) == "blackhole 192.168.5.64/26 proto 99"


prefixes = st.builds(
    lambda bits, length: IPv4Network((bits >> (32 - length) << (32 - length), length)),
    st.integers(0, 2**32 - 1),
    st.integers(0, 32),
)


@given(table=st.lists(prefixes, unique=True, max_size=30), address=st.integers(0, 2**32 - 1).map(IPv4Address))
def test_lookup_agrees_with_a_search_through_the_whole_list(table: list[IPv4Network], address: IPv4Address) -> None:
    longest = max((prefix for prefix in table if address in prefix), key=lambda prefix: prefix.prefixlen, default=None)
    found = Fib.of(Route(prefix) for prefix in table).lookup(address)
    assert (found.prefix if found else None) == longest
