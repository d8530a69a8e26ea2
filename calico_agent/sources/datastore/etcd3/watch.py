"""What changes in etcd: one watch on all prefixes."""

import queue
from collections.abc import Iterator, Mapping

from calico_agent.sources.datastore.backend import Changes
from calico_agent.sources.datastore.etcd3.link import EtcdConnection, etcdrpc
from calico_agent.sources.datastore.in_use import CancelledAfterUse
from calico_agent.sources.datastore.server.error import DatastoreError


class WatchV3(CancelledAfterUse):
    """An open watch: iterate `changes()` in one thread, `cancel()` from any. As a context it ends with the block."""

    def __init__(
        self,
        connection: EtcdConnection,
        stub: etcdrpc.WatchStub,
        metadata: tuple[tuple[str, str], ...],
        starts: Mapping[str, int],
    ) -> None:
        self._connection = connection
        self._prefixes = tuple(starts)
        self._requests: queue.SimpleQueue[etcdrpc.WatchRequest | None] = queue.SimpleQueue()
        for prefix, start in starts.items():
            create = etcdrpc.WatchCreateRequest(key=prefix.encode(), range_end=end_of(prefix), start_revision=start)
            self._requests.put(etcdrpc.WatchRequest(create_request=create))
        with connection.translated():
            # `hasleader`: a member that lost its leader ends the watch instead of keeping silent.
            self._call = stub.Watch(iter(self._requests.get, None), metadata=(*metadata, ("hasleader", "true")))

    def changes(self) -> Iterator[Changes]:
        """What changed, as etcd reports it, until the watch ends; it always ends with an DatastoreError."""
        with self._connection.translated():
            for response in self._call:
                if response.compact_revision:
                    raise DatastoreError(f"the revisions up to {response.compact_revision} were compacted", "compacted")
                if response.canceled:
                    raise DatastoreError(
                        f"etcd ended the watch: {response.cancel_reason or 'no reason given'}"[:300], "canceled"
                    )
                if response.events:
                    yield self._changes(response)
        raise DatastoreError("etcd ended the watch", "canceled")

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
    return text_of(event.kv.key), None if event.type == event.DELETE else event.kv.value


def text_of(raw: bytes) -> str:
    """Return a key as text, whatever bytes it has."""
    return raw.decode(errors="backslashreplace")


def end_of(prefix: str) -> bytes:
    """The first key after all keys with this prefix. Prefixes end in ASCII, so the last byte can be counted up."""
    start = prefix.encode()
    return start[:-1] + bytes([start[-1] + 1])
