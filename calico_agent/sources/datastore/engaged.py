"""What the mirroring thread is on: the connection and the watch, for those who end them from other threads."""

import threading

from calico_agent.model.observation import Unreadable
from calico_agent.sources.datastore.backend import Connection, Watch
from calico_agent.sources.datastore.server.error import DatastoreError


class Engaged:
    """One connection at a time, with its watch once that is open. `files_trouble`: see `renewed`."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._watch: Watch | None = None
        self._ended = False
        # Written by the heartbeat, read by the pass: one reference, which is replaced as a whole.
        self.files_trouble: Unreadable | None = None

    def now(self) -> tuple[Connection | None, Watch | None]:
        """Both, as they are at one moment."""
        with self._lock:
            return self._connection, self._watch

    def on(self, connection: Connection | None, watch: Watch | None = None) -> None:
        """From now on these. Raises DatastoreError once all has been ended."""
        with self._lock:
            self._connection, self._watch = connection, watch
        if self._ended and connection is not None:
            raise DatastoreError("the mirror is stopping", "closed")

    def end(self) -> None:
        """End them, and whatever comes after them."""
        self._ended = True
        connection, watch = self.now()
        if watch is not None:
            watch.cancel()
        if connection is not None:
            connection.close()

    def renewed(self, connection: Connection) -> bool:
        """Whether a connection that is made now would use other files; `files_trouble` says why none could be made."""
        try:
            renewed = connection.renewed()
        except DatastoreError as error:
            self.files_trouble = Unreadable(self._source, error.reason, error.code)
            return False
        self.files_trouble = None
        return renewed
