"""Which datastore a calico/node container was given, as recorded and as people write it."""

from dataclasses import replace
from pathlib import Path

import pytest

from calico_agent.model.container.container import Container, ContainerState, Mount
from calico_agent.model.observation import Unreadable
from calico_agent.model.settings import DatastoreSettings, EtcdApi
from calico_agent.sources.docker.decode.container import decode_container
from calico_agent.sources.docker.decode.node_datastore import datastore_settings
from tests.captures import hosts, inspected

PLAIN = Container("0123", "calico-node", "calico/node:v3.31.7", ContainerState.RUNNING)
ENV = {
    "ETCD_ENDPOINTS": "https://10.0.0.1:2379, https://10.0.0.2:2379",
    "ETCD_CA_CERT_FILE": "/calico-secrets/etcd-ca",
    "ETCD_CERT_FILE": "/calico-secrets/etcd-cert",
    "ETCD_KEY_FILE": "/calico-secrets/private/key.pem",
}
MOUNTS = (
    Mount("/", "/host"),
    Mount("/var/lib/kubelet/etcd-certs", "/calico-secrets"),
    Mount("/etc/private", "/calico-secrets/private"),
)


@pytest.mark.parametrize("host", hosts(), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_recorded_container_tells_its_datastore(host: Path) -> None:
    settings = datastore_settings(decode_container(inspected(host)))
    assert settings == DatastoreSettings(("http://10.77.0.1:2379",), origin="container calico-node")


def given_env(**env: str) -> Container:
    return replace(PLAIN, env=tuple((ENV | env).items()), mounts=MOUNTS)


def test_certificates_are_found_on_the_host_through_the_longest_mount() -> None:
    assert datastore_settings(given_env(ETCD_USERNAME="calico", ETCD_PASSWORD="secret")) == DatastoreSettings(
        endpoints=("https://10.0.0.1:2379", "https://10.0.0.2:2379"),
        ca_file="/var/lib/kubelet/etcd-certs/etcd-ca",
        cert_file="/var/lib/kubelet/etcd-certs/etcd-cert",
        key_file="/etc/private/key.pem",
        username="calico",
        password="secret",
        origin="container calico-node",
    )


def test_the_prefixed_variable_wins_over_the_bare_one() -> None:
    found = datastore_settings(given_env(CALICO_ETCD_ENDPOINTS="http://10.0.0.9:2379"))
    assert isinstance(found, DatastoreSettings)
    assert found.endpoints == ("http://10.0.0.9:2379",)


@pytest.mark.parametrize(
    ("image", "env", "api", "endpoint"),
    [
        pytest.param("calico/node:v3.31.7", {}, EtcdApi.V3, "https://10.0.0.1:2379", id="3.x"),
        pytest.param(
            "calico/node:v3.31.7", {"DATASTORE_TYPE": "etcdv2"}, EtcdApi.V2, "https://10.0.0.1:2379", id="told"
        ),
        pytest.param("quay.io/calico/node:v1.3.0", {}, EtcdApi.V2, "https://10.0.0.1:2379", id="2.3"),
        pytest.param("mirror:5000/calico-node:1.3.0", {}, EtcdApi.V2, "https://10.0.0.1:2379", id="2.3, without v"),
        pytest.param("calico/node:release-v2.6", {}, EtcdApi.V2, "https://10.0.0.1:2379", id="2.6, as it was built"),
        pytest.param("calico/node:v2.6.12-amd64", {}, EtcdApi.V2, "https://10.0.0.1:2379", id="2.6"),
        pytest.param(
            "calico/node:v2.6.12", {"DATASTORE_TYPE": "etcdv3"}, EtcdApi.V3, "https://10.0.0.1:2379", id="2.6, told"
        ),
        pytest.param(
            "calico/node:v1.0.0",
            {"ETCD_ENDPOINTS": "", "ETCD_AUTHORITY": "10.0.0.9:4001", "ETCD_SCHEME": "https"},
            EtcdApi.V2,
            "https://10.0.0.9:4001",
            id="2.x with the endpoint in two parts",
        ),
    ],
)
def test_the_api_follows_from_the_type_or_the_generation(
    image: str, env: dict[str, str], api: EtcdApi, endpoint: str
) -> None:
    found = datastore_settings(replace(given_env(**env), image=image))
    assert isinstance(found, DatastoreSettings)
    assert (found.api, found.endpoints[0]) == (api, endpoint)


def test_one_file_can_be_a_mount_of_its_own() -> None:
    container = replace(
        given_env(ETCD_CA_CERT_FILE="/ca.crt", ETCD_CERT_FILE="", ETCD_KEY_FILE=""),
        mounts=(Mount("/etc/calico/ca.crt", "/ca.crt"),),
    )
    found = datastore_settings(container)
    assert isinstance(found, DatastoreSettings)
    assert (found.ca_file, found.cert_file) == ("/etc/calico/ca.crt", "")


@pytest.mark.parametrize(
    ("env", "code", "says"),
    [
        pytest.param({"DATASTORE_TYPE": "kubernetes"}, "kubernetes", "Kubernetes API", id="Kubernetes"),
        pytest.param({"ETCD_ENDPOINTS": ""}, "kubernetes", "Kubernetes API", id="Kubernetes is the default"),
        pytest.param({"CALICO_DATASTORE_TYPE": "kubernetes"}, "kubernetes", "Kubernetes API", id="prefixed"),
        pytest.param({"DATASTORE_TYPE": "etcdv4"}, "type", "DATASTORE_TYPE=etcdv4", id="an etcd of another kind"),
        pytest.param(
            {"DATASTORE_TYPE": "etcdv3", "ETCD_ENDPOINTS": " , "}, "no-endpoints", "ETCD_ENDPOINTS", id="no endpoint"
        ),
        pytest.param(
            {"ETCD_CERT": "-----BEGIN", "ETCD_KEY": "-----BEGIN"},
            "inline-certificates",
            "ETCD_CERT, ETCD_KEY",
            id="certificates in the environment",
        ),
        pytest.param(
            {"ETCD_KEY_FILE": "/image/key.pem"}, "certificate-not-mounted", "/image/key.pem", id="a file of the image"
        ),
        pytest.param(
            {"ETCD_KEY_FILE": "/calico-secrets/../etc/shadow"},
            "certificate-not-mounted",
            "..",
            id="a way out of a mount",
        ),
    ],
)
def test_settings_that_cannot_be_used_say_why(env: dict[str, str], code: str, says: str) -> None:
    found = datastore_settings(given_env(**env))
    assert isinstance(found, Unreadable)
    assert (found.source, found.code) == ("etcd", code)
    assert says in found.reason


def test_no_secret_is_in_a_reason() -> None:
    found = datastore_settings(given_env(ETCD_KEY="-----BEGIN SECRET", ETCD_PASSWORD="secret"))
    assert isinstance(found, Unreadable)
    assert "SECRET" not in found.reason
