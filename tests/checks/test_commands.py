"""What to type, by who runs calico/node here and where Calico's records are."""

from dataclasses import replace
from ipaddress import ip_network

import pytest

from calico_agent.checks import commands, records
from calico_agent.checks.sentences import cure_here
from calico_agent.expected.view import View, view_of
from calico_agent.model.container.container import Container
from calico_agent.model.container.pod import LABEL_NAMESPACE, LABEL_POD
from calico_agent.model.observation import Observation, Unreadable
from calico_agent.model.settings import DatastoreSettings, EtcdApi, KubernetesSettings, Mode
from tests.checks.cluster import CONTAINER, HEALTHY, IDENTITY

API = DatastoreSettings((), kubernetes=KubernetesSettings())
BLOCK = ip_network("192.168.2.0/26")
NO_DOCKER = Unreadable("Docker", "there is no socket", "absent")


def of_pod(namespace: str, name: str, runtime: str = "containerd") -> Container:
    return replace(
        CONTAINER, runtime=runtime, pid=7, labels=((LABEL_POD, name), (LABEL_NAMESPACE, namespace)), name=name
    )


def view(container: Container | None, settings: DatastoreSettings | None = None) -> View:
    seen: Observation = replace(HEALTHY, docker=NO_DOCKER, elsewhere=container, datastore_settings=settings)
    return view_of(seen, IDENTITY, mode=Mode.OBSERVE, container_name="calico-node")


MANIFEST = view(of_pod("kube-system", "calico-node-x7k2p"), API)
OPERATOR = view(of_pod("calico-system", "calico-node-x7k2p", "cri-o"), API)
IN_DOCKER = view(of_pod("kube-system", "k8s_calico-node_x", "docker"), API)
CANAL = view(of_pod("kube-system", "rke2-canal-8d2xk"), API)
PODMAN = view(replace(CONTAINER, runtime="podman", name="0123456789ab"))
UNIT = view(replace(CONTAINER, runtime="systemd", name="calico-node.service"))
UNKNOWN = view(None, API)
BY_HAND = view(None)

RESTARTS = {
    "a DaemonSet": (MANIFEST, "kubectl -n kube-system delete pod calico-node-x7k2p"),
    "the operator's": (OPERATOR, "kubectl -n calico-system delete pod calico-node-x7k2p"),
    "podman": (PODMAN, "podman restart 0123456789ab"),
    "a unit": (UNIT, "systemctl restart calico-node.service"),
    "a pod of which nobody knows the name": (
        UNKNOWN,
        "kubectl delete pod -A -l k8s-app=calico-node --field-selector spec.nodeName=host1",
    ),
    "Docker": (BY_HAND, "docker restart calico-node"),
}


@pytest.mark.parametrize("case", RESTARTS)
def test_how_it_is_restarted_here(case: str) -> None:
    seen, command = RESTARTS[case]
    assert commands.restart_here(seen) == command


@pytest.mark.parametrize(
    ("seen", "logs", "before"),
    [
        (MANIFEST, "kubectl -n kube-system logs calico-node-x7k2p -c calico-node", "nsenter -t 7 -m"),
        (
            IN_DOCKER,
            "kubectl -n kube-system logs k8s_calico-node_x -c calico-node",
            "kubectl -n kube-system exec k8s_calico-node_x -c calico-node --",
        ),
        (PODMAN, "podman logs 0123456789ab", "podman exec 0123456789ab"),
        (UNIT, "journalctl -u calico-node.service", ""),
        (BY_HAND, "docker logs calico-node", "docker exec calico-node"),
        (
            UNKNOWN,
            "tail /var/log/pods/*_calico-node-*/calico-node/*.log",
            "kubectl -n kube-system exec POD -c calico-node --",
        ),
    ],
)
def test_where_its_words_are_and_how_one_gets_in(seen: View, logs: str, before: str) -> None:
    assert (commands.logs_here(seen), commands.inside(seen)) == (logs, before)
    assert commands.birdcl(seen, 4) == f"{before} birdcl -s /var/run/calico/bird.ctl".strip()


def test_other_hosts_are_taken_to_be_like_this_one() -> None:
    assert commands.restart_on(BY_HAND, "host2") == "on host2: docker restart calico-node"
    chosen = "-l k8s-app=calico-node --field-selector spec.nodeName=host2"
    assert commands.restart_on(OPERATOR, "host2") == f"kubectl delete pod -n calico-system {chosen}"
    assert "-l k8s-app=canal " in commands.restart_on(CANAL, "host2")


def test_a_setting_of_a_daemonset_is_that_of_all_nodes() -> None:
    told = cure_here(MANIFEST, "IP=10.77.0.11/24")
    assert told == (
        "kubectl -n kube-system set env daemonset/calico-node -c calico-node IP=autodetect "
        "IP_AUTODETECTION_METHOD=cidr=10.77.0.0/24 (for all nodes)"
    )
    assert 'V4":{"cidrs":["10.77.0.0/24"]}' in cure_here(OPERATOR, "IP=10.77.0.11/24")
    assert "kubernetes-internal-ip" in commands.started_anew_on(MANIFEST, "host2", "IP=10.77.0.12")
    assert "spec.nodeName" in cure_here(MANIFEST, "NODENAME=host1")
    assert cure_here(BY_HAND, "IP=10.77.0.11/24").startswith(
        "docker rm -f calico-node, then start it again with -e IP="
    )


def test_records_are_named_as_their_own_client_takes_them() -> None:
    v2 = view(None, DatastoreSettings(("http://10.77.0.1:2379",), api=EtcdApi.V2))
    claim = records.claim_on_block(MANIFEST, "host2", BLOCK)
    assert claim == "blockaffinities.crd.projectcalico.org host2-192-168-2-0-26"
    assert records.deleted(MANIFEST, claim) == f"kubectl delete {claim}"
    assert records.shown(MANIFEST, records.key_of_bad(MANIFEST, "nodes/host3")) == "kubectl get nodes host3 -o yaml"
    assert records.confirmed(MANIFEST, claim).startswith(f"kubectl patch {claim} --type=merge")
    key = records.claim_on_block(BY_HAND, "host2", BLOCK)
    assert records.deleted(BY_HAND, key) == "etcdctl del /calico/ipam/v2/host/host2/ipv4/block/192.168.2.0-26"
    assert records.shown(v2, "/calico/v1/x") == "ETCDCTL_API=2 etcdctl get /calico/v1/x"
    assert (records.delete_node(MANIFEST, "n"), records.delete_node(BY_HAND, "n")) == (
        "kubectl delete node n",
        "calicoctl delete node n",
    )
