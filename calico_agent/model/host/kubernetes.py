"""What runs of Kubernetes on this host, and what it was told, as far as Calico depends on it."""

from dataclasses import dataclass, field
from datetime import datetime

from calico_agent.model.calico.release import Release
from calico_agent.model.host.cni import CniSetup

KUBELET, KUBE_PROXY = "kubelet", "kube-proxy"


@dataclass(frozen=True, slots=True)
class KubeletSetup:
    """The kubelet that runs here, in a program of its own or in one that has all of Kubernetes in it (k3s, MicroK8s).

    `release` is None where the program does not say it, and then `release_trouble` says why. `version` is its text.
    `network_plugin` is what --network-plugin says, empty where nothing says it, None where its flags cannot be seen.
    `runtime` is what runs the containers: `docker` (in the kubelet itself), `cri-dockerd`, `containerd`, `cri-o`, or
    empty where that is not known; `runtime_plugin` is --network-plugin of cri-dockerd, which has it for itself.
    """

    pid: int
    program: str
    version: str = ""
    release: Release | None = None
    release_trouble: str = ""
    network_plugin: str | None = ""
    runtime: str = ""
    runtime_plugin: str = ""
    started_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ProxySetup:
    """The kube-proxy that runs here. `mode` is empty where nothing says it, and `mode_source` says where it is from.

    `answers`: the mode is what kube-proxy itself says, and not only what it was told. `masquerades_all` is None where
    its flags or its configuration cannot be seen. `trouble` says what cannot be read of them.
    """

    pid: int
    program: str
    mode: str = ""
    mode_source: str = ""
    answers: bool = False
    masquerades_all: bool | None = False
    masquerade_source: str = ""
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Kubernetes:
    """All of it. `joined` is a file that only a host of a cluster has, empty where there is none."""

    kubelet: KubeletSetup | None = None
    proxy: ProxySetup | None = None
    joined: str = ""
    cni: CniSetup = field(default_factory=CniSetup)

    @property
    def here(self) -> bool:
        """Whether this host is, or is to be, one of a cluster."""
        return self.kubelet is not None or bool(self.joined)
