# ruff: noqa: ARG002 - a Protocol has arguments that not all need
"""A third backend, in memory: polled, with claims on names. Its records are spelled as in etcd v3."""

import math
import threading
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from calico_agent.model.calico.node import Block
from calico_agent.model.calico.workload_endpoint import WorkloadEndpoint
from calico_agent.model.name_lease import ALIVE, CLAIMS, OWNERS, ClaimName, NameOwner
from calico_agent.model.network.address import IPNetwork
from calico_agent.model.settings import DatastoreSettings
from calico_agent.sources.datastore.backend import Changes
from calico_agent.sources.datastore.calico.assembly import assemble
from calico_agent.sources.datastore.calico.name_lease import encode_alive, encode_owner
from calico_agent.sources.datastore.etcd3.decode import PREFIXES, block_key, decode_key
from calico_agent.sources.datastore.position import Position, Stamp
from calico_agent.sources.datastore.server.endpoints import Endpoint
from calico_agent.sources.datastore.server.error import DatastoreError


@dataclass
class MemoryBackend:
    """All records, by key. Each has the revision of the store. A lease is a number, and ends when a test says so."""

    records: dict[str, bytes]
    revision: int = 1
    leases: set[int] = field(default_factory=set)
    source = "memory"
    prefixes = (*PREFIXES, CLAIMS)
    follows_blocks = True
    nodes_listed = math.inf
    decode = staticmethod(decode_key)
    assemble = staticmethod(assemble)
    block_key = staticmethod(block_key)

    def put(self, key: str, value: bytes) -> None:
        self.records = {**self.records, key: value}
        self.revision += 1

    def list_nodes(self, after: float) -> None:
        pass

    def endpoints(self, settings: DatastoreSettings) -> tuple[Endpoint, ...]:
        return (Endpoint("memory", 0, tls=False),)

    def probe(self, endpoint: Endpoint, settings: DatastoreSettings, timeout: float) -> None:
        pass

    def connect(self, endpoint: Endpoint, settings: DatastoreSettings, timeout: float) -> "MemoryConnection":
        return MemoryConnection(self, endpoint)

    claims = connect


@dataclass
class MemoryConnection:
    """Connection, watch and claims in one: it lists again every 10 ms and tells what differs."""

    store: MemoryBackend
    endpoint: Endpoint
    ended: threading.Event = field(default_factory=threading.Event)
    known: dict[str, bytes] = field(default_factory=dict)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def close(self) -> None:
        self.ended.set()

    cancel = close

    def renewed(self) -> bool:
        return False

    def readable(self) -> tuple[tuple[str, ...], str]:
        return self.store.prefixes, ""

    def ping(self, key: str) -> Stamp:
        return Stamp("memory", 0, self.store.revision)

    def ping_since(self, key: str, revision: int) -> Stamp:
        raise DatastoreError("a poll keeps no history", "future")

    def read_all(self, prefixes: tuple[str, ...]) -> tuple[Stamp, Iterator[tuple[str, bytes]]]:
        self.known = self.store.records
        return self.ping(""), iter(self.known.items())

    def position(self, prefixes: tuple[str, ...], stamp: Stamp) -> Position:
        return Position(stamp, dict.fromkeys(prefixes, stamp.revision))

    def watch(self, starts: Mapping[str, int]) -> Self:
        return self

    def changes(self) -> Iterator[Changes]:
        while not self.ended.wait(0.01):
            before, self.known = self.known, self.store.records
            for key in before.keys() | self.known.keys():
                if before.get(key) != self.known.get(key):
                    prefix = next(prefix for prefix in self.store.prefixes if key.startswith(prefix))
                    yield Changes(prefix, self.store.revision, self.store.revision, ((key, self.known.get(key)),))
        raise DatastoreError("it was closed", "closed")

    def endpoint_records(self, nodes: frozenset[str], deadline: float) -> Iterator[WorkloadEndpoint]:
        return iter(())

    def blocks(self, wanted: Collection[IPNetwork]) -> Iterator[Block]:
        found = ((key, self.store.records.get(key)) for key in map(block_key, wanted))
        decoded = (decode_key(key, value) for key, value in found if value is not None)
        return (block for block in decoded if isinstance(block, Block))

    def claim(self, wanted: ClaimName, seconds: int) -> int | None:
        if self.store.records.get(f"{OWNERS}{wanted.name}", b"").decode() != wanted.seen:
            return None
        self.store.put(f"{OWNERS}{wanted.name}", encode_owner(wanted).encode())
        self.store.put(f"{ALIVE}{wanted.name}", encode_alive(wanted).encode())
        self.store.leases.add(self.store.revision)
        return self.store.revision

    def renew(self, lease: int) -> bool:
        return lease in self.store.leases

    def release(self, owner: NameOwner) -> bool:
        if self.store.records.get(f"{OWNERS}{owner.name}", b"").decode() != owner.text:
            return False
        for key in (f"{OWNERS}{owner.name}", f"{ALIVE}{owner.name}"):
            self.store.records = {one: value for one, value in self.store.records.items() if one != key}
        return True
