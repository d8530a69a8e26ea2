"""Reading etcd: consistent lists page by page, and a watch. What they are sent over is an `EtcdConnection`."""

import time
from collections.abc import Collection, Iterator, Mapping
from itertools import chain

from calico_agent.model.calico.node import Block
from calico_agent.model.calico.workload_endpoint import WorkloadEndpoint
from calico_agent.model.name_lease import CLAIMS
from calico_agent.model.network.address import IPNetwork
from calico_agent.model.settings import DatastoreSettings
from calico_agent.sources.datastore.calico.workload_endpoint import (
    PREFIX,
    decode_endpoint,
    namespace_of,
    prefix_of_node,
)
from calico_agent.sources.datastore.etcd3.decode import PREFIXES, block_key, decode_key
from calico_agent.sources.datastore.etcd3.link import EtcdConnection, etcdrpc
from calico_agent.sources.datastore.etcd3.watch import WatchV3, end_of, text_of
from calico_agent.sources.datastore.position import SETTLED_V3, Position, Stamp
from calico_agent.sources.datastore.server.endpoints import Endpoint
from calico_agent.sources.datastore.server.error import DatastoreError

# A half-full block is 10 KB.
_FIRST_PAGE, _LARGEST_PAGE = 16, 500
_MOST_ENDPOINTS = 1000  # ten times the pods that a node has by default (kubelet's maxPods is 110)
_MOST_NAMESPACES = 2000


class ConnectionV3(EtcdConnection):
    """A connection to one member of etcd, to read. Every call has a deadline and raises DatastoreError."""

    def __init__(self, endpoint: Endpoint, settings: DatastoreSettings, timeout: float) -> None:
        super().__init__(endpoint, settings, timeout)
        self._kv = etcdrpc.KVStub(self.channel)

    def readable(self) -> tuple[tuple[str, ...], str]:
        """The prefixes to read; without the claims for a user who may read Calico's keys alone, and why."""
        try:
            self.ping(CLAIMS)
        except DatastoreError as error:
            if error.code != "denied":
                raise
            return PREFIXES, error.reason
        return (*PREFIXES, CLAIMS), ""

    def ping(self, key: str) -> Stamp:
        """Where etcd is, confirmed by a majority of the members. Reads no value."""
        return self.ping_since(key, 0)

    def ping_since(self, key: str, revision: int) -> Stamp:
        """The same, while all that happened after this revision is kept; else raises, with the code `compacted`.

        A watch would not tell: one from the compacted revision itself on lacks what was deleted in it, without a word.
        """
        request = etcdrpc.RangeRequest(key=key.encode(), count_only=True, revision=revision)
        header = self._range(request).header
        return Stamp(f"{header.cluster_id:x}", header.raft_term, header.revision)

    def read_all(self, prefixes: tuple[str, ...]) -> tuple[Stamp, Iterator[tuple[str, bytes]]]:
        """Where etcd is, and all keys below the prefixes as of then: page after page, as they are used up."""
        stamp = self.ping(prefixes[0])
        return stamp, chain.from_iterable(self._pages(prefix, stamp.revision) for prefix in prefixes)

    def position(self, prefixes: tuple[str, ...], stamp: Stamp) -> Position:
        """How far all was read, once it is read."""
        return Position(stamp, dict.fromkeys(prefixes, stamp.revision), SETTLED_V3)

    def _pages(self, prefix: str, revision: int) -> Iterator[tuple[str, bytes]]:
        """A small page first, and then as much as comes in a quarter of the deadline: the link may be slow."""
        start, end, limit = prefix.encode(), end_of(prefix), _FIRST_PAGE
        while True:
            began = time.monotonic()
            page = self._range(etcdrpc.RangeRequest(key=start, range_end=end, limit=limit, revision=revision))
            share = (self.timeout / 4) / max(time.monotonic() - began, 0.001)
            for pair in page.kvs:
                yield text_of(pair.key), pair.value
            if not page.more:
                return
            limit = max(1, min(int(limit * share), 4 * limit, _LARGEST_PAGE))
            start = page.kvs[-1].key + b"\0"

    def endpoint_records(self, nodes: frozenset[str], deadline: float) -> Iterator[WorkloadEndpoint]:
        """The pods' records of these nodes.

        They lie by namespace, and within one those of a node lie together: two small questions for each namespace find
        all of them, however many pods the cluster has.
        """
        for namespace in self._namespaces(deadline):
            for node in sorted(nodes):
                found = (decode_endpoint(*pair) for pair in self._endpoints(prefix_of_node(namespace, node)))
                yield from (one for one in found if one is not None and one.node == node)

    def _namespaces(self, deadline: float) -> Iterator[str]:
        """Each namespace that has endpoints: the first key, then the first one after all of its namespace."""
        start, end = PREFIX.encode(), end_of(PREFIX)
        for _ in range(_MOST_NAMESPACES):
            if time.monotonic() > deadline:
                raise DatastoreError("they lie in too many namespaces to be read in time", "timeout")
            first = self._some(start, end, 1, keys_only=True)
            if not first:
                return
            namespace = namespace_of(first[0][0])
            yield namespace
            start = end_of(f"{PREFIX}{namespace}/")
        raise DatastoreError(f"they lie in more than {_MOST_NAMESPACES} namespaces", "failed")

    def _endpoints(self, prefix: str) -> tuple[tuple[str, bytes], ...]:
        found = self._some(prefix.encode(), end_of(prefix), _MOST_ENDPOINTS)
        if len(found) == _MOST_ENDPOINTS:
            raise DatastoreError(f"there are {_MOST_ENDPOINTS} and more below {prefix}", "failed")
        return found

    def _some(self, start: bytes, end: bytes, limit: int, *, keys_only: bool = False) -> tuple[tuple[str, bytes], ...]:
        """The first keys from `start` on and before `end`, at most that many."""
        request = etcdrpc.RangeRequest(key=start, range_end=end, limit=limit, keys_only=keys_only)
        return tuple((text_of(pair.key), pair.value) for pair in self._range(request).kvs)

    def blocks(self, wanted: Collection[IPNetwork]) -> Iterator[Block]:
        """Each by a question of its own."""
        for key in map(block_key, wanted):
            for pair in self._range(etcdrpc.RangeRequest(key=key.encode())).kvs:
                if isinstance(block := decode_key(key, pair.value), Block):
                    yield block

    def watch(self, starts: Mapping[str, int]) -> WatchV3:
        """Everything that changes below the prefixes, each from its own revision on."""
        return WatchV3(self, etcdrpc.WatchStub(self.channel), self.metadata, starts)

    def _range(self, request: etcdrpc.RangeRequest) -> etcdrpc.RangeResponse:
        return self.call(self._kv.Range, request)
