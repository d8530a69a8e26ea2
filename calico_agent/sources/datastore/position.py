"""How far the copy of the datastore is, so that a watch that ended can go on from there instead of reading all anew.

Events of one prefix arrive in order, between prefixes nothing is promised: each has its own position. A quiet prefix
would stay behind what etcd still keeps (compaction; the last 1,000 events in v2). So what etcd had at a heartbeat
counts as known to all prefixes once the same watch has lived on for a while, and is not behind with its events.
"""

import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

# The v3 API has pings and events on one connection, and 5 s are more than it holds back. The polls of v2 are
# connections of their own; one that is dead is noticed after 25 s.
SETTLED_V3, SETTLED_V2 = 5.0, 40.0


@dataclass(frozen=True, slots=True)
class Stamp:
    """Where etcd is. While a cluster keeps its data, revision and Raft term only grow; a term of 0 is not known."""

    cluster: str
    term: int
    revision: int

    def follows(self, earlier: "Stamp") -> bool:
        """Whether these may be the same data, some time later. A restored backup is another cluster, or earlier."""
        older_term = bool(self.term and earlier.term) and self.term < earlier.term
        return self.cluster == earlier.cluster and self.revision >= earlier.revision and not older_term


class Position:
    """`starts` is how far each prefix was listed, `stamp` where etcd was then. Times are monotonic seconds."""

    def __init__(self, stamp: Stamp, starts: Mapping[str, int], settled_after: float = SETTLED_V3) -> None:
        self._lock = threading.Lock()
        # Everything below is guarded by the lock.
        self._stamp = stamp
        self._known = dict(starts)
        self._settled_after = settled_after
        self._heard_at = dict.fromkeys(starts, 0.0)
        self._newest = 0
        self._beats: deque[tuple[float, int]] = deque()

    @property
    def prefixes(self) -> tuple[str, ...]:
        return tuple(self._known)

    @property
    def stamp(self) -> Stamp:
        """Where etcd was when it was last asked."""
        return self._stamp

    @property
    def oldest(self) -> int:
        """Up to where every prefix is known."""
        with self._lock:
            return min(self._known.values())

    def watch_from(self) -> dict[str, int]:
        """Where the next watch of each prefix begins. What was asked during the one before says nothing about it."""
        with self._lock:
            self._beats.clear()
            return {prefix: known + 1 for prefix, known in self._known.items()}

    def heard(self, prefix: str, revision: int, now: float | None = None) -> None:
        """An event of this prefix was taken over."""
        with self._lock:
            self._known[prefix] = max(self._known[prefix], revision)
            self._heard_at[prefix] = time.monotonic() if now is None else now
            self._newest = max(self._newest, revision)

    def beat(self, stamp: Stamp, now: float | None = None) -> None:
        """etcd was asked while the watch was open."""
        now = time.monotonic() if now is None else now
        with self._lock:
            self._stamp = stamp
            self._beats.append((now, stamp.revision))
            while self._beats and self._beats[0][0] <= now - self._settled_after:
                self._settle(*self._beats.popleft())

    def _settle(self, asked_at: float, revision: int) -> None:
        """Whatever happened up to `revision` has arrived: nothing came since, or something newer did."""
        if max(self._heard_at.values(), default=0.0) >= asked_at and self._newest < revision:
            return
        for prefix, known in self._known.items():
            if self._heard_at[prefix] < asked_at:
                self._known[prefix] = max(known, revision)
