"""Keeps the datastore's snapshot on disk up to date, in a thread of its own, because a disk may take its time.

Not with every change: a file that is a few seconds old serves as well. When nothing changes it is written again now and
then, so that a crash leaves a reading that is at most that much younger than it says.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime

from calico_agent.model.calico.node import Datastore
from calico_agent.model.observation import Unreadable
from calico_agent.model.recency import READING_COUNTS, age_of
from calico_agent.sources.datastore.cache import SnapshotError, SnapshotFile
from calico_agent.worker import Worker

_SHORTEST, _LONGEST = 30.0, 600.0
# Writing takes at most this share of the time, however large the cluster and slow the disk.
_SHARE = 0.005
_LOOK_SECONDS = 5.0
_LAST_WRITE_SECONDS = 5.0


class CacheWriter(Worker):
    """`file` holds what `read` last gave. A stop writes what is newest, within a few seconds whatever the disk does."""

    stop_seconds = _LAST_WRITE_SECONDS

    def __init__(self, file: SnapshotFile) -> None:
        super().__init__("etcd snapshot")
        self._file = file
        self._read: Callable[[], Datastore | None] = lambda: None
        self._kept: Datastore | None = None
        self._kept_at = float("-inf")
        # Written by the thread, read by the pass: one reference, which is replaced as a whole.
        self._trouble: Unreadable | None = None

    @property
    def error(self) -> Unreadable | None:
        """Why the file could not be used when that was last tried."""
        return self._trouble

    @property
    def kept_from(self) -> datetime | None:
        """When the reading was made that the file holds; None where it holds none."""
        kept = self._kept
        return kept.read_at if kept is not None else None

    def load(self) -> Datastore | None:
        """The reading of an earlier run, if there is one that is of use, and none that is too old to say anything."""
        try:
            kept = self._file.load()
        except SnapshotError as error:
            self._trouble = Unreadable("snapshot", str(error), "snapshot")
            return None
        age = age_of(kept.read_at, datetime.now(UTC)) if kept is not None else None
        self._kept = None if age is not None and age > READING_COUNTS else kept
        return self._kept

    def keep(self, read: Callable[[], Datastore | None]) -> None:
        """Begin to keep what `read` gives."""
        self._read = read
        self.start()

    def work(self) -> None:
        """Write now and then, and once more at the end."""
        pause = 0.0
        while not self.pause(pause):
            pause = self._save(_LONGEST)
        self._save(0.0)

    def _save(self, every: float) -> float:
        """Write what has changed, and what has not after `every` seconds. How long to wait then (s)."""
        read, began = self._read(), time.monotonic()
        if read is None or read is self._kept or (_alike(read, self._kept) and began < self._kept_at + every):
            return _LOOK_SECONDS
        try:
            self._file.save(read)
        except SnapshotError as error:
            self._trouble = Unreadable("snapshot", str(error), "snapshot")
        else:
            self._trouble, self._kept, self._kept_at = None, read, time.monotonic()
        return max(_SHORTEST, (time.monotonic() - began) / _SHARE)


def _alike(one: Datastore, other: Datastore | None) -> bool:
    """Whether two readings say the same, however old. Those of a quiet mirror share their parts: that is quick."""
    return other is not None and _content(one) == _content(other)


def _content(datastore: Datastore) -> tuple[object, ...]:
    return (datastore.nodes, datastore.pools, datastore.blocks, datastore.affinities, datastore.bgp)
