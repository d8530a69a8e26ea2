"""A system clock that was set makes nothing older or younger."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from calico_agent.model.container.container import Container, ContainerState, Docker
from calico_agent.model.container.supervision import Attempts
from calico_agent.model.observation import Observation, Unreadable
from calico_agent.report.timeline import Sightings, advance
from calico_agent.runtime.clock import Clock
from tests.checks.cluster import AT, CONTAINER, HEALTHY, look, routed

HOUR = timedelta(hours=1)
HOLD_DOWN = timedelta(seconds=10)


@dataclass
class Time:
    """What the two clocks of a machine show."""

    wall: datetime = AT
    steady: float = 1000.0
    clock: Clock = field(init=False)

    def __post_init__(self) -> None:
        self.clock = Clock(self.wall_seconds, self.monotonic)

    def wall_seconds(self) -> float:
        return self.wall.timestamp()

    def monotonic(self) -> float:
        return self.steady

    def passes(self, seconds: float, *, set_by: timedelta = timedelta(0)) -> timedelta:
        """Time passes, and somebody sets the clock; returns the jump that the agent sees."""
        self.wall += timedelta(seconds=seconds) + set_by
        self.steady += seconds
        now, jump = self.clock.read()
        assert now == self.wall
        return jump

    def age(self, started_at: datetime, identity: str = "c1") -> timedelta:
        """How old a container is for the agent."""
        seen = replace(HEALTHY, at=self.wall, docker=Docker(containers=(made(started_at, identity),)))
        docker = self.clock.steadied(seen).docker
        assert isinstance(docker, Docker)
        (container,) = docker.containers
        assert container.started_at is not None
        return self.wall - container.started_at


def made(started_at: datetime | None, identity: str = "c1") -> Container:
    return replace(CONTAINER, id=identity, started_at=started_at)


@pytest.mark.parametrize("set_by", [-9 * HOUR, HOUR, timedelta(seconds=-2)])
def test_a_clock_that_is_set_is_noticed_once(set_by: timedelta) -> None:
    time = Time()
    assert time.passes(5) == timedelta(0)
    assert time.passes(5, set_by=set_by) == set_by
    assert time.passes(5) == timedelta(0)


def test_a_clock_that_is_slewed_is_followed() -> None:
    time = Time()
    for _ in range(100):
        assert time.passes(10, set_by=timedelta(seconds=0.1)) == timedelta(0)


@pytest.mark.parametrize("set_by", [-9 * HOUR, HOUR])
def test_a_container_is_as_old_as_it_was(set_by: timedelta) -> None:
    time, began = Time(), AT - timedelta(seconds=4)
    assert time.age(began) == timedelta(seconds=4)
    time.passes(6, set_by=set_by)
    assert time.age(began) == timedelta(seconds=10)
    time.passes(60)
    assert time.age(began) == timedelta(seconds=70)
    assert time.age(time.wall - timedelta(seconds=3), "c2") == timedelta(seconds=3), "another one has its own age"


def test_one_that_was_started_again_is_young_again() -> None:
    time = Time()
    time.age(AT - HOUR)
    time.passes(60, set_by=-HOUR)
    assert time.age(time.wall - timedelta(seconds=2)) == timedelta(seconds=2)


def test_a_start_that_lies_ahead_counts_from_its_first_sight() -> None:
    """The clock was set back before this agent was started: how old the container is nobody knows."""
    time, ahead = Time(), AT + 9 * HOUR
    assert time.age(ahead) == timedelta(0)
    time.passes(30)
    assert time.age(ahead) == timedelta(seconds=30)


def test_what_was_never_started_or_cannot_be_seen_stays_as_it_is() -> None:
    clock = Time().clock
    created = replace(HEALTHY, docker=Docker(containers=(replace(made(None), state=ContainerState.CREATED),)))
    blind = replace(HEALTHY, docker=Unreadable("Docker", "no answer"))
    for seen in (created, blind):
        assert clock.steadied(seen) == seen


def confirmed(seconds: float, set_by: timedelta) -> tuple[bool, float]:
    """Whether a route that is missing for so long is confirmed, and for how long it is said to last."""
    time, sightings = Time(), Sightings()
    missing: Observation = routed(without=["192.168.3.0/26"])
    advance_at = replace(missing, at=time.wall)
    sightings, _, _ = advance(sightings, look(advance_at), time.wall, HOLD_DOWN)
    jump = time.passes(seconds, set_by=set_by)
    later = replace(missing, at=time.wall)
    _, _, (problem,) = advance(sightings.moved(jump), look(later), time.wall, HOLD_DOWN)
    return problem.confirmed, (time.wall - problem.since).total_seconds()


@pytest.mark.parametrize("set_by", [-9 * HOUR, HOUR, timedelta(0)])
def test_a_suspicion_is_confirmed_by_time_that_has_passed(set_by: timedelta) -> None:
    assert confirmed(3, set_by) == (False, 3)
    assert confirmed(12, set_by) == (True, 12)


@pytest.mark.parametrize("jump", [-9 * HOUR, HOUR])
def test_a_wait_is_as_long_as_it_was(jump: timedelta) -> None:
    waiting = Attempts(failures=3, not_before=AT + timedelta(seconds=8), drift="abc", drift_since=AT, stopped_at=AT)
    moved = waiting.moved(jump)
    assert (moved.not_before, moved.drift_since) == (AT + jump + timedelta(seconds=8), AT + jump)
    assert moved.stopped_at == AT, "that is Docker's own word, and compared with it"
    assert Attempts().moved(jump) == Attempts()


def test_the_clock_of_this_machine_is_read() -> None:
    clock = Clock()
    now, jump = clock.read()
    assert abs(now - datetime.now(UTC)) < timedelta(minutes=1)
    assert jump == timedelta(0)
