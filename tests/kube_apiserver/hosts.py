"""A host whose CNI plugin and calico/node are to use a real API, and what the preflight says of it."""

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from calico_agent.checks.preflight.cluster.kubernetes_api import check_kubernetes_api
from calico_agent.model.container.container import Container, ContainerState, Docker, Mount
from calico_agent.model.host.kubernetes import Kubernetes
from calico_agent.model.host.kubernetes_api import KubernetesApi
from calico_agent.model.preflight import Check, Verdict
from calico_agent.sources.kubernetes.reader import ClusterReader
from tests.checks.cluster import HEALTHY
from tests.checks.preflight.case import prepared, view
from tests.kube_apiserver.server import KubeApiServer
from tests.patience import until

KUBECONFIG = "/etc/cni/net.d/calico-kubeconfig"


@dataclass
class Host:
    """The host whose file system is at `root`."""

    root: Path
    reader: ClusterReader
    container: Container
    plugin: dict[str, object]

    @classmethod
    def new(cls, root: Path, image: str = "calico/node:v3.28.1") -> "Host":
        """One that joined a cluster, with Calico's CNI configuration as install-cni writes it."""
        joined = root / "etc/kubernetes/kubelet.conf"
        joined.parent.mkdir(parents=True)
        joined.touch()
        etcd = (("ETCD_ENDPOINTS", "https://127.0.0.1:2379"),)
        container = Container("c0ffee", "calico-node", image, ContainerState.RUNNING, env=etcd)
        plugin: dict[str, object] = {
            "type": "calico",
            "etcd_endpoints": "https://127.0.0.1:2379",
            "ipam": {"type": "calico-ipam"},
            "policy": {"type": "k8s"},
            "kubernetes": {"kubeconfig": KUBECONFIG},
        }
        return cls(root, ClusterReader(), container, plugin)

    def with_token(self, api: KubeApiServer, token: str, **cluster: str) -> "Host":
        """The CNI plugin has this token."""
        api.kubeconfig(self.root / KUBECONFIG.lstrip("/"), {"token": token}, **cluster)
        return self

    def given(self, mounts: dict[str, str], **environment: str) -> "Host":
        """calico/node has these variables and mounts: path in the container -> path on the host."""
        found = tuple(Mount(source, destination) for destination, source in mounts.items())
        env = {"ETCD_ENDPOINTS": "https://127.0.0.1:2379", **environment}
        self.container = replace(self.container, env=tuple(env.items()), mounts=found)
        return self

    def write(self, path: str, content: str | bytes) -> str:
        """A file of this host, by its path there."""
        file = self.root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def read(self) -> KubernetesApi:
        """What is read of the API now, or was the last time."""
        self.write("/etc/cni/net.d/10-calico.conflist", json.dumps({"name": "k8s", "plugins": [self.plugin]}))
        found = self.reader.read_api(self.root, Docker(containers=(self.container,)))
        assert isinstance(found, KubernetesApi)
        return found

    def becomes(self, line: str, verdict: Verdict) -> None:
        """Wait until a line of the preflight has this verdict: the API goes by a new role a moment later."""
        until(f"{line} is {verdict.value}", lambda: self.checks()[line].verdict is verdict, lambda: str(self.checks()))

    def checks(self, api: KubernetesApi | None = None, later: timedelta = timedelta()) -> dict[str, Check]:
        """The lines of the preflight about it, by code and subject."""
        self.reader = ClusterReader()
        read = api or self.read()
        seen = replace(HEALTHY, at=datetime.now(UTC) + later, docker=Docker(containers=(self.container,)))
        observation = prepared(seen, kubernetes=Kubernetes(joined="/etc/kubernetes/kubelet.conf"), kubernetes_api=read)
        return {f"{one.code} {one.subject}".rstrip(): one for one in check_kubernetes_api(view(observation))}
