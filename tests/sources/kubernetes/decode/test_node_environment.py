"""Which datastore a running calico/node has, by its environment."""

from dataclasses import replace

import pytest

from calico_agent.model.settings import DatastoreSettings, EtcdApi, KubernetesSettings
from calico_agent.model.unreadable import Unreadable
from calico_agent.sources.decode_error import Malformed
from calico_agent.sources.kubernetes.decode.api_login import ACCOUNT_FOLDER
from calico_agent.sources.kubernetes.decode.node_environment import datastore_in, kubernetes_of_plugin

ROOT = "/proc/7/root"
SERVICE = {"KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "443"}
IN_POD = KubernetesSettings(
    server="https://10.96.0.1:443",
    ca_file=f"{ACCOUNT_FOLDER}/ca.crt",
    token_file=f"{ACCOUNT_FOLDER}/token",
    root=ROOT,
    by_service=True,
)
PLUGIN = {"type": "calico", "datastore_type": "kubernetes", "kubernetes": {"kubeconfig": "/etc/k"}}


def found(environment: dict[str, str]) -> DatastoreSettings | Unreadable:
    return datastore_in(lambda name: environment.get(name, ""), ROOT, "process 7")


@pytest.mark.parametrize(
    ("environment", "kubernetes"),
    [
        pytest.param(SERVICE, IN_POD, id="in a pod"),
        pytest.param(SERVICE | {"USE_POD_CIDR": "true"}, replace(IN_POD, pod_cidrs=True), id="with host-local IPAM"),
        pytest.param(
            {"DATASTORE_TYPE": "kubernetes", "KUBECONFIG": "/k.conf", "K8S_CURRENT_CONTEXT": "c"} | SERVICE,
            KubernetesSettings(kubeconfig="/k.conf", context="c", root=ROOT),
            id="a kubeconfig counts more",
        ),
        pytest.param(
            {"K8S_API_ENDPOINT": "https://api:6443", "K8S_CA_FILE": "/ca", "K8S_CERT_FILE": "/c", "K8S_KEY_FILE": "/k"},
            KubernetesSettings(server="https://api:6443", ca_file="/ca", cert_file="/c", key_file="/k", root=ROOT),
            id="by variables",
        ),
    ],
)
def test_the_api_of_kubernetes(environment: dict[str, str], kubernetes: KubernetesSettings) -> None:
    assert found(environment) == DatastoreSettings((), origin="process 7", kubernetes=kubernetes)


def test_etcd_with_files_as_the_process_sees_them() -> None:
    environment = {"ETCD_ENDPOINTS": "https://a:2379, https://b:2379", "ETCD_CA_CERT_FILE": "/certs/ca.pem"}
    assert found(environment | SERVICE) == DatastoreSettings(
        ("https://a:2379", "https://b:2379"), f"{ROOT}/certs/ca.pem", api=EtcdApi.V3, origin="process 7"
    )


@pytest.mark.parametrize("environment", [{}, {"DATASTORE_TYPE": "etcdv3"}, {"DATASTORE_TYPE": "other"}])
def test_an_environment_that_names_none(environment: dict[str, str]) -> None:
    assert isinstance(found(environment), Unreadable)


def test_calicos_cni_plugin_names_it_where_its_datastore_is_there() -> None:
    settings = kubernetes_of_plugin(PLUGIN, "file")
    assert settings is not None
    assert settings.kubernetes == KubernetesSettings(kubeconfig="/etc/k")
    host_local = kubernetes_of_plugin({**PLUGIN, "ipam": {"type": "host-local"}}, "file")
    assert host_local is not None
    assert host_local.kubernetes == KubernetesSettings(kubeconfig="/etc/k", pod_cidrs=True)


def test_a_kubeconfig_for_policy_alone_is_not_taken() -> None:
    assert kubernetes_of_plugin({**PLUGIN, "datastore_type": "etcdv3"}, "file") is None
    with pytest.raises(Malformed):
        kubernetes_of_plugin({**PLUGIN, "kubernetes": []}, "file")
