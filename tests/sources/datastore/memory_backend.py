# ruff: noqa: ARG002 - a Protocol has arguments that not all need
"""A third backend, in memory: polled, without claims on names. Its records are spelled as in etcd v3."""

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from calico_agent.model.calico.workload_endpoint import WorkloadEndpoint
from calico_agent.model.settings import DatastoreSettings
from calico_agent.sources.datastore.backend import Changes
from calico_agent.sources.datastore.etcd3.decode import PREFIXES, assemble, block_key, decode_key
from calico_agent.sources.datastore.etcd_client.endpoints import EtcdEndpoint
from calico_agent.sources.datastore.etcd_client.error import EtcdError
from calico_agent.sources.datastore.etcd_client.tls_files import UsedFiles
from calico_agent.sources.datastore.position import Position, Stamp


@dataclass
class MemoryBackend:
    """All records, by key. Each has the revision of the store."""

    records: dict[str, bytes]
    revision: int = 1
    prefixes = PREFIXES
    decode = staticmethod(decode_key)
    assemble = staticmethod(assemble)
    block_key = staticmethod(block_key)

    def put(self, key: str, value: bytes) -> None:
        self.records = {**self.records, key: value}
        self.revision += 1

    def connect(self, endpoint: EtcdEndpoint, settings: DatastoreSettings, timeout: float) -> "MemoryConnection":
        return MemoryConnection(self, endpoint, UsedFiles(settings, tls=False))


@dataclass
class MemoryConnection:
    """Connection and watch in one: it lists again every 10 ms and tells what differs."""

    store: MemoryBackend
    endpoint: EtcdEndpoint
    files: UsedFiles
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

    def readable(self) -> tuple[tuple[str, ...], str]:
        return PREFIXES, ""

    def ping(self, key: str) -> Stamp:
        return Stamp("memory", 0, self.store.revision)

    def ping_since(self, key: str, revision: int) -> Stamp:
        raise EtcdError("a poll keeps no history", "future")

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
                    prefix = next(prefix for prefix in PREFIXES if key.startswith(prefix))
                    yield Changes(prefix, self.store.revision, self.store.revision, ((key, self.known.get(key)),))
        raise EtcdError("it was closed", "closed")

    def endpoint_records(self, nodes: frozenset[str], deadline: float) -> Iterator[WorkloadEndpoint]:
        return iter(())
