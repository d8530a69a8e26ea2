"""Where packets are handed over, and which neighbour entries say something of that."""

from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest

from calico_agent.checks.neighbors import next_hops, written_by_hand
from calico_agent.model.network.address import Family
from calico_agent.model.network.fib import Fib
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.network.neighbor import Neighbour
from calico_agent.model.network.policy_rule import PolicyRule, RuleAction
from calico_agent.model.network.route import NextHop, Route

PEER, PEER6 = ip_address("10.77.0.12"), ip_address("fd00:77::12")
NEAR = Route(ip_network("10.77.0.0/24"), next_hops=(NextHop(None, "eth0"),), protocol=2)
NEAR6 = Route(ip_network("fd00:77::/64"), next_hops=(NextHop(None, "eth0"),), protocol=2)


def led(prefix: str, *hops: tuple[str, str], dead: str = "") -> Route:
    """A route by these gateways and links; the link that is `dead` is down."""
    found = tuple(NextHop(ip_address(gateway), device, dead=device == dead) for gateway, device in hops)
    return Route(ip_network(prefix), next_hops=found, protocol=4)


@pytest.mark.parametrize(
    ("routes", "address", "places"),
    [
        pytest.param((NEAR,), PEER, {("10.77.0.12", "eth0")}, id="on a network of this host"),
        pytest.param((NEAR6,), PEER6, {("fd00:77::12", "eth0")}, id="by IPv6"),
        pytest.param((), PEER, set(), id="no way there"),
        pytest.param(
            (NEAR, led("10.77.0.12/32", ("10.77.0.254", "eth0"))), PEER, {("10.77.0.254", "eth0")}, id="routed"
        ),
        pytest.param((led("::/0", ("fe80::1", "eth0")),), PEER6, {("fe80::1", "eth0")}, id="a link-local router"),
        pytest.param(
            (led("0.0.0.0/0", ("10.1.0.1", "eth0"), ("10.2.0.1", "eth1")),),
            PEER,
            {("10.1.0.1", "eth0"), ("10.2.0.1", "eth1")},
            id="two routers",
        ),
        pytest.param(
            (led("0.0.0.0/0", ("10.1.0.1", "eth0"), ("10.2.0.1", "eth1"), dead="eth0"),),
            PEER,
            {("10.2.0.1", "eth1")},
            id="two routers, and the link to one of them is down",
        ),
    ],
)
def test_packets_are_handed_to_the_next_hops_of_the_route(
    routes: tuple[Route, ...], address: object, places: set[tuple[str, str]]
) -> None:
    found = next_hops(Kernel(fib=Fib.of(routes)), ip_address(str(address)))
    assert {(str(hop), device) for hop, device in found} == places


@pytest.mark.parametrize(
    ("rule", "places"),
    [
        pytest.param(PolicyRule(100, 100), {("10.77.0.254", "eth1")}, id="to a table with a route there"),
        pytest.param(
            PolicyRule(100, 100, destination=ip_network("10.88.0.0/16")), {("10.77.0.12", "eth0")}, id="for others"
        ),
        pytest.param(
            PolicyRule(100, 100, suppressed=0), {("10.77.0.12", "eth0")}, id="whose default route does not count"
        ),
        pytest.param(PolicyRule(100, action=RuleAction.BLACKHOLE), set(), id="that drops"),
    ],
)
def test_policy_rules_come_first(rule: PolicyRule, places: set[tuple[str, str]]) -> None:
    table = Fib.of((replace(led("0.0.0.0/0", ("10.77.0.254", "eth1")), table=100),), table=100)
    rules = {Family.IPV4: (PolicyRule(0, 255), rule, PolicyRule(32766, 254))}
    found = next_hops(Kernel(fib=Fib.of((NEAR,)), rules=rules, tables={100: table}), PEER)
    assert {(str(hop), device) for hop, device in found} == places


@pytest.mark.parametrize(
    ("entry", "counts"),
    [
        pytest.param(Neighbour(PEER, "eth0", "PERMANENT", "02:00:00:00:00:99"), True, id="where packets leave"),
        pytest.param(Neighbour(PEER, "eth1", "PERMANENT", "02:00:00:00:00:99"), False, id="on another link"),
        pytest.param(Neighbour(PEER, "eth0", "REACHABLE", "02:00:00:00:00:12"), False, id="found out by the kernel"),
    ],
)
def test_an_entry_by_hand_counts_where_packets_leave(entry: Neighbour, counts: bool) -> None:
    kernel = Kernel(fib=Fib.of((NEAR,)), neighbours=(entry,))
    assert (written_by_hand(kernel, PEER) is not None) is counts
