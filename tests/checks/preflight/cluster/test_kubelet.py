"""Whether the kubelet runs, calls CNI plugins, and is of a release that Calico can work with."""

from dataclasses import replace

import pytest

from calico_agent.checks.preflight.cluster.kubelet import check_kubelet
from calico_agent.model.host.kubernetes import Kubernetes
from calico_agent.model.observation import Unreadable
from calico_agent.model.preflight import Verdict
from tests.checks.cluster import HEALTHY, stored
from tests.checks.preflight.case import CheckCase, check, prepared
from tests.checks.preflight.clusters import API, KUBERNETES, host, kubelet

RUNS, PLUGIN, RELEASE = "HOST-KUBELET", "HOST-NETWORK-PLUGIN", "HOST-KUBERNETES"
OK, FAILURE, UNKNOWN, IDLE = Verdict.OK, Verdict.FAILURE, Verdict.UNKNOWN, Verdict.NOT_APPLICABLE
WELL = {RUNS: OK, PLUGIN: OK, RELEASE: OK}


def of(**kinds: object) -> Kubernetes:
    return replace(KUBERNETES, kubelet=kubelet(**kinds))  # type: ignore[arg-type]


CASES = {
    "a host of no cluster": CheckCase(host(Kubernetes()), {RUNS: IDLE}, says=("in no Kubernetes cluster",)),
    "nothing was read yet": CheckCase(prepared(), {RUNS: UNKNOWN}),
    "the processes cannot be read": CheckCase(
        prepared(kubernetes=Unreadable("the processes", "they cannot be read: Permission denied")),
        {RUNS: UNKNOWN},
        says=("Permission denied",),
    ),
    "it ended on a host of a cluster": CheckCase(
        host(replace(KUBERNETES, kubelet=None)),
        {RUNS: FAILURE, RELEASE: OK},
        says=("/etc/kubernetes/kubelet.conf says", "systemctl restart kubelet", "v1.30.2"),
    ),
    "it ended, and the API was not reached either": CheckCase(
        host(replace(KUBERNETES, kubelet=None), replace(API, accesses=())), {RUNS: FAILURE, RELEASE: UNKNOWN}
    ),
    "with Docker, and told to call CNI plugins": CheckCase(
        host(of(version="v1.23.1", runtime="docker", network_plugin="cni")), WELL, says=("(--network-plugin=cni)",)
    ),
    "with Docker, and not told": CheckCase(
        host(of(version="v1.5.8", runtime="docker"), image="calico/node:v1.3.0"),
        WELL | {PLUGIN: FAILURE},
        says=("without --network-plugin", "add --network-plugin=cni", "addresses of docker0"),
    ),
    "with Docker, and told to use kubenet": CheckCase(
        host(of(version="v1.23.1", runtime="docker", network_plugin="kubenet")),
        WELL | {PLUGIN: FAILURE},
        says=("with --network-plugin=kubenet",),
    ),
    "of unknown version, and not told": CheckCase(
        host(of(version="", runtime="", release_trouble="others than root may write it")),
        {RUNS: OK, PLUGIN: UNKNOWN, RELEASE: OK},
        says=("others than root may write it", "Kubernetes is v1.30.2"),
    ),
    "of unknown version, and told": CheckCase(
        host(of(version="", runtime="", network_plugin="cni"), replace(API, accesses=())), WELL | {RELEASE: UNKNOWN}
    ),
    "with containerd the flag means nothing": CheckCase(
        host(of(version="v1.23.1", runtime="containerd")), WELL | {PLUGIN: IDLE}
    ),
    "v1.24 has no such flag": CheckCase(host(of(version="v1.24.0", runtime="")), WELL | {PLUGIN: IDLE}),
    "a command line that cannot be seen": CheckCase(
        host(of(version="v1.23.1", runtime="docker", network_plugin=None)), WELL | {PLUGIN: UNKNOWN}
    ),
    "cri-dockerd calls them by default": CheckCase(host(of(runtime="cri-dockerd")), WELL),
    "cri-dockerd told otherwise": CheckCase(
        host(of(runtime="cri-dockerd", runtime_plugin="kubenet")),
        WELL | {PLUGIN: FAILURE},
        says=("cri-dockerd runs with --network-plugin=kubenet", "systemctl restart cri-docker"),
    ),
    "older than NetworkPolicy": CheckCase(
        host(of(version="v1.2.7", runtime="docker", network_plugin="cni"), image="calico/node:v1.3.0"),
        WELL | {RELEASE: FAILURE},
        says=("Kubernetes is v1.2.7, and Calico v2.3 needs v1.3",),
    ),
    "as old as Calico 2.3 takes it": CheckCase(
        host(of(version="v1.3.10", runtime="docker", network_plugin="cni"), image="calico/node:v1.3.0"), WELL
    ),
    "older than Calico 3.28 takes it": CheckCase(
        host(of(version="v1.20.15", runtime="docker", network_plugin="cni")),
        WELL | {RELEASE: FAILURE},
        says=("Calico v3.28 needs v1.21",),
    ),
    "older than Calico 3.20 takes it, by the datastore's word": CheckCase(
        replace(
            host(of(version="v1.15.12", runtime="docker", network_plugin="cni"), image="registry.local/node:prod"),
            datastore=stored(HEALTHY, calico_version="v3.20.6").datastore,
        ),
        WELL | {RELEASE: FAILURE},
        says=("Calico v3.20 needs v1.16",),
    ),
    "of a Calico of which nothing is known": CheckCase(
        host(of(version="v1.15.12", runtime="docker", network_plugin="cni"), image="registry.local/node:prod"), WELL
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_host(case: CheckCase) -> None:
    check(case, check_kubelet)
