"""The time of a pass, and what a system clock that was set does to times of before: nothing.

A host that boots with its hardware clock in local time is set back or ahead by hours when NTP answers. Every age and
deadline of the agent is the difference of two times, so what is remembered moves with the clock: ages then are as long
as they were by the monotonic clock. When a container was started Docker wrote down by the clock of that moment; it is
remembered with its age when it was first seen. A start that lies ahead has no age that anybody knows, and counts from
its first sight.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from calico_agent.model.container.container import Container
from calico_agent.model.observation import Observation, Unreadable

# NTP slews a clock by 0.5 ms a second at most; what is more between two passes, somebody set.
_LEAST_JUMP = timedelta(seconds=1)


class Clock:
    """The clock of one agent. Not thread-safe: the thread that makes the passes reads it."""

    def __init__(self, wall: Callable[[], float] = time.time, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._offset = wall() - monotonic()
        self._starts: dict[str, tuple[datetime, datetime]] = {}  # by container: as Docker says, and as it counts

    def read(self) -> tuple[datetime, timedelta]:
        """The time, and how far the system clock was set since the last reading (zero: it was not)."""
        wall = self._wall()
        offset = wall - self._monotonic()
        jump = timedelta(seconds=offset - self._offset)
        self._offset = offset
        if abs(jump) < _LEAST_JUMP:
            jump = timedelta(0)
        self._starts = {key: (said, counted + jump) for key, (said, counted) in self._starts.items()}
        return datetime.fromtimestamp(wall, UTC), jump

    def steadied(self, observation: Observation) -> Observation:
        """The same with the starts of its containers as they are by the clock of now."""
        docker = observation.docker
        if isinstance(docker, Unreadable):
            return observation
        known, self._starts = self._starts, {}
        containers = tuple(self._steadied(found, known, observation.at) for found in docker.containers)
        return replace(observation, docker=replace(docker, containers=containers))

    def _steadied(self, container: Container, known: dict[str, tuple[datetime, datetime]], at: datetime) -> Container:
        said = container.started_at
        if said is None:
            return container
        before, counted = known.get(container.id, (None, said))
        if before != said:
            counted = min(said, at)
        self._starts[container.id] = (said, counted)
        return container if counted == said else replace(container, started_at=counted)
