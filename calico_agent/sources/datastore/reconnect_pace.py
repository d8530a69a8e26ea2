"""When the hosts of a cluster come back to etcd after all of them lost it at once: not in step, and not in a rush."""

import random

_FIRST_DELAY, _LAST_DELAY = 0.4, 6.4
# 1,000 hosts that log in anew and go on watching do so within 5 s; that etcd is gone is told after 10 s.
_SECONDS_A_NODE, _LONGEST_SPREAD = 0.005, 5.0
# All of 1,000 hosts that must read everything anew do so within 20 s; a list grows with the cluster, too.
_LIST_SECONDS_A_NODE, _LONGEST_LIST_SPREAD = 0.02, 60.0


class Delays:
    """Pauses between attempts at some members in turn: any time within a bound that doubles, until reset."""

    def __init__(self, members: int) -> None:
        self._members = members
        self._bound = _FIRST_DELAY

    def next(self, nodes: int) -> float:
        """The next pause (s), in a cluster of that many nodes: with it grows the first one."""
        bound, self._bound = self._bound, min(2 * self._bound, _LAST_DELAY)
        spread = min(nodes * _SECONDS_A_NODE, _LONGEST_SPREAD) if bound == _FIRST_DELAY else 0.0
        return _within(max(bound / self._members, spread))

    def reset(self) -> None:
        """As at the beginning."""
        self._bound = _FIRST_DELAY


def list_delay(nodes: int) -> float:
    """How long (s) to wait before everything is read anew by all hosts, as after a compaction during an outage."""
    return _within(min(nodes * _LIST_SECONDS_A_NODE, _LONGEST_LIST_SPREAD))


def jitter() -> float:
    """A factor for what is done regularly."""
    return random.uniform(0.75, 1.0)  # noqa: S311 - no secret


def _within(seconds: float) -> float:
    return random.uniform(0.0, seconds)  # noqa: S311 - no secret
