"""Reading etcd: consistent lists page by page, and a watch. The connection itself is `etcd_client.link`."""

import queue
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from types import TracebackType
from typing import Self

from calico_agent.etcd_client.endpoints import Endpoint
from calico_agent.etcd_client.error import EtcdError
from calico_agent.etcd_client.link import Link, etcdrpc
from calico_agent.model.settings import DatastoreSettings

_PAGE = 500


@dataclass(frozen=True, slots=True)
class Changes:
    """What one message of the watch says: keys with their new value, None where the key was deleted.

    `folders` are those that were deleted with all keys below them; only the v2 API has such. They end in `/`.
    """

    revision: int
    items: tuple[tuple[str, bytes | None], ...]
    folders: tuple[str, ...] = ()


class Connection(Link):
    """A connection to one member of etcd, to read. Every call has a deadline and raises EtcdError."""

    def __init__(self, endpoint: Endpoint, settings: DatastoreSettings, timeout: float) -> None:
        super().__init__(endpoint, settings, timeout)
        self._kv = etcdrpc.KVStub(self.channel)

    def ping(self, key: str) -> int:
        """The current revision, confirmed by a majority of the members. Reads no value."""
        revision: int = self._range(etcdrpc.RangeRequest(key=key.encode(), count_only=True)).header.revision
        return revision

    def read_all(self, prefixes: tuple[str, ...]) -> tuple[int, Iterator[tuple[str, bytes]]]:
        """A revision, and all keys below the prefixes as of it: a page is fetched when the one before is used up."""
        revision = self.ping(prefixes[0])
        return revision, chain.from_iterable(self._pages(prefix, revision) for prefix in prefixes)

    def _pages(self, prefix: str, revision: int) -> Iterator[tuple[str, bytes]]:
        start, end = prefix.encode(), _end_of(prefix)
        while True:
            page = self._range(etcdrpc.RangeRequest(key=start, range_end=end, limit=_PAGE, revision=revision))
            for pair in page.kvs:
                yield _key(pair.key), pair.value
            if not page.more:
                return
            start = page.kvs[-1].key + b"\0"

    def some(self, start: str, end: str, limit: int, *, keys_only: bool = False) -> tuple[tuple[str, bytes], ...]:
        """The first keys from `start` on and before `end`, at most that many."""
        request = etcdrpc.RangeRequest(key=start.encode(), range_end=end.encode(), limit=limit, keys_only=keys_only)
        return tuple((_key(pair.key), pair.value) for pair in self._range(request).kvs)

    def watch(self, prefixes: tuple[str, ...], start_revision: int) -> "Watch":
        """Everything that changes below the prefixes from `start_revision` on."""
        return Watch(self, etcdrpc.WatchStub(self.channel), self.metadata, prefixes, start_revision)

    def _range(self, request: etcdrpc.RangeRequest) -> etcdrpc.RangeResponse:
        with self.translated():
            return self._kv.Range(request, timeout=self.timeout, metadata=self.metadata)


class Watch:
    """An open watch: iterate `changes()` in one thread, `cancel()` from any. As a context it ends with the block."""

    def __init__(
        self,
        connection: Connection,
        stub: etcdrpc.WatchStub,
        metadata: tuple[tuple[str, str], ...],
        prefixes: tuple[str, ...],
        start: int,
    ) -> None:
        self._connection = connection
        self._requests: queue.SimpleQueue[etcdrpc.WatchRequest | None] = queue.SimpleQueue()
        for prefix in prefixes:
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
                    yield Changes(response.header.revision, tuple(_change(event) for event in response.events))
        raise EtcdError("etcd ended the watch", "canceled")

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
