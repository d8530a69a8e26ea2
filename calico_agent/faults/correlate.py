"""Findings become problems: a root cause with everything that follows from it, the gravest first.

`faults.causes` says which findings explain which. A cause may itself be explained; what remains at the end of the chain
is the problem.
"""

from collections.abc import Hashable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from itertools import product

from calico_agent.faults.causes import (
    ALIKE,
    ALIKE_OF_MANY,
    ALWAYS_HERE,
    BLIND,
    BOTH_FAMILIES,
    ONE_FOR_ALL,
    RULES,
    Link,
    Rule,
)
from calico_agent.model.finding import ConditionType, Finding, Problem, Severity

_MANY_NODES = 3

# Who is named first among problems of one severity: this host's own faults, then other hosts', then what BIRD and the
# kernel show.
_RANKS = ("NAME-", "IP-", "NODE-", "SV-", "HOST-", "KERNEL-", "DOCKER-", "DS-", "BIRD-", "BGP-", "RT-")


def join(findings: Iterable[Finding], here: str) -> tuple[Problem, ...]:
    """The findings as problems, the gravest first. `here` is the name of this host's node."""
    distinct = tuple({one.key: one for one in findings}.values())
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


@dataclass(frozen=True, slots=True)
class _Causes:
    """What may be a cause among the findings: the first of each code and family about each node, prefix, this host.

    `rules` are those for the code of an effect, with those of their causes that were found.
    """

    found: Mapping[tuple[str, Link, Hashable, int | None], Finding]
    rules: Mapping[str, tuple[Rule, ...]]


def _index(findings: tuple[Finding, ...], here: str) -> _Causes:
    causes: dict[tuple[str, Link, Hashable, int | None], Finding] = {}
    for one in findings:
        if one.condition is ConditionType.HOST_PREPARED and one.severity is not Severity.ERROR:
            continue  # what may harm one day explains nothing that is wrong now
        family = _family(one)
        if one.prefix is not None:
            causes.setdefault((one.code, Link.PREFIX, one.prefix, family), one)
        if one.device:
            causes.setdefault((one.code, Link.DEVICE, one.device, family), one)
        if one.node:
            causes.setdefault((one.code, Link.NODE, one.node, family), one)
        if not one.node or one.node == here or one.code in ALWAYS_HERE or one.bars_start:
            causes.setdefault((one.code, Link.HERE, None, family), one)
    return _Causes(causes, _rules({one.code for one in findings}))


def _rules(codes: AbstractSet[str]) -> Mapping[str, tuple[Rule, ...]]:
    """The rules that can join findings of these codes. Most passes find a few of them, or none; the table names all."""
    possible = [
        replace(rule, causes=tuple(code for code in rule.causes if code in codes))
        for rule in RULES
        if not rule.effects.isdisjoint(codes)
    ]
    return {effect: tuple(rule for rule in possible if rule.causes and effect in rule.effects) for effect in codes}


def _family(one: Finding) -> int | None:
    """The IP version that a finding is about: the IPv4 address of a node does not explain its IPv6 session."""
    if one.prefix is not None:
        return one.prefix.version
    if not one.code.startswith(("IP-", "BGP-", "BIRD-", "RT-")) or one.code in BOTH_FAMILIES:
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
    for rule in filter(lambda rule: rule.explains(one), causes.rules[one.code]):
        for code, version in product(rule.causes, families):
            cause = causes.found.get((code, rule.link, _key(one, rule.link), version))
            if cause is not None and cause is not one and _weighs(cause, one):
                return cause
    return None


def _key(one: Finding, link: Link) -> Hashable:
    keys: Mapping[Link, Hashable] = {Link.PREFIX: one.prefix, Link.NODE: one.node, Link.DEVICE: one.device}
    return keys.get(link)


def _weighs(cause: Finding, effect: Finding) -> bool:
    return cause.severity >= effect.severity or cause.code in BLIND


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
        many = len(nodes[one.code]) > _MANY_NODES or one.code in ONE_FOR_ALL
        alike = one.code in ALIKE | ONE_FOR_ALL or (many and one.code in ALIKE_OF_MANY)
        key = (one.code, "" if alike and many else one.node, "" if alike else one.subject)
        groups.setdefault(key, []).append(problem)
    return [_one_of(group) for group in groups.values()]


def _one_of(group: list[Problem]) -> Problem:
    """Several problems as one: the first cause stands for all, and says of how many nodes."""
    first, *others = group
    more = (finding for problem in others for finding in (problem.cause, *problem.consequences))
    if first.cause.code == "DS-BAD-KEY":  # of nodes, blocks and pools alike
        number, noun = len({problem.cause.subject for problem in others} - {first.cause.subject}), "key"
    else:
        number, noun = len({problem.cause.node for problem in others} - {first.cause.node, ""}), "node"
    also = f"; the same of {number} more {noun}{'s' if number > 1 else ''}" if number else ""
    return Problem(replace(first.cause, what=f"{first.cause.what}{also}"), (*first.consequences, *more))


def _urgency(problem: Problem, here: str) -> tuple[int, bool, int, int, str]:
    severity = max(one.severity for one in (problem.cause, *problem.consequences))
    rank = next((place for place, prefix in enumerate(_RANKS) if problem.cause.code.startswith(prefix)), len(_RANKS))
    elsewhere = problem.cause.node not in {"", here}
    return (-severity, elsewhere, rank, -len(problem.consequences), problem.cause.subject)
