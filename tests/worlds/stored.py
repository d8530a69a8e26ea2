"""The model's datastore through the real decoders of its kind: records of etcd, or objects of the Kubernetes API."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from calico_agent.model.calico.bad_key import BadKey
from calico_agent.model.calico.node import Block, Datastore
from calico_agent.model.calico.workload_endpoint import WorkloadEndpoint
from calico_agent.model.network.address import IPNetwork
from calico_agent.model.settings import DatastoreSettings, EtcdApi, KubernetesSettings
from calico_agent.sources.datastore.calico import assembly
from calico_agent.sources.datastore.calico import workload_endpoint as endpoint
from calico_agent.sources.datastore.etcd2 import decode as etcd_v2
from calico_agent.sources.datastore.etcd2.answer import decode_answer
from calico_agent.sources.datastore.etcd3 import decode as etcd
from calico_agent.sources.datastore.kubernetes import decode as kubernetes
from calico_agent.sources.datastore.kubernetes.pods import decode_pod
from tests.worlds.model import datastore, datastore_kubernetes, datastore_v2
from tests.worlds.model.values import ETCD, MANY_NODES, World

AT = datetime(2026, 11, 27, 12, tzinfo=UTC)
SERVER = "10.255.0.1"
_KEPT = 1024  # values that are decoded once: some more than those of one case


@dataclass(frozen=True)
class Store:
    """What is in the datastore, decoded once for all hosts. `unread`: blocks that are asked for one by one."""

    datastore: Datastore
    pods: tuple[WorkloadEndpoint, ...]
    unread: tuple[Block, ...] = ()

    @classmethod
    def of(cls, world: World, claims: Iterable[tuple[str, bytes]] = ()) -> "Store":
        """Through the decoders of the store that this world has. `claims` are those of agents on names."""
        if world.store != ETCD:
            return _of_kubernetes(world)
        return _of_etcd_v2(world) if world.release.v2 else _of_etcd(world, claims)

    def blocks(self, wanted: Collection[IPNetwork]) -> tuple[Block, ...]:
        """The newest of some blocks."""
        return tuple(one for one in (self.unread or self.datastore.blocks) if one.cidr in wanted)


def settings_of(world: World) -> DatastoreSettings:
    """How its store is reached."""
    if world.store != ETCD:
        server = f"https://{SERVER}:6443"
        return DatastoreSettings((server,), kubernetes=KubernetesSettings(server=server, token="t"))
    return DatastoreSettings((f"http://{SERVER}:2379",), api=EtcdApi.V2 if world.release.v2 else EtcdApi.V3)


def _of_etcd(world: World, claims: Iterable[tuple[str, bytes]]) -> Store:
    items = [*datastore.keys(world), *claims]
    records = (_record(key, value) for key, value in items if key.startswith(endpoint.PREFIX))
    known = {key: one for key, value in items if (one := _key(key, value)) is not None}
    return Store(assembly.assemble(known, revision=9, read_at=AT), tuple(one for one in records if one is not None))


def _of_etcd_v2(world: World) -> Store:
    body = datastore_v2.tree(list(datastore_v2.keys(world)))
    pairs = list(decode_answer(200, "9", body).pairs())
    records = (_endpoint_v2(key, value) for key, value in pairs if "/workload/" in key)
    wanted = ((key, etcd_v2.decode_key(key, value)) for key, value in pairs if key.startswith(etcd_v2.PREFIXES))
    decoded = {key: one for key, one in wanted if one is not None}
    found = etcd_v2.assemble(decoded, revision=9, read_at=AT)
    return Store(found, tuple(one for one in records if one is not None))


def _of_kubernetes(world: World) -> Store:
    large = world.store == MANY_NODES
    known = {key: one for key, raw in datastore_kubernetes.keys(world) if (one := _object(key, raw)) is not None}
    found = kubernetes.assemble(known, revision=9, read_at=AT, follows_blocks=not large)
    pods = (decode_pod(raw) for raw in datastore_kubernetes.pods(world))
    asked = (_object(key, raw) for key, raw in datastore_kubernetes.blocks(world).items()) if large else ()
    unread = tuple(one for one in asked if isinstance(one, Block))
    return Store(found, tuple(one for one in pods if one is not None), unread)


@lru_cache(_KEPT)
def _object(key: str, raw: bytes) -> kubernetes.Decoded | BadKey | None:
    return kubernetes.decode_key(key, raw)


@lru_cache(_KEPT)
def _key(key: str, value: bytes) -> assembly.Decoded | BadKey | None:
    return etcd.decode_key(key, value)


@lru_cache(_KEPT)
def _record(key: str, value: bytes) -> WorkloadEndpoint | None:
    return endpoint.decode_endpoint(key, value)


def _endpoint_v2(key: str, value: bytes) -> WorkloadEndpoint | None:
    return endpoint.decode_endpoint_v2(key.removeprefix("/calico/v1/host/").partition("/")[0], key, value)
