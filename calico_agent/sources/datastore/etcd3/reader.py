"""Reading etcd: consistent lists page by page, and a watch. The connection itself is `etcd_client.link`."""

import queue
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from types import TracebackType
from typing import Self

from calico_agent.model.settings import DatastoreSettings
from calico_agent.sources.datastore.etcd_client.endpoints import EtcdEndpoint
from calico_agent.sources.datastore.etcd_client.error import EtcdError
from calico_agent.sources.datastore.etcd_client.link import EtcdConnection, etcdrpc
from calico_agent.sources.datastore.position import SETTLED_V3, Position, Stamp

# A half-full block is 10 KB.
_FIRST_PAGE, _LARGEST_PAGE = 16, 500


@dataclass(frozen=True, slots=True)
class Changes:
    """What one message of the watch says: keys with their new value, None where the key was deleted.

    `prefix` is the watched one that they are below, `at` the revision of the last of them, `revision` that of etcd.
    `folders` are those that were deleted with all keys below them; only the v2 API has such. They end in `/`.
    """

    prefix: str
    at: int
    revision: int
    items: tuple[tuple[str, bytes | None], ...]
    folders: tuple[str, ...] = ()


class Connection(EtcdConnection):
    """A connection to one member of etcd, to read. Every call has a deadline and raises EtcdError."""

    def __init__(self, endpoint: EtcdEndpoint, settings: DatastoreSettings, timeout: float) -> None:
        super().__init__(endpoint, settings, timeout)
        self._kv = etcdrpc.KVStub(self.channel)

    def ping(self, key: str) -> Stamp:
        """Where etcd is, confirmed by a majority of the members. Reads no value."""
        return self.ping_since(key, 0)

    def ping_since(self, key: str, revision: int) -> Stamp:
        """The same, while all that happened after this revision is kept; else an EtcdError of the code `compacted`.

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
        start, end, limit = prefix.encode(), _end_of(prefix), _FIRST_PAGE
        while True:
            began = time.monotonic()
            page = self._range(etcdrpc.RangeRequest(key=start, range_end=end, limit=limit, revision=revision))
            share = (self.timeout / 4) / max(time.monotonic() - began, 0.001)
            for pair in page.kvs:
                yield _key(pair.key), pair.value
            if not page.more:
                return
            limit = max(1, min(int(limit * share), 4 * limit, _LARGEST_PAGE))
            start = page.kvs[-1].key + b"\0"

    def some(self, start: str, end: str, limit: int, *, keys_only: bool = False) -> tuple[tuple[str, bytes], ...]:
        """The first keys from `start` on and before `end`, at most that many."""
        request = etcdrpc.RangeRequest(key=start.encode(), range_end=end.encode(), limit=limit, keys_only=keys_only)
        return tuple((_key(pair.key), pair.value) for pair in self._range(request).kvs)

    def watch(self, starts: Mapping[str, int]) -> "Watch":
        """Everything that changes below the prefixes, each from its own revision on."""
        return Watch(self, etcdrpc.WatchStub(self.channel), self.metadata, starts)

    def _range(self, request: etcdrpc.RangeRequest) -> etcdrpc.RangeResponse:
        return self.call(self._kv.Range, request)


class Watch:
    """An open watch: iterate `changes()` in one thread, `cancel()` from any. As a context it ends with the block."""

    def __init__(
        self,
        connection: Connection,
        stub: etcdrpc.WatchStub,
        metadata: tuple[tuple[str, str], ...],
        starts: Mapping[str, int],
    ) -> None:
        self._connection = connection
        self._prefixes = tuple(starts)
        self._requests: queue.SimpleQueue[etcdrpc.WatchRequest | None] = queue.SimpleQueue()
        for prefix, start in starts.items():
            create = etcdrpc.WatchCreateRequest(key=prefix.encode(), range_end=_end_of(prefix), start_revision=start)
            self._requests.put(etcdrpc.WatchRequest(create_request=create))
        with connection.translated():
            # `hasleader`: a member that lost its leader ends the watch instead of keeping silent.
            self._call = stub.Watch(iter(self._requests.get, None), metadata=(*metadata, ("hasleader", "true")))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cancel()

    def changes(self) -> Iterator[Changes]:
        """What changed, as etcd reports it, until the watch ends; it always ends with an EtcdError."""
        with self._connection.translated():
            for response in self._call:
                if response.compact_revision:
                    raise EtcdError(f"the revisions up to {response.compact_revision} were compacted", "compacted")
                if response.canceled:
                    raise EtcdError(
                        f"etcd ended the watch: {response.cancel_reason or 'no reason given'}"[:300], "canceled"
                    )
                if response.events:
                    yield self._changes(response)
        raise EtcdError("etcd ended the watch", "canceled")

    def _changes(self, response: etcdrpc.WatchResponse) -> Changes:
        """One message is about one prefix, and holds what happened up to its last event."""
        items = tuple(_change(event) for event in response.events)
        prefix = next(prefix for prefix in self._prefixes if items[0][0].startswith(prefix))
        return Changes(prefix, response.events[-1].kv.mod_revision, response.header.revision, items)

    def cancel(self) -> None:
        """End the watch and the thread that gRPC keeps for its requests."""
        self._requests.put(None)
        self._call.cancel()


def _change(event: etcdrpc.WatchResponse) -> tuple[str, bytes | None]:
    return _key(event.kv.key), None if event.type == event.DELETE else event.kv.value


def _key(raw: bytes) -> str:
    return raw.decode(errors="backslashreplace")


def _end_of(prefix: str) -> bytes:
    """The first key after all keys with this prefix. Prefixes end in ASCII, so the last byte can be counted up."""
    start = prefix.encode()
    return start[:-1] + bytes([start[-1] + 1])
