"""What Kubernetes says of nodes: as the cause of what is amiss with them, and of this host."""

from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address, ip_interface

import pytest

from calico_agent.model.finding import Severity
from calico_agent.model.host.cluster_node import ClusterNode
from calico_agent.model.host.machine import Host, Kubelet
from calico_agent.model.identity import Candidate, Identity
from calico_agent.model.observation import Observation, Unreadable
from calico_agent.model.settings import DatastoreSettings, KubernetesSettings
from tests.checks.case import Case, check
from tests.checks.cluster import AT, HEALTHY, IDENTITY, SESSIONS, findings_of, peered, session

API = DatastoreSettings((), kubernetes=KubernetesSettings())
SILENT = ClusterNode(
    "host3", None, "NodeStatusUnknown", "Kubelet stopped posting node status.", AT - timedelta(minutes=7)
)
AWAY = replace(peered(SESSIONS[0], session("10.77.0.13", "Connect", "Connection timed out")), datastore_settings=API)
OWN = ClusterNode("host1", internal=(ip_address("10.77.0.11"),))


def carrying(address: str, link: str) -> Identity:
    """This host with one more address."""
    more = Candidate(ip_interface(address), link)
    return replace(IDENTITY, ipv4=replace(IDENTITY.ipv4, candidates=(*IDENTITY.ipv4.candidates, more)))


TWO_NETWORKS = carrying("10.88.0.11/24", "eth1")
WITH_TUNNEL = carrying("192.168.1.0/32", "vxlan.calico")


def told(observation: Observation, *nodes: ClusterNode) -> Observation:
    return replace(observation, datastore_settings=API, cluster_nodes={node.name: node for node in nodes})


CASES = {
    "a peer whose machine is off": Case(
        told(AWAY, OWN, SILENT),
        {"NODE-NOT-READY host3": {"BGP-DOWN host3"}},
        says=(
            "node host3 is not ready in Kubernetes, for 7 min: its kubelet is not heard any more",
            "Ready is Unknown (NodeStatusUnknown: Kubelet stopped posting node status.)",
            "if that machine is gone for good: kubectl delete node host3",
        ),
    ),
    "a peer that is drained for work on it": Case(
        told(AWAY, replace(SILENT, cordoned=True, taints=("maintenance=disk:NoExecute",))),
        {"NODE-NOT-READY host3": {"BGP-DOWN host3"}},
        says=("it is cordoned and maintenance=disk:NoExecute",),
    ),
    "a peer whose kubelet lives and complains": Case(
        told(AWAY, replace(SILENT, ready=False, reason="KubeletNotReady", message="cni plugin not initialized")),
        {"NODE-NOT-READY host3": {"BGP-DOWN host3"}},
        says=("its kubelet says so itself", "KubeletNotReady: cni plugin not initialized"),
        unsaid=("gone for good",),
    ),
    "a peer that is well explains nothing": Case(
        told(AWAY, OWN, replace(SILENT, ready=True)),
        {"BGP-DOWN host3": set()},
    ),
    "a peer that is deleted, and still listed": Case(
        replace(AWAY, cluster_nodes={"host3": None}),
        {"BGP-DOWN host3": set()},
    ),
    "this host itself": Case(
        told(HEALTHY, replace(OWN, ready=False, reason="KubeletNotReady", message="disk is full")),
        {"NODE-NOT-READY host1": set()},
        says=("KubeletNotReady: disk is full", "on this host: systemctl status kubelet"),
    ),
    "another address in Kubernetes, of Docker's bridge": Case(
        told(HEALTHY, replace(OWN, internal=(ip_address("172.17.0.1"),))),
        {"IP-INTERNAL host1": set()},
        says=("172.17.0.1 is on docker0", "start the kubelet with --node-ip=10.77.0.11"),
        unsaid=("kubernetes-internal-ip",),
        status={},
    ),
    "another address in Kubernetes, of before": Case(
        told(HEALTHY, replace(OWN, internal=(ip_address("10.77.0.99"),))),
        {"IP-INTERNAL host1": set()},
        says=("no link of this host has 10.77.0.99", "restart the kubelet"),
    ),
    "another address in Kubernetes, of a second network": Case(
        told(HEALTHY, replace(OWN, internal=(ip_address("10.88.0.11"),))),
        {"IP-INTERNAL host1": set()},
        identity=TWO_NETWORKS,
        says=("10.88.0.11 is on eth1", "kubernetes-internal-ip"),
        status={},
    ),
    "the address of a tunnel, as kubelets of MicroK8s took it": Case(
        told(HEALTHY, replace(OWN, internal=(ip_address("192.168.1.0"),))),
        {"IP-INTERNAL host1": set()},
        identity=WITH_TUNNEL,
        says=("192.168.1.0 is on vxlan.calico", "start the kubelet with --node-ip=10.77.0.11"),
        unsaid=("kubernetes-internal-ip",),
    ),
    "both families, and one of them fits": Case(
        told(HEALTHY, replace(OWN, internal=(ip_address("fd00::1"), ip_address("10.77.0.11")))), {}, status={}
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_cluster_nodes(case: str) -> None:
    check(CASES[case])


def test_of_this_host_it_is_no_error() -> None:
    (found,) = findings_of(told(HEALTHY, replace(OWN, ready=None)))
    assert found.severity is Severity.WARNING


def test_a_taint_that_keeps_calico_node_away_is_named() -> None:
    gone = replace(
        HEALTHY,
        docker=Unreadable("Docker", "there is no socket", "absent"),
        host=Host("host1", kubelet=Kubelet(7)),
        bird=Unreadable("BIRD", "nobody listens", "refused"),
    )
    tainted = replace(OWN, taints=("node.kubernetes.io/not-ready:NoSchedule", "dedicated=db:NoExecute"))
    cures = " ".join(one.cure for one in findings_of(told(gone, tainted)))
    assert "does not tolerate the taint dedicated=db:NoExecute of this node" in cures
    assert "not-ready:" not in cures
    assert "docker" not in cures
