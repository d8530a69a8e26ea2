"""The lab's Kubernetes API, where that is Calico's datastore: a real kube-apiserver on the wire, 10.77.0.1:6443.

With TLS and RBAC, and its etcd beside it. There are no kubelets: each host's Node and each pod's Pod is made here. The
agents have a kubeconfig with the ClusterRole and the Role that are shipped, and calico/node one with what it writes.
"""

import json
import os
import time
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import trustme

from tests.kube_apiserver import calico
from tests.kube_apiserver.api import ADMIN, KubeApi
from tests.kube_apiserver.server import command_line, write_files
from tests.lab.containerd import SERVICE_ACCOUNT
from tests.lab.datastore import HOST_CERTIFICATES, Datastore
from tests.lab.errors import LabError
from tests.lab.image.api import Login
from tests.lab.image.kubernetes import KubernetesStore
from tests.lab.image.objects import KINDS
from tests.lab.namespaces import Sandbox
from tests.lab.options import WIRE_ADDRESS, Options
from tests.lab.processes import Process, stop
from tests.netns import NetworkNamespace

AGENT_KUBECONFIG = "/etc/calico-agent/kubeconfig"
NODE_KUBECONFIG = f"{HOST_CERTIFICATES}/kubeconfig"
"""Where each host keeps them; calico/node has its one under the same path."""

_PORT = 6443
_NODE = "calico-node"
_START_SECONDS = 120.0
_TOKEN_SECONDS = 24 * 3600
_CALICO = "crd.projectcalico.org"
_LEASES = {"verb": "delete", "group": "coordination.k8s.io", "resource": "leases", "namespace": "calico-agent"}
_ALL = ["get", "list", "watch", "create", "update"]

_P = ParamSpec("_P")
_T = TypeVar("_T")


class _Api(KubeApi):
    def __init__(self, folder: Path) -> None:
        self.host, self.port = str(WIRE_ADDRESS.ip), _PORT
        self._folder = folder

    @property
    def ca(self) -> bytes:
        return (self._folder / "ca.crt").read_bytes()


@dataclass(frozen=True, slots=True)
class KubernetesDatastore(Datastore):
    """kube-apiserver, and how a host reaches it."""

    @property
    def endpoint(self) -> str:
        """Of the server."""
        return f"https://{WIRE_ADDRESS.ip}:{_PORT}"

    @property
    def environment(self) -> dict[str, str]:
        """What calico/node needs to reach it."""
        return {"DATASTORE_TYPE": "kubernetes", "KUBECONFIG": NODE_KUBECONFIG}

    @property
    def pod_environment(self) -> dict[str, str]:
        """In a pod, which has the files of a service account beside."""
        return {
            "DATASTORE_TYPE": "kubernetes",
            "KUBERNETES_SERVICE_HOST": str(WIRE_ADDRESS.ip),
            "KUBERNETES_SERVICE_PORT": str(_PORT),
        }

    @property
    def agent_settings(self) -> tuple[str, ...]:
        """The section [datastore] of the agent's configuration."""
        return (f'kubeconfig = "{AGENT_KUBECONFIG}"',)

    @property
    def node_settings(self) -> tuple[str, ...]:
        """calico/node has an account of its own."""
        return ('preset = "kubernetes"', f'kubeconfig = "{NODE_KUBECONFIG}"')

    @property
    def program(self) -> str:
        """What `stop` and `freeze` are about."""
        return "kube-apiserver"

    def prepare(self, hosts: tuple[Sandbox, ...]) -> None:  # noqa: ARG002 - they get their files when it runs
        """Make the certificates."""
        self._folder.mkdir()
        write_files(self._folder, trustme.CA(), str(WIRE_ADDRESS.ip))

    def start(self) -> None:
        """Start it, its etcd before it, and wait until it is ready.

        Raises:
            LabError: it does not come up.
        """
        if self._process() is not None:
            raise LabError("kube-apiserver is already running")
        etcd = Datastore(self.wire, tls=False)
        if etcd._process() is None:
            etcd.start()
        log = self.wire.directory / "kube-apiserver.log"
        command = command_line(self._folder, etcd.endpoint, str(WIRE_ADDRESS.ip), _PORT)
        self.wire.spawn(*command, f"--advertise-address={WIRE_ADDRESS.ip}", log=log)
        deadline, seen = time.monotonic() + _START_SECONDS, False
        while self._asked(self._api.status, "/readyz") != 200:
            running = self._process() is not None
            seen = seen or running
            if time.monotonic() > deadline or (seen and not running):
                raise LabError(f"kube-apiserver does not come up:\n{log.read_text()[-2000:]}")
            time.sleep(0.1)

    def stop(self) -> None:
        """Stop it; its data stay with its etcd."""
        stop(self._running(), seconds=20.0)

    def furnish(self, hosts: tuple[Sandbox, ...], options: Options) -> None:
        """Calico's kinds of resources, the accounts, each host's Node and kubeconfigs."""
        api = self._api
        self._asked(_install, api)
        agent, node = (self._asked(api.token, name, _TOKEN_SECONDS) for name in (calico.ACCOUNT, _NODE))
        for host in hosts:
            self._asked(_make_node, api, host, options)
            for path, token in ((AGENT_KUBECONFIG, agent), (NODE_KUBECONFIG, node)):
                api.kubeconfig(host.root / path.lstrip("/"), {"token": token})
            account = host.root / SERVICE_ACCOUNT.lstrip("/")
            account.mkdir(parents=True)
            (account / "token").write_text(node)
            (account / "ca.crt").write_bytes(api.ca)

    def object(self, path: str) -> Any:
        """One object of the API, by its path."""
        return self._asked(self._api.call, "GET", path)

    def get(self, key: str, *, prefix: bool = False) -> str:
        """What `etcdctl get` would print, were the keys in etcd: JSON text, keys and values in base64."""
        listed = self._asked(self._store.list, key).items
        pairs = [
            {"key": _base64(one), "value": _base64(json.dumps(value)), "mod_revision": 0}
            for one, value in listed.items()
            if prefix or one == key
        ]
        return json.dumps({"kvs": pairs, "count": len(pairs)})

    def put(self, key: str, value: str) -> None:
        """Write one key."""
        self._asked(self._store.put, key, json.loads(value))

    def delete(self, key: str, *, prefix: bool = False) -> None:
        """Delete one key, or one by one all that begin with it."""
        store = self._store
        for one in self._asked(store.list, key).items if prefix else (key,):
            self._asked(store.delete, one)

    @property
    def _folder(self) -> Path:
        return self.wire.directory / "kube-apiserver"

    def _process(self) -> Process | None:
        return next((one for one in self.wire.processes() if one.name.startswith("kube-apiserver")), None)

    @property
    def _api(self) -> "_Api":
        return _Api(self._folder)

    @property
    def _store(self) -> KubernetesStore:
        api = self._api
        return KubernetesStore(Login(f"{api.host}:{api.port}", api.ca.decode(), ADMIN))

    def _asked(self, ask: Callable[_P, _T], *arguments: _P.args, **named: _P.kwargs) -> _T:
        """Ask from the wire, where the server can be reached."""
        descriptor = os.open(f"/proc/{self.wire.init}/ns/net", os.O_RDONLY)
        try:
            return NetworkNamespace(descriptor).run(ask, *arguments, **named)
        finally:
            os.close(descriptor)


def _install(api: KubeApi) -> None:
    calico.install(api)
    calico.apply(api, "supervise.yaml")
    api.await_right(f"system:serviceaccount:kube-system:{calico.ACCOUNT}", _LEASES)
    for plural, kind in KINDS.items():
        if plural not in calico.KINDS:
            api.custom_resource(_CALICO, plural, kind)
    api.grant(
        api.account(_NODE),
        _NODE,
        {"apiGroups": [_CALICO], "resources": [*KINDS, *calico.KINDS], "verbs": [*_ALL, "delete"]},
        {"apiGroups": [""], "resources": ["nodes", "pods"], "verbs": _ALL},
        {"apiGroups": [""], "resources": ["nodes/status", "pods/status"], "verbs": ["update"]},
    )


def _make_node(api: KubeApi, host: Sandbox, options: Options) -> None:
    """As its kubelet would: it is ready, and takes pods."""
    address = options.address(host.name)
    ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "kubelet is posting ready status"}
    addresses = [{"type": "InternalIP", "address": str(address.ip)}, {"type": "Hostname", "address": host.name}]
    # Without a bootID: it would be that of all hosts here, which share a kernel, and so tell none from another.
    info = {"machineID": (host.root / "etc/machine-id").read_text().strip()}
    node = api.call("POST", "/api/v1/nodes", {"metadata": {"name": host.name}})
    node["status"] = {"conditions": [ready], "addresses": addresses, "nodeInfo": info}
    node = api.call("PUT", f"/api/v1/nodes/{host.name}/status", node)
    node["spec"].pop("taints", None)
    api.call("PUT", f"/api/v1/nodes/{host.name}", node)


def _base64(text: str) -> str:
    return b64encode(text.encode()).decode()
