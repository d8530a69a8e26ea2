"""On no healthy host of a cluster does a check of the cluster's part warn, whoever installed it."""

import pytest

from calico_agent.model.observation import Observation
from calico_agent.model.preflight import Verdict
from calico_agent.verify.host.cni import check_cni
from calico_agent.verify.host.kube_proxy import check_kube_proxy
from calico_agent.verify.host.kubelet import check_kubelet
from calico_agent.verify.host.kubernetes_api import check_kubernetes_api
from tests.verify.host.case import view
from tests.verify.host.clusters import HEALTHY_HOSTS

CHECKS = (check_kubelet, check_cni, check_kube_proxy, check_kubernetes_api)


@pytest.mark.parametrize("observation", HEALTHY_HOSTS.values(), ids=HEALTHY_HOSTS.keys())
def test_nothing_warns(observation: Observation) -> None:
    found = [check for function in CHECKS for check in function(view(observation))]
    assert [check for check in found if check.verdict in {Verdict.WARNING, Verdict.FAILURE}] == []
    assert {check.code for check in found if check.verdict is Verdict.OK} >= {"HOST-KUBELET", "HOST-CNI"}
