"""Other nodes that have another address than they are registered with, as this host can tell."""

from dataclasses import replace
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_interface

import pytest

from calico_agent.model.calico.bird import Bird
from calico_agent.model.calico.node import Node
from calico_agent.model.finding import Status
from calico_agent.model.host.claimant import Machine
from calico_agent.model.identity import Candidate
from calico_agent.model.name_lease import AliveSign
from calico_agent.model.network.address import Family
from calico_agent.model.network.neighbor import Neighbour
from calico_agent.model.observation import Observation
from tests.checks.case import Case, check
from tests.checks.cluster import (
    AT,
    DATASTORE,
    HEALTHY,
    IDENTITY,
    SESSIONS,
    addresses,
    contained,
    knocks,
    peered,
    routed,
    session,
    stored,
    v6,
    with_neighbours,
)
from tests.checks.underlay.test_subnets import ACROSS

HOST1, HOST2, HOST3 = DATASTORE.nodes
TO_HOST2, TO_HOST3 = SESSIONS


def as_host3(address: str, *links: tuple[str, str]) -> Node:
    """Host3 is registered with an address, and lists others on its own links."""
    interfaces = tuple((link, addresses(text)) for link, text in links)
    return replace(HOST3, ipv4=ip_interface(address), interfaces=interfaces)


def lost(record: Node, state: str = "Passive", error: str = "", since: datetime | None = None) -> Observation:
    """The session with host3 does not come up, and its route is gone."""
    to_host3 = replace(session(str(record.ipv4.ip) if record.ipv4 else "", state, error), since_at=since)
    seen = peered(TO_HOST2, to_host3, observation=routed(without=["192.168.3.0/26"]))
    return stored(seen, nodes=(HOST1, HOST2, record))


def with_agents(observation: Observation, **addresses_by_name: str) -> Observation:
    """The agents of these nodes say which addresses they have."""
    machines = {name: Machine(f"id-{name}", hostname=name, address=text) for name, text in addresses_by_name.items()}
    return stored(observation, claims=tuple(AliveSign(name, machine) for name, machine in machines.items()))


OLD = as_host3("10.77.0.128/24")
LISTS_ITS_OWN = as_host3("10.77.0.128/24", ("eth0", "10.77.0.13"))
BRIDGED = as_host3("172.18.0.1/16")
FOLLOWS = {"BGP-DOWN host3", "RT-MISSING 192.168.3.0/26"}
ETH0_V6 = Candidate(v6("fd00:77::11/64"), "eth0")
DUAL_IDENTITY = replace(
    IDENTITY, ipv6=replace(IDENTITY.ipv6, wanted=True, chosen=v6("fd00:77::11/64"), candidates=(ETH0_V6,))
)
TAKEN_NODES = (HOST1, replace(HOST2, ipv4=ip_interface("10.77.0.13/24")))
TAKEN = stored(
    peered(session("10.77.0.13"), observation=routed(without=["192.168.2.0/26", "192.168.3.0/26"])),
    nodes=TAKEN_NODES,
    blocks=DATASTORE.blocks[:1],
    affinities=DATASTORE.affinities[:1],
)


def dual(*links: str) -> Observation:
    """Host3 has IPv6 as well, registered with fd00:77::99."""
    listed = replace(HOST3, ipv6=v6("fd00:77::99/64"), interfaces=(("eth0", addresses("10.77.0.13", *links)),))
    nodes = (replace(HOST1, ipv6=v6("fd00:77::11/64")), replace(HOST2, ipv6=v6("fd00:77::12/64")), listed)
    sessions = (session("fd00:77::12"), session("fd00:77::99", "Active", "Socket: No route to host"))
    return stored(replace(HEALTHY, bird6=Bird(Family.IPV6, "1.6.8", sessions=sessions)), nodes=nodes)


CASES = {
    "its agent says another address: that is the cause, and not that nobody answers for the old one": Case(
        with_neighbours(
            with_agents(lost(OLD), host3="10.77.0.13"), Neighbour(ip_address("10.77.0.128"), "eth0", "FAILED")
        ),
        {"IP-ELSEWHERE host3": {*FOLLOWS, "RT-NEXTHOP-DEAD host3"}},
        says=(
            "node host3 is registered with 10.77.0.128, and has 10.77.0.13 instead",
            "its agent says that it has 10.77.0.13",
            "on host3: remove the calico/node container and start it with IP=10.77.0.13",
        ),
        status={"BGPEstablished": Status.FALSE, "RoutesInPlace": Status.FALSE},
    ),
    "its prefix length is wrong as well, and is right with the right address": Case(
        stored(with_agents(lost(as_host3("10.77.0.128/32")), host3="10.77.0.13"), pools=(ACROSS,)),
        {"IP-ELSEWHERE host3": {*FOLLOWS, "IP-PREFIX host3"}},
    ),
    "its own record lists another address of that network": Case(
        lost(LISTS_ITS_OWN),
        {"IP-ELSEWHERE host3": FOLLOWS},
        says=("its own record lists 10.77.0.13 on eth0, and 10.77.0.128 on no link", "IP=10.77.0.13"),
    ),
    "its own record, though no session with it is configured here": Case(
        stored(peered(TO_HOST2, observation=routed(without=["192.168.3.0/26"])), nodes=(HOST1, HOST2, LISTS_ITS_OWN)),
        {"IP-ELSEWHERE host3": {"BGP-NO-SESSION host3", "RT-MISSING 192.168.3.0/26"}},
    ),
    "a record that lists the address, and nobody is there": Case(
        lost(as_host3("10.77.0.128/24", ("eth0", "10.77.0.128"), ("eth0", "10.77.0.13"))),
        {"BGP-DOWN host3": {"RT-MISSING 192.168.3.0/26"}},
    ),
    "an address of a loopback link is in no list, and its host is off": Case(
        lost(as_host3("10.77.9.3/32", ("eth0", "10.77.0.13"))), {"BGP-DOWN host3": {"RT-MISSING 192.168.3.0/26"}}
    ),
    "two other addresses of that network do not tell which one is meant": Case(
        lost(as_host3("10.77.0.128/24", ("eth0", "10.77.0.13"), ("eth1", "10.77.0.14"))),
        {"IP-ELSEWHERE host3": {"BGP-DOWN host3", "RT-MISSING 192.168.3.0/26"}},
        says=(
            "node host3 is registered with 10.77.0.128, and has one of 10.77.0.13 and 10.77.0.14 instead",
            "its own record lists 10.77.0.13 on eth0 and 10.77.0.14 on eth1, and 10.77.0.128 on no link",
            "start it with IP=ADDRESS",
            "ADDRESS is one of 10.77.0.13 and 10.77.0.14",
        ),
    ),
    "two other addresses, and the session is up": Case(
        stored(
            peered(TO_HOST2, session("10.77.0.128")),
            nodes=(HOST1, HOST2, as_host3("10.77.0.128/24", ("eth0", "10.77.0.13"), ("eth1", "10.77.0.14"))),
        ),
        {"RT-WRONG-NEXTHOP 192.168.3.0/26": set()},
    ),
    "a list that is older than the address, and the session is up": Case(
        stored(peered(TO_HOST2, session("10.77.0.128")), nodes=(HOST1, HOST2, replace(LISTS_ITS_OWN))),
        {"RT-WRONG-NEXTHOP 192.168.3.0/26": set()},
    ),
    "an agent that would rather have another address, and the session is up": Case(
        with_agents(HEALTHY, host3="10.88.0.13"), {}, status={}
    ),
    "an agent that names its address of the other family": Case(
        with_agents(lost(HOST3), host3="fd00:77::13"), {"BGP-DOWN host3": {"RT-MISSING 192.168.3.0/26"}}
    ),
    "a bridge that only the other host has, seen by who knocks": Case(
        contained(lost(BRIDGED, "Active", "Socket: Network is unreachable"), knocks=knocks("10.77.0.13")),
        {"IP-ELSEWHERE host3": {*FOLLOWS, "BGP-UNKNOWN-PEER 10.77.0.13"}},
        says=("and probably has 10.77.0.13 instead", "only the session with host3 is not up", "IP=10.77.0.13"),
    ),
    "a node that is registered with an address of Docker's bridges, and lists one other": Case(
        lost(as_host3("172.18.0.1/16", ("eth0", "10.77.0.13"))),
        {"IP-ELSEWHERE host3": FOLLOWS},
        says=("and probably has 10.77.0.13 instead", "lists 10.77.0.13 on eth0 alone; Docker gives 172.18.0.1"),
    ),
    "a node that is registered with an address of Docker's bridges, and lists two others": Case(
        lost(as_host3("172.18.0.1/16", ("eth0", "10.77.0.13"), ("eth1", "10.78.0.13"))),
        {"BGP-DOWN host3": {"RT-MISSING 192.168.3.0/26"}},
    ),
    "a node that lists the address of Docker's bridges as its own": Case(
        lost(as_host3("172.18.0.1/16", ("br0", "172.18.0.1"))),
        {"BGP-DOWN host3": {"RT-MISSING 192.168.3.0/26"}},
    ),
    "a node with the address of a bridge of Docker, and a session that is up": Case(
        stored(
            peered(TO_HOST2, session("172.18.0.1")),
            nodes=(HOST1, HOST2, as_host3("172.18.0.1/16", ("eth0", "10.77.0.13"))),
        ),
        {"RT-WRONG-NEXTHOP 192.168.3.0/26": set()},
    ),
    "the same where its record lists the address that knocks": Case(
        contained(lost(as_host3("172.18.0.1/16", ("eth0", "10.77.0.13"))), knocks=knocks("10.77.0.13")),
        {"IP-ELSEWHERE host3": {*FOLLOWS, "BGP-UNKNOWN-PEER 10.77.0.13"}},
        says=("and has 10.77.0.13 instead", "its own record lists 10.77.0.13 on eth0; a host with that address"),
    ),
    "the same while two strangers knock": Case(
        contained(lost(BRIDGED), knocks=knocks("10.77.0.13", "10.77.0.14")),
        {
            "BGP-DOWN host3": {"RT-MISSING 192.168.3.0/26"},
            "BGP-UNKNOWN-PEER 10.77.0.13": set(),
            "BGP-UNKNOWN-PEER 10.77.0.14": set(),
        },
    ),
    "a node that is off, and another one whose record is gone": Case(
        contained(lost(HOST3), knocks=knocks("10.77.0.14")),
        {"BGP-DOWN host3": {"RT-MISSING 192.168.3.0/26"}, "BGP-UNKNOWN-PEER 10.77.0.14": set()},
    ),
    "a session that was started just now tells nothing yet": Case(
        contained(lost(BRIDGED, since=AT - timedelta(seconds=3)), knocks=knocks("10.77.0.13")),
        {"BGP-DOWN host3": {"RT-MISSING 192.168.3.0/26"}, "BGP-UNKNOWN-PEER 10.77.0.13": set()},
    ),
    "IPv6 alone is elsewhere": Case(
        dual("fd00:77::13", "fe80::13"),
        {"IP-ELSEWHERE host3 (IPv6)": {"BGP-DOWN host3 (IPv6)"}},
        DUAL_IDENTITY,
        says=("node host3 is registered with fd00:77::99, and has fd00:77::13 instead", "IP6=fd00:77::13"),
    ),
    "a link-local address is nobody's registered one": Case(
        dual("fe80::13"), {"BGP-DOWN host3 (IPv6)": set()}, DUAL_IDENTITY
    ),
    "another machine runs under its name: both agents say so": Case(
        with_agents(TAKEN, host2="10.77.0.12", host3="10.77.0.13"),
        {"NAME-TWICE host2": set()},
        says=(
            "calico/node on host3 runs as node host2, which is another host",
            "node host2 is registered with 10.77.0.13, the address of host3",
            "on host3: docker rm -f calico-node, then start it again with -e NODENAME=host3",
        ),
        status={"RoutesInPlace": Status.FALSE},
    ),
    "two nodes that are registered with one address: their records say it": Case(
        with_agents(stored(TAKEN, nodes=(*TAKEN_NODES, HOST3)), host2="10.77.0.12", host3="10.77.0.13"),
        {"IP-CONFLICT host2": {"IP-CONFLICT host3"}},
    ),
    "one machine that was renamed, and whose old claim is still alive": Case(
        stored(
            TAKEN,
            claims=(
                AliveSign("host2", Machine("m", "b", hostname="host2", address="10.77.0.12")),
                AliveSign("host3", Machine("m", "b", hostname="host3", address="10.77.0.13")),
            ),
        ),
        {},
    ),
    "without an agent on both nobody can tell": Case(with_agents(TAKEN, host2="10.77.0.12"), {}),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_elsewhere(case: Case) -> None:
    check(case)
