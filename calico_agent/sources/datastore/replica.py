"""The copy of Calico's datastore in memory: what each key holds, how old that is, and why it may not be used.

Written by the mirror's threads, read by the pass. What is read is immutable and made only when something changed.
"""

import math
import threading
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from calico_agent.model.calico.node import Block, Datastore
from calico_agent.model.network.address import IPNetwork
from calico_agent.model.observation import Unreadable
from calico_agent.model.recency import READING_DOUBTS, age_of
from calico_agent.sources.datastore.backend import Backend, Changes
from calico_agent.sources.datastore.server.error import DatastoreError
from calico_agent.sources.datastore.shrink_guard import ShrinkGuard

# A member that restarts or a leader that changes is back within a few seconds; a failure that lasts longer is told.
_PATIENCE_SECONDS = 10.0
# By then another member has taken over from one that is silent, if there is one.
_TAKE_OVER_SECONDS = 2.0


class Replica:
    """A copy that counts as current for `stale_after` seconds after the last sign of life from etcd.

    When etcd is known not to answer it counts for a few seconds only. `remembered` is the last reading of an earlier
    run.
    """

    def __init__(self, backend: Backend, stale_after: float, remembered: Datastore | None = None) -> None:
        self._stale_after = stale_after
        self._backend = backend
        self._lock = threading.Lock()
        # Everything below is guarded by the lock.
        self._values: dict[str, Any] = {}
        self._revision = 0
        self._assembly: Datastore | None = None
        self._claims_trouble = ""
        self._belief = _belief(remembered)
        self._heard: tuple[float, datetime] | None = None
        self._failures: dict[str, DatastoreError] = {}
        self._failing_since = 0.0
        self._answered = threading.Event()

    def wait(self, seconds: float) -> None:
        """Until the first answer of etcd, good or bad, or that long."""
        self._answered.wait(seconds)

    def load(self, revision: int, found: Iterable[tuple[str, bytes]], *, claims_trouble: str = "") -> None:
        """Take over a whole list. `claims_trouble` is why the claims are not part of it.

        Each value is decoded as it arrives and then dropped: a block's JSON is many times what is kept of it. What has
        not changed stays the same object. Whatever `found` raises leaves the copy as it was.
        """
        values: dict[str, Any] = {}
        for key, raw in found:
            value, known = self._backend.decode(key, raw), self._values.get(key)
            if value is not None:
                values[key] = known if value == known and _pods(value) == _pods(known) else value
        with self._lock:
            if values != self._values:
                self._assembly = None
            self._values = values
            self._revision = revision
            self._claims_trouble = claims_trouble
            self._failures = {}
            self._heard = _now()
        self._answered.set()

    def apply(self, changes: Changes) -> bool:
        """Take over what the watch reports. Whether anything changed that matters here.

        A block is written with every pod that comes or goes, and mostly its owner stays and nothing is borrowed: then
        `blocks` has the newer one, and no new datastore is made of it.
        """
        decode = self._backend.decode
        decoded = [(key, None if value is None else decode(key, value)) for key, value in changes.items]
        changed = False
        with self._lock:
            below = [key for key in self._values if changes.folders and key.startswith(changes.folders)]
            for key, value in (*decoded, *((key, None) for key in below)):
                known = self._values.get(key)
                changed = changed or known != value
                if value is not None:
                    self._values[key] = value
                elif known is not None:
                    del self._values[key]
            if changed:
                self._assembly = None
            self._revision = max(self._revision, changes.revision)
            self._heard = _now()
        return changed

    def blocks(self, wanted: Collection[IPNetwork]) -> tuple[Block, ...]:
        """Some blocks as they were last heard of, as far as there are such."""
        with self._lock:
            found = [self._values.get(self._backend.block_key(cidr)) for cidr in wanted]
        return tuple(value for value in found if isinstance(value, Block))

    def confirm(self) -> bool:
        """Note a sign of life: etcd answered, and the watch would have told of changes. Whether it was missed."""
        with self._lock:
            missed = bool(self._failures)
            self._failures = {}
            self._heard = _now()
        return missed

    def fail(self, endpoint: str, error: DatastoreError) -> bool:
        """Note why `endpoint` cannot be used, "" for all of them. Whether that is the first failure in a row.

        Who gives no answer may have been silent since it was last heard; who refuses has just begun.
        """
        with self._lock:
            first = not self._failures
            if first:
                now = time.monotonic()
                silent_since = self._heard[0] if error.code == "timeout" and self._heard is not None else now
                self._failing_since = max(silent_since, now + _TAKE_OVER_SECONDS - _PATIENCE_SECONDS)
            kept = {other: known for other, known in self._failures.items() if other and endpoint}
            self._failures = {**kept, endpoint: error}
        self._answered.set()
        return first

    def patience(self) -> float | None:
        """How long (s) until the failures are told, 0 when they are told already; None when there are none."""
        with self._lock:
            left = self._failing_since + _PATIENCE_SECONDS - time.monotonic()
            return max(left, 0.0) if self._failures else None

    def size(self) -> int:
        """About how many nodes there are: as many hosts have lost etcd when this one has."""
        with self._lock:
            believed = self._belief.believed
            return len(believed.nodes) if believed is not None else 0

    def heard_after(self, moment: float) -> bool:
        """Whether etcd gave a sign of life after `moment` (monotonic seconds)."""
        with self._lock:
            return self._heard is not None and self._heard[0] > moment

    def snapshot(self) -> Datastore | Unreadable:
        """What etcd holds, when that is known to be current and believed, else why it is not."""
        with self._lock:
            if self._heard is None:
                return unreadable(self._backend.source, self._failures)
            now = time.monotonic()
            heard, read_at = self._heard
            failing = bool(self._failures) and now - self._failing_since > _PATIENCE_SECONDS
            if failing or now - heard > self._stale_after:
                failure = unreadable(self._backend.source, self._failures)
                since = f"{read_at:%Y-%m-%d %H:%M:%S} UTC, {now - heard:.0f} s ago"
                return replace(failure, reason=f"no sign of life since {since}; {failure.reason}")
            if self._assembly is None:
                self._assembly = self._backend.assemble(self._values, revision=self._revision, read_at=read_at)
            read = replace(self._assembly, revision=self._revision, read_at=read_at)
            if self._claims_trouble:
                read = without_claims(read, self._claims_trouble)
            doubt = self._belief.judge(read, now)
            return Unreadable(self._backend.source, doubt, "shrunk") if doubt else read

    def last_good(self) -> Datastore | None:
        """The last snapshot that was one, however long ago (`read_at`); None before the first."""
        with self._lock:
            return self._belief.believed


def _belief(remembered: Datastore | None) -> ShrinkGuard:
    age = age_of(remembered.read_at, datetime.now(UTC)) if remembered is not None else None
    until = -math.inf if age is None else time.monotonic() + (READING_DOUBTS - age).total_seconds()
    return ShrinkGuard(READING_DOUBTS.total_seconds(), remembered, until)


def _pods(value: object) -> int:
    """What two equal values may differ in."""
    return value.at_home if isinstance(value, Block) else 0


def unreadable(source: str, failures: Mapping[str, DatastoreError]) -> Unreadable:
    """Why each endpoint that was tried cannot be used."""
    if not failures:
        return Unreadable(source, "no answer has arrived yet", "pending")
    reasons = (f"{endpoint}: {error.reason}" if endpoint else error.reason for endpoint, error in failures.items())
    return Unreadable(source, "; ".join(reasons), next(iter(failures.values())).code)


def without_claims(read: Datastore, trouble: str) -> Datastore:
    """A reading by a user who may not read the agents' claims."""
    return replace(read, claims=(), claims_trouble=trouble)


def _now() -> tuple[float, datetime]:
    return time.monotonic(), datetime.now(UTC)
