"""Whether a reading of the datastore is believed.

A restored backup, a wrong prefix, a member that lost its data: each looks like a cluster whose nodes are gone. The
routes are not gone, and calling them stale would be wrong. So when much vanishes at once, the reading before it is kept
and the new one is doubted; until it grows back, or has stayed so long that it must be meant.
"""

import math

from calico_agent.model.calico.node import Datastore

_LARGEST_LOSS = 0.3
# In a cluster of a few nodes one that leaves is a third already. When all of several are gone, size is no excuse.
_SMALLEST_LOSS = 3
_SEVERAL = 2


class ShrinkGuard:
    """The last reading that was believed, and since when what follows it is doubted. Times are monotonic seconds.

    `remembered` is the last one of an earlier run, if it was kept. It speaks against etcd until `remembered_until`: by
    then what is missing since may well have gone in the ordinary way, while nobody looked.
    """

    def __init__(self, hold: float, remembered: Datastore | None = None, remembered_until: float = -math.inf) -> None:
        self._hold = hold
        self._doubted_since: float | None = None
        self._remembered = remembered
        self._remembered_until = remembered_until
        self.believed = remembered

    def judge(self, read: Datastore, now: float) -> str:
        """Why `read` is not believed, in one sentence; empty when it is, and is the believed one from now on."""
        loss = _loss(self.believed, read) if self.believed else ""
        if loss:
            self._doubted_since = now if self._doubted_since is None else self._doubted_since
            left = self._doubted_until(read, self._doubted_since) - now
            if left > 0:
                return f"{loss} vanished at once, which is not believed for another {left:.0f} s"
        self._doubted_since = None
        self.believed = read
        return ""

    def _doubted_until(self, read: Datastore, since: float) -> float:
        before = self.believed
        if before is None or before is not self._remembered:
            return since + self._hold
        return -math.inf if _strangers(before, read) else min(since + self._hold, self._remembered_until)


def _strangers(before: Datastore, after: Datastore) -> bool:
    """Whether these are two clusters: the same endpoints may have been given to another while the agent was away."""
    return bool(before.cluster_guid and after.cluster_guid) and before.cluster_guid != after.cluster_guid


def _loss(before: Datastore, after: Datastore) -> str:
    counts = (("nodes", len(before.nodes), len(after.nodes)), ("blocks", len(before.blocks), len(after.blocks)))
    losses = [
        f"{had - has} of {had} {what}"
        for what, had, has in counts
        if (had - has >= _SMALLEST_LOSS and had - has > _LARGEST_LOSS * had) or (had >= _SEVERAL and has == 0)
    ]
    return " and ".join(losses)
