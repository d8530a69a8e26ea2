"""What the agent did since it began, in numbers that only grow. Each thing that is counted makes a new value."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from calico_agent.model.container.action import KINDS
from calico_agent.model.unreadable import Unreadable

LIMITS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Seconds. A pass takes some 10 ms in a small cluster, and all deadlines together are the last one."""

# A word that wakes the loop begins with who woke it; what follows changes with what happened.
_TRIGGERS = {
    "start": "start",
    "interval": "interval",
    "netlink": "netlink",
    "docker": "docker",
    "etcd": "datastore",
    "the kubernetes api": "datastore",
    "neighbour": "neighbour",
    "preflight": "preflight",
    "image pull": "image_pull",
    "name claim": "name_claim",
    "acted": "acted",
    "asked": "asked",
    "reload": "reload",
}
_SOURCES = {
    "host": "host",
    "kernel": "kernel",
    "docker": "docker",
    "etcd": "datastore",
    "the kubernetes api": "datastore",
    "bird": "bird",
    "bird (ipv6)": "bird6",
}
_OTHER = "other"

_Key = TypeVar("_Key")

TRIGGERS = (*dict.fromkeys(_TRIGGERS.values()), _OTHER)
SOURCES = (*dict.fromkeys(_SOURCES.values()), _OTHER)


@dataclass(frozen=True, slots=True)
class Tally:
    """`durations` counts finished passes by the first of `LIMITS` that they kept, the last those that kept none.

    `seconds` is how long they took together, `failed` how many others ended in an error. `woken` are passes by what
    woke them, and one pass may count for several. `unread` are passes by the source that could not be read.
    `actions` are what was done about the container, by kind and by whether it was done.
    """

    durations: tuple[int, ...] = (0,) * (len(LIMITS) + 1)
    seconds: float = 0.0
    failed: int = 0
    woken: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(TRIGGERS, 0))
    unread: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(SOURCES, 0))
    actions: Mapping[tuple[str, bool], int] = field(
        default_factory=lambda: {(kind, done): 0 for kind in KINDS.values() for done in (True, False)}
    )

    def after_waking(self, words: Iterable[str]) -> "Tally":
        """Return it after one pass began for these reasons."""
        return replace(self, woken=_more(self.woken, {_trigger(word) for word in words}))

    def after_pass(self, seconds: float, unreadable: Iterable[Unreadable]) -> "Tally":
        """Return it after one pass came to its end, in which these sources could not be read."""
        place = bisect_left(LIMITS, seconds)
        durations = tuple(number + (at == place) for at, number in enumerate(self.durations))
        sources = {_SOURCES.get(one.source.lower(), _OTHER) for one in unreadable}
        return replace(self, durations=durations, seconds=self.seconds + seconds, unread=_more(self.unread, sources))

    def after_failure(self) -> "Tally":
        """Return it after one pass ended in an error."""
        return replace(self, failed=self.failed + 1)

    def after_action(self, kind: str, *, done: bool) -> "Tally":
        """Return it after one action."""
        return replace(self, actions=_more(self.actions, {(kind, done)}))


def _trigger(word: str) -> str:
    word = word.lower()
    return next((trigger for begin, trigger in _TRIGGERS.items() if word.startswith(begin)), _OTHER)


def _more(counted: Mapping[_Key, int], keys: Iterable[_Key]) -> Mapping[_Key, int]:
    return {**counted, **{key: counted.get(key, 0) + 1 for key in keys}}
