"""On no healthy host of a cluster does a check of the cluster's part warn, whoever installed it."""

import pytest

from calico_agent.checks.preflight.cluster.cni import check_cni
from calico_agent.checks.preflight.cluster.kube_proxy import check_kube_proxy
from calico_agent.checks.preflight.cluster.kubelet import check_kubelet
from calico_agent.checks.preflight.cluster.kubernetes_api import check_kubernetes_api
from calico_agent.model.observation import Observation
from calico_agent.model.preflight import Verdict
from tests.checks.preflight.case import view
from tests.checks.preflight.clusters import HEALTHY_HOSTS

CHECKS = (check_kubelet, check_cni, check_kube_proxy, check_kubernetes_api)


@pytest.mark.parametrize("observation", HEALTHY_HOSTS.values(), ids=HEALTHY_HOSTS.keys())
def test_nothing_warns(observation: Observation) -> None:
    found = [check for function in CHECKS for check in function(view(observation))]
    assert [check for check in found if check.verdict in {Verdict.WARNING, Verdict.FAILURE}] == []
    assert {check.code for check in found if check.verdict is Verdict.OK} >= {"HOST-KUBELET", "HOST-CNI"}
