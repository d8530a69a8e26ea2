"""The expectation as a table lies beside the kernel's, whatever is in it."""

from ipaddress import IPv4Network, ip_address

from hypothesis import given
from hypothesis import strategies as st

from calico_agent.expected.forwarding import Encapsulation, ForwardingPath
from calico_agent.expected.route_table import expected_table
from calico_agent.expected.routes import Expectation, ExpectedRoute
from calico_agent.model.network.address import IPAddress
from calico_agent.model.network.fib import Fib
from calico_agent.model.network.prefix import prefix_of
from calico_agent.model.network.route import Route, RouteAttributes

GATEWAYS: tuple[IPAddress, ...] = tuple(ip_address(f"10.0.0.{number}") for number in range(1, 4))
WAYS = tuple(ForwardingPath(f"node{i}", gateway, Encapsulation.NONE, gateway, "") for i, gateway in enumerate(GATEWAYS))
prefixes = st.builds(
    lambda number, length: IPv4Network((number >> (32 - length) << (32 - length), length)),
    st.integers(0xC0A80000, 0xC0A803FF),
    st.integers(24, 32),
)


@given(st.dictionaries(prefixes, st.sampled_from(WAYS)), st.sets(prefixes), st.sets(prefixes))
def test_the_walk_comes_by_every_prefix_once(
    wanted: dict[IPv4Network, ForwardingPath], own: set[IPv4Network], found: set[IPv4Network]
) -> None:
    routes = tuple(ExpectedRoute(prefix, way) for prefix, way in wanted.items())
    table = expected_table(Expectation(routes, tuple(own)))
    rows = list(table.walk(Fib.of(Route(prefix) for prefix in found), {}))
    assert len(rows) == len(wanted.keys() | found)
    assert {prefix_of(row.key): (row.way, row.paths) for row in rows} == {
        prefix: (wanted.get(prefix), (RouteAttributes(),) if prefix in found else ())
        for prefix in wanted.keys() | found
    }
    assert set(table.ways) == set(wanted.values())


@given(st.dictionaries(prefixes, st.sampled_from(WAYS), min_size=1), st.data())
def test_what_is_right_is_passed_over_as_soon_as_it_is_known(
    wanted: dict[IPv4Network, ForwardingPath], data: st.DataObject
) -> None:
    """Right is what has the way's own paths; a route that is astray, missing or added comes by all the same."""
    expectation = Expectation(tuple(ExpectedRoute(prefix, way) for prefix, way in wanted.items()))
    paths = {way: (RouteAttributes(metric=number),) for number, way in enumerate(WAYS)}
    kernel = {prefix: paths[way] for prefix, way in wanted.items()}
    odd = data.draw(st.dictionaries(prefixes, st.sampled_from([(), (RouteAttributes(metric=99),)]), max_size=5))
    bucket: dict[int, dict[int, tuple[RouteAttributes, ...]]] = {}
    for prefix, there in (kernel | odd).items():
        if there:
            bucket.setdefault(prefix.prefixlen, {})[int(prefix.network_address)] = there
    right: dict[ForwardingPath | None, tuple[RouteAttributes, ...]] = {}
    seen = []
    for row in expected_table(expectation).walk(Fib({4: bucket}), right):
        if row.way is not None and row.paths is paths[row.way]:
            assert row.way not in right, "one row of a way is enough"
            right[row.way] = row.paths
        else:
            seen.append(prefix_of(row.key))
    assert sorted(seen) == sorted(prefix for prefix, there in odd.items() if there or prefix in wanted)
