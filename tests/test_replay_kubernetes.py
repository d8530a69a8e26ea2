"""Recorded clusters whose datastore is the Kubernetes API; and each recording with the other kind of datastore."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from calico_agent.model.calico.node import Datastore
from calico_agent.model.container.container import Container, ContainerState
from calico_agent.model.container.pod import LABEL_NAMESPACE, LABEL_POD
from calico_agent.model.finding import ConditionType, Status
from calico_agent.model.host.machine import Host, Kubelet
from calico_agent.model.network.fib import Fib
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.observation import Observation, Unreadable
from calico_agent.sources.datastore.etcd3.decode import decode_datastore
from calico_agent.sources.datastore.kubernetes.decode import assemble, decode_key
from tests.checks.cluster import BIRD, STATIC, via
from tests.places import DATA
from tests.replay.capture import read_capture
from tests.replay.judge import assess_observation
from tests.replay.kubernetes import AT, NOT_RECORDED, objects, read_host, read_objects
from tests.replay.provoked import EXPECTED, Problems
from tests.replay.translated import as_objects, as_records

CAPTURES = DATA / "calico-kubernetes"
HOSTS = sorted(
    f"{path.parent.name}/{path.name.removesuffix('-bird.txt')}" for path in CAPTURES.glob("*/host*-bird.txt")
)
# Docker's networks and the addresses of docker0 were not recorded on hosts 1 and 2; the record of host3 tells.
BRIDGE = {"IP-ELSEWHERE host3": {"BGP-DOWN host3", "RT-MISSING 192.168.55.64/26"}}
# Recorded seconds after the mesh was switched off: none of the new sessions is up yet.
PROVOKED: dict[str, Problems] = {
    "docker-bridge-address/host1": BRIDGE,
    "docker-bridge-address/host2": BRIDGE,
    "docker-bridge-address/host3": {"IP-NOT-LOCAL host3": {"BGP-DOWN host1", "BGP-DOWN host2"}},
    "bgp-peers/host1": {
        "BGP-DOWN 10.99.0.1": set(),
        "BGP-DOWN host2": {"RT-MISSING 192.168.183.64/26", "RT-BORROWED-MISSING 192.168.119.40/32"},
        "BGP-DOWN host3": {"RT-MISSING 192.168.55.64/26"},
    },
    "bgp-peers/host2": {
        "BGP-DOWN host1": {
            "BGP-NO-REFLECTOR host1",
            "RT-MISSING 192.168.55.64/26",
            "RT-MISSING 192.168.119.0/26",
        }
    },
    "bgp-peers/host3": {
        "BGP-DOWN host1": {
            "BGP-NO-REFLECTOR host1",
            "RT-MISSING 192.168.119.0/26",
            "RT-MISSING 192.168.183.64/26",
        }
    },
}
POD = Container(
    "c1",
    "calico-node-x7k2p",
    "",
    ContainerState.RUNNING,
    pid=7,
    started_at=AT - timedelta(hours=1),
    labels=((LABEL_POD, "calico-node-x7k2p"), (LABEL_NAMESPACE, "kube-system")),
    runtime="containerd",
)
V3_OF_ETCD = sorted(
    path.parent.relative_to(DATA).as_posix()
    for version in ("calico-v3.31.7", "calico-v3.32.1", "calico-ipip")
    for path in DATA.glob(f"{version}/*/host*/bird.txt")
)


def problems(observation: Observation) -> Problems:
    """Each problem as `CODE subject`, with its consequences, without what is about things that were not recorded."""
    found = assess_observation(observation).problems
    return {
        f"{one.cause.code} {one.cause.subject}": {f"{each.code} {each.subject}" for each in one.consequences}
        for one in found
        if one.cause.code not in NOT_RECORDED
    }


@pytest.mark.parametrize("recorded", HOSTS)
def test_a_recorded_host_gives_what_was_provoked_and_nothing_else(recorded: str) -> None:
    scenario, host = recorded.split("/")
    assert problems(read_host(CAPTURES / scenario, host)) == PROVOKED.get(recorded, {})


def test_a_healthy_host_without_docker_is_wholly_healthy_where_felix_runs() -> None:
    seen = read_host(CAPTURES / "healthy", "host1")
    docker = Unreadable("Docker", "there is no socket", "absent")
    found = assess_observation(replace(seen, docker=docker, elsewhere=POD))
    assert {condition.status for condition in found.conditions} == {Status.TRUE}
    assert found.problems == ()
    running = next(one for one in found.conditions if one.type is ConditionType.CONTAINER_RUNNING)
    assert running.message == "calico-node-x7k2p runs calico/node (pod kube-system/calico-node-x7k2p, containerd)"
    hidden = assess_observation(replace(seen, docker=docker))
    assert {one.cause.code for one in hidden.problems} == {"DOCKER-UNREADABLE"}


def test_a_host_with_vxlan_alone_needs_no_bird() -> None:
    """The default of the operator with VXLAN, of RKE2 and of MicroK8s: no BIRD, and nobody misses it."""
    seen = read_host(CAPTURES / "vxlan-always", "host1")
    bird = Unreadable("BIRD", "there is no socket /var/run/calico/bird.ctl", "absent")
    pod = replace(POD, env=(("CALICO_NETWORKING_BACKEND", "vxlan"),))
    assert problems(replace(seen, bird=bird, elsewhere=pod)) == {}


@pytest.mark.parametrize("addressed", [False, True])
def test_a_host_of_canal_has_its_routes_of_flannel(addressed: bool) -> None:
    """The default of RKE2: Calico does policy alone, and registers no address unless it is told to."""
    seen = read_host(CAPTURES / "host-local-pod-cidr", "host1")
    assert isinstance(seen.datastore, Datastore)
    assert isinstance(seen.kernel, Kernel)
    nodes = tuple(one if addressed else replace(one, ipv4=None) for one in seen.datastore.nodes)
    other = next(one.cidr for one in seen.datastore.blocks if one.owner != "host1")
    flannel = via(str(other), str(other.network_address), "flannel.1", STATIC)
    fib = Fib.of((*(one for one in seen.kernel.fib.routes if one.protocol != BIRD), flannel))
    env = (("CALICO_NETWORKING_BACKEND", "none"), ("IP", ""), ("NODENAME", "host1"))
    canal = replace(
        seen,
        datastore=replace(seen.datastore, nodes=nodes),
        kernel=replace(seen.kernel, fib=fib),
        bird=Unreadable("BIRD", "there is no socket /var/run/calico/bird.ctl", "absent"),
        elsewhere=replace(POD, env=env),
    )
    found = assess_observation(canal)
    assert [f"{one.cause.code} {one.cause.subject}" for one in found.problems] == []
    assert {condition.status for condition in found.conditions} == {Status.TRUE}


def test_a_pod_that_is_gone_is_the_kubelets_to_start() -> None:
    seen = read_host(CAPTURES / "healthy", "host1")
    assert isinstance(seen.host, Host)
    bird = Unreadable("BIRD", "nobody listens on /var/run/calico/bird.ctl", "refused")
    kubelet = Kubelet(7)
    gone = assess_observation(replace(seen, host=replace(seen.host, kubelet=kubelet), bird=bird))
    assert {one.cause.code for one in gone.problems} == {"SV-ABSENT"}
    cure = gone.problems[0].cause.cure
    assert "kubectl get pods -A" in cure
    assert "docker" not in f"{cure} {gone.problems[0].cause.what}"
    assert next(one for one in gone.conditions if one.type is ConditionType.CONTAINER_RUNNING).status is Status.FALSE


@pytest.mark.parametrize("recorded", [*PROVOKED, "healthy/host1"])
def test_no_cure_asks_docker_or_etcd_where_there_is_none(recorded: str) -> None:
    scenario, host = recorded.split("/")
    seen = replace(read_host(CAPTURES / scenario, host), elsewhere=POD)
    away = replace(seen, bird=Unreadable("BIRD", "it does not answer", "timeout"))
    for one in (seen, away):
        found = assess_observation(one).problems
        cures = [finding.cure for each in found for finding in (each.cause, *each.consequences)]
        assert not [cure for cure in cures if "docker" in cure or "etcdctl" in cure or "calicoctl delete node" in cure]


@pytest.mark.parametrize("recorded", HOSTS)
def test_all_routes_that_should_be_there_are_counted(recorded: str) -> None:
    scenario, host = recorded.split("/")
    routes = assess_observation(read_host(CAPTURES / scenario, host)).routes
    assert routes is not None
    assert routes.expected > 0
    missing = {one for each in PROVOKED.get(recorded, {}).values() for one in each if "-MISSING" in one}
    assert routes.missing == routes.expected - routes.present == len(missing)


@pytest.mark.parametrize("recorded", [host for host in HOSTS if not host.startswith("host-local")])
def test_the_same_data_in_etcd_gives_the_same_verdict(recorded: str) -> None:
    scenario, host = recorded.split("/")
    in_etcd = decode_datastore(as_records(objects(CAPTURES / scenario)), revision=1, read_at=AT)
    assert replace(in_etcd, claimable=False) == read_objects(CAPTURES / scenario)
    assert problems(read_host(CAPTURES / scenario, host, in_etcd)) == PROVOKED.get(recorded, {})


@pytest.mark.parametrize("recorded", V3_OF_ETCD)
def test_the_same_data_in_kubernetes_gives_the_same_verdict(recorded: str) -> None:
    folder = DATA / recorded
    seen = read_capture(folder.parent, folder.name)
    assert isinstance(seen.datastore, Datastore)
    in_kubernetes = translated(folder.parent, seen.datastore)
    found = assess_observation(replace(seen, datastore=in_kubernetes)).problems
    told = {
        f"{one.cause.code} {one.cause.subject}": {f"{each.code} {each.subject}" for each in one.consequences}
        for one in found
    }
    assert told == EXPECTED.get(recorded, {})


def translated(capture: Path, datastore: Datastore) -> Datastore:
    rows = [json.loads(line) for line in (capture / "etcd.jsonl").read_text().splitlines() if line.strip()]
    records = ((row["key"], json.dumps(row["value"]).encode()) for row in rows if not isinstance(row["value"], str))
    decoded = {key: value for key, raw in as_objects(records) if (value := decode_key(key, raw)) is not None}
    return assemble(decoded, revision=datastore.revision, read_at=datastore.read_at)
