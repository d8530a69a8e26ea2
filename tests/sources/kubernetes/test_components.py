"""The kubelet and kube-proxy of a host, by real processes, files and answers."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from calico_agent.model.host.kubernetes import KubeletSetup, Kubernetes, ProxySetup
from calico_agent.sources.kubernetes.setup import KubernetesReader
from tests.netns import NetworkNamespace, network_namespace
from tests.sources.kubernetes.kubernetes_programs import VERSION, running

pytestmark = pytest.mark.real


@pytest.fixture
def host() -> Iterator[NetworkNamespace]:
    with network_namespace() as namespace:
        yield namespace


def read(host: NetworkNamespace, root: Path = Path("/nowhere")) -> Kubernetes:
    found = host.run(lambda: KubernetesReader().read(root))
    assert isinstance(found, Kubernetes)
    return found


def kubelet_of(host: NetworkNamespace) -> KubeletSetup:
    kubelet = read(host).kubelet
    assert kubelet is not None
    return kubelet


def proxy_of(host: NetworkNamespace) -> ProxySetup:
    proxy = read(host).proxy
    assert proxy is not None
    return proxy


def test_on_a_bare_host_there_is_none_of_it(host: NetworkNamespace) -> None:
    found = read(host)
    assert (found, found.here) == (Kubernetes(), False)


def test_a_host_that_joined_a_cluster_is_known_without_its_kubelet(tmp_path: Path, host: NetworkNamespace) -> None:
    (tmp_path / "etc/kubernetes").mkdir(parents=True)
    (tmp_path / "etc/kubernetes/kubelet.conf").touch()
    found = read(host, tmp_path)
    assert (found.joined, found.here) == ("/etc/kubernetes/kubelet.conf", True)


def test_a_kubelet_is_asked_for_its_version(tmp_path: Path, host: NetworkNamespace) -> None:
    with running(tmp_path / "kubelet", host, "--network-plugin=cni", "--container-runtime=remote") as pid:
        found = kubelet_of(host)
    assert (found.pid, found.program, found.network_plugin, found.runtime) == (pid, "kubelet", "cni", "")
    assert found.version.startswith(VERSION)
    assert found.release is not None


def test_a_kubelet_that_others_may_write_is_not_believed(tmp_path: Path, host: NetworkNamespace) -> None:
    with running(tmp_path / "kubelet", host):
        (tmp_path / "kubelet").chmod(0o777)
        assert read(host).kubelet is None


def test_the_kubelet_of_a_user_is_none(host: NetworkNamespace) -> None:
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        with running(Path(folder) / "kubelet", host, user="65534"):
            assert read(host).kubelet is None


def test_the_runtime_may_be_named_in_the_configuration_file(tmp_path: Path, host: NetworkNamespace) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("kind: KubeletConfiguration\ncontainerRuntimeEndpoint: unix:///var/run/crio/crio.sock\n")
    with running(tmp_path / "kubelet", host, f"--config={config}"):
        assert kubelet_of(host).runtime == "cri-o"


def test_all_of_k3s_is_one_program_that_does_not_show_its_flags(tmp_path: Path, host: NetworkNamespace) -> None:
    with running(tmp_path / "k3s", host, "--kube-proxy-arg=proxy-mode=ipvs", name="k3s-server"):
        found = read(host)
    assert found.kubelet is not None
    assert (found.kubelet.program, found.kubelet.network_plugin) == ("k3s-server", None)
    assert (found.kubelet.runtime, found.kubelet.version[: len(VERSION)]) == ("containerd", VERSION)
    assert found.proxy is not None
    assert (found.proxy.mode, found.proxy.masquerades_all) == ("", None)
    assert "k3s does not show" in found.proxy.trouble


def test_microk8s_has_its_flags_in_files_and_its_version_in_its_snap(tmp_path: Path, host: NetworkNamespace) -> None:
    snap, data = tmp_path / "snap/microk8s/6089", tmp_path / "var/snap/microk8s/6089"
    (snap / "meta").mkdir(parents=True)
    (snap / "meta/snap.yaml").write_text("name: microk8s\nversion: v1.28.3\n")
    (data / "args").mkdir(parents=True)
    (data / "args/kubelet").write_text("--container-runtime-endpoint=${SNAP_COMMON}/run/containerd.sock\n")
    (data / "args/kube-proxy").write_text("--proxy-mode=ipvs\n--masquerade-all\n")
    files = (f"--kubelet-args-file={data}/args/kubelet", f"--proxy-args-file={data}/args/kube-proxy")
    with running(snap / "kubelite", host, *files):
        found = read(host)
    assert found.kubelet is not None
    assert (found.kubelet.release, found.kubelet.runtime) == ((1, 28), "containerd")
    assert found.proxy is not None
    assert (found.proxy.mode, found.proxy.masquerades_all) == ("ipvs", True)


def test_kube_proxy_by_its_flags(tmp_path: Path, host: NetworkNamespace) -> None:
    with running(tmp_path / "kube-proxy", host, "--proxy-mode=ipvs", "--masquerade-all"):
        found = proxy_of(host)
    assert (found.mode, found.mode_source, found.answers) == ("ipvs", "as it was told", False)
    assert (found.masquerades_all, found.masquerade_source) == (True, "--masquerade-all")


def test_kube_proxy_by_its_configuration_file(tmp_path: Path, host: NetworkNamespace) -> None:
    config = tmp_path / "config.conf"
    config.write_text("kind: KubeProxyConfiguration\nmode: iptables\niptables:\n  masqueradeAll: true\n")
    with running(tmp_path / "kube-proxy", host, f"--config={config}", "--proxy-mode=ipvs"):
        found = proxy_of(host)
        config.unlink()
        gone = proxy_of(host)
        config.write_text("mode: [")
        broken = proxy_of(host)
        config.chmod(0o666)
        unbelieved = proxy_of(host)
    assert (found.mode, found.masquerades_all, found.masquerade_source) == ("iptables", True, str(config))
    assert {(one.mode, one.masquerades_all) for one in (gone, broken, unbelieved)} == {("", None)}
    assert ["not there" in gone.trouble, "understood" in broken.trouble, "everybody" in unbelieved.trouble] == [
        True
    ] * 3


def test_what_kube_proxy_answers_goes_before_what_it_was_told(tmp_path: Path, host: NetworkNamespace) -> None:
    with running(tmp_path / "kube-proxy", host, "--proxy-mode=ipvs", port=10249, answer="iptables"):
        found = proxy_of(host)
    assert (found.mode, found.mode_source, found.answers) == ("iptables", "as it says itself", True)


def test_the_port_of_another_program_is_not_asked(tmp_path: Path, host: NetworkNamespace) -> None:
    with (
        running(tmp_path / "kube-proxy", host, "--proxy-mode=ipvs"),
        running(tmp_path / "somebody", host, port=10249, answer="iptables"),
    ):
        assert proxy_of(host).mode == "ipvs"


def test_nor_is_it_where_kube_proxy_listens_elsewhere(tmp_path: Path, host: NetworkNamespace) -> None:
    with (
        running(tmp_path / "kube-proxy", host, "--proxy-mode=ipvs", port=10256, answer="nftables"),
        running(tmp_path / "somebody", host, port=10249, answer="iptables"),
    ):
        assert proxy_of(host).mode == "ipvs"


@pytest.mark.parametrize("answer", ["<html>", ""])
def test_an_answer_that_is_no_mode_counts_for_nothing(tmp_path: Path, host: NetworkNamespace, answer: str) -> None:
    with running(tmp_path / "kube-proxy", host, "--proxy-mode=ipvs", port=10249, answer=answer):
        assert proxy_of(host).mode == "ipvs"


def test_what_runs_in_another_network_namespace_is_another_hosts(tmp_path: Path, host: NetworkNamespace) -> None:
    with network_namespace() as node, running(tmp_path / "kubelet", node):
        assert read(host).kubelet is None
        assert read(node).kubelet is not None
