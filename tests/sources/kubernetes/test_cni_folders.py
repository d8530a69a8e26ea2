"""Where the runtimes of this host look for CNI, by their real processes and files."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from calico_agent.model.host.kubernetes import KUBELET
from calico_agent.sources.kubernetes.cni_folders import FoundFolders, cni_folders
from calico_agent.sources.kubernetes.components import find_part
from calico_agent.sources.kubernetes.decode.runtime_cni import CniFolders
from tests.netns import NetworkNamespace, network_namespace
from tests.sources.kubernetes.kubernetes_programs import running

pytestmark = pytest.mark.real

K3S_SOCKET = "/run/k3s/containerd/containerd.sock"
CNI = '[plugins."io.containerd.grpc.v1.cri".cni]\nconf_dir = "{0}/net.d"\nbin_dir = "{0}/bin"\n'


@pytest.fixture
def host() -> Iterator[NetworkNamespace]:
    with network_namespace() as namespace:
        yield namespace


def found(host: NetworkNamespace, root: Path, runtime: str) -> FoundFolders:
    return host.run(lambda: cni_folders(root, find_part(KUBELET), runtime))


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_without_a_kubelet_they_are_the_usual_ones(tmp_path: Path, host: NetworkNamespace) -> None:
    assert found(host, tmp_path, "") == FoundFolders()


def test_docker_goes_by_the_flags_of_the_kubelet(tmp_path: Path, host: NetworkNamespace) -> None:
    with running(tmp_path / "kubelet", host, "--cni-conf-dir=/etc/cni/x", "--cni-bin-dir=/a,/b"):
        assert found(host, tmp_path, "docker").folders == CniFolders("/etc/cni/x", ("/a", "/b"))


def test_cri_dockerd_has_flags_of_its_own(tmp_path: Path, host: NetworkNamespace) -> None:
    with running(tmp_path / "kubelet", host), running(tmp_path / "cri-dockerd", host, "--cni-conf-dir=/etc/cni/y"):
        assert found(host, tmp_path, "cri-dockerd").folders.configurations == "/etc/cni/y"


def test_crio_goes_by_its_files(tmp_path: Path, host: NetworkNamespace) -> None:
    write(tmp_path / "etc/crio/crio.conf", '[crio.network]\nnetwork_dir = "/etc/cni/a"\n')
    write(tmp_path / "etc/crio/crio.conf.d/10-net.conf", '[crio.network]\nnetwork_dir = "/etc/cni/b"\n')
    with running(tmp_path / "kubelet", host):
        assert found(host, tmp_path, "cri-o").folders.configurations == "/etc/cni/b"


def test_containerd_goes_by_its_file_and_what_that_imports(tmp_path: Path, host: NetworkNamespace) -> None:
    file = write(
        tmp_path / "etc/containerd/config.toml", 'version = 2\nimports = ["conf.d/*.toml"]\n' + CNI.format("/a")
    )
    with running(tmp_path / "kubelet", host):
        assert found(host, tmp_path, "containerd").folders == CniFolders("/a/net.d", ("/a/bin",))
        write(file.parent / "conf.d/10.toml", CNI.format("/b"))
        assert found(host, tmp_path, "containerd") == FoundFolders(
            CniFolders("/b/net.d", ("/b/bin",)), "by /etc/containerd/config.toml"
        )


def test_of_two_containerds_the_one_counts_that_the_kubelet_uses(tmp_path: Path, host: NetworkNamespace) -> None:
    """Docker has one, and k3s has one."""
    dockers, ours = write(tmp_path / "d.toml", CNI.format("/d")), write(tmp_path / "k.toml", CNI.format("/k"))
    programs = tmp_path / "programs"
    with (
        running(programs / "containerd", host, "--config", str(dockers)),
        running(programs / "containerd", host, "-c", str(ours), "-a", K3S_SOCKET),
        running(tmp_path / "kubelet", host, f"--container-runtime-endpoint=unix://{K3S_SOCKET}"),
    ):
        assert found(host, Path("/"), "containerd").folders.configurations == "/k/net.d"


def test_what_cannot_be_understood_is_told(tmp_path: Path, host: NetworkNamespace) -> None:
    file = write(tmp_path / "etc/containerd/config.toml", "[")
    with running(tmp_path / "kubelet", host):
        assert "cannot be understood: it is not TOML" in found(host, tmp_path, "containerd").trouble
        file.chmod(0o666)
        assert "everybody may write it" in found(host, tmp_path, "containerd").trouble
