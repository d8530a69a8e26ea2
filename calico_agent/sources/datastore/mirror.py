"""The mirror of Calico's datastore: list at one revision, watch from the next, list again when the watch ends.

A pass of the agent reads the mirror's snapshot and never etcd itself, so a thousand hosts cost etcd a thousand quiet
watches. Two threads: one lists, watches and applies; the other asks etcd for its revision now and then, which notices
what a silent watch hides (a frozen member, a lost majority) and renewed certificates, and ends the watch then.
A watch that ends, for whatever reason, goes on from where it was, on a new connection to the next endpoint. All is
listed anew only when etcd no longer has what happened since, or is another cluster, and once a day.

With etcd's v3 API a list is of one revision. Of the changes after it those of one prefix come in order, but one
transaction that touches several prefixes is seen in parts, some milliseconds apart. With the v2 API that holds for each
prefix alone.
"""

import itertools
import random
import threading
import time
from collections.abc import Callable, Collection, Iterator

import structlog

from calico_agent.model.calico.node import Block, Datastore
from calico_agent.model.network.address import IPNetwork
from calico_agent.model.observation import Unreadable
from calico_agent.model.settings import DatastoreSettings
from calico_agent.sources.datastore.backend import Backend, Connection
from calico_agent.sources.datastore.backends import backend_of
from calico_agent.sources.datastore.engaged import Engaged
from calico_agent.sources.datastore.position import Position
from calico_agent.sources.datastore.reconnect_pace import Delays, jitter, list_delay
from calico_agent.sources.datastore.replica import Replica
from calico_agent.sources.datastore.server.endpoints import Endpoint
from calico_agent.sources.datastore.server.error import DatastoreError
from calico_agent.worker import Task

# A connection that was good for this long starts the delays anew; what ends sooner is one more failure in a row.
_GOOD_SECONDS = 10.0
# A list repairs whatever a watch may have lost. Once a day, and at any time of it, because every host does it.
_RELIST_SECONDS = 86_400.0
# How soon after it was opened a watch that goes on from an earlier one has told what happened between them: etcd looks
# after those that are behind every 100 ms (server/mvcc/watchable_store.go).
_CATCH_UP_SECONDS = 0.5
# Outside of a watch every call has its deadline, so the mirroring thread gets on within this; names may take long.
_STANDSTILL_SECONDS = 60.0
# All hosts meet the same value, and read everything before they do.
_AFTER_A_BUG_SECONDS = 60.0


class Mirror:
    """Keeps a copy of what etcd holds for Calico. `wake(reason)` is called, from another thread, when it changed.

    `remembered` is the last reading of an earlier run. `stale_after` is how long (s) the copy counts as current after
    the last sign of life from etcd, `heartbeat` is how often (s) that sign is asked for.
    """

    def __init__(
        self,
        settings: DatastoreSettings,
        wake: Callable[[str], None],
        *,
        remembered: Datastore | None = None,
        stale_after: float = 60.0,
        heartbeat: float = 8.0,
        backend: Backend | None = None,
    ) -> None:
        self._settings = settings
        self._wake = wake
        self._heartbeat_every = heartbeat
        self._backend = backend or backend_of(settings)
        self._replica = Replica(self._backend, stale_after, remembered)
        self._stopping = threading.Event()
        self._mirroring = Task("etcd mirror", self._mirror)
        self._beating = Task("etcd heartbeat", self._beat)
        self._alive = self._moved = time.monotonic()
        self._engaged = Engaged(self._backend.source)
        # How far the copy is, while a watch can go on from there; and the heartbeat is asked to come soon.
        self._position: Position | None = None
        self._soon = threading.Event()
        self._relist_at = 0.0

    @property
    def files_trouble(self) -> Unreadable | None:
        """Why the next connection could not be made with the certificates that are on the disk now."""
        return self._engaged.files_trouble

    def start(self) -> None:
        """Begin to mirror, in threads of its own."""
        self._mirroring.start()
        self._beating.start()

    def stop(self) -> None:
        """End the threads and the connection."""
        self._stopping.set()
        self._soon.set()
        self._engaged.end()
        for task in (self._mirroring, self._beating):
            task.stop_seconds = 2 * self._settings.timeout
            task.stop()

    def wait(self, seconds: float) -> None:
        """Until the first answer of etcd, good or bad, or that long: a moment's patience spares a false Unknown."""
        self._replica.wait(seconds)

    def snapshot(self) -> Datastore | Unreadable:
        """What etcd holds, when that is known to be current and believed, else why it is not."""
        return self._replica.snapshot()

    def last_good(self) -> Datastore | None:
        """The last reading that was believed, however long ago (`read_at`), also in an earlier run; None for none."""
        return self._replica.last_good()

    def blocks(self, wanted: Collection[IPNetwork]) -> tuple[Block, ...]:
        """Some blocks as they were last heard of, with the pods of their owners, which a snapshot does not follow."""
        return self._replica.blocks(wanted)

    def heartbeat(self) -> float:
        """When the threads were last seen alive (monotonic seconds). No statement about etcd."""
        return self._alive

    def _mirror(self) -> None:
        try:
            endpoints = self._backend.endpoints(self._settings)
        except DatastoreError as error:
            self._failed("", error)
            self._stopping.wait()
            return
        delays = Delays(len(endpoints))
        failed: set[Endpoint] = set()
        for endpoint in itertools.cycle(endpoints):
            began = self._moved = time.monotonic()
            pause = 0.0
            try:
                if endpoint in failed:
                    self._backend.probe(endpoint, self._settings, self._settings.timeout)
                self._follow(endpoint)
            except DatastoreError as error:
                self._failed("" if error.code == "file" else str(endpoint), error)
                failed.add(endpoint)
                pause = list_delay(self._replica.size()) if error.code == "compacted" else 0.0
            except Exception as error:  # noqa: BLE001 - a value that trips a bug must not end the mirror for good
                self._bug(error)
                pause = _AFTER_A_BUG_SECONDS * jitter()
            if self._replica.heard_after(began + _GOOD_SECONDS):
                delays.reset()
                failed.clear()
            if self._stopping.wait(pause + delays.next(self._replica.size())):
                return

    def _follow(self, endpoint: Endpoint) -> None:
        """List or go on, then watch until that ends; it always ends with an DatastoreError."""
        with self._backend.connect(endpoint, self._settings, self._settings.timeout) as connection:
            self._engaged.on(connection)
            try:
                prefixes, refused = connection.readable()
                resumed = self._resumed(connection, prefixes)
                position = resumed or self._listed(connection, prefixes, refused)
                with connection.watch(position.watch_from()) as watch:
                    self._engaged.on(connection, watch)
                    if resumed:
                        self._soon.set()
                    for changes in watch.changes():
                        changed = self._replica.apply(changes)
                        position.heard(changes.prefix, changes.at)
                        if changed:
                            self._wake(f"{self._backend.source} changed")
            except DatastoreError as error:
                if error.code == "compacted":
                    self._position = None
                raise
            finally:
                self._engaged.on(None)

    def _resumed(self, connection: Connection, prefixes: tuple[str, ...]) -> Position | None:
        """Where the watch can go on; None where all has to be read. The heartbeat says when it has caught up."""
        position = self._position
        if position is None or position.prefixes != prefixes or time.monotonic() > self._relist_at:
            return None
        try:
            stamp = connection.ping_since(prefixes[0], position.oldest)
        except DatastoreError as error:
            # Of another cluster, which may be behind.
            if error.code == "future":
                return None
            raise
        return position if stamp.follows(position.stamp) else None

    def _listed(self, connection: Connection, prefixes: tuple[str, ...], refused: str) -> Position:
        stamp, found = connection.read_all(prefixes)
        self._replica.load(stamp.revision, self._moving(found), claims_trouble=refused)
        self._relist_at = time.monotonic() + _RELIST_SECONDS * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
        self._position = position = connection.position(prefixes, stamp)
        self._wake(f"{self._backend.source} read")
        return position

    def _moving(self, found: Iterator[tuple[str, bytes]]) -> Iterator[tuple[str, bytes]]:
        for pair in found:
            self._moved = time.monotonic()
            yield pair

    def _failed(self, endpoint: str, error: DatastoreError) -> None:
        # What we closed ourselves was closed for a reason that is noted already.
        if error.code != "closed" and self._replica.fail(endpoint, error):
            self._wake(f"{self._backend.source} lost")

    def _bug(self, error: Exception) -> None:
        words = f"this is a bug of calico-agent: {type(error).__name__}: {error}"
        if self._replica.fail("", DatastoreError(words[:300], "bug")):
            structlog.get_logger("calico_agent").exception("mirror_failed", advice="please report it with this text")
            self._wake(f"{self._backend.source} lost")
        self._position = None

    def _beat(self) -> None:
        while not self._stopping.is_set():
            patience = self._replica.patience()
            # Jitter, so that the hosts of a cluster do not ask in step.
            pause = self._heartbeat_every * jitter()
            if self._soon.wait(min(pause, patience + 0.1) if patience else pause):
                self._soon.clear()
                self._stopping.wait(_CATCH_UP_SECONDS)
            self._look_after()
            if patience and self._replica.patience() == 0:
                self._wake(f"{self._backend.source} silent")

    def _look_after(self) -> None:
        """Ask etcd where it is while a watch is open, and end that when it does not answer or is to be made anew."""
        connection, watch = self._engaged.now()
        if self._mirroring.alive and (watch or time.monotonic() < self._moved + _STANDSTILL_SECONDS):
            self._alive = time.monotonic()
        position = self._position
        if connection is None or watch is None or position is None:
            return
        try:
            stamp = connection.ping(self._backend.prefixes[0])
        except DatastoreError as error:
            self._failed(str(connection.endpoint), error)
            watch.cancel()
            return
        if not stamp.follows(position.stamp):
            self._position = None
            watch.cancel()
            return
        position.beat(stamp)
        if self._replica.confirm():
            self._wake(f"{self._backend.source} back")
        if self._engaged.renewed(connection) or time.monotonic() > self._relist_at:
            watch.cancel()
