"""The programs of Kubernetes by their command lines: which is the kubelet, which kube-proxy, and what they are told.

hyperkube is all of Kubernetes in one program, whose first argument chooses; kubelite (MicroK8s) is all of it at once,
and takes the flags of each part from a file (src/k8s/... of canonical/microk8s); so is k3s, which hides its command
line, because that may hold a secret (pkg/cli/server/server.go@k3s v1.30).
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from calico_agent.model.calico.release import Release
from calico_agent.model.host.kubernetes import KUBE_PROXY, KUBELET
from calico_agent.sources.decode_error import Malformed
from calico_agent.sources.json_object import text
from calico_agent.sources.kubernetes.decode.flags import flag_values
from calico_agent.sources.kubernetes.decode.yaml_object import parse_yaml

PROGRAMS: Mapping[str, tuple[str, ...]] = {
    "kubelet": ("kubelet",),
    "kube-proxy": ("kube-proxy",),
    "hyperkube": ("hyperkube",),
    "k3s-server": ("k3s",),
    "k3s-agent": ("k3s",),
    "kubelite": ("kubelite",),
}
"""The names of their processes -> the names that their program files have."""

RUNTIMES: Mapping[str, tuple[str, ...]] = {
    "containerd": ("containerd", "k3s"),
    "crio": ("crio",),
    "cri-dockerd": ("cri-dockerd",),
}
"""The same of container runtimes; k3s has containerd in it."""

K3S_SOCKET = "/run/k3s/containerd/containerd.sock"

_HYPERKUBE = {"kubelet": KUBELET, "proxy": KUBE_PROXY, "kube-proxy": KUBE_PROXY}
_ARGUMENT_FILES = {KUBELET: "kubelet-args-file", KUBE_PROXY: "proxy-args-file"}
_VERSION = re.compile(r"\bv\d{1,3}\.\d{1,3}[^\s\"']{0,60}")
_SNAP_VERSION = re.compile(r"^version: *['\"]?(v?\d{1,3}\.\d{1,3}[^\s\"']{0,60})", re.MULTILINE)


def parts_of(name: str, arguments: Sequence[str]) -> frozenset[str]:
    """Which of KUBELET and KUBE_PROXY a process of this name with these arguments is."""
    if name in {"k3s-server", "k3s-agent", "kubelite"}:
        return frozenset({KUBELET, KUBE_PROXY})
    if name == "hyperkube":
        chosen = _HYPERKUBE.get(arguments[1] if len(arguments) > 1 else "")
        return frozenset({chosen} if chosen else ())
    return frozenset({name} & {KUBELET, KUBE_PROXY})


def arguments_file(part: str, arguments: Sequence[str]) -> str:
    """The file in which kubelite finds the flags of one part; empty for other programs."""
    name = _ARGUMENT_FILES[part]
    return flag_values(arguments, {name}).get(name, "")


def decode_arguments_file(content: str, file: str) -> tuple[str, ...]:
    """A flag a line, with the folders of the snap as variables."""
    data = PurePosixPath(file).parent.parent
    replaced = content.replace("${SNAP_DATA}", str(data)).replace("${SNAP_COMMON}", str(data.parent / "common"))
    lines = (line.strip() for line in replaced.splitlines())
    return tuple(line for line in lines if line and not line.startswith("#"))


def version_in(said: str) -> str:
    """The first version in a text (`Kubernetes v1.30.2`); empty for none."""
    found = _VERSION.search(said)
    return found[0] if found else ""


def snap_version(content: str) -> str:
    """The version in a snap's meta/snap.yaml, with its v."""
    found = _SNAP_VERSION.search(content)
    return f"v{found[1].removeprefix('v')}" if found else ""


def runtime_endpoint(arguments: Sequence[str], configuration: str) -> str:
    """The socket of the container runtime: a flag, since v1.27 also a field of KubeletConfiguration; empty for none."""
    said = flag_values(arguments, {"container-runtime-endpoint"}).get("container-runtime-endpoint", "")
    if not said and configuration:
        try:
            said = text(parse_yaml(configuration), "containerRuntimeEndpoint") or ""
        except Malformed:
            said = ""
    return said.removeprefix("unix://")


def runtime_of(arguments: Sequence[str], endpoint: str, release: Release | None) -> str:
    """What runs the containers, `docker` for the kubelet's own way to Docker, which v1.24 took out.

    From then on containerd is the default (pkg/kubelet/apis/config/v1beta1/defaults.go@kubernetes v1.37.2).
    """
    kinds = {"cri-dockerd": "cri-dockerd", "containerd": "containerd", "crio": "cri-o"}
    found = next((kind for word, kind in kinds.items() if word in endpoint), "")
    remote = flag_values(arguments, {"container-runtime"}).get("container-runtime", "docker") == "remote"
    if found or endpoint or remote or release is None:
        return found
    return "docker" if release < (1, 24) else "containerd"
