"""The other nodes' records."""

from dataclasses import replace
from ipaddress import ip_address, ip_interface

import pytest

from calico_agent.checks.identity.suspects import staying
from calico_agent.expected.view import view_of
from calico_agent.model.calico.node import Node
from calico_agent.model.finding import Status
from calico_agent.model.identity import Candidate
from calico_agent.model.network.address import Family
from calico_agent.model.observation import Observation
from calico_agent.model.settings import Mode
from tests.checks.case import Case, check
from tests.checks.cluster import (
    DATASTORE,
    DOCKER0,
    ETH0,
    HEALTHY,
    IDENTITY,
    KERNEL,
    SESSIONS,
    addresses,
    also,
    contained,
    knocks,
    peered,
    routed,
    session,
    stored,
    v6,
    via,
)

HOST1, HOST2, HOST3 = DATASTORE.nodes
TO_HOST2 = SESSIONS[0]
WIDE = Candidate(ip_interface("10.76.0.1/15"), "docker0", "docker-network", "belongs to Docker's network 'bridge'")
NARROW = Candidate(ip_interface("10.77.0.1/28"), "docker0", "docker-network", "belongs to Docker's network 'bridge'")
AROUND = Candidate(ip_interface("172.16.0.11/12"), "eth1")
STALE: dict[str, set[str]] = {"BGP-STALE-SESSION 10.77.0.13": set()}
FLOATING = Candidate(
    ip_interface("10.77.0.100/32"),
    "eth0",
    "floating",
    "is a single address beside 10.77.0.11/24 (eth0): a floating address",
)
OTHER = Candidate(ip_interface("10.88.0.11/24"), "eth1")
LOST = peered(TO_HOST2, session("172.17.0.1", "Passive"), observation=routed(without=["192.168.3.0/26"]))


def third(record: Node, observation: Observation = HEALTHY) -> Observation:
    """Host3 has this record."""
    return stored(observation, nodes=(HOST1, HOST2, record))


def at(address: str) -> Node:
    """Host3 is registered with another address."""
    return replace(HOST3, ipv4=ip_interface(address))


def knocking(observation: Observation, *texts: str) -> Observation:
    """Hosts with these addresses knock on BIRD."""
    return contained(observation, knocks=knocks(*texts))


BRIDGED = at("172.17.0.1/16")
RECORDED = replace(
    BRIDGED, interfaces=(("eth0", addresses("10.77.0.13", "fe80::1")), ("docker0", addresses("172.17.0.1")))
)
TWO_LINKS = replace(BRIDGED, interfaces=(("eth0", addresses("10.77.0.13")), ("eth1", addresses("10.88.0.13"))))
FOLLOWS = {"BGP-DOWN host3", "RT-MISSING 192.168.3.0/26"}
CASES = {
    "docker0's address explains the missing session and route": Case(
        third(BRIDGED, LOST),
        {"IP-BRIDGE host3": FOLLOWS},
        says=("172.17.0.1, the address of Docker's bridge docker0 (this host has it too)", "on host3:", "IP=ADDRESS"),
        status={"BGPEstablished": Status.FALSE, "RoutesInPlace": Status.FALSE},
    ),
    "its record tells the true address": Case(
        third(RECORDED, LOST),
        {"IP-BRIDGE host3": FOLLOWS},
        says=("its true address is 10.77.0.13: its record lists it on eth0", "IP=10.77.0.13"),
    ),
    "of two recorded addresses the one in our network is the true one": Case(
        third(TWO_LINKS, LOST), {"IP-BRIDGE host3": FOLLOWS}, says=("its true address is 10.77.0.13",)
    ),
    "the host that knocks tells the true address, and is this node": Case(
        third(BRIDGED, knocking(LOST, "10.77.0.13")),
        {"IP-BRIDGE host3": FOLLOWS | {"BGP-UNKNOWN-PEER 10.77.0.13"}},
        says=("tries to open a BGP session (calico/node's log here)", "IP=10.77.0.13"),
    ),
    "when two unknown hosts knock, the true address is open": Case(
        third(BRIDGED, knocking(LOST, "10.77.0.13", "10.77.0.14")),
        {"IP-BRIDGE host3": FOLLOWS | {"BGP-UNKNOWN-PEER 10.77.0.13", "BGP-UNKNOWN-PEER 10.77.0.14"}},
        says=("IP=ADDRESS",),
    ),
    "an address inside Docker's network here, not its bridge's own": Case(
        third(at("172.18.0.1/16"), peered(TO_HOST2, session("172.18.0.1", "Active"))),
        {"IP-BRIDGE host3": {"BGP-DOWN host3"}},
        replace(
            IDENTITY,
            ipv4=replace(
                IDENTITY.ipv4,
                candidates=(ETH0, replace(DOCKER0, interface=ip_interface("172.18.0.250/16"), link="br-ab12cd34ef56")),
            ),
        ),
        says=("172.18.0.1, inside 172.18.0.0/16, the network of Docker's bridge br-ab12cd34ef56 here",),
    ),
    "a host network inside a Docker network that is far too wide": Case(
        HEALTHY, {}, replace(IDENTITY, ipv4=replace(IDENTITY.ipv4, candidates=(ETH0, WIDE)))
    ),
    "a Docker network over a part of the hosts' network is this host's fault (projectcalico/calico#3007)": Case(
        also(HEALTHY, via("10.77.0.0/28", None, "docker0", KERNEL)),
        {"RT-OVERLAP host2": set(), "RT-OVERLAP host3": set()},
        replace(IDENTITY, ipv4=replace(IDENTITY.ipv4, candidates=(ETH0, NARROW))),
        says=(
            "packets to node host2 itself (10.77.0.12) go into docker0, as those to containers",
            "10.77.0.0/28, the network of Docker's bridge docker0 on this host, a part of 10.77.0.0/24",
            "on this host: give Docker's bridge docker0 another network",
        ),
        unsaid=("IP=ADDRESS",),
    ),
    "a node with Docker's address, where the hosts' network is around Docker's": Case(
        third(BRIDGED, also(HEALTHY, via("172.16.0.0/12", None, "eth1", KERNEL))),
        {"IP-BRIDGE host3": {"BGP-NO-SESSION host3", "RT-WRONG-NEXTHOP 192.168.3.0/26"}, **STALE},
        replace(IDENTITY, ipv4=replace(IDENTITY.ipv4, candidates=(ETH0, AROUND, DOCKER0))),
    ),
    "without BIRD the routes are what is lost": Case(
        third(BRIDGED, contained(env=(("CALICO_NETWORKING_BACKEND", "vxlan"),))),
        {"IP-BRIDGE host3": set()},
        status={"RoutesInPlace": Status.FALSE},
    ),
    "two other nodes share an address: one problem, both named": Case(
        third(at("10.77.0.12/24"), peered(TO_HOST2)),
        {"IP-CONFLICT host2": {"IP-CONFLICT host3", "RT-WRONG-NEXTHOP 192.168.3.0/26"}},
        says=("node host2 is registered with 10.77.0.12, and so is node host3",),
    ),
    "what the two recorded of their own links tells which is wrong": Case(
        stored(
            peered(TO_HOST2),
            nodes=(
                HOST1,
                replace(HOST2, interfaces=(("eth0", addresses("10.77.0.12")),)),
                replace(at("10.77.0.12/24"), interfaces=(("eth0", addresses("10.77.0.13")),)),
            ),
        ),
        {"IP-CONFLICT host2": {"IP-CONFLICT host3", "RT-WRONG-NEXTHOP 192.168.3.0/26"}},
        says=("host2 has 10.77.0.12 on its own links; host3 has not 10.77.0.12 on its own links",),
    ),
    "another node is registered with a second address of this host": Case(
        third(at("10.88.0.11/24"), peered(TO_HOST2, session("10.88.0.11", "Passive"))),
        {"IP-CONFLICT host3": {"BGP-DOWN host3", "RT-WRONG-NEXTHOP 192.168.3.0/26"}},
        replace(IDENTITY, ipv4=replace(IDENTITY.ipv4, candidates=(ETH0, OTHER, DOCKER0))),
        says=("which is an address of this host (eth1)", "calicoctl delete node host3"),
    ),
    "another node is registered with a floating address that this host holds now": Case(
        third(at("10.77.0.100/32"), peered(TO_HOST2, session("10.77.0.100", "Passive"))),
        {"IP-CONFLICT host3": {"BGP-DOWN host3", "RT-WRONG-NEXTHOP 192.168.3.0/26"}},
        replace(IDENTITY, ipv4=replace(IDENTITY.ipv4, candidates=(ETH0, FLOATING, DOCKER0))),
        says=(
            "which is an address of this host (eth0)",
            "10.77.0.100/32 eth0 is a single address beside 10.77.0.11/24",
        ),
        unsaid=("calicoctl delete node host3",),
    ),
    "another node is registered with its own tunnel's address (projectcalico/calico#6927)": Case(
        third(
            replace(
                at("192.168.3.1/32"),
                vxlan_tunnel_address=ip_address("192.168.3.1"),
                interfaces=(("eth0", addresses("10.77.0.13")),),
            ),
            peered(TO_HOST2, session("192.168.3.1", "Passive"), observation=routed(without=["192.168.3.0/26"])),
        ),
        {"IP-ELSEWHERE host3": {"BGP-DOWN host3", "RT-MISSING 192.168.3.0/26"}},
        says=(
            "node host3 is registered with 192.168.3.1, the address of its own VXLAN tunnel",
            "its true address is 10.77.0.13: its record lists it on eth0",
            "start it with IP=10.77.0.13",
        ),
    ),
    "with a loopback address, which is no old name of this host": Case(
        third(at("127.0.0.1/8"), peered(TO_HOST2, session("127.0.0.1", "Passive"))),
        {"IP-ELSEWHERE host3": {"BGP-DOWN host3", "RT-WRONG-NEXTHOP 192.168.3.0/26"}},
        says=("registered with 127.0.0.1, an address that every host has for itself",),
        unsaid=("calicoctl delete node",),
    ),
    "with a link-local address": Case(
        third(at("169.254.5.5/16"), peered(TO_HOST2, session("169.254.5.5", "Passive"))),
        {"IP-ELSEWHERE host3": {"BGP-DOWN host3", "RT-WRONG-NEXTHOP 192.168.3.0/26"}},
    ),
    "with the address of a network (projectcalico/calico#5851)": Case(
        third(at("10.77.0.0/24"), peered(TO_HOST2, session("10.77.0.0", "Passive"))),
        {"IP-ELSEWHERE host3": {"BGP-DOWN host3", "RT-WRONG-NEXTHOP 192.168.3.0/26"}},
        says=("registered with 10.77.0.0, the address of the network 10.77.0.0/24 itself",),
    ),
    "with the first address of a point-to-point link": Case(
        third(
            at("10.77.0.14/31"),
            peered(TO_HOST2, session("10.77.0.14"), observation=routed(via("192.168.3.0/26", "10.77.0.14"))),
        )
    ),
    "an IPv6 address of Docker's": Case(
        third(replace(HOST3, ipv6=v6("fd00:d0c::1/64"))),
        {"IP-BRIDGE host3 (IPv6)": set()},
        replace(
            IDENTITY,
            ipv6=replace(IDENTITY.ipv6, candidates=(replace(DOCKER0, interface=ip_interface("fd00:d0c::1/64")),)),
        ),
        says=("IP6=ADDRESS",),
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_peers(case: Case) -> None:
    check(case)


@pytest.mark.parametrize(
    ("address", "stays"),
    [("10.77.0.13/24", False), ("172.17.0.1/16", True), ("172.17.3.4/16", True), ("10.77.0.11/24", True)],
)
def test_packets_that_never_leave_this_host(address: str, *, stays: bool) -> None:
    view = view_of(third(at(address)), IDENTITY, mode=Mode.OBSERVE, container_name="calico-node")
    assert staying(view, Family.IPV4) == ({"host3"} if stays else set())
    assert staying(view, Family.IPV6) == set()
