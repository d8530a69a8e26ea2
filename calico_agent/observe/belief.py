"""Whether a reading of the datastore is believed.

A restored backup, a wrong prefix, a member that lost its data: each looks like a cluster whose nodes are gone. The
routes are not gone, and calling them stale would be wrong. So when much vanishes at once, the reading before it is kept
and the new one is doubted; until it grows back, or has stayed so long that it must be meant.
"""

from calico_agent.model.node import Datastore

_LARGEST_LOSS = 0.3
# In a cluster of a few nodes one that leaves is a third already.
_SMALLEST_LOSS = 3


class Belief:
    """The last reading that was believed, and since when what follows it is doubted. Times are monotonic seconds."""

    def __init__(self, hold: float) -> None:
        self._hold = hold
        self._doubted_since: float | None = None
        self.believed: Datastore | None = None

    def judge(self, read: Datastore, now: float) -> str:
        """Why `read` is not believed, in one sentence; empty when it is, and is the believed one from now on."""
        loss = _loss(self.believed, read) if self.believed else ""
        if loss:
            self._doubted_since = now if self._doubted_since is None else self._doubted_since
            left = self._doubted_since + self._hold - now
            if left > 0:
                return f"{loss} vanished at once, which is not believed for another {left:.0f} s"
        self._doubted_since = None
        self.believed = read
        return ""


def _loss(before: Datastore, after: Datastore) -> str:
    counts = (("nodes", len(before.nodes), len(after.nodes)), ("blocks", len(before.blocks), len(after.blocks)))
    losses = [
        f"{had - has} of {had} {what}"
        for what, had, has in counts
        if had - has >= _SMALLEST_LOSS and had - has > _LARGEST_LOSS * had
    ]
    return " and ".join(losses)
