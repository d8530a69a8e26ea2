"""What changes in etcd by its v2 API: one long poll for each prefix, each in a thread of its own.

etcd keeps the last 1,000 events of all keys together. A poll that asks for an older one is refused, and all is listed
again. So a poll waits without an end (a dead peer is noticed by the mirror's heartbeat, and by TCP's own probes): one
that is made anew after a while of silence would mostly come too late. Streaming is no way out: etcd answers a stream
that begins in the past with one event and then with nothing (etcdserver/api/v2store/watcher_hub.go of etcd@v3.4.23).
"""

import queue
import threading
from collections.abc import Iterator, Mapping
from functools import partial

from urllib3.connection import HTTPConnection

from calico_agent.sources.datastore.backend import Changes
from calico_agent.sources.datastore.etcd2.link import FAILURES, LARGEST_EVENT, Etcd2Connection, read_answer, shutdown
from calico_agent.sources.datastore.in_use import CancelledAfterUse
from calico_agent.sources.datastore.server.error import DatastoreError
from calico_agent.sources.decode_error import Malformed
from calico_agent.worker import Errand


class WatchV2(CancelledAfterUse):
    """Open polls, a thread for each prefix: iterate `changes()` in one thread, `cancel()` from any."""

    def __init__(self, connection: Etcd2Connection, starts: Mapping[str, int]) -> None:
        self._connection = connection
        self._found: queue.SimpleQueue[Changes | DatastoreError] = queue.SimpleQueue()
        self._cancelled = threading.Event()
        self._polls = [connection.open() for _ in starts]
        for poll, (prefix, index) in zip(self._polls, starts.items(), strict=True):
            name = f"etcd poll {prefix}"
            Errand(name, partial(self._poll, poll, prefix, index)).start()

    def changes(self) -> Iterator[Changes]:
        """What changed, as etcd reports it, until the watch ends; it always ends with an DatastoreError."""
        while True:
            found = self._found.get()
            if isinstance(found, DatastoreError):
                raise found
            yield found

    def cancel(self) -> None:
        """End the polls and their threads."""
        self._cancelled.set()
        for poll in self._polls:
            shutdown(poll)
        self._found.put(DatastoreError("the watch was closed", "closed"))

    def _poll(self, poll: HTTPConnection, prefix: str, index: int) -> None:
        try:
            poll.connect()
            poll.timeout = None  # a poll waits without an end; each request would set it again
            poll.auto_open = 0  # one that `cancel` has closed stays closed
            while not self._cancelled.is_set():
                path = f"/v2/keys{prefix.rstrip('/')}?wait=true&recursive=true&waitIndex={index}"
                event = read_answer(self._connection.ask(poll, path), LARGEST_EVENT).event()
                self._found.put(Changes(prefix, event.index, event.index, event.items, event.folders))
                index = event.index + 1
        except Malformed as malformed:
            self._found.put(DatastoreError(malformed.what, "failed"))
        except DatastoreError as error:
            self._found.put(error)
        except (*FAILURES, AttributeError) as error:  # AttributeError: `cancel` took the socket away
            if not self._cancelled.is_set():
                self._found.put(self._connection.explain(error))
        finally:
            poll.close()
