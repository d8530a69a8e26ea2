"""Which findings explain which: one problem is a root cause with everything that follows from it.

Each rule says: a finding of these codes explains findings of those codes, if both are about the same node, the same
prefix, or if the cause lies in this host itself. What keeps BIRD from its work explains no route that Felix writes, and
the other way round. The first rule that finds a cause wins, so what is near stands before what is far: a peer's own
fault explains its missing session before a fault of this host does. A cause may itself be explained; what remains at
the end of the chain is the problem.
"""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from itertools import product

from calico_agent.model.finding import Finding, Problem, Writer


class Link(Enum):
    """What cause and consequence have in common."""

    PREFIX = "the same prefix"
    NODE = "the same node"
    HERE = "this host"


@dataclass(frozen=True, slots=True)
class Rule:
    """Findings of `causes` explain findings of `effects`; of those about routes only `writer`'s, where one is named."""

    causes: tuple[str, ...]
    effects: frozenset[str]
    link: Link
    writer: Writer | None = None

    def explains(self, one: Finding) -> bool:
        """Whether a finding of one of the effects is of this writer, or of one that is not known."""
        return self.writer is None or one.writer in {None, self.writer}


def _rule(causes: str, effects: Iterable[str], link: Link, writer: Writer | None = None) -> Rule:
    return Rule(tuple(causes.split()), frozenset(effects), link, writer)


_ROUTES = frozenset(
    {
        "RT-MISSING",
        "RT-FILTERED",
        "RT-BORROWED-MISSING",
        "RT-WRONG-NEXTHOP",
        "RT-WRONG-DEVICE",
        "RT-BLACKHOLE",
        "RT-UNREACHABLE",
        "RT-ECMP",
        "RT-TUNNEL",
    }
)
_TABLE = _ROUTES | {"RT-STALE", "RT-BLACKHOLE-MISSING"}
_WORKLOADS = frozenset({"RT-WORKLOAD-MISSING"})  # Felix alone brings these, and no peer
_SESSIONS = frozenset({"BGP-DOWN", "BGP-NO-SESSION", "BGP-NO-REFLECTOR", "BGP-NO-ROUTES", "BGP-RECOVERING"})
_CONFIGURED = frozenset({"BGP-NO-SESSION", "BGP-STALE-SESSION", "BGP-STALE-AS"})
_BIRD = frozenset({"BIRD-DOWN", "BIRD-HUNG", "BIRD-UNREADABLE"})
_RECORD = frozenset({"IP-NOT-LOCAL", "IP-BRIDGE", "IP-MISMATCH", "NODE-NO-RECORD", "NODE-NO-ADDRESS"})
_NO_CONTAINER = "SV-ABSENT SV-CRASHLOOP SV-STOPPED SV-EXITED SV-NOT-RUNNING"
_REFUSALS = "IP-AMBIGUOUS IP-NONE IP-REJECTED IP-UNKNOWN NAME-LOCALHOST NAME-INVALID NAME-UNKNOWN"
_GUARDS = "NAME-CLAIMED NAME-CLONED IP-CONFLICT SV-RIVAL SV-PORT"

RULES = (
    # What is known about the prefix or the node itself.
    _rule("RT-DUPLICATE-AFFINITY", {"RT-UNCLAIMED"}, Link.PREFIX),
    _rule("RT-DUPLICATE-AFFINITY RT-UNCLAIMED RT-BLOCK-GONE", _TABLE, Link.PREFIX),
    _rule("IP-BRIDGE IP-CONFLICT", _SESSIONS | _ROUTES | {"BGP-UNKNOWN-PEER", "RT-NEXTHOP-DEAD"}, Link.NODE),
    _rule("IP-CONFLICT", {"IP-CONFLICT"}, Link.PREFIX),
    _rule("DS-BAD-KEY", _SESSIONS | _ROUTES | {"NODE-NO-RECORD", "BGP-UNKNOWN-PEER"}, Link.NODE),
    _rule("RT-NEXTHOP-DEAD RT-NEIGHBOUR", _SESSIONS | _ROUTES, Link.NODE),
    _rule("RT-LINK-DOWN", _SESSIONS | _TABLE | {"RT-NEXTHOP-DEAD", "DS-UNREADABLE", *_REFUSALS.split()}, Link.HERE),
    # What is wrong with this host: its name, then its record, then its container, then BIRD.
    _rule("NAME-MISMATCH NAME-CLAIMED NAME-CLONED", _RECORD, Link.NODE),
    _rule("NAME-MISMATCH", _SESSIONS | _TABLE | _WORKLOADS | _BIRD, Link.HERE),
    _rule(_REFUSALS, {"SV-ABSENT", "SV-NOT-RUNNING"}, Link.HERE),
    _rule(_GUARDS, {"SV-ABSENT", "SV-NOT-RUNNING", "SV-EXITED"}, Link.HERE),
    _rule("SV-IMAGE", {"SV-ABSENT", "SV-DRIFT"}, Link.HERE),
    _rule("SV-ROLLED-BACK", {"SV-DRIFT"}, Link.HERE),
    _rule(f"{_NO_CONTAINER} SV-STUCK", {"NODE-NO-RECORD"}, Link.NODE),
    _rule(_NO_CONTAINER, _SESSIONS | _TABLE | _WORKLOADS | _BIRD, Link.HERE),
    _rule("SV-CRASHLOOP", {"SV-STUCK", "SV-NOT-RUNNING"}, Link.HERE),
    _rule("IP-CHANGED", _SESSIONS | _TABLE | {"SV-DRIFT", "IP-NONE", "IP-AMBIGUOUS"}, Link.HERE),
    _rule("IP-BRIDGE IP-NOT-LOCAL IP-CONFLICT NODE-NO-RECORD NODE-NO-ADDRESS", _SESSIONS | _TABLE, Link.HERE),
    _rule("SV-STUCK SV-RESTARTING", _BIRD, Link.HERE),
    _rule("NODE-NO-RECORD NODE-NO-ADDRESS", _BIRD, Link.HERE),
    _rule("BIRD-DOWN BIRD-HUNG SV-RESTARTING", _SESSIONS | _TABLE | {"BGP-STALE-SESSION"}, Link.HERE, Writer.BIRD),
    _rule("SV-CONFD", _CONFIGURED | _BIRD, Link.HERE),
    _rule("BIRD-DISABLED", _TABLE, Link.HERE, Writer.BIRD),
    _rule("SV-FELIX", _TABLE | _WORKLOADS | {"RT-TUNNEL-DEVICE"}, Link.HERE, Writer.FELIX),
    _rule("RT-TUNNEL-DEVICE", _TABLE, Link.HERE, Writer.FELIX),
    _rule("BGP-PORT", _SESSIONS, Link.HERE),
    _rule("BGP-NO-PEERS BGP-ISOLATED", _ROUTES, Link.HERE, Writer.BIRD),
    _rule("DS-UNREADABLE", {"SV-STUCK"}, Link.HERE),
    _rule("KERNEL-UNREADABLE", {"IP-UNKNOWN"}, Link.HERE),
    _rule("HOST-UNREADABLE", {"NAME-UNKNOWN"}, Link.HERE),
    _rule("IP-MISMATCH", _SESSIONS | _ROUTES, Link.HERE),
    # A session and what came through it.
    _rule("BGP-STALE-AS", {"BGP-DOWN"}, Link.NODE),
    _rule("BGP-DOWN BGP-NO-SESSION BGP-NO-ROUTES BGP-NO-PATH", _ROUTES, Link.NODE, Writer.BIRD),
    _rule("BGP-DOWN BGP-NO-SESSION", {"BGP-RECOVERING", "BGP-NO-REFLECTOR"}, Link.NODE),
    _rule("BGP-NO-REFLECTOR", _ROUTES, Link.HERE, Writer.BIRD),
    _rule("RT-MISSING", {"RT-TUNNEL"}, Link.NODE),
    _rule("BGP-RECOVERING", _TABLE, Link.HERE, Writer.BIRD),
)
_ALIKE = _ROUTES | {
    "RT-STALE",
    "RT-BLACKHOLE-MISSING",
    "RT-WORKLOAD-MISSING",
    "RT-DIVERTED",
    "RT-FOREIGN",
    "RT-SHADOWED",
    "BGP-NO-PATH",
    "DS-BAD-KEY",
}


# Not knowing is a warning, whatever follows from it; any other cause weighs at least as much as its consequences.
_BLIND = frozenset({"DS-UNREADABLE", "KERNEL-UNREADABLE", "HOST-UNREADABLE"})

_RULES_BY_EFFECT: Mapping[str, tuple[Rule, ...]] = {
    effect: tuple(rule for rule in RULES if effect in rule.effects)
    for effect in sorted(frozenset().union(*(rule.effects for rule in RULES)))
}

# Named after the peer that is waited for or lost, it is this host that waits or loses.
_ALWAYS_HERE = frozenset({"BGP-RECOVERING", "BGP-NO-REFLECTOR"})
_BOTH_FAMILIES = frozenset({"BGP-PORT", "BGP-NO-PEERS", "RT-LINK-DOWN", "RT-TUNNEL-DEVICE"})
_MANY_NODES = 3
# Of several things of these kinds about one node each is a problem of its own; of many nodes they are one.
_ALIKE_OF_MANY = frozenset({"BGP-DOWN", "BGP-NO-SESSION", "BGP-STALE-SESSION", "RT-NEXTHOP-DEAD", "NODE-NO-RECORD"})

# Who is named first among problems of one severity: this host's own faults, then other hosts', then what BIRD and the
# kernel show.
_RANKS = ("NAME-", "IP-", "NODE-", "SV-", "HOST-", "KERNEL-", "DOCKER-", "DS-", "BIRD-", "BGP-", "RT-")


def join(findings: Iterable[Finding], here: str) -> tuple[Problem, ...]:
    """The findings as problems, the gravest first. `here` is the name of this host's node."""
    distinct = tuple({(one.code, one.subject): one for one in findings}.values())
    causes = _index(distinct, here)
    consequences: dict[int, list[Finding]] = {}
    roots: dict[int, Finding] = {}
    for one in distinct:
        root = _root(one, causes)
        roots[id(root)] = root
        if root is not one:
            consequences.setdefault(id(root), []).append(one)
    problems = [Problem(root, tuple(consequences.get(key, ()))) for key, root in roots.items()]
    return tuple(sorted(_gathered(problems), key=lambda problem: _urgency(problem, here)))


_Causes = Mapping[tuple[str, Link, Hashable, int | None], Finding]


def _index(findings: tuple[Finding, ...], here: str) -> _Causes:
    """The first finding of each code and family about each node, each prefix and this host."""
    causes: dict[tuple[str, Link, Hashable, int | None], Finding] = {}
    for one in findings:
        family = _family(one)
        if one.prefix is not None:
            causes.setdefault((one.code, Link.PREFIX, one.prefix, family), one)
        if one.node:
            causes.setdefault((one.code, Link.NODE, one.node, family), one)
        if not one.node or one.node == here or one.code in _ALWAYS_HERE or one.bars_start:
            causes.setdefault((one.code, Link.HERE, None, family), one)
    return causes


def _family(one: Finding) -> int | None:
    """The IP version that a finding is about: the IPv4 address of a node does not explain its IPv6 session."""
    if one.prefix is not None:
        return one.prefix.version
    if not one.code.startswith(("IP-", "BGP-", "BIRD-", "RT-")) or one.code in _BOTH_FAMILIES:
        return None
    return 6 if "IPv6" in one.subject or ":" in one.subject else 4


def _root(one: Finding, causes: _Causes) -> Finding:
    """The end of the chain of causes. Rules can form no circle but through one code, which is cut here."""
    seen = {id(one)}
    while (cause := _cause(one, causes)) is not None and id(cause) not in seen:
        seen.add(id(cause))
        one = cause
    return one


def _cause(one: Finding, causes: _Causes) -> Finding | None:
    family = _family(one)
    families = (family, None) if family else (None, 4, 6)
    for rule in filter(lambda rule: rule.explains(one), _RULES_BY_EFFECT.get(one.code, ())):
        for code, version in product(rule.causes, families):
            cause = causes.get((code, rule.link, _key(one, rule.link), version))
            if cause is not None and cause is not one and _weighs(cause, one):
                return cause
    return None


def _key(one: Finding, link: Link) -> Hashable:
    if link is Link.PREFIX:
        return one.prefix
    return one.node if link is Link.NODE else None


def _weighs(cause: Finding, effect: Finding) -> bool:
    return cause.severity >= effect.severity or cause.code in _BLIND


def _gathered(problems: list[Problem]) -> list[Problem]:
    """Problems of one kind about one node as one: forty blocks without a route are not forty things to do.

    When many nodes have the same problem, it is one too: somebody emptied the table.
    """
    nodes: dict[str, set[str]] = {}
    for problem in problems:
        nodes.setdefault(problem.cause.code, set()).add(problem.cause.node)
    groups: dict[Hashable, list[Problem]] = {}
    for problem in problems:
        one = problem.cause
        many = len(nodes[one.code]) > _MANY_NODES
        alike = one.code in _ALIKE or (many and one.code in _ALIKE_OF_MANY)
        key = (one.code, "" if alike and many else one.node, "" if alike else one.subject)
        groups.setdefault(key, []).append(problem)
    return [_one_of(group) for group in groups.values()]


def _one_of(group: list[Problem]) -> Problem:
    """Several problems as one: the first cause stands for all, and says of how many nodes."""
    first, *others = group
    more = (finding for problem in others for finding in (problem.cause, *problem.consequences))
    nodes = {problem.cause.node for problem in others} - {first.cause.node, ""}
    also = f"; the same of {len(nodes)} more node{'s' if len(nodes) > 1 else ''}" if nodes else ""
    return Problem(replace(first.cause, what=f"{first.cause.what}{also}"), (*first.consequences, *more))


def _urgency(problem: Problem, here: str) -> tuple[int, bool, int, int, str]:
    severity = max(one.severity for one in (problem.cause, *problem.consequences))
    rank = next((place for place, prefix in enumerate(_RANKS) if problem.cause.code.startswith(prefix)), len(_RANKS))
    elsewhere = problem.cause.node not in {"", here}
    return (-severity, elsewhere, rank, -len(problem.consequences), problem.cause.subject)
