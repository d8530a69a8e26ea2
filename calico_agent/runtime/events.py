"""Where everything goes that happens: to the history all of it, to the log what is no repetition.

The same line comes at most once in five minutes, and of one kind at most thirty lines do. What is held back is told at
the end of that time, with how many changes it stands for: the last line about a thing is what is so now.
"""

import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime

import structlog

from calico_agent import logs
from calico_agent.faults.agent import SV_STATE
from calico_agent.model.event import Event
from calico_agent.model.observation import AgentTrouble
from calico_agent.report.changes import gathered
from calico_agent.state.history import NAME
from calico_agent.state.history_writer import HistoryWriter

QUIET_SECONDS = 300.0
MOST_OF_A_KIND = 30


class Repeats:
    """What is told now of what happens, by a clock in seconds."""

    def __init__(self) -> None:
        self._told: dict[tuple[str, ...], float] = {}
        self._kinds: dict[str, deque[float]] = {}
        self._held: dict[tuple[str, ...], Event] = {}

    def due(self, events: Iterable[Event], now: float) -> tuple[Event, ...]:
        """The events to be told: new ones, then those that were held back long enough."""
        self._forget(now)
        return (*self._fresh(events, now), *self._released(now))

    def _fresh(self, events: Iterable[Event], now: float) -> Iterator[Event]:
        for event in events:
            kind = self._kinds.setdefault(event.name, deque())
            if event.line in self._told or len(kind) >= MOST_OF_A_KIND:
                about = event.about if len(kind) < MOST_OF_A_KIND else ("many", event.name)
                self._hold(about, event)
                continue
            self._told[event.line] = now
            kind.append(now)
            held = self._held.pop(event.about, None)
            yield event if held is None else _with_count(event, event.count + held.count)

    def _hold(self, about: tuple[str, ...], event: Event) -> None:
        held = self._held.get(about)
        if held is None:
            self._held[about] = event
        elif about[:1] == ("many",):
            self._held[about] = gathered((held, event))
        else:
            self._held[about] = _with_count(event, event.count + held.count)

    def _released(self, now: float) -> Iterator[Event]:
        for about, event in list(self._held.items()):
            kind = self._kinds.setdefault(event.name, deque())
            if event.line not in self._told and len(kind) < MOST_OF_A_KIND:
                del self._held[about]
                self._told[event.line] = now
                kind.append(now)
                yield event

    def _forget(self, now: float) -> None:
        self._told = {line: at for line, at in self._told.items() if now - at < QUIET_SECONDS}
        for kind in self._kinds.values():
            while kind and now - kind[0] >= QUIET_SECONDS:
                kind.popleft()


def _with_count(event: Event, count: int) -> Event:
    return replace(event, fields={**event.fields, "count": count})


class Events:
    """The log and the history of one agent. For one thread."""

    def __init__(self, state_dir: str) -> None:
        self._log = structlog.get_logger("calico_agent")
        self._repeats = Repeats()
        self._history = HistoryWriter(state_dir)

    def tell(self, *events: Event, at: datetime | None = None) -> None:
        """Tell of what happened at this moment, by default now; called with none, of what was held back."""
        self._history.keep(events, at or datetime.now(UTC))
        for event in self._repeats.due(events, time.monotonic()):
            self._log.log(logs.LEVELS[event.level.value], event.name, **event.fields)

    def move(self, state_dir: str) -> None:
        """Keep the history in another place from now on."""
        if state_dir != self._history.state_dir:
            self._history.stop()
            self._history = HistoryWriter(state_dir)

    def stop(self) -> None:
        """Write what is left, within a moment."""
        self._history.stop()

    def heartbeat(self) -> float:
        """Return when its thread was last seen alive (monotonic seconds)."""
        return self._history.heartbeat()

    def troubles(self) -> tuple[AgentTrouble, ...]:
        """Why the history is not kept, if it is not."""
        trouble = self._history.trouble
        if trouble is None:
            return ()
        cure = "see that [agent] state_dir can be written and has room (df -h shows it)"
        effect = "`calico-agent history` does not tell what changes from now on; all else goes on"
        return (AgentTrouble(SV_STATE, NAME, f"the history cannot be kept: {trouble.reason}", "", effect, cure),)


def changed_settings(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """The keys of the configuration whose values differ."""
    return sorted(key for key in before.keys() | now.keys() if before.get(key) != now.get(key))
