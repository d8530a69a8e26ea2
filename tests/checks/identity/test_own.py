"""This host's own name, record and addresses."""

from dataclasses import replace
from ipaddress import ip_interface, ip_network

import pytest

from calico_agent.faults.registry import FAULTS
from calico_agent.model.calico.node import EncapsulationMode, Node
from calico_agent.model.container.container import LABEL_MANAGED_BY, MANAGED_BY, Docker
from calico_agent.model.finding import Severity, Status
from calico_agent.model.host.claimant import Machine
from calico_agent.model.host.machine import Host
from calico_agent.model.identity import AddressChoice, Candidate, Identity, NameChoice
from calico_agent.model.name_lease import NameOwner
from calico_agent.model.network.address import Family
from calico_agent.model.observation import Observation, Unreadable
from calico_agent.model.settings import Mode
from tests.checks.case import Case, check
from tests.checks.cluster import (
    DATASTORE,
    DOCKER0,
    ETH0,
    HEALTHY,
    IDENTITY,
    POOL,
    contained,
    findings_of,
    node,
    peered,
    routed,
    session,
    stored,
    v6,
)

OTHERS = DATASTORE.nodes[1:]
WG0 = Candidate(ip_interface("10.99.0.1/24"), "wg0", "virtual-link", "is on a WireGuard device")
VIRBR0 = Candidate(ip_interface("192.168.122.1/24"), "virbr0", "bridge-without-port", "is on a bridge without any port")
ETH1 = Candidate(ip_interface("10.88.0.11/24"), "eth1")
MANAGED = contained(labels=((LABEL_MANAGED_BY, MANAGED_BY),))
VXLAN_POOL = replace(POOL, vxlan=EncapsulationMode.ALWAYS)
PLAIN = {"RT-WRONG-DEVICE 192.168.2.0/26", "RT-WRONG-DEVICE 192.168.3.0/26"}  # the cases keep their plain routes
CLOSED = "Socket: Connection closed"
ALONE = peered(
    session("10.77.0.12", "Active", CLOSED),
    session("10.77.0.13", "Active", CLOSED),
    observation=routed(without=["192.168.2.0/26", "192.168.3.0/26"]),
)
ALL_LOST = {"BGP-DOWN host2", "BGP-DOWN host3", "RT-MISSING 192.168.2.0/26", "RT-MISSING 192.168.3.0/26"}
# As host2, BIRD here dials itself as "host1", and this host's own blackhole is in the way of "host1's" pods.
SWAPPED = {
    "IP-NOT-LOCAL host2",
    "BGP-DOWN host1",
    "RT-BLACKHOLE 192.168.1.0/26",
    "RT-BLACKHOLE-MISSING 192.168.2.0/26",
    "RT-WORKLOAD-ELSEWHERE host1",
}
AS_HOST2 = peered(session("10.77.0.11", "Passive"), session("10.77.0.13"))


def registered(address: str, observation: Observation = HEALTHY) -> Observation:
    """Host1 is registered with another address."""
    return stored(observation, nodes=(node("host1", address), *OTHERS))


def with_candidates(*candidates: Candidate, rule: str = "other nodes") -> Identity:
    """This host has these addresses, and the rule chose the one of eth0."""
    return replace(IDENTITY, ipv4=replace(IDENTITY.ipv4, candidates=candidates, rule=rule))


def refused(code: str, *candidates: Candidate) -> Identity:
    """No IPv4 address could be chosen."""
    choice = AddressChoice(Family.IPV4, refusal="no answer", refused_by=FAULTS[code], candidates=candidates)
    return replace(IDENTITY, ipv4=choice)


def called(name: str | None, source: str = "host name", code: str = "") -> Identity:
    """The host should run under this name, or under none."""
    return replace(IDENTITY, name=NameChoice(name, source, "no name" if code else "", FAULTS.get(code)))


def with_ipv6(address: str) -> Observation:
    """This host is registered with an IPv6 address as well."""
    return stored(nodes=(replace(node("host1"), ipv6=v6(address)), *OTHERS))


def has_ipv6(*others: Candidate) -> Identity:
    """This host has an IPv6 address of its own, and others."""
    own = Candidate(v6("fd00:77::11/64"), "eth0")
    return replace(IDENTITY, ipv6=replace(IDENTITY.ipv6, candidates=(own, *others)))


CASES = {
    "a healthy host has nothing to say": Case(HEALTHY, status={}),
    "docker0's address in our own record explains that all peers are lost": Case(
        registered("172.17.0.1/16", ALONE),
        {"IP-BRIDGE host1": ALL_LOST},
        says=("Docker's bridge docker0", "this host should have 10.77.0.11", "IP=10.77.0.11/24"),
        status={
            "IdentityConfirmed": Status.FALSE,
            "BGPEstablished": Status.FALSE,
            "RoutesInPlace": Status.FALSE,
        },
    ),
    "a bridge that is not Docker's is no better": Case(
        registered("192.168.122.1/24"),
        {"IP-BRIDGE host1": set()},
        with_candidates(ETH0, VIRBR0),
        says=("the bridge virbr0",),
    ),
    "with VXLAN it is the packets inside the tunnels that go astray": Case(
        stored(registered("172.17.0.1/16"), pools=(VXLAN_POOL,)),
        {"IP-BRIDGE host1": PLAIN},
        says=(
            "the other nodes refuse its BGP sessions; VXLAN packets of the other nodes for its pods go to 172.17.0.1",
        ),
    ),
    "with VXLAN and without BIRD no word about sessions": Case(
        stored(
            contained(registered("10.77.0.99/24"), env=(("CALICO_NETWORKING_BACKEND", "vxlan"),)), pools=(VXLAN_POOL,)
        ),
        {"IP-NOT-LOCAL host1": PLAIN},
        says=("VXLAN packets of the other nodes for its pods go to 10.77.0.99 instead of this host",),
    ),
    "with pools of both kinds both are lost": Case(
        stored(
            registered("172.17.0.1/16"), pools=(*DATASTORE.pools, replace(VXLAN_POOL, cidr=ip_network("10.244.0.0/16")))
        ),
        {"IP-BRIDGE host1": set()},
        says=("gets no routes but those to its own pods; VXLAN packets",),
    ),
    "supervised, the agent replaces the container itself": Case(
        registered("172.17.0.1/16", MANAGED),
        {"IP-BRIDGE host1": set()},
        mode=Mode.SUPERVISE,
        says=("calico-agent replaces the container with IP=10.77.0.11/24",),
    ),
    "an address that is gone from every link": Case(
        registered("10.77.0.99/24"),
        {"IP-NOT-LOCAL host1": set()},
        says=("10.77.0.99, which no link of this host has", "IP=10.77.0.11/24"),
    ),
    "an address that calico/node here did not register: another machine uses the name": Case(
        contained(registered("10.77.0.99/24"), env=(("NODENAME", "host1"), ("IP", "10.77.0.11/24"))),
        {"IP-NOT-LOCAL host1": set()},
        says=(
            "another machine uses the name host1, or somebody changed its record",
            "calico/node here registered 10.77.0.11 when it started; 10.77.0.99 was registered after that",
            "; then on the host with 10.77.0.99: start calico/node with a NODENAME of its own",
            "docker restart calico-node registers IP=10.77.0.11/24 again, which it was given",
        ),
    ),
    "two addresses to choose from, while nobody knows which one is registered": Case(
        replace(HEALTHY, datastore=Unreadable("etcd", "connection refused", "refused")),
        {"DS-UNREADABLE etcd": set()},
        refused("IP-AMBIGUOUS", ETH0, ETH1),
    ),
    "an address that calico/node here was given itself": Case(
        contained(registered("10.77.0.99/24"), env=(("NODENAME", "host1"), ("IP", "10.77.0.99/24"))),
        {"IP-NOT-LOCAL host1": set()},
        says=("10.77.0.99, which no link of this host has", "-e IP=10.77.0.11/24"),
    ),
    "an IPv6 address that is gone is told apart from the IPv4 one": Case(
        stored(nodes=(replace(node("host1"), ipv6=v6("fd00:77::99/64")), *OTHERS)),
        {"IP-NOT-LOCAL host1 (IPv6)": set()},
    ),
    "an IPv6 address that floats, while nobody asks the agent to choose one": Case(
        with_ipv6("fd00:77::100/128"),
        {"IP-MISMATCH host1 (IPv6)": set()},
        has_ipv6(Candidate(v6("fd00:77::100/128"), "eth0", "floating", "is a single address beside fd00:77::11/64")),
        says=(
            "is registered with fd00:77::100 (eth0), which is a single address beside fd00:77::11/64",
            "what else this host has: fd00:77::11/64",
            "-e IP6=fd00:77::11/64",
        ),
        status={},
    ),
    "one from which this host has sessions": Case(
        with_ipv6("fd00:77::100/128"),
        {},
        has_ipv6(Candidate(v6("fd00:77::100/128"), "eth0", "floating", "is a single address", "it has sessions")),
    ),
    "one that is right, while nobody asks the agent to choose one": Case(
        with_ipv6("fd00:77::11/64"), {}, has_ipv6(), status={}
    ),
    "one whose link has no carrier": Case(
        with_ipv6("fd00:99::11/64"),
        {},
        has_ipv6(Candidate(v6("fd00:99::11/64"), "eth1", "no-carrier", "is on a link without carrier")),
    ),
    "a tunnel's address instead of the host's is an error": Case(
        registered("10.99.0.1/24"),
        {"IP-MISMATCH host1": set()},
        with_candidates(ETH0, WG0, DOCKER0),
        says=("is on a WireGuard device",),
        status={"IdentityConfirmed": Status.FALSE},
    ),
    "another good address than the cluster uses is a warning": Case(
        registered("10.88.0.11/24"), {"IP-MISMATCH host1": set()}, with_candidates(ETH0, ETH1, DOCKER0), status={}
    ),
    "another good address than the default route's is somebody's choice": Case(
        registered("10.88.0.11/24"), {}, with_candidates(ETH0, ETH1, DOCKER0, rule="default route"), status={}
    ),
    "supervised, another address than the default route's is a drift": Case(
        registered("10.88.0.11/24", MANAGED),
        {"IP-MISMATCH host1": set()},
        with_candidates(ETH0, ETH1, DOCKER0, rule="default route"),
        Mode.SUPERVISE,
    ),
    "an old record of this machine has our address too": Case(
        stored(nodes=(*DATASTORE.nodes, node("localhost.localdomain", "10.77.0.11/24"))),
        {"IP-CONFLICT host1": set()},
        says=("calicoctl delete node localhost.localdomain",),
    ),
    "our record was deleted while calico/node runs on": Case(
        stored(ALONE, nodes=OTHERS), {"NODE-NO-RECORD host1": ALL_LOST}, says=("docker restart calico-node",)
    ),
    "our record has no address": Case(
        stored(ALONE, nodes=(Node("host1"), *OTHERS)), {"NODE-NO-ADDRESS host1": ALL_LOST}
    ),
    "calico/node runs as host2, by its environment": Case(
        contained(AS_HOST2, env=(("NODENAME", "host2"),)),
        {"NAME-MISMATCH host1": SWAPPED},
        says=(
            "NODENAME of container calico-node",
            "which no link of this host has",
            "BIRD has a session (Mesh_10_77_0_11) to 10.77.0.11, an address of this host",
            "-e NODENAME=host1",
        ),
    ),
    "calico/node runs as host2, by the nodename file of a cloned disk": Case(
        replace(AS_HOST2, host=Host("host1", nodename_file="host2")),
        {"NAME-MISMATCH host1": SWAPPED},
        says=("rm /var/lib/calico/nodename",),
    ),
    "a node name that is not the host name is somebody's choice": Case(HEALTHY, {}, called("ip-10-77-0-11")),
    "a node name that is not the configured one is a warning": Case(
        HEALTHY, {"NAME-MISMATCH worker-1": set()}, called("worker-1", "configuration"), status={}
    ),
    "the full name and the short one are one host, even when its address changed": Case(
        registered("10.77.0.99/24"), {"IP-NOT-LOCAL host1": set()}, called("host1.example.com")
    ),
    "where nothing tells the node name, the record with our address does": Case(
        replace(HEALTHY, host=Host("ip-10-77-0-11"), docker=Docker()), {}, called("ip-10-77-0-11")
    ),
    "supervised, an ambiguous address stops everything": Case(
        MANAGED,
        {"IP-AMBIGUOUS IPv4": set()},
        refused("IP-AMBIGUOUS", ETH0, ETH1),
        Mode.SUPERVISE,
        ("does not start calico/node",),
        {"IdentityConfirmed": Status.FALSE},
    ),
    "observed, nobody has to choose when calico/node uses a good address": Case(
        HEALTHY, {}, refused("IP-AMBIGUOUS", ETH0, ETH1), status={}
    ),
    "no address at all": Case(
        registered("10.77.0.99/24"),
        {"IP-NOT-LOCAL host1": set(), "IP-NONE IPv4": set()},
        refused("IP-NONE", DOCKER0),
    ),
    "a configured address that is docker0's": Case(
        MANAGED, {"IP-REJECTED IPv4": set()}, refused("IP-REJECTED", ETH0, DOCKER0), Mode.SUPERVISE
    ),
    "a configured address that no link has": Case(
        MANAGED, {"IP-NOT-LOCAL IPv4": set()}, refused("IP-NOT-LOCAL", ETH0, DOCKER0), Mode.SUPERVISE
    ),
    "supervised, a refused address is why there is no container": Case(
        replace(MANAGED, docker=Docker(), bird=Unreadable("BIRD", "no socket", "absent")),
        {"IP-AMBIGUOUS IPv4": {"SV-ABSENT host1", "BIRD-DOWN BIRD"}},
        refused("IP-AMBIGUOUS", ETH0, ETH1),
        Mode.SUPERVISE,
    ),
    "a machine called localhost": Case(
        MANAGED, {"NAME-LOCALHOST name": set()}, called(None, code="NAME-LOCALHOST"), Mode.SUPERVISE
    ),
    "a host name that Calico refuses": Case(
        MANAGED, {"NAME-INVALID name": set()}, called(None, code="NAME-INVALID"), Mode.SUPERVISE
    ),
    "without the kernel there is no address, and that is no error of the host": Case(
        replace(HEALTHY, kernel=Unreadable("kernel", "netlink timed out")),
        {"KERNEL-UNREADABLE kernel": {"IP-UNKNOWN IPv4"}},
        refused("IP-UNKNOWN"),
        status={"IdentityConfirmed": Status.UNKNOWN, "RoutesInPlace": Status.UNKNOWN},
    ),
    "without the host's name": Case(
        replace(MANAGED, host=Unreadable("host", "denied")),
        {"HOST-UNREADABLE host": {"NAME-UNKNOWN name"}},
        called(None, code="NAME-UNKNOWN"),
        Mode.SUPERVISE,
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_identity(case: Case) -> None:
    check(case)


def test_a_wrong_address_that_is_only_unlucky_weighs_less_than_one_that_cannot_work() -> None:
    unlucky = findings_of(registered("10.88.0.11/24"), with_candidates(ETH0, ETH1))
    impossible = findings_of(registered("10.99.0.1/24"), with_candidates(ETH0, WG0))
    assert [one.severity for one in unlucky] == [Severity.WARNING]
    assert [one.severity for one in impossible] == [Severity.ERROR]


def test_a_name_that_belongs_to_another_host_is_given_back_rather_than_the_own_record_deleted() -> None:
    """Calico/node was started as host1 on the machine that is host3, and wrote its address into the record of host1."""
    host1, host2, host3 = DATASTORE.nodes
    overwritten = stored(
        replace(HEALTHY, host=Host("host3", machine_id="m3", nodename_file="host1")),
        nodes=(host1, host2, replace(host3, ipv4=host1.ipv4)),
        claims=(NameOwner("host3", Machine("m3"), None, ""),),
    )
    really = replace(IDENTITY, name=replace(IDENTITY.name, name="host3"))
    (conflict,) = [one for one in findings_of(overwritten, really) if one.code == "IP-CONFLICT" and one.node == "host1"]
    assert "this host is node host3, and its calico/node was started as host1" in conflict.why
    assert "NODENAME=host3" in conflict.cure
    assert "delete node" not in conflict.cure
