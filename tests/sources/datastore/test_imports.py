"""A host pays for the datastore that it has: nothing of another one is imported."""

import subprocess
import sys

import pytest

ETCD, KUBERNETES = "calico_agent.sources.datastore.etcd3", "calico_agent.sources.datastore.kubernetes"
PROGRAM = """
import sys
from calico_agent.model.settings import DatastoreSettings, EtcdApi, KubernetesSettings
from calico_agent.runtime.reconciler import Reconciler
from calico_agent.sources.datastore import cache_writer, mirror, single_reads
from calico_agent.sources.datastore.backends import backend_of
backend_of({settings})
print("\\n".join(sys.modules))
"""


def imported(settings: str) -> list[str]:
    """The modules that an agent with these settings has."""
    command = [sys.executable, "-c", PROGRAM.format(settings=settings)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()


@pytest.mark.parametrize("settings", ["DatastoreSettings(())", "DatastoreSettings((), api=EtcdApi.V2)"])
def test_nothing_of_kubernetes_as_a_datastore_for_a_user_of_etcd(settings: str) -> None:
    found = imported(settings)
    assert "calico_agent.sources.datastore.mirror" in found
    assert not [name for name in found if name.startswith(KUBERNETES) or name == "yaml"]


def test_no_grpc_for_a_user_of_kubernetes() -> None:
    found = imported("DatastoreSettings((), kubernetes=KubernetesSettings(kubeconfig='/none'))")
    assert f"{KUBERNETES}.backend" in found
    assert not [name for name in found if name in {"grpc", "etcd3"} or name == f"{ETCD}.link"]
