"""Where container runtimes look for CNI, by their configurations and flags."""

import pytest

from calico_agent.sources.decode_error import Malformed
from calico_agent.sources.kubernetes.decode.runtime_cni import (
    CniFolders,
    containerd_folders,
    containerd_imports,
    containerd_options,
    crio_folders,
    flagged_folders,
    network_plugin,
)

USUAL = CniFolders()
K3S = CniFolders("/var/lib/rancher/k3s/agent/etc/cni/net.d", ("/var/lib/rancher/k3s/data/current/bin",))
CNI = 'bin_dir = "/var/lib/rancher/k3s/data/current/bin"\nconf_dir = "/var/lib/rancher/k3s/agent/etc/cni/net.d"\n'

CONTAINERD = {
    "nothing": ([""], USUAL),
    "Debian's, which only turns CRI on": (['version = 2\n[plugins]\n[plugins."io.containerd.grpc.v1.cri"]\n'], USUAL),
    "version 1": ([f"[plugins.cri.cni]\n{CNI}"], K3S),
    "version 2": ([f'version = 2\n[plugins."io.containerd.grpc.v1.cri".cni]\n{CNI}'], K3S),
    "version 3": ([f"version = 3\n[plugins.'io.containerd.cri.v1.runtime'.cni]\n{CNI}"], K3S),
    "version 3 with a list": (
        ["version = 3\n[plugins.'io.containerd.cri.v1.runtime'.cni]\nbin_dirs = ['/a', '/b']\n"],
        CniFolders(programs=("/a", "/b")),
    ),
    "a later file counts": (
        [f"[plugins.cri.cni]\n{CNI}", '[plugins.cri.cni]\nconf_dir = "/etc/cni/net.d/"\n'],
        CniFolders("/etc/cni/net.d", K3S.programs),
    ),
    "values of a wrong kind": (["[plugins.cri]\ncni = 3\n"], USUAL),
    "a folder that is relative": (['[plugins.cri.cni]\nconf_dir = "cni"\n'], USUAL),
}


@pytest.mark.parametrize(("contents", "expected"), CONTAINERD.values(), ids=CONTAINERD.keys())
def test_containerd(contents: list[str], expected: CniFolders) -> None:
    assert containerd_folders(contents) == expected


@pytest.mark.parametrize("content", ["[", "a = [1", "version = 2\nversion = 3\n"])
def test_what_is_not_toml_is_refused(content: str) -> None:
    with pytest.raises(Malformed):
        containerd_folders([content])


def test_containerd_imports_files() -> None:
    assert containerd_imports('imports = ["/etc/containerd/conf.d/*.toml", 3]\n') == ("/etc/containerd/conf.d/*.toml",)
    assert containerd_imports("imports = 3\n") == ()


def test_containerd_is_told_its_file_and_its_socket() -> None:
    k3s = ["containerd", "-c", "/k3s/config.toml", "-a", "/run/k3s/containerd/containerd.sock", "--root", "/x"]
    assert containerd_options(k3s) == ("/k3s/config.toml", "/run/k3s/containerd/containerd.sock")
    assert containerd_options(["containerd", "--config=/a.toml"]) == ("/a.toml", "")


def test_crio() -> None:
    assert crio_folders([]).programs == ("/opt/cni/bin", "/usr/libexec/cni", "/usr/lib/cni")
    told = ['[crio.network]\nnetwork_dir = "/etc/cni/crio"\n', '[crio.network]\nplugin_dirs = ["/usr/libexec/cni/"]\n']
    assert crio_folders(told) == CniFolders("/etc/cni/crio", ("/usr/libexec/cni/",))


def test_flags_of_the_kubelet() -> None:
    line = ["kubelet", "--network-plugin=cni", "--cni-conf-dir=/etc/cni/x", "--cni-bin-dir=/a,/b"]
    assert (network_plugin(line), flagged_folders(line)) == ("cni", CniFolders("/etc/cni/x", ("/a", "/b")))
    assert flagged_folders(["kubelet", "--network-plugin-dir=/etc/cni/net.d"]) == USUAL
    assert (network_plugin(["kubelet"]), flagged_folders(["kubelet"])) == ("", USUAL)
