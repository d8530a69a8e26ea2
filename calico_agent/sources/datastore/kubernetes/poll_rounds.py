"""When what is not watched in a large cluster is listed: now and then, and soon when something hangs on it.

Small kinds are in every round. Nodes are not: a list of 5,000 is 3.4 MiB. The more there are the less often they are
listed, so that the bytes a minute of one host stay about the same in a cluster of any size.
"""

import math
import random
import threading
import time

from calico_agent.sources.datastore.reconnect_pace import list_delay

SHORTEST_PAUSE, LONGEST_PAUSE = 30.0, 60.0
_SECONDS_A_NODE, _MOST_SECONDS = 0.04, 300.0
# Rounds with Nodes that are wanted are that far from the one before.
_DISTANCE_A_NODE, _LONGEST_DISTANCE = 0.02, 30.0


class PollRounds:
    """Shared by all connections to one API. All times are monotonic seconds.

    `taken` is when the round was begun whose Nodes are in use, and from when all else that is listed is or newer:
    infinite in a small cluster, where all is watched.
    """

    def __init__(self) -> None:
        self.taken = math.inf
        self._begun = -math.inf
        self._next = -math.inf
        self._wanted = threading.Event()

    def want(self, after: float) -> None:
        """Have a round with Nodes soon, unless one was begun after that moment."""
        if self._begun < after:
            self._wanted.set()

    def wake(self) -> None:
        """End the wait of who was cancelled."""
        self._wanted.set()

    def wait(self, cancelled: threading.Event, nodes: int, *, first: bool) -> bool:
        """Wait until it is time for the next round, in a cluster of so many nodes. Whether it was cancelled.

        The first time at any moment: all hosts begin when the API came back.
        """
        pause = random.uniform(0.0 if first else SHORTEST_PAUSE, LONGEST_PAUSE)  # noqa: S311 - no secret
        distance = min(nodes * _DISTANCE_A_NODE, _LONGEST_DISTANCE)
        least = min(pause, max(0.0, self._begun + distance - time.monotonic()))
        if not cancelled.wait(least) and self._wanted.wait(pause - least):
            cancelled.wait(list_delay(nodes))
        if cancelled.is_set():
            self._wanted.clear()  # what woke this one; who wants a round says so again
            return True
        return False

    def with_nodes(self, nodes: int) -> float | None:
        """When a round begins, if it is one with Nodes; None where it is without them."""
        if not self._wanted.is_set() and time.monotonic() < self._next:
            return None
        return self.begin(nodes)

    def begin(self, nodes: int) -> float:
        """Note that all is asked for now. When that is."""
        self._wanted.clear()
        self._begun = time.monotonic()
        self._next = self._begun + pause_between(nodes)
        return self._begun


def pause_between(nodes: int) -> float:
    """Any time (s) that may be between two lists of so many Nodes, where nobody wants one."""
    shortest = min(nodes * _SECONDS_A_NODE, _MOST_SECONDS)
    return random.uniform(shortest, 2 * shortest) if shortest > SHORTEST_PAUSE else 0.0  # noqa: S311 - no secret
