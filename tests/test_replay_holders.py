"""Recordings that are changed in memory: addresses with two users, borrowed tunnel addresses, seen from each host."""

from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from calico_agent.model.calico.node import Borrowed, Datastore, Pool
from calico_agent.model.container.container import Docker
from calico_agent.model.finding import Finding, Status
from calico_agent.model.host.machine import Host
from calico_agent.model.network.fib import Fib
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.network.route import Route
from calico_agent.model.observation import Observation
from tests.checks.cluster import BIRD, BOOT, via
from tests.places import DATA
from tests.replay import assess_observation, read_capture

VXLAN, HEALTHY = DATA / "calico-v3.31.7" / "vxlan-always", DATA / "calico-v3.31.7" / "healthy"
Change = Callable[[Observation], Observation]


def findings(capture: Path, host: str, *changes: Change) -> dict[str, Finding]:
    """What is said of a recorded host after some changes, by code and subject."""
    observation = read_capture(capture, host)
    for change in changes:
        observation = change(observation)
    problems = assess_observation(observation).problems
    return {f"{one.code} {one.subject}": one for found in problems for one in (found.cause, *found.consequences)}


def routed(*routes: Route, without: tuple[str, ...] = ()) -> Change:
    """More routes in place of others."""

    def change(observation: Observation) -> Observation:
        assert isinstance(observation.kernel, Kernel)
        kept = (one for one in observation.kernel.fib.routes if str(one.prefix) not in without)
        return replace(observation, kernel=replace(observation.kernel, fib=Fib.of((*kept, *routes))))

    return change


def lent_tunnel_address(observation: Observation) -> Observation:
    """host2's VXLAN address is one of host3's block."""
    assert isinstance(observation.datastore, Datastore)
    address = ip_address("192.168.55.100")
    nodes = (
        replace(one, vxlan_tunnel_address=address) if one.name == "host2" else one
        for one in observation.datastore.nodes
    )
    blocks = (
        replace(one, borrowed=(Borrowed(address, "host2", "vxlanTunnelAddress"),)) if one.owner == "host3" else one
        for one in observation.datastore.blocks
    )
    return replace(observation, datastore=replace(observation.datastore, nodes=tuple(nodes), blocks=tuple(blocks)))


NEW_NEXT_HOP = routed(
    via("192.168.183.64/26", "192.168.55.100", "vxlan.calico", BOOT),
    without=("192.168.183.64/26", "192.168.183.66/32"),
)
FELIX_WRITES_ONE = routed(via("192.168.55.100/32", None, "vxlan.calico", BOOT))


def test_a_borrowed_tunnel_address_without_a_route_is_named() -> None:
    found = findings(VXLAN, "host1", lent_tunnel_address, NEW_NEXT_HOP)
    assert list(found) == ["RT-TUNNEL-ADDRESS 192.168.55.100"]
    assert "the VXLAN tunnel address of node host2, go to node host3" in found["RT-TUNNEL-ADDRESS 192.168.55.100"].what


def test_a_borrowed_tunnel_address_with_its_route_is_good() -> None:
    assert findings(VXLAN, "host1", lent_tunnel_address, NEW_NEXT_HOP, FELIX_WRITES_ONE) == {}


def test_a_pod_with_the_address_of_the_tunnel_device_is_named() -> None:
    found = findings(VXLAN, "host1", routed(via("192.168.119.1/32", None, "calipod9-a", BOOT)))
    assert list(found) == ["RT-ADDRESS-TWICE 192.168.119.1"]
    what = found["RT-ADDRESS-TWICE 192.168.119.1"].what
    assert "vxlan.calico of the host itself, and the pod on calipod9-a" in what


@pytest.mark.parametrize(
    ("host", "route", "users"),
    [
        (
            "host2",
            via("192.168.55.64/32", None, "calipod9-a", BOOT),
            ("a pod of node host3", "calipod9-a of this"),
        ),
        ("host1", via("192.168.55.64/32", "10.77.0.12", protocol=BIRD), ("a pod of node host3", "one of node host2")),
        ("host3", via("192.168.55.64/32", "10.77.0.12", protocol=BIRD), ("a pod of this host", "one of node host2")),
    ],
    ids=["on the thief's host", "on a third host", "on the owner's host"],
)
def test_one_address_of_two_pods_is_named_wherever_it_is_seen(host: str, route: Route, users: tuple[str, ...]) -> None:
    found = findings(HEALTHY, host, routed(route, without=("192.168.55.64/32",)))
    what = found["RT-ADDRESS-TWICE 192.168.55.64"].what
    assert [user for user in users if user not in what] == []


def renamed(observation: Observation) -> Observation:
    """The host is called edge-9 now, and the node of before was deleted without its blocks."""
    datastore, docker, host = observation.datastore, observation.docker, observation.host
    assert isinstance(datastore, Datastore)
    assert isinstance(docker, Docker)
    assert isinstance(host, Host)
    return replace(
        observation,
        host=replace(host, hostname="edge-9", nodename_file="edge-9"),
        docker=replace(docker, containers=tuple(replace(one, env=()) for one in docker.containers)),
        datastore=replace(
            datastore,
            nodes=tuple(replace(one, name="edge-9") if one.name == "host3" else one for one in datastore.nodes),
        ),
    )


def test_a_deleted_record_leaves_the_pods_of_the_host_cut_off() -> None:
    found = findings(HEALTHY, "host3", renamed)
    what = found["RT-WORKLOAD-ELSEWHERE host3"].what
    assert "1 pod of this host has an address of node host3, and calico/node runs here as edge-9: 192.168.55.64" in what
    assert not [key for key in found if key.startswith("NODE-NO-RECORD")]
    conditions = assess_observation(renamed(read_capture(HEALTHY, "host3"))).conditions
    assert {one.type.value: one.status for one in conditions}["RoutesInPlace"] is Status.FALSE


def test_a_deleted_record_is_told_by_the_pods_own_records_too() -> None:
    gone = findings(HEALTHY, "host3", renamed, routed(without=("192.168.55.64/32",)))
    assert "1 pod of this host is recorded for node host3" in gone["RT-WORKLOAD-ELSEWHERE calipod3-a"].what


def test_a_pool_that_was_deleted_and_made_again_is_told_as_the_cause() -> None:
    def with_pool(observation: Observation) -> Observation:
        assert isinstance(observation.datastore, Datastore)
        pool = Pool("default", ip_network("192.168.0.0/16"), block_size=26)
        return replace(observation, datastore=replace(observation.datastore, pools=(pool,)))

    advertised = ("192.168.239.194/32", "10.77.0.12"), ("192.168.55.64/32", "10.77.0.13")
    capture = DATA / "calico-v3.32.1" / "pool-deleted-in-use"
    found = findings(capture, "host1", with_pool, routed(*(via(prefix, hop) for prefix, hop in advertised)))
    assert set(found) == {f"RT-BORROWED-MISSING 192.168.239.{last}/32" for last in (192, 193)}
    one = found["RT-BORROWED-MISSING 192.168.239.192/32"]
    assert "192.168.239.192, in use on node host2, of a block that nobody owns: a pod, or a leaked address" in one.what
    assert "block 192.168.239.192/26 lost its owner when its pool or its node's claim was deleted" in one.why
    assert set(findings(capture, "host2", with_pool)) >= {"RT-WORKLOAD-GONE calipod2-a", "RT-WORKLOAD-GONE calireal2"}


def as_recorded_before(observation: Observation) -> Observation:
    """host2's record is right, and its tunl0 still has the address of host1."""
    read = observation.datastore
    assert isinstance(read, Datastore)
    own = ip_address("192.168.183.66")
    nodes = (replace(one, ipip_tunnel_address=own) if one.name == "host2" else one for one in read.nodes)
    return replace(observation, datastore=replace(read, nodes=tuple(nodes)))


@pytest.mark.parametrize(
    ("host", "said"),
    [
        ("host1", {}),
        ("host2", {"RT-ADDRESS-TWICE 192.168.119.2": "tunl0 of this host has 192.168.119.2, the IPIP tunnel address"}),
        ("host3", {"RT-TUNNEL-ADDRESS 192.168.119.2": "the IPIP tunnel address of node host1, go to node host2"}),
    ],
    ids=["the one it was taken from does not see it", "on the thief", "on a third host"],
)
def test_an_address_taken_by_the_device_of_another_node_is_named(host: str, said: dict[str, str]) -> None:
    found = findings(DATA / "calico-ipip" / "ipip-duplicate-tunnel-address", host, as_recorded_before)
    found.pop("RT-TUNNEL-DEVICE tunl0", None)
    assert found.keys() == said.keys()
    assert all(words in found[key].what for key, words in said.items())


@pytest.mark.parametrize(
    ("host", "route", "users"),
    [
        ("host1", via("fd00:192::b740/128", None, "cali9", BOOT), "a pod of node host2, to which Calico gave it"),
        ("host1", via("fd00:192::3740/128", "fd00:77::12", protocol=BIRD), "a pod of node host3, to which Calico gave"),
    ],
    ids=["a pod here", "a pod of another node"],
)
def test_one_ipv6_address_of_two_pods_is_named(host: str, route: Route, users: str) -> None:
    found = findings(DATA / "calico-v3.31.7" / "dual-stack", host, routed(route))
    assert [key.split()[0] for key in found] == ["RT-ADDRESS-TWICE"]
    assert users in next(iter(found.values())).what
