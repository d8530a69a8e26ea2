"""What of all that happens is told in the log.

The same line comes at most once in five minutes, and of one kind at most thirty lines do. What is held back is told at
the end of that time, with how many changes it stands for: the last line about a thing is what is so now.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace

from calico_agent.model.report import Event
from calico_agent.report.changes import gathered

QUIET_SECONDS = 300.0
MOST_OF_A_KIND = 30


class Repeats:
    """What is told now of what happens, by a clock in seconds."""

    def __init__(self) -> None:
        self._told: dict[tuple[str, ...], float] = {}
        self._kinds: dict[str, deque[float]] = {}
        self._held: dict[tuple[str, ...], Event] = {}

    def due(self, events: Iterable[Event], now: float) -> tuple[Event, ...]:
        """Return the events to be told: new ones, then those that were held back long enough."""
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
