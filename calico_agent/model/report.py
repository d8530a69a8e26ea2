"""The report: an assessment with its times. Everything that people and programs see is made from this one value.

What changes from one to the next, or of the agent itself, is an event: the log and the history are made from these.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any

from calico_agent.model.assessment import PeerSession, RouteCounts, StageReached
from calico_agent.model.configuration import Configuration
from calico_agent.model.container.container import Container
from calico_agent.model.container.image import Pull
from calico_agent.model.finding import Condition, ConditionType, Finding, Problem, Severity, Status
from calico_agent.model.identity import Identity
from calico_agent.model.maintenance import Maintenance
from calico_agent.model.name_lease import NameLease
from calico_agent.model.network.address import Family
from calico_agent.model.observation import Unreadable
from calico_agent.model.preflight import Check
from calico_agent.model.settings import Mode


@dataclass(frozen=True, slots=True)
class TimedCondition:
    """A condition and since when it has its status."""

    condition: Condition
    since: datetime


def since_true(conditions: tuple[TimedCondition, ...], kind: ConditionType) -> datetime | None:
    """Return since when a condition is True; None when it is not."""
    timed = next((each for each in conditions if each.condition.type is kind), None)
    return timed.since if timed is not None and timed.condition.status is Status.TRUE else None


@dataclass(frozen=True, slots=True)
class TimedProblem:
    """A problem, since when it is seen, and whether it outlived the hold-down.

    Before that it is a suspicion, and `confirmed_at` is when it stops being one. A problem that comes and goes is one
    problem: it came `times` times since then, and `away` means that it is not there at this moment.
    """

    problem: Problem
    since: datetime
    confirmed: bool
    confirmed_at: datetime | None = None
    times: int = 1
    away: bool = False
    each_since: tuple[datetime, ...] = ()

    def since_of(self, finding: Finding) -> datetime:
        """Since when this one of its findings is seen. A cause may be younger than what it explains."""
        findings = (self.problem.cause, *self.problem.consequences)
        return next((at for one, at in zip(findings, self.each_since, strict=False) if one == finding), self.since)

    @property
    def severity(self) -> Severity:
        """How grave it is now: what is away hurts nobody, and may come again."""
        return min(self.problem.cause.severity, Severity.WARNING) if self.away else self.problem.cause.severity


@dataclass(frozen=True, slots=True)
class Supervision:
    """What the agent is doing about the container, in one sentence; `next_attempt` while it backs off.

    `starts` counts its starts, `restarts` those of a container that had run before, and `failures` the last ones in a
    row that did not last.
    `pull` is the last fetching of the image, None where there was none. `obeyed` is the id of the last order that was.
    """

    doing: str = ""
    starts: int = 0
    restarts: int = 0
    next_attempt: datetime | None = None
    failures: int = 0
    pull: Pull | None = None
    obeyed: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """The state of this host as of `at`. Times are aware UTC.

    `container` is the calico/node container the conditions speak of: None where there is none, and where it is not
    known whether there is one (then not `container_known`). Of the BIRD daemons of the families in `unread` no session
    is known. None for `routes`, `nodes` or `datastore_revision` is not known. `encapsulated` are the counts of
    the expected routes by how packets travel on them. `datastore_read_at` is the age of the
    expectation, `snapshot_at` that of the reading which is kept on disk, None where there is none. `certificate_ends`
    is when the first certificate of each role (authority, client, server) expires by which this host and etcd know
    each other.
    `claim` is what etcd says about the holder of the node name. `checks` are those of the preflight, none before they
    were made. `maintenance` is what an administrator asks for now.
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
    unread: frozenset[Family] = frozenset()
    routes: RouteCounts | None = None
    encapsulated: Mapping[str, RouteCounts] = field(default_factory=dict)
    container: Container | None = None
    container_known: bool = True
    stage: StageReached | None = None
    supervision: Supervision = field(default_factory=Supervision)
    unreadable: tuple[Unreadable, ...] = ()
    datastore_origin: str = ""
    datastore_called: str = "etcd"
    datastore_revision: int | None = None
    datastore_read_at: datetime | None = None
    snapshot_at: datetime | None = None
    certificate_ends: Mapping[str, datetime] = field(default_factory=dict)
    nodes: int | None = None
    claim: NameLease = field(default_factory=NameLease)
    configuration: Configuration = field(default_factory=Configuration)
    pass_seconds: float = 0.0
    checks: tuple[Check, ...] = ()
    maintenance: Maintenance = field(default_factory=Maintenance)

    @property
    def healthy(self) -> bool:
        """All conditions True and no confirmed problem. Notes are for whoever reads up, and change nothing."""
        well = all(timed.condition.status is Status.TRUE for timed in self.conditions)
        return well and all(timed.severity is Severity.INFO for timed in self.confirmed)

    @property
    def datastore_current(self) -> bool:
        """Whether what is said rests on the datastore as it is now, and not on an earlier reading or on none."""
        statuses = {timed.condition.type: timed.condition.status for timed in self.conditions}
        return statuses.get(ConditionType.DATASTORE_REACHABLE) is Status.TRUE

    @property
    def confirmed(self) -> tuple[TimedProblem, ...]:
        """The problems that outlived the hold-down."""
        return tuple(timed for timed in self.problems if timed.confirmed)


@dataclass(frozen=True, slots=True)
class RecentHistory:
    """The newest entries of the history, oldest first. `whole`: nothing that is kept is older than these.

    `trouble` is why it could not be read; empty where it could.
    """

    entries: tuple[Mapping[str, Any], ...] = ()
    whole: bool = True
    trouble: str = ""


class Level(Enum):
    """How loud an event is: `ERROR` is broken now, `WARNING` will be or may be, `INFO` is for whoever reads up."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Event:
    """One change: a machine word and its fields, which are plain JSON types.

    `about` is the thing that changed, `says` what it changed to where the name does not tell. Two events with the same
    name that say the same about one thing are the same line to whoever reads the log.
    """

    name: str
    level: Level = Level.INFO
    fields: dict[str, object] = field(default_factory=dict)
    about: tuple[str, ...] = ()
    says: str = ""

    @property
    def line(self) -> tuple[str, ...]:
        """What makes it the same line."""
        return (self.name, self.says, *self.about)

    @property
    def count(self) -> int:
        """How many changes it stands for."""
        number = self.fields.get("count", 1)
        return number if isinstance(number, int) else 1
