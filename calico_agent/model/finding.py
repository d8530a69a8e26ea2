"""Findings, the conditions they decide, and the problems they are joined to."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum, IntEnum

from calico_agent.model.calico.bird import Session
from calico_agent.model.container.program import Stage
from calico_agent.model.identity import Identity
from calico_agent.model.network.address import Family, IPNetwork
from calico_agent.model.preflight import Check


class Severity(IntEnum):
    """`ERROR`: traffic or the node is broken. `WARNING`: it will be, or something is wrong that does not hurt yet."""

    INFO = 0
    WARNING = 1
    ERROR = 2


class Writer(Enum):
    """Which program of calico/node writes a route into the kernel."""

    BIRD = "BIRD"
    FELIX = "Felix"


class ConditionType(Enum):
    """What is asked about a host. Each is worded so that True is good."""

    IDENTITY_CONFIRMED = "IdentityConfirmed"
    DATASTORE_REACHABLE = "DatastoreReachable"
    CONTAINER_RUNNING = "ContainerRunning"
    BGP_ESTABLISHED = "BGPEstablished"
    ROUTES_IN_PLACE = "RoutesInPlace"
    HOST_PREPARED = "HostPrepared"


class Status(Enum):
    """Three-valued: a source that cannot be read makes a condition Unknown, never False."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


NOT_JUDGED = "NotJudged"
"""The reason of a condition that nobody can decide, and that speaks against nothing."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition now. `reason` is CamelCase for machines, `message` a sentence for people."""

    type: ConditionType
    status: Status
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong. `code` is a code of the catalogue.

    `subject` is what it is about (a node, a prefix, a peer). `what` is the first line a person reads; `why` the
    evidence; `effect` the fate of the traffic now; `cure` what to do, where. While one that `bars_start` holds,
    calico/node must not be started on this host. `writer` is who should write the route that it is about, where that is
    known. `instance` tells things apart that follow one another under the same subject: a pod that was made anew has
    the link of the one before by name, and is another pod. `early`: it is in the usual course of a start, and so proves
    nothing yet. `device` is the tunnel device that it is about, or that the route which it is about should lead into.
    `beneath` is the prefix of the route by which the next hop of the one that it is about should be found.
    """

    code: str
    subject: str
    severity: Severity
    condition: ConditionType
    what: str
    why: str = ""
    effect: str = ""
    cure: str = ""
    node: str = ""
    prefix: IPNetwork | None = None
    bars_start: bool = False
    writer: Writer | None = None
    instance: str = ""
    early: bool = False
    device: str = ""
    beneath: IPNetwork | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        """What identifies it over time."""
        return self.code, self.subject, self.instance


@dataclass(frozen=True, slots=True)
class Problem:
    """A root cause with the findings that are its consequences."""

    cause: Finding
    consequences: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class PeerSession:
    """A BGP session together with the node it leads to (empty when the peer is not a node of this cluster)."""

    session: Session
    node: str = ""


@dataclass(frozen=True, slots=True)
class RouteCounts:
    """The routes this host should have, by what was found. `expected` is the sum of the three after it.

    `left_out` are blocks of other nodes to which there may be routes or not: Felix is told to write none to blocks.
    """

    expected: int = 0
    present: int = 0
    missing: int = 0
    wrong: int = 0
    stale: int = 0
    nodes_without_route: int = 0
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class StageReached:
    """How far calico/node's start has come, and what shows it."""

    stage: Stage
    evidence: str


@dataclass(frozen=True, slots=True)
class Assessment:
    """What one observation means, without any memory: the same observation always gives the same assessment.

    `sessions` are those of the BIRD daemons that could be read; `unread` are the families of those that could not.
    `routes` is None while it is not known which routes this host should have, or which it has. `checks` are those of
    the preflight, none where nothing was read for them.
    """

    at: datetime
    identity: Identity
    conditions: tuple[Condition, ...]
    problems: tuple[Problem, ...]
    sessions: tuple[PeerSession, ...] = ()
    unread: frozenset[Family] = frozenset()
    routes: RouteCounts | None = None
    stage: StageReached | None = None
    checks: tuple[Check, ...] = ()

    @property
    def prefixes_amiss(self) -> frozenset[IPNetwork]:
        """The prefixes that findings about routes speak of."""
        found = (one for problem in self.problems for one in (problem.cause, *problem.consequences))
        spoken_of = ((one.prefix, one.beneath) for one in found if one.code.startswith("RT-"))
        return frozenset(prefix for both in spoken_of for prefix in both if prefix is not None)
