"""calico/node is found by its process, whatever started it: a copied perl that is called so, in a root of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from calico_agent.model.container.container import Container, ContainerState
from calico_agent.model.settings import DatastoreSettings, KubernetesSettings
from calico_agent.model.unreadable import Unreadable
from calico_agent.sources.kubernetes.node_process import (
    datastore_of_plugin,
    datastore_of_process,
    kubernetes_of_container,
)
from tests.netns import NetworkNamespace, network_namespace
from tests.sources.kubernetes.kubernetes_programs import running

pytestmark = pytest.mark.real

SERVICE = {"KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "443"}


@pytest.fixture
def host() -> Iterator[NetworkNamespace]:
    with network_namespace() as namespace:
        yield namespace


@pytest.mark.parametrize("flags", [("-felix",), ("-felix", "-v")])
def test_felix_tells_by_its_environment(tmp_path: Path, host: NetworkNamespace, flags: tuple[str, ...]) -> None:
    with running(tmp_path / "calico-node", host, *flags, environment=SERVICE) as pid:
        found = host.run(datastore_of_process)
    assert isinstance(found, DatastoreSettings)
    assert found.origin == f"process {pid} (calico-node)"
    assert found.kubernetes is not None
    assert (found.kubernetes.server, found.kubernetes.root) == ("https://10.96.0.1:443", f"/proc/{pid}/root")


def test_another_part_of_calico_node_does_not(tmp_path: Path, host: NetworkNamespace) -> None:
    with running(tmp_path / "calico-node", host, "-monitor-addresses", environment=SERVICE):
        assert host.run(datastore_of_process) is None


def test_a_program_that_a_user_calls_so_is_not_believed(tmp_path: Path, host: NetworkNamespace) -> None:
    for folder in (tmp_path, *tmp_path.parents[:3]):
        folder.chmod(0o755)
    with running(tmp_path / "calico-node", host, "-felix", user="65534"):
        assert host.run(datastore_of_process) is None


def test_a_program_that_others_may_write_is_not_believed(tmp_path: Path, host: NetworkNamespace) -> None:
    program = tmp_path / "calico-node"
    with running(program, host, "-felix", environment=SERVICE):
        program.chmod(0o777)
        assert host.run(datastore_of_process) is None


def test_one_in_another_network_namespace_is_another_nodes(tmp_path: Path, host: NetworkNamespace) -> None:
    with network_namespace() as other, running(tmp_path / "calico-node", other, "-felix", environment=SERVICE):
        assert host.run(datastore_of_process) is None


def test_the_address_that_calico_was_given_is_no_services_and_its_group_counts(
    tmp_path: Path, host: NetworkNamespace
) -> None:
    given = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_PORT_443_TCP_ADDR": "10.96.0.1"}
    environment = {**SERVICE, **given, "CALICO_API_GROUP": "projectcalico.org/v3"}
    with running(tmp_path / "calico-node", host, "-felix", environment=environment):
        found = host.run(datastore_of_process)
    assert isinstance(found, DatastoreSettings)
    assert found.kubernetes is not None
    assert (found.kubernetes.by_service, found.kubernetes.api_group) == (False, "projectcalico.org")


def test_a_container_that_does_not_run_has_no_credential() -> None:
    env = (("DATASTORE_TYPE", "kubernetes"), *SERVICE.items())
    gone = Container("c1", "calico-node", "calico/node:v3.31.7", ContainerState.EXITED, env=env)
    assert isinstance(kubernetes_of_container(gone), Unreadable)
    runs = Container("c1", "calico-node", "calico/node:v3.31.7", ContainerState.RUNNING, env=env, pid=7)
    found = kubernetes_of_container(runs)
    assert isinstance(found, DatastoreSettings)
    assert found.kubernetes is not None
    assert found.kubernetes.root == "/proc/7/root"


def test_the_cni_plugin_tells_last(tmp_path: Path) -> None:
    folder = tmp_path / "etc/cni/net.d"
    folder.mkdir(parents=True)
    assert datastore_of_plugin(tmp_path) is None
    plugin = '{"type": "calico", "datastore_type": "kubernetes", "kubernetes": {"kubeconfig": "/etc/k"}}'
    (folder / "10-calico.conflist").write_text(f'{{"name": "k8s", "plugins": [{plugin}]}}')
    found = datastore_of_plugin(tmp_path)
    assert found is not None
    assert (found.kubernetes, found.origin) == (
        KubernetesSettings(kubeconfig="/etc/k"),
        "/etc/cni/net.d/10-calico.conflist",
    )
    (folder / "10-calico.conflist").chmod(0o666)
    assert datastore_of_plugin(tmp_path) is None
