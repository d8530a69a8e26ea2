"""The expectation as a table lies beside the kernel's, whatever is in it."""

from ipaddress import IPv4Network, ip_address

from hypothesis import given
from hypothesis import strategies as st

from calico_agent.model.address import IPAddress
from calico_agent.model.route import Fib, Path, Route
from calico_agent.verify.cluster import prefix_of
from calico_agent.verify.expected_routes import Encapsulation, Expectation, ExpectedRoute, Way
from calico_agent.verify.expected_table import expected_table

GATEWAYS: tuple[IPAddress, ...] = tuple(ip_address(f"10.0.0.{number}") for number in range(1, 4))
WAYS = tuple(Way(f"node{i}", gateway, Encapsulation.NONE, gateway, "") for i, gateway in enumerate(GATEWAYS))
prefixes = st.builds(
    lambda number, length: IPv4Network((number >> (32 - length) << (32 - length), length)),
    st.integers(0xC0A80000, 0xC0A803FF),
    st.integers(24, 32),
)


@given(st.dictionaries(prefixes, st.sampled_from(WAYS)), st.sets(prefixes), st.sets(prefixes))
def test_every_prefix_is_in_its_column_or_among_the_others(
    wanted: dict[IPv4Network, Way], own: set[IPv4Network], found: set[IPv4Network]
) -> None:
    routes = tuple(ExpectedRoute(prefix, way) for prefix, way in wanted.items())
    table = expected_table(Expectation(routes, tuple(own)))
    fib = Fib.of(Route(prefix) for prefix in found)
    rows = [
        (prefix_of((*column.kind, network)), route, column.beside(fib).get(network, ()))
        for column in table.columns
        for network, route in zip(column.networks, column.routes, strict=True)
    ]
    assert {route.prefix: route.way for _, route, _ in rows} == wanted
    assert all(prefix == route.prefix for prefix, route, _ in rows)
    assert all(paths == ((Path(),) if prefix in found else ()) for prefix, _, paths in rows)
    assert {prefix_of(key) for key, _ in table.others(fib)} == found - wanted.keys() - own
    assert set(table.ways) == set(wanted.values())
