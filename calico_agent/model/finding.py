"""Faults as they are declared, the findings of them, the conditions that these decide, and the problems they form."""

from dataclasses import dataclass
from enum import Enum, IntEnum

from calico_agent.model.joining import Area, Grouping, Scope
from calico_agent.model.network.address import Family, IPNetwork


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
class Causes:
    """The faults that explain another one within a scope; of routes only those that `writer` should write, if given."""

    faults: tuple["Fault", ...]
    scope: Scope
    writer: Writer | None = None

    def explain(self, finding: "Finding") -> bool:
        """True if the finding is of this writer, or of one that is not known."""
        return self.writer is None or finding.writer in {None, self.writer}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fault:
    """One fault: all that is declared of it. Findings refer to it, and two faults are never equal.

    `code` is an interface: alerts and runbooks name it, and it is never given another meaning. `explanation` has three
    paragraphs: what it means, how it is found, what to do. `severity` and `condition` are the usual ones: the same
    fault on another host, or of lesser weight, may have others.

    `explained_by` are the faults that this one follows from. The first that is found wins, so what is near stands
    before what is far: a peer's own fault explains its missing session before a fault of this host does.
    `one_for_each`: of several findings of this fault in that scope, the first explains the others.
    `always_here`: it is this host's, although a finding of it names another node.
    `blind`: not knowing is a warning, and explains errors all the same. Any other cause weighs as much as its effects.
    `grouping` joins problems, and `counted_as` says what is counted then: nodes, or the subjects by this word.
    """

    code: str
    title: str
    explanation: str
    condition: ConditionType
    severity: Severity = Severity.ERROR
    explained_by: tuple[Causes, ...] = ()
    one_for_each: Scope | None = None
    always_here: bool = False
    blind: bool = False
    grouping: Grouping = Grouping.BY_SUBJECT
    counted_as: str = "node"

    @property
    def area(self) -> Area:
        """What it is about."""
        return Area(self.code.partition("-")[0])

    @property
    def causes(self) -> tuple[Causes, ...]:
        """All that explains it, itself included."""
        if self.one_for_each is None:
            return self.explained_by
        return (*self.explained_by, Causes((self,), self.one_for_each))

    def finding(
        self,
        subject: str,
        what: str,
        *,
        why: str = "",
        effect: str = "",
        cure: str = "",
        node: str = "",
        prefix: IPNetwork | None = None,
        family: int | None = None,
        severity: Severity | None = None,
        condition: ConditionType | None = None,
        bars_start: bool = False,
        writer: Writer | None = None,
        instance: str = "",
        early: bool = False,
        device: str = "",
        beneath: IPNetwork | None = None,
    ) -> "Finding":
        """Return a finding of this fault, with its severity and condition unless others are given.

        The family is that of the prefix, where one is given.
        """
        version = prefix.version if prefix is not None else family
        return Finding(
            fault=self,
            subject=subject,
            severity=self.severity if severity is None else severity,
            condition=condition or self.condition,
            what=what,
            why=why,
            effect=effect,
            cure=cure,
            node=node,
            prefix=prefix,
            family=Family(version) if version is not None else None,
            bars_start=bars_start,
            writer=writer,
            instance=instance,
            early=early,
            device=device,
            beneath=beneath,
        )


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, by the fault that it is.

    `subject` is what it is about (a node, a prefix, a peer). `what` is the first line a person reads; `why` the
    evidence; `effect` the fate of the traffic now; `cure` what to do, where. While one that `bars_start` holds,
    calico/node must not be started on this host. `writer` is who should write the route that it is about, where that is
    known. `instance` tells things apart that follow one another under the same subject: a pod that was made anew has
    the link of the one before by name, and is another pod. `early`: it is in the usual course of a start, and so proves
    nothing yet. `family` is None where both are meant: the IPv4 address of a node does not explain its IPv6
    session. `device` is the tunnel device that it is about, or that the route which it is about should lead into.
    `beneath` is the prefix of the route by which the next hop of the one that it is about should be found.
    """

    fault: Fault
    subject: str
    severity: Severity
    condition: ConditionType
    what: str
    why: str = ""
    effect: str = ""
    cure: str = ""
    node: str = ""
    prefix: IPNetwork | None = None
    family: Family | None = None
    bars_start: bool = False
    writer: Writer | None = None
    instance: str = ""
    early: bool = False
    device: str = ""
    beneath: IPNetwork | None = None

    @property
    def code(self) -> str:
        """The code of the fault."""
        return self.fault.code

    @property
    def key(self) -> tuple[str, str, str]:
        """What identifies it over time."""
        return self.code, self.subject, self.instance


@dataclass(frozen=True, slots=True)
class Problem:
    """A root cause with the findings that are its consequences."""

    cause: Finding
    consequences: tuple[Finding, ...] = ()
