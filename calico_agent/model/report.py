"""The report: an assessment with its times. Everything that people and programs see is made from this one value."""

from dataclasses import dataclass, field
from datetime import datetime

from calico_agent.model.container import Container
from calico_agent.model.finding import Condition, PeerSession, Problem, RouteCounts, Status
from calico_agent.model.identity import Identity
from calico_agent.model.observation import Unreadable
from calico_agent.model.settings import Mode


@dataclass(frozen=True, slots=True)
class TimedCondition:
    """A condition and since when it has its status."""

    condition: Condition
    since: datetime


@dataclass(frozen=True, slots=True)
class TimedProblem:
    """A problem, since when it is seen, and whether it outlived the hold-down.

    Before that it is a suspicion, and `confirmed_at` is when it stops being one.
    """

    problem: Problem
    since: datetime
    confirmed: bool
    confirmed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Supervision:
    """What the agent is doing about the container, in one sentence; `next_attempt` while it backs off."""

    doing: str = ""
    restarts: int = 0
    next_attempt: datetime | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """The state of this host as of `at`. Times are aware UTC.

    `container` is the calico/node container the conditions speak of. `datastore_read_at` is the age of the expectation.
    """

    at: datetime
    started_at: datetime
    version: str
    mode: Mode
    hostname: str
    identity: Identity
    conditions: tuple[TimedCondition, ...]
    problems: tuple[TimedProblem, ...]
    sessions: tuple[PeerSession, ...] = ()
    routes: RouteCounts = field(default_factory=RouteCounts)
    container: Container | None = None
    supervision: Supervision = field(default_factory=Supervision)
    unreadable: tuple[Unreadable, ...] = ()
    datastore_origin: str = ""
    datastore_revision: int = 0
    datastore_read_at: datetime | None = None
    nodes: int = 0
    pass_seconds: float = 0.0

    @property
    def healthy(self) -> bool:
        """All conditions True and no confirmed problem."""
        return all(timed.condition.status is Status.TRUE for timed in self.conditions) and not self.confirmed

    @property
    def confirmed(self) -> tuple[TimedProblem, ...]:
        """The problems that outlived the hold-down."""
        return tuple(timed for timed in self.problems if timed.confirmed)
