"""The source of what this host sends to each node, through each encapsulation."""

from collections.abc import Iterable
from dataclasses import replace
from ipaddress import ip_address, ip_interface, ip_network

import pytest

from calico_agent.checks.underlay.outer_address import find_wrong_source
from calico_agent.expected.forwarding import Encapsulation, ForwardingPath
from calico_agent.expected.view import view_of
from calico_agent.model.calico.node import EncapsulationMode, Node
from calico_agent.model.finding import Status, Writer
from calico_agent.model.identity import Candidate
from calico_agent.model.network.address import Family, Link, LinkAddress
from calico_agent.model.network.fib import Fib
from calico_agent.model.network.kernel import Kernel, RouteLookup
from calico_agent.model.network.policy_rule import PolicyRule
from calico_agent.model.network.route import NextHop, Route
from calico_agent.model.observation import Observation
from calico_agent.model.settings import Mode
from tests.checks.case import Case, check
from tests.checks.cluster import (
    BIRD4,
    BOOT,
    DATASTORE,
    ETH0,
    IDENTITY,
    KERNEL,
    POOL,
    ROUTES,
    drop,
    node,
    session,
    stored,
    via,
)

ALWAYS = EncapsulationMode.ALWAYS
TO2, TO3 = "192.168.2.0/26", "192.168.3.0/26"
FAR = node("host3", "10.79.0.13/24")
TUNL0 = Link(7, "tunl0", "ipip")
SECOND = "10.78.0.11/24"
WRONG = {"RoutesInPlace": Status.FALSE}


def default(*hops: tuple[str, str], source: str = "") -> Route:
    """The default route by these gateways and links."""
    paths = tuple(NextHop(ip_address(gateway), device) for gateway, device in hops)
    return Route(ip_network("0.0.0.0/0"), next_hops=paths, protocol=BOOT, source=ip_address(source) if source else None)


def links(*more: str) -> tuple[Link, ...]:
    """Eth0 with 10.77.0.11/24 and these addresses, and tunl0."""
    held = tuple(LinkAddress(ip_interface(one)) for one in ("10.77.0.11/24", *more))
    return (Link(2, "eth0", addresses=held), TUNL0)


def sent(
    *sources: tuple[str, str],
    nodes: tuple[Node, ...] = (*DATASTORE.nodes[:2], FAR),
    ipip: EncapsulationMode = EncapsulationMode.CROSS_SUBNET,
    vxlan: EncapsulationMode = EncapsulationMode.NEVER,
    routes: Iterable[Route] = (via(TO3, "10.79.0.13", "tunl0"), default(("10.78.0.1", "eth0"))),
    rules: tuple[PolicyRule, ...] = (),
    table: tuple[Route, ...] = (),
) -> Observation:
    """Host1, which sends to these destinations with these sources; eth0 has 10.77.0.11/24 and 10.78.0.11/24."""
    changed = tuple(routes)
    kept = (route for route in ROUTES if route.prefix not in {one.prefix for one in changed})
    kernel = Kernel(
        links=links(SECOND),
        fib=Fib.of((*kept, via("10.78.0.0/24", None, protocol=KERNEL), *changed)),
        lookups=tuple(RouteLookup(ip_address(to), ip_address(source), "eth0") for to, source in sources),
        rules={Family.IPV4: (PolicyRule(0, 255), *rules, PolicyRule(32766, 254))} if rules else {},
        tables={100: Fib.of((replace(route, table=100) for route in table), table=100)} if table else {},
    )
    peers = tuple(session(str(one.ipv4.ip)) for one in nodes[1:] if one.ipv4 is not None)
    observation = replace(stored(nodes=nodes, pools=(replace(POOL, ipip=ipip, vxlan=vxlan),)), kernel=kernel)
    return replace(observation, bird=replace(BIRD4, sessions=peers))


MORE = replace(IDENTITY, ipv4=replace(IDENTITY.ipv4, candidates=(ETH0, Candidate(ip_interface(SECOND), "eth0"))))
BY_SECOND = ("10.79.0.13", "10.78.0.11")
BOTH_BY_TUNNEL = (via(TO2, "10.77.0.12", "tunl0"), via(TO3, "10.79.0.13", "tunl0"), default(("10.78.0.1", "eth0")))
VTEPS = tuple(
    replace(one, vxlan_tunnel_address=ip_address(f"192.168.{one.name[-1]}.1")) for one in (*DATASTORE.nodes[:2], FAR)
)

CASES = {
    "the registered address": Case(sent(("10.79.0.13", "10.77.0.11")), {}, MORE, status={}),
    "IPIP to a far node leaves with the second address": Case(
        sent(BY_SECOND),
        {"RT-SOURCE host3": set()},
        MORE,
        says=(
            "IPIP packets to node host3 leave as 10.78.0.11 and not as 10.77.0.11, with which this node is registered",
            "Felix on host3 drops IPIP packets from addresses that no node is registered with",
            "ip route replace 10.79.0.0/24 via 10.78.0.1 dev eth0 src 10.77.0.11 on this host",
        ),
        status=WRONG,
    ),
    "the node in this host's subnet is reached without a tunnel with CrossSubnet": Case(
        sent(("10.77.0.12", "10.78.0.11"), ("10.79.0.13", "10.77.0.11")), {}, MORE, status={}
    ),
    "IPIP always, and another address of the same subnet comes first": Case(
        sent(("10.77.0.12", "10.77.0.111"), ("10.79.0.13", "10.77.0.11"), ipip=ALWAYS, routes=BOTH_BY_TUNNEL),
        {"RT-SOURCE host2": set()},
        MORE,
        says=("ip route replace 10.77.0.12/32 dev eth0 src 10.77.0.11 on this host",),
    ),
    "IPIP always, and every node gets another source": Case(
        sent(("10.77.0.12", "10.77.0.111"), BY_SECOND, ipip=ALWAYS, routes=BOTH_BY_TUNNEL),
        {"RT-SOURCE host2": {"RT-SOURCE host3"}},
        MORE,
    ),
    "without a tunnel packets carry the addresses of pods": Case(
        sent(
            BY_SECOND,
            ipip=EncapsulationMode.NEVER,
            routes=(via(TO3, "10.78.0.1"), default(("10.78.0.1", "eth0"))),
        ),
        {"RT-ROUTER 10.78.0.1": set()},
        MORE,
        status={},
    ),
    "VXLAN binds the registered address": Case(
        sent(
            BY_SECOND,
            nodes=VTEPS,
            ipip=EncapsulationMode.NEVER,
            vxlan=ALWAYS,
            routes=(
                via(TO2, "192.168.2.1", "vxlan.calico", BOOT),
                via(TO3, "192.168.3.1", "vxlan.calico", BOOT),
                drop("192.168.1.0/26", protocol=80),
                default(("10.78.0.1", "eth0")),
            ),
        ),
        {"RT-TUNNEL-DEVICE vxlan.calico": set()},  # of which this host has none here
        MORE,
    ),
    "a policy rule leads to another link": Case(
        sent(
            BY_SECOND,
            routes=(via(TO3, "10.79.0.13", "tunl0"),),
            rules=(PolicyRule(100, 100, destination=ip_network("10.79.0.0/16")),),
            table=(default(("10.78.0.1", "eth0")),),
        ),
        {"RT-SOURCE host3": set()},
        MORE,
        says=("ip route replace 10.79.0.0/24 via 10.78.0.1 dev eth0 src 10.77.0.11 table 100",),
    ),
    "of a default route by two routers that one which the registered address is on": Case(
        sent(
            BY_SECOND,
            routes=(via(TO3, "10.79.0.13", "tunl0"), default(("10.99.0.1", "eth1"), ("10.77.0.1", "eth0"))),
        ),
        {"RT-SOURCE host3": set()},
        MORE,
        says=("ip route replace 10.79.0.0/24 via 10.77.0.1 dev eth0 src 10.77.0.11",),
    ),
    "a node that the kernel was not asked about, and a route that says its source": Case(
        sent(routes=(via(TO3, "10.79.0.13", "tunl0"), default(("10.78.0.1", "eth0"), source="10.78.0.11"))),
        {"RT-SOURCE host3": set()},
        MORE,
    ),
    "a node that the kernel was not asked about: nobody knows": Case(sent(), {}, MORE, status={}),
    "a host route to a node registered with a full prefix": Case(
        sent(BY_SECOND, nodes=(*DATASTORE.nodes[:2], node("host3", "10.79.0.13/32"))),
        {"RT-SOURCE host3": set()},
        MORE,
        says=("ip route replace 10.79.0.13/32 via 10.78.0.1 dev eth0 src 10.77.0.11",),
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_sources(case: Case) -> None:
    check(case)


@pytest.mark.parametrize(
    ("to", "source", "gateway", "cure"),
    [
        pytest.param(
            "10.79.0.13",
            "10.78.0.11",
            "10.78.0.1",
            "ip route replace 10.79.0.0/24 via 10.78.0.1 dev eth0 src 10.77.0.11",
            id="IPv4",
        ),
        pytest.param(
            "fd00:79::13",
            "fd00:78::11",
            "fd00:78::1",
            "ip -6 route replace fd00:79::/64 via fd00:78::1 dev eth0 src fd00:77::11",
            id="IPv6",
        ),
    ],
)
def test_wireguard_packets_have_a_source_too(to: str, source: str, gateway: str, cure: str) -> None:
    nodes = tuple(replace(one, ipv6=ip_interface(f"fd00:77::1{one.name[-1]}/64")) for one in DATASTORE.nodes)
    nodes = (*nodes[:2], replace(FAR, ipv6=ip_interface("fd00:79::13/64")))
    kernel = Kernel(
        links=links(SECOND, "fd00:77::11/64", "fd00:78::11/64"),
        fib=Fib.of((via("::/0" if ":" in to else "0.0.0.0/0", gateway, protocol=BOOT),)),
        lookups=(RouteLookup(ip_address(to), ip_address(source)),),
    )
    observation = replace(stored(nodes=nodes), kernel=kernel)
    view = view_of(observation, MORE, mode=Mode.OBSERVE, container_name="calico-node")
    way = ForwardingPath("host3", ip_address(to), Encapsulation.WIREGUARD, None, "wireguard.cali", writer=Writer.FELIX)
    found = find_wrong_source(view, kernel, way)
    assert found is not None
    assert found.what.startswith(f"WireGuard packets to node host3 leave as {source}")
    assert found.cure.startswith(f"{cure} on this host")
    assert found.effect.startswith("host3 answers to that address")
