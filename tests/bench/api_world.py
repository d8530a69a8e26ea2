"""The made-up cluster in a real Kubernetes API, beside the etcd of a big host, and a counter on the way there.

Most of it is written straight into the etcd below the API server, in the form that the server would keep: through the
server it takes a quarter of an hour.
"""

import json
import socket
import threading
import urllib.request
import uuid
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from tests.bench.cluster import BLOCK_SIZE, ME, NETWORK, POOL, BigCluster, block_value
from tests.bench.world import World
from tests.etcd_server import EtcdServer, free_port
from tests.kube_apiserver import calico
from tests.kube_apiserver.server import KubeApiServer
from tests.lab.image.keys import NODES, affinity_key, block_key, resource_key
from tests.lab.image.objects import object_of

_CRD = "/registry/crd.projectcalico.org"
_AT_ONCE = 100
_SINCE = "2026-11-26T21:25:37Z"
_AGENT = "calico-agent/"
# As many images as a kubelet reports make most of what a Node is.
_IMAGES = [{"names": [f"registry.example/team/service-{i}@sha256:{i:064}"], "sizeBytes": 10**8} for i in range(30)]
_POLICY = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": [{"level": "Metadata"}]}


@dataclass
class ApiWorld:
    """The API server in the namespace of a big host; the agent reaches it by a counter of bytes."""

    world: World
    server: KubeApiServer
    kubeconfig: Path
    counter: "Counter"
    audit: Path

    def requests(self) -> int:
        """How many questions the agent has asked so far: a watch is one."""
        asked = (json.loads(line) for line in self.audit.read_text().splitlines())
        return len({one["auditID"] for one in asked if one.get("userAgent", "").startswith(_AGENT)})

    def change_block(self, number: int) -> None:
        """Write a block as IPAM does when a pod comes or goes."""
        key, value = _block(self.world.cluster, number)
        path = f"/apis/crd.projectcalico.org/v1/ipamblocks/{key.rpartition('/')[2]}"
        self.world.host.run(self._touch, path, value)

    def beat(self, node: str) -> None:
        """Write a Node as its kubelet does every five minutes."""
        self.world.host.run(self._touch, f"/api/v1/nodes/{node}", None)

    def _touch(self, path: str, spec: Any) -> None:
        found = self.server.call("GET", path)
        found["metadata"].setdefault("annotations", {})["bench"] = uuid.uuid4().hex
        if spec is not None:
            found["spec"] = spec["spec"]
        self.server.call("PUT", path, found)


@contextmanager
def api_of(world: World) -> Iterator[ApiWorld]:
    """One that has all of the cluster, and is ready."""
    folder = world.folder / "api"
    folder.mkdir()
    audit = folder / "audit.log"
    (folder / "policy.json").write_text(json.dumps(_POLICY))
    options = (
        f"--audit-log-path={audit}",
        f"--audit-policy-file={folder / 'policy.json'}",
        f"--advertise-address={NETWORK.network_address + 1}",
    )
    etcd = EtcdServer(folder / "etcd")
    server = KubeApiServer(folder, etcd, options=options)
    try:
        world.host.run(etcd.start)
        world.host.run(_fill, world.cluster, etcd)
        world.host.run(server.start)
        world.host.run(calico.install, server)
        token = world.host.run(server.token, calico.ACCOUNT, 24 * 3600)
        counter = Counter(server.port)
        kubeconfig = server.kubeconfig(
            folder / "kubeconfig", {"token": token}, server=f"https://127.0.0.1:{counter.port}"
        )
        world.host.run(counter.start)
        yield ApiWorld(world, server, kubeconfig, counter, audit)
        counter.stop()
    finally:
        server.stop()
        etcd.kill()


def _fill(cluster: BigCluster, etcd: EtcdServer) -> None:
    """Write the objects, many in one transaction."""
    objects = _objects(cluster)
    while chunk := list(islice(objects, _AT_ONCE)):
        puts = [{"requestPut": {"key": _base64(key), "value": _base64(json.dumps(value))}} for key, value in chunk]
        request = urllib.request.Request(f"{etcd.url}/v3/kv/txn", json.dumps({"success": puts}).encode())
        urllib.request.urlopen(request, timeout=60).close()


def _objects(cluster: BigCluster) -> Iterator[tuple[str, dict[str, Any]]]:
    addresses = {ME: NETWORK.network_address + 1}
    addresses |= {name: cluster.address(number) for number, name in enumerate(cluster.names)}
    for name, address in addresses.items():
        bare = {"metadata": {"name": name, "labels": _labels(name)}, "status": {"images": _IMAGES}}
        spec = {
            "bgp": {"ipv4Address": f"{address}/{NETWORK.prefixlen}"},
            "interfaces": [{"name": "eth0", "addresses": [str(address)]}],
        }
        node = object_of(NODES + name, {"spec": spec}, bare)
        yield f"/registry/minions/{name}", _whole({"apiVersion": "v1", "kind": "Node", **node})
    for number in range(cluster.blocks):
        key, block = _block(cluster, number)
        yield key, _whole(block)
        cidr, owner = cluster.block(number), cluster.names[cluster.owner(number)]
        affinity = object_of(affinity_key(owner, cidr), {"state": "confirmed"}, None)
        yield f"{_CRD}/blockaffinities/{affinity['metadata']['name']}", _whole(affinity)
    pool = {"spec": {"cidr": str(POOL), "blockSize": BLOCK_SIZE}}
    yield f"{_CRD}/ippools/default", _whole(object_of(resource_key("ippools", "default"), pool, None))


def _block(cluster: BigCluster, number: int) -> tuple[str, dict[str, Any]]:
    cidr = cluster.block(number)
    found = object_of(block_key(cidr), block_value(cidr, cluster.names[cluster.owner(number)]), None)
    return f"{_CRD}/ipamblocks/{found['metadata']['name']}", found


def _labels(name: str) -> dict[str, str]:
    return {"kubernetes.io/arch": "amd64", "kubernetes.io/hostname": name, "kubernetes.io/os": "linux"}


def _whole(found: dict[str, Any]) -> dict[str, Any]:
    """With what the server gives to an object, and who wrote which of its fields."""
    fields: dict[str, Any] = {f"f:{part}": {} for part in ("cidr", "deleted", "node", "state", "type")}
    managed = [{"manager": "Go-http-client", "operation": "Update", "time": _SINCE, "fieldsV1": {"f:spec": fields}}]
    managed[0] |= {"apiVersion": found["apiVersion"], "fieldsType": "FieldsV1"}
    given = {"uid": str(uuid.uuid4()), "creationTimestamp": _SINCE, "generation": 1, "managedFields": managed}
    return {**found, "metadata": {**found["metadata"], **given}}


def _base64(text: str) -> str:
    return b64encode(text.encode()).decode()


class Counter:
    """Passes connections on to a port, and counts what comes back."""

    def __init__(self, target: int) -> None:
        self.port = free_port()
        self.received = 0
        self._target = target
        self._listener = socket.socket()

    def start(self) -> None:
        """In the network namespace of this thread."""
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self) -> None:
        """Take no more."""
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client = self._listener.accept()[0]
                server = socket.create_connection(("127.0.0.1", self._target))
                threading.Thread(target=self._pass, args=(client, server, False), daemon=True).start()
                threading.Thread(target=self._pass, args=(server, client, True), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, counted: bool) -> None:
        with suppress(OSError):
            while chunk := source.recv(1 << 18):
                self.received += len(chunk) if counted else 0
                target.sendall(chunk)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
