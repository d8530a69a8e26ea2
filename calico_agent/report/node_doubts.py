"""Which findings may only follow from nodes that were read a while ago: they wait for a newer reading.

A node that was added, removed or given another address looks like a fault until it is known. So a finding that hangs on
nodes proves nothing before they were asked for after it was first seen. The same goes for pools, peers and settings.
"""

from collections.abc import Collection
from dataclasses import dataclass

from calico_agent.model.assessment import Key

# Nodes that cannot be read hide no fault for longer (s).
_LONGEST = 120.0
# While something is amiss, its end is seen so soon (s).
_AMISS = 120.0
# What comes again within that time is what it was (s), so that what comes and goes is not doubted for ever.
_SAME = 60.0
_EVER = float("-inf")


@dataclass(frozen=True, slots=True)
class _Seen:
    """`gone_at` is when it was first looked for and not there; None while it is there."""

    since: float
    gone_at: float | None = None


class NodeDoubts:
    """Remembers since when findings are seen; the first ones were there when all was read.

    All times are monotonic seconds. Not thread-safe.
    """

    def __init__(self) -> None:
        self._seen: dict[Key, _Seen] = {}
        self._begun = False

    def believe(self, keys: Collection[Key]) -> None:
        """Note the findings while nodes cannot be read: they are told, and stay so when nodes can be read again."""
        self._seen = {key: _Seen(_EVER) for key in keys}

    def judge(self, keys: Collection[Key], listed: float, now: float) -> tuple[frozenset[Key], float | None]:
        """Those that wait, of the findings that there are, while the nodes are known as of `listed`.

        And after when they should have been listed; None: nobody needs that.
        """
        first = now if self._begun else min(listed, now)  # all was just read
        self._begun = True
        kept = {key: seen for key, seen in self._seen.items() if seen.gone_at is None or now - seen.gone_at < _SAME}
        here = {key: _Seen(kept[key].since if key in kept else first) for key in keys}
        away = {key: _Seen(seen.since, now if seen.gone_at is None else seen.gone_at) for key, seen in kept.items()}
        self._seen = away | here
        since = {key: seen.since for key, seen in here.items() if listed < seen.since}
        waiting = frozenset(key for key, first in since.items() if now - first < _LONGEST)
        return waiting, max((now - _AMISS, *since.values())) if keys else None
