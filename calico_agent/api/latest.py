"""The slot between the loop and the HTTP workers: the latest report, and whether the agent's own parts are alive.

Written by the loop, read by any thread. Every change is one assignment of an immutable value, so there is no lock.
A part shows that it is alive by its heartbeat, the monotonic time of its last sign of life. The health of peers,
etcd or Docker never enters here: a supervisor that kills the agent because etcd is down helps nobody.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from calico_agent.model.report import RecentHistory, Report
from calico_agent.report.tally import Tally
from calico_agent.text import span

LOOP = "loop"


@dataclass(frozen=True, slots=True)
class AgentThread:
    """A part of the agent: seconds since its last sign of life, and the age from which it counts as stuck."""

    name: str
    age: float
    limit: float

    @property
    def alive(self) -> bool:
        return self.age <= self.limit

    @property
    def words(self) -> str:
        """What is said of it when it is stuck."""
        age, limit = (span(timedelta(seconds=seconds)) for seconds in (self.age, self.limit))
        return f"its {self.name} gave no sign of life for {age} (limit {limit}); what follows is old"


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """When a part was last seen alive (`seen`, monotonic seconds), and how old that may be (s)."""

    seen: Callable[[], float]
    limit: float


class AgentHealth:
    """The latest report and the heartbeats. The loop itself beats with each `publish`."""

    def __init__(self, loop_limit: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        """`loop_limit`: seconds between two finished passes, or before the first one, after which the loop is stuck."""
        self.started_at = datetime.now(UTC)
        # The configuration in use and on disk, as far as it may be shown; None: nobody tells.
        self.tell_configuration: Callable[[], Mapping[str, object]] | None = None
        # The history since a moment (None: all that is kept), oldest first; None: nobody tells.
        self.tell_history: Callable[[datetime | None], list[dict[str, Any]]] | None = None
        # The newest of the history, cheaply.
        self.tell_recent: Callable[[], RecentHistory] = lambda: RecentHistory(trouble="nobody keeps a history")
        # When the certificates of the TCP port expire, by role.
        self.tls_ends: Callable[[], Mapping[str, datetime]] = dict
        # How many sessions, and how many problems, have series of their own.
        self.detail_limit = 0
        self.loop_limit = loop_limit
        # What the loop counts.
        self.tally = Tally()
        self._monotonic = monotonic
        self._report: Report | None = None
        self._doing = ("", self.started_at)
        self._next_look: datetime | None = None
        self._last_pass = monotonic()
        self._watched: dict[str, Heartbeat] = {}

    @property
    def report(self) -> Report | None:
        """The report of the last finished pass; None before the first."""
        return self._report

    def publish(self, report: Report) -> None:
        """A pass is finished."""
        self._last_pass = self._monotonic()
        self._report = report

    def do(self, doing: str) -> None:
        """From now on the loop does this."""
        self._doing = (doing, datetime.now(UTC))

    def wait(self, seconds: float) -> None:
        """From now on the loop waits for something to happen, at most so long."""
        now = datetime.now(UTC)
        self._doing, self._next_look = ("", now), now + timedelta(seconds=seconds)

    def doing_words(self, now: datetime) -> str:
        """Return what the loop does at this moment."""
        doing, since = self._doing
        if doing:
            return f"{doing}, for {span(now - since)}"
        return f"waits for changes; next look within {span(self._next_look - now)}" if self._next_look else ""

    def beat(self) -> None:
        """The loop is alive although no pass has finished, for example while it performs a long action."""
        self._last_pass = self._monotonic()

    def watch(self, name: str, heartbeat: Heartbeat) -> None:
        """Go by this heartbeat from now on, instead of the one of the same name."""
        self._watched = {**self._watched, name: heartbeat}

    def unwatch(self, name: str) -> None:
        """This part is gone on purpose."""
        self._watched = {other: watched for other, watched in self._watched.items() if other != name}

    def components(self) -> tuple[AgentThread, ...]:
        """All parts, the loop first."""
        now = self._monotonic()
        loop = AgentThread(LOOP, max(0.0, now - self._last_pass), self.loop_limit)
        watched = self._watched
        return (
            loop,
            *(AgentThread(name, max(0.0, now - entry.seen()), entry.limit) for name, entry in sorted(watched.items())),
        )

    def stuck(self) -> tuple[AgentThread, ...]:
        """The parts that gave no sign of life for too long."""
        return tuple(component for component in self.components() if not component.alive)
