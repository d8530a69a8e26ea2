"""Who knocks on BIRD and is not known: lost nodes, nodes behind a router that rewrites sources, and routers."""

from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address

import pytest

from calico_agent.model.calico.node import Node
from calico_agent.model.calico.refused_peers import Knocks
from calico_agent.model.finding import Status
from calico_agent.model.identity import Candidate
from calico_agent.model.network.address import Family
from calico_agent.model.network.fib import Fib
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.observation import Observation
from tests.checks.case import Case, check
from tests.checks.cluster import (
    AT,
    BIRD4,
    BOOT,
    DATASTORE,
    HEALTHY,
    IDENTITY,
    ROUTES,
    SESSIONS,
    addresses,
    contained,
    knocks,
    node,
    peered,
    routed,
    session,
    stored,
    v6,
    via,
)

HOST1, HOST2, HOST3 = DATASTORE.nodes
TO_HOST2, TO_HOST3 = SESSIONS
FAR3 = node("host3", "172.18.0.13/24")
(OLD,) = knocks("10.77.0.14", ago=30.0)
LOST = routed(without=["192.168.3.0/26"])


def behind(router: str, *down: str, error: str = "", others: tuple[Node, ...] = (HOST2, FAR3)) -> Observation:
    """Some nodes are behind the default gateway, and their sessions are down; the router knocks."""
    up = [session(str(one.ipv4.ip)) for one in others if one.ipv4 is not None and str(one.ipv4.ip) not in down]
    gone = [session(address, "Active" if error else "Passive", error) for address in down]
    return stored(contained(peered(*up, *gone, observation=LOST), knocks=knocks(router)), nodes=(HOST1, *others))


ETH0_V6 = Candidate(v6("fd00:77::11/64"), "eth0")
DUAL_IDENTITY = replace(
    IDENTITY, ipv6=replace(IDENTITY.ipv6, wanted=True, chosen=v6("fd00:77::11/64"), candidates=(ETH0_V6,))
)
DUAL = stored(
    replace(
        contained(knocks=knocks("fd00:77::1")),
        kernel=Kernel(fib=Fib.of((*ROUTES, via("::/0", "fd00:77::1", protocol=BOOT)))),
        bird6=replace(BIRD4, family=Family.IPV6, sessions=(session("fd00:77::12"), session("fd00:88::13", "Passive"))),
    ),
    nodes=(
        replace(HOST1, ipv6=v6("fd00:77::11/64")),
        replace(HOST2, ipv6=v6("fd00:77::12/64")),
        replace(HOST3, ipv6=v6("fd00:88::13/64")),
    ),
)

CASES = {
    "an unknown host knocks": Case(
        contained(knocks=knocks("10.77.0.14")),
        {"BGP-UNKNOWN-PEER 10.77.0.14": set()},
        says=(
            "it is on this host's network 10.77.0.0/24",
            "registered nodes: host1, host2 and host3",
            "on 10.77.0.14: docker restart calico-node",
            "IP=10.77.0.14",
        ),
        status={},
    ),
    "an unknown host from far away": Case(
        contained(knocks=knocks("10.99.0.14")),
        {"BGP-UNKNOWN-PEER 10.99.0.14": set()},
        says=("it is on no network of this host",),
    ),
    "an unknown host of IPv6": Case(
        contained(knocks=knocks("fd00:77::14")), {"BGP-UNKNOWN-PEER fd00:77::14": set()}, says=("IP6=fd00:77::14",)
    ),
    "who knocked a while ago has given up": Case(contained(knocks=knocks("10.77.0.14", ago=16.0)), {}, status={}),
    "who knocked often up to a while ago, and once since": Case(
        contained(knocks=(replace(OLD, at=(*OLD.at, AT)),)), {}
    ),
    "one connection is anybody's: a port scan": Case(contained(knocks=knocks("10.77.0.14", times=1)), {}, status={}),
    "lines of which nobody knows how old they are": Case(contained(knocks=(replace(OLD, at=()),)), {}, status={}),
    "lines of the future, as the clock was set back": Case(
        contained(knocks=knocks("10.77.0.14", ago=-3600.0)), {}, status={}
    ),
    "lines that were written while this look was made": Case(
        contained(knocks=knocks("10.77.0.14", ago=-2.0)), {"BGP-UNKNOWN-PEER 10.77.0.14": set()}
    ),
    "a node whose record has lost its address knocks, as its record of its links tells": Case(
        stored(
            contained(peered(TO_HOST2, observation=LOST), knocks=knocks("10.77.0.13")),
            nodes=(HOST1, HOST2, replace(HOST3, ipv4=None, interfaces=(("eth0", addresses("10.77.0.13")),))),
        ),
        {"NODE-NO-ADDRESS host3": {"BGP-UNKNOWN-PEER 10.77.0.13"}},
    ),
    "who is registered by now, or has a session, is known": Case(
        contained(knocks=knocks("10.77.0.13", "10.77.0.12")), {}, status={}
    ),
    "a node whose session is up knocks from another address of its own": Case(
        stored(
            contained(knocks=knocks("10.88.0.13")),
            nodes=(HOST1, HOST2, replace(HOST3, interfaces=(("eth1", addresses("10.77.0.13", "10.88.0.13")),))),
        ),
        {},
        status={},
    ),
    "a node behind a router that rewrites the source: one problem, and what exempts it": Case(
        behind("10.77.0.1", "172.18.0.13"),
        {"BGP-NAT host3": {"BGP-DOWN host3", "RT-MISSING 192.168.3.0/26"}},
        says=(
            "what comes from node host3 (172.18.0.13) comes here from 10.77.0.1, the router towards it",
            "that router rewrites the source (NAT)",
            "on the router 10.77.0.1: exempt traffic between nodes from NAT",
            "iptables -t nat -I POSTROUTING -s 172.18.0.13 -d 10.77.0.11 -j ACCEPT && iptables",
            "iptables -t nat -I POSTROUTING -s 10.77.0.11 -d 172.18.0.13 -j ACCEPT",
        ),
        status={"BGPEstablished": Status.FALSE, "RoutesInPlace": Status.FALSE},
    ),
    "the same where the other side sends this host's connections away as well": Case(
        behind("10.77.0.1", "172.18.0.13", error="Socket: Connection closed"),
        {"BGP-NAT host3": {"BGP-DOWN host3", "RT-MISSING 192.168.3.0/26"}},
    ),
    "two nodes behind it are one problem": Case(
        replace(
            behind("10.77.0.1", "172.18.0.13", "172.18.0.12", others=(node("host2", "172.18.0.12/24"), FAR3)),
            kernel=routed(without=["192.168.2.0/26", "192.168.3.0/26"]).kernel,
        ),
        {
            "BGP-NAT host3": {
                "BGP-DOWN host3",
                "RT-MISSING 192.168.3.0/26",
                "BGP-NAT host2",
                "BGP-DOWN host2",
                "RT-MISSING 192.168.2.0/26",
            }
        },
        says=("; the same of 1 more node",),
    ),
    "a node behind the router whose BIRD does not run is not who knocks": Case(
        behind("10.77.0.1", "172.18.0.13", error="Socket: Connection refused"),
        {
            "BGP-DOWN host3": {"RT-MISSING 192.168.3.0/26"},
            "BGP-UNKNOWN-PEER 10.77.0.1": set(),
        },
        says=("10.77.0.1, a router of this host, tries to open a BGP session",),
    ),
    "a node behind a router of IPv6": Case(
        DUAL,
        {"BGP-NAT host3 (IPv6)": {"BGP-DOWN host3 (IPv6)"}},
        DUAL_IDENTITY,
        says=("ip6tables -t nat -I POSTROUTING -s fd00:88::13 -d fd00:77::11 -j ACCEPT",),
    ),
    "a router that wants a session, and for which there is no BGPPeer": Case(
        contained(knocks=knocks("10.77.0.1")),
        {"BGP-UNKNOWN-PEER 10.77.0.1": set()},
        says=("no BGPPeer asks for one with it", "create a BGPPeer with peerIP: 10.77.0.1"),
        status={},
    ),
    "a router to other networks than the default one": Case(
        contained(routed(via("10.99.0.0/16", "10.77.0.2", protocol=BOOT)), knocks=knocks("10.77.0.2")),
        {"BGP-UNKNOWN-PEER 10.77.0.2": set()},
        says=("10.77.0.2, a router of this host",),
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_who_knocks(case: Case) -> None:
    check(case)


def test_a_knock_counts_until_three_tries_were_missed() -> None:
    """The record was deleted for good and its host switched off: nobody is told of it for long."""
    last = AT - timedelta(seconds=44)
    lines = (Knocks(ip_address("10.77.0.13"), at=(last - timedelta(seconds=3), last)),)
    gone = stored(contained(peered(TO_HOST2, observation=LOST), knocks=lines), nodes=(HOST1, HOST2))
    check(Case(stored(gone, blocks=DATASTORE.blocks[:2], affinities=DATASTORE.affinities[:2]), {}, status={}))


def test_a_healthy_host_has_nobody_knocking() -> None:
    check(Case(HEALTHY, {}, status={}))
