"""The mirror of Calico's datastore: list at one revision, watch from the next, list again when the watch ends.

A pass of the agent reads the mirror's snapshot and never etcd itself, so a thousand hosts cost etcd a thousand quiet
watches. Two threads: one lists, watches and applies; the other asks etcd for its revision now and then, which notices
what a silent watch hides (a frozen member, a lost majority) and renewed certificates, and ends the watch then.
Every end of the watch, for whatever reason, leads to a new list on a new connection to the next endpoint.

With etcd's v3 API a list is of one revision. Of the changes after it those of one prefix come in order, but one
transaction that touches several prefixes is seen in parts, some milliseconds apart. With the v2 API that holds for each
prefix alone.
"""

import itertools
import random
import threading
import time
from collections.abc import Callable, Collection
from datetime import UTC, datetime

from calico_agent.etcd_client.endpoints import Endpoint, endpoints_of, resolve_endpoints
from calico_agent.etcd_client.error import EtcdError
from calico_agent.etcd_client.reachability import reach
from calico_agent.etcd_client.tls_files import UsedFiles
from calico_agent.model.address import IPNetwork
from calico_agent.model.claim import CLAIMS
from calico_agent.model.node import Block, Datastore
from calico_agent.model.observation import Unreadable
from calico_agent.model.settings import DatastoreSettings
from calico_agent.observe.dialect import V2, AnyConnection, Dialect, dialect_of
from calico_agent.observe.etcd import Watch
from calico_agent.observe.etcd_v2 import WatchV2
from calico_agent.observe.replica import Replica, unreadable, without_claims

__all__ = ["Mirror", "read_datastore", "resolve_endpoints"]

_FIRST_DELAY, _LAST_DELAY = 0.2, 5.0
# A connection that was good for this long starts the delays anew; what ends sooner is one more failure in a row.
_GOOD_SECONDS = 10.0
# A relist repairs whatever a watch may have lost. Rare, because every host of the cluster does it.
_RELIST_SECONDS = 3600.0


def read_datastore(settings: DatastoreSettings, *, timeout: float) -> Datastore | Unreadable:
    """One reading of everything, for a program that does not stay. All endpoints share the time."""
    deadline = time.monotonic() + timeout
    failures: dict[str, EtcdError] = {}
    dialect = dialect_of(settings)
    try:
        endpoints = endpoints_of(settings)
        for position, endpoint in enumerate(endpoints):
            share = (deadline - time.monotonic()) / (len(endpoints) - position)
            try:
                with dialect.connect(endpoint, settings, max(share, 0.1)) as connection:
                    prefixes, refused = _readable(connection, dialect)
                    revision, found = connection.read_all(prefixes)
                    decoded = {key: dialect.decode(key, value) for key, value in found}
                    known = {key: value for key, value in decoded.items() if value is not None}
                    read = dialect.assemble(known, revision=revision, read_at=datetime.now(UTC))
                    return without_claims(read, refused) if refused else read
            except EtcdError as error:
                if error.code == "file":
                    raise
                failures[str(endpoint)] = error
    except EtcdError as error:
        return Unreadable("etcd", error.reason, error.code)
    return unreadable(failures)


class Mirror:
    """Keeps a copy of what etcd holds for Calico. `wake(reason)` is called, from another thread, when it changed.

    `remembered` is the last reading of an earlier run. `stale_after` is how long (s) the copy counts as current after
    the last sign of life from etcd, `heartbeat` is how often (s) that sign is asked for, `answer_within` is each call's
    deadline (s).
    """

    def __init__(
        self,
        settings: DatastoreSettings,
        wake: Callable[[str], None],
        *,
        remembered: Datastore | None = None,
        stale_after: float = 60.0,
        heartbeat: float = 15.0,
        answer_within: float = 5.0,
    ) -> None:
        self._settings = settings
        self._wake = wake
        self._heartbeat_every = heartbeat
        self._answer_within = answer_within
        self._dialect = dialect_of(settings)
        self._replica = Replica(stale_after, remembered, self._dialect)
        self._stopping = threading.Event()
        self._mirroring = threading.Thread(target=self._mirror, name="etcd mirror", daemon=True)
        self._beating = threading.Thread(target=self._beat, name="etcd heartbeat", daemon=True)
        self._alive = time.monotonic()
        # What the mirroring thread is on, so that others can end it. Guarded by the lock.
        self._lock = threading.Lock()
        self._connection: AnyConnection | None = None
        self._watch: Watch | WatchV2 | None = None
        self._relist_at = 0.0
        # Written by the heartbeat, read by the pass: one reference, which is replaced as a whole.
        self._files_trouble: Unreadable | None = None

    @property
    def files_trouble(self) -> Unreadable | None:
        """Why the next connection could not be made with the certificates that are on the disk now."""
        return self._files_trouble

    def start(self) -> None:
        """Begin to mirror, in threads of its own."""
        self._mirroring.start()
        self._beating.start()

    def stop(self) -> None:
        """End the threads and the connection."""
        self._stopping.set()
        with self._lock:
            watch, connection = self._watch, self._connection
        if watch is not None:
            watch.cancel()
        if connection is not None:
            connection.close()
        for thread in (self._mirroring, self._beating):
            thread.join(2 * self._answer_within)

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
            endpoints = endpoints_of(self._settings)
        except EtcdError as error:
            self._failed("", error)
            self._stopping.wait()
            return
        delays = _Delays()
        failed: set[Endpoint] = set()
        for endpoint in itertools.cycle(endpoints):
            began = time.monotonic()
            try:
                if endpoint in failed:
                    # An outage may last, and gRPC's connections are not cheap.
                    UsedFiles(self._settings, tls=endpoint.tls)
                    reach(endpoint, self._answer_within).close()
                self._follow(endpoint)
            except EtcdError as error:
                self._failed("" if error.code == "file" else str(endpoint), error)
                failed.add(endpoint)
            if self._replica.heard_after(began + _GOOD_SECONDS):
                delays.reset()
                failed.clear()
            if self._stopping.wait(delays.next() / len(endpoints)):
                return

    def _follow(self, endpoint: Endpoint) -> None:
        """List, then watch until that ends; it always ends with an EtcdError."""
        with self._dialect.connect(endpoint, self._settings, self._answer_within) as connection:
            self._on(connection, None)
            try:
                prefixes, refused = _readable(connection, self._dialect)
                revision, found = connection.read_all(prefixes)
                self._replica.load(revision, found, claims_trouble=refused)
                self._relist_at = time.monotonic() + _RELIST_SECONDS * _jitter()
                self._wake("etcd read")
                with connection.watch(prefixes, revision + 1) as watch:
                    self._on(connection, watch)
                    for changes in watch.changes():
                        if self._replica.apply(changes):
                            self._wake("etcd changed")
            finally:
                self._on(None, None)

    def _on(self, connection: AnyConnection | None, watch: Watch | WatchV2 | None) -> None:
        with self._lock:
            self._connection, self._watch = connection, watch
        if self._stopping.is_set() and connection is not None:
            raise EtcdError("the mirror is stopping", "closed")

    def _failed(self, endpoint: str, error: EtcdError) -> None:
        # What we closed ourselves was closed for a reason that is noted already.
        if error.code != "closed" and self._replica.fail(endpoint, error):
            self._wake("etcd lost")

    def _beat(self) -> None:
        # Jitter, so that the hosts of a cluster do not ask in step.
        while not self._stopping.wait(self._heartbeat_every * _jitter()):
            if self._mirroring.is_alive():
                self._alive = time.monotonic()
            with self._lock:
                connection, watch = self._connection, self._watch
            if connection is None or watch is None:
                continue
            try:
                connection.ping(self._dialect.prefixes[0])
            except EtcdError as error:
                self._failed(str(connection.endpoint), error)
                watch.cancel()
                continue
            self._replica.confirm()
            if self._renewed(connection) or time.monotonic() > self._relist_at:
                watch.cancel()

    def _renewed(self, connection: AnyConnection) -> bool:
        try:
            renewed = connection.files.renewed()
        except EtcdError as error:
            self._files_trouble = Unreadable("etcd", error.reason, error.code)
            return False
        self._files_trouble = None
        return renewed


class _Delays:
    """Pauses between attempts: doubling, with jitter, until reset."""

    def __init__(self) -> None:
        self._delay = _FIRST_DELAY

    def next(self) -> float:
        delay, self._delay = self._delay, min(2 * self._delay, _LAST_DELAY)
        return delay * _jitter()

    def reset(self) -> None:
        self._delay = _FIRST_DELAY


def _readable(connection: AnyConnection, dialect: Dialect) -> tuple[tuple[str, ...], str]:
    """What is to be read; without the claims for a user who may read Calico's keys alone, and why."""
    if dialect is V2:
        return dialect.prefixes, ""
    try:
        connection.ping(CLAIMS)
    except EtcdError as error:
        if error.code != "denied":
            raise
        return dialect.prefixes, error.reason
    return (*dialect.prefixes, CLAIMS), ""


def _jitter() -> float:
    return random.uniform(0.75, 1.0)  # noqa: S311 - no secret
