"""What one observation means: conditions, problems, and what is counted beside them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from calico_agent.model.calico.bird import Session
from calico_agent.model.container.program import Stage
from calico_agent.model.finding import Condition, Finding, Problem
from calico_agent.model.identity import Identity
from calico_agent.model.joining import Area
from calico_agent.model.network.address import Family, IPNetwork
from calico_agent.model.preflight import Check

Key = tuple[str, str, str]
"""What identifies a finding over time."""


@dataclass(frozen=True, slots=True)
class PeerSession:
    """A BGP session together with the node it leads to (empty when the peer is not a node of this cluster).

    What an agent remembers of it: it went down `flaps` times, and `last_error` is what BIRD said last of a failure, at
    `error_at`. BIRD itself forgets that when the session is up again.
    """

    session: Session
    node: str = ""
    flaps: int = 0
    last_error: str = ""
    error_at: datetime | None = None


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
    `routes` is None while it is not known which routes this host should have, or which it has, `encapsulated`
    are those expected by how packets travel on them. `checks` are those of
    the preflight, none where nothing was read for them.
    """

    at: datetime
    identity: Identity
    conditions: tuple[Condition, ...]
    problems: tuple[Problem, ...]
    sessions: tuple[PeerSession, ...] = ()
    unread: frozenset[Family] = frozenset()
    routes: RouteCounts | None = None
    encapsulated: Mapping[str, RouteCounts] = field(default_factory=dict)
    stage: StageReached | None = None
    checks: tuple[Check, ...] = ()

    @property
    def prefixes_amiss(self) -> frozenset[IPNetwork]:
        """The prefixes that findings about routes speak of."""
        found = (one for problem in self.problems for one in (problem.cause, *problem.consequences))
        spoken_of = ((one.prefix, one.beneath) for one in found if one.fault.area is Area.ROUTES)
        return frozenset(prefix for both in spoken_of for prefix in both if prefix is not None)

    def doubting(self, keys: Collection[Key], believed: Collection[Key]) -> "Assessment":
        """Return the same, where the findings with these keys prove nothing yet.

        A problem with a finding that is `believed` is there all the same, whatever newly explains it.
        """

        def doubted(one: Finding) -> Finding:
            return replace(one, early=True) if one.key in keys else one

        def weighed(one: Problem) -> Problem:
            if any(finding.key in believed for finding in (one.cause, *one.consequences)):
                return one
            return Problem(doubted(one.cause), tuple(map(doubted, one.consequences)))

        return replace(self, problems=tuple(map(weighed, self.problems))) if keys else self
