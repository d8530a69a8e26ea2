"""The kubelet is found by looking at real processes: a copied shell that is called kubelet and sleeps."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from calico_agent.model.host.machine import Kubelet
from calico_agent.sources.kubernetes.kubelet import KubeletReader
from tests.netns import NetworkNamespace, network_namespace

pytestmark = pytest.mark.real


@contextmanager
def kubelet(
    directory: Path, host: NetworkNamespace, *flags: str, name: str = "kubelet", through: tuple[str, ...] = ()
) -> Iterator[int]:
    """A process of this name with these flags, in the namespace; it waits for its standard input to end.

    `through` is a program that becomes it.
    """
    binary = directory / name
    if not binary.exists():
        shutil.copy("/bin/sh", binary)
    # `nsenter` becomes the program, so the process is the one that was started.
    command = host.command(*through, str(binary), "-c", "echo; read ended; exit 0", *flags)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()  # it is the program now
            yield process.pid
        finally:
            process.kill()


@pytest.fixture
def host() -> Iterator[NetworkNamespace]:
    with network_namespace() as namespace:
        yield namespace


def test_a_running_kubelet_is_found_with_its_flags(tmp_path: Path, host: NetworkNamespace) -> None:
    with kubelet(tmp_path, host, "--node-ip=10.0.0.13,2001:db8::13", "--hostname-override", "host3") as pid:
        found = host.run(KubeletReader().read)
    assert found == Kubelet(pid, (ip_address("10.0.0.13"), ip_address("2001:db8::13")), "host3")


def test_a_kubelet_in_another_network_namespace_is_another_nodes(tmp_path: Path, host: NetworkNamespace) -> None:
    """As kind and k3d run theirs: in containers on the same machine."""
    with network_namespace() as node, kubelet(tmp_path, node, "--node-ip=172.18.0.2"):
        assert host.run(KubeletReader().read) is None
        assert node.run(KubeletReader().read) is not None


def test_a_kubelet_that_ended_is_none(tmp_path: Path, host: NetworkNamespace) -> None:
    with kubelet(tmp_path, host):
        assert host.run(KubeletReader().read) is not None
    assert host.run(KubeletReader().read) is None


def test_a_process_of_another_name_is_none(tmp_path: Path, host: NetworkNamespace) -> None:
    with kubelet(tmp_path, host, "--node-ip=10.0.0.13", name="kubelet-wrapper"):
        assert host.run(KubeletReader().read) is None


def test_a_found_one_is_followed_and_its_successor_found_at_once(tmp_path: Path, host: NetworkNamespace) -> None:
    reader = KubeletReader()
    with kubelet(tmp_path, host, "--hostname-override=host3") as first:
        assert [host.run(reader.read) for _ in range(2)] == [Kubelet(first, (), "host3")] * 2
    with kubelet(tmp_path, host, "--hostname-override=host4") as second:
        assert host.run(reader.read) == Kubelet(second, (), "host4")


def test_where_there_is_none_all_processes_are_not_searched_at_every_pass(
    tmp_path: Path, host: NetworkNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = KubeletReader()
    assert host.run(reader.read) is None
    with kubelet(tmp_path, host) as pid:
        assert host.run(reader.read) is None
        monkeypatch.setattr("calico_agent.sources.kubernetes.kubelet._LEISURE_SECONDS", 0.0)
        assert host.run(reader.read) == Kubelet(pid)


AS_NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")


@pytest.fixture
def anywhere() -> Iterator[Path]:
    """A directory that every user may enter."""
    with TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


USERS = {
    "another user": AS_NOBODY,
    "another user with root's rights, as a program with the set-user-id bit has them": ("setpriv", "--ruid=65534"),
    "another user who is root in a namespace of his own": (*AS_NOBODY, "unshare", "--user", "--map-root-user"),
}


@pytest.mark.parametrize("through", USERS.values(), ids=USERS.keys())
def test_a_process_of_another_user_is_no_kubelet(
    anywhere: Path, host: NetworkNamespace, through: tuple[str, ...]
) -> None:
    """Anybody can call a process kubelet, and what a kubelet says has a part in name and address."""
    with kubelet(anywhere, host, "--hostname-override=evil", "--node-ip=10.66.0.6", through=through):
        assert host.run(KubeletReader().read) is None


def test_another_program_that_is_started_by_a_link_of_that_name_is_none(anywhere: Path, host: NetworkNamespace) -> None:
    """A user can link to sudo, which is root while it asks for a password, with all arguments of his choice."""
    shutil.copy("/bin/sh", anywhere / "other")
    (anywhere / "kubelet").symlink_to("other")
    with kubelet(anywhere, host, "--hostname-override=evil"):
        assert host.run(KubeletReader().read) is None


def test_a_program_file_that_others_may_write_is_none(anywhere: Path, host: NetworkNamespace) -> None:
    with kubelet(anywhere, host, "--hostname-override=evil"):
        (anywhere / "kubelet").chmod(0o777)
        assert host.run(KubeletReader().read) is None


def test_a_kubelet_whose_file_was_replaced_by_an_upgrade_goes_on(anywhere: Path, host: NetworkNamespace) -> None:
    with kubelet(anywhere, host, "--hostname-override=host3") as pid:
        (anywhere / "kubelet").unlink()
        assert host.run(KubeletReader().read) == Kubelet(pid, (), "host3")
