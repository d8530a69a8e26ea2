"""Findings become problems: a root cause with everything that follows from it, the gravest first.

Each fault says by which others it is explained (`explained_by`). A cause may itself be explained; what remains at the
end of the chain is the problem.
"""

from collections.abc import Hashable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from itertools import product

from calico_agent.model.finding import Causes, ConditionType, Fault, Finding, Problem, Severity
from calico_agent.model.joining import Area, Grouping, Scope
from calico_agent.model.network.address import Family
from calico_agent.text import counted

_MANY_NODES = 3
_AREAS = tuple(Area)
_ANY_FAMILY = (None, *Family)


def join(findings: Iterable[Finding], here: str) -> tuple[Problem, ...]:
    """Return the findings as problems, the gravest first. `here` is the name of this host's node."""
    distinct = tuple({one.key: one for one in findings}.values())
    found = _index(distinct, here)
    consequences: dict[int, list[Finding]] = {}
    roots: dict[int, Finding] = {}
    for one in distinct:
        root = _root(one, found)
        roots[id(root)] = root
        if root is not one:
            consequences.setdefault(id(root), []).append(one)
    problems = [Problem(root, tuple(consequences.get(key, ()))) for key, root in roots.items()]
    return tuple(sorted(_gathered(problems), key=lambda problem: _urgency(problem, here)))


@dataclass(frozen=True, slots=True)
class _Found:
    """What may be a cause among the findings: the first of each fault and family about each node, prefix, this host.

    `causes` are those of each fault that was found, as far as they were found themselves.
    """

    first: Mapping[tuple[Fault, Scope, Hashable, Family | None], Finding]
    causes: Mapping[Fault, tuple[Causes, ...]]


def _index(findings: tuple[Finding, ...], here: str) -> _Found:
    first: dict[tuple[Fault, Scope, Hashable, Family | None], Finding] = {}
    for one in findings:
        if one.condition is ConditionType.HOST_PREPARED and one.severity is not Severity.ERROR:
            continue  # what may harm one day explains nothing that is wrong now
        if one.prefix is not None:
            first.setdefault((one.fault, Scope.PREFIX, one.prefix, one.family), one)
        if one.device:
            first.setdefault((one.fault, Scope.DEVICE, one.device, one.family), one)
        if one.node:
            first.setdefault((one.fault, Scope.NODE, one.node, one.family), one)
        if not one.node or one.node == here or one.fault.always_here or one.bars_start:
            first.setdefault((one.fault, Scope.HERE, None, one.family), one)
    faults = {one.fault for one in findings}
    return _Found(first, {fault: _among(fault.causes, faults) for fault in faults})


def _among(causes: Iterable[Causes], found: AbstractSet[Fault]) -> tuple[Causes, ...]:
    """The causes that were found. Most passes find a few of them, or none; what is declared names all."""
    possible = (replace(one, faults=tuple(fault for fault in one.faults if fault in found)) for one in causes)
    return tuple(one for one in possible if one.faults)


def _root(one: Finding, found: _Found) -> Finding:
    """The end of the chain of causes. Faults form no circle, but for one that explains itself, which is cut here."""
    seen = {id(one)}
    while (cause := _cause(one, found)) is not None and id(cause) not in seen:
        seen.add(id(cause))
        one = cause
    return one


def _cause(one: Finding, found: _Found) -> Finding | None:
    families = (one.family, None) if one.family is not None else _ANY_FAMILY
    for causes in found.causes[one.fault]:
        if not causes.explain(one):
            continue
        for fault, family in product(causes.faults, families):
            cause = found.first.get((fault, causes.scope, _key(one, causes.scope), family))
            if cause is not None and cause is not one and _weighs(cause, one):
                return cause
    return None


def _key(one: Finding, scope: Scope) -> Hashable:
    if scope is Scope.NODE:
        return one.node
    if scope is Scope.PREFIX:
        return one.prefix
    return one.device if scope is Scope.DEVICE else None


def _weighs(cause: Finding, effect: Finding) -> bool:
    return cause.severity >= effect.severity or cause.fault.blind


def _gathered(problems: list[Problem]) -> list[Problem]:
    """Problems of one kind about one node as one: forty blocks without a route are not forty things to do.

    When many nodes have the same problem, it is one too: somebody emptied the table.
    """
    nodes: dict[Fault, set[str]] = {}
    for problem in problems:
        nodes.setdefault(problem.cause.fault, set()).add(problem.cause.node)
    groups: dict[Hashable, list[Problem]] = {}
    for problem in problems:
        many = len(nodes[problem.cause.fault]) > _MANY_NODES
        groups.setdefault(_group(problem.cause, many=many), []).append(problem)
    return [_one_of(group) for group in groups.values()]


def _group(cause: Finding, *, many: bool) -> Hashable:
    """What problems of one group have in common. `many`: many nodes have problems with this fault."""
    match cause.fault.grouping:
        case Grouping.BY_SUBJECT:
            return cause.fault, cause.node, cause.subject
        case Grouping.BY_SUBJECT_UNTIL_MANY if not many:
            return cause.fault, cause.node, cause.subject
        case Grouping.BY_NODE if not many:
            return cause.fault, cause.node
    return cause.fault


def _one_of(group: list[Problem]) -> Problem:
    """Several problems as one: the first cause stands for all, and says of how many nodes."""
    first, *others = group
    more = (finding for problem in others for finding in (problem.cause, *problem.consequences))
    noun = first.cause.fault.counted_as
    if noun == "node":
        number = len({problem.cause.node for problem in others} - {first.cause.node, ""})
    else:
        number = len({problem.cause.subject for problem in others} - {first.cause.subject})
    also = f"; the same of {counted(number, f'more {noun}')}" if number else ""
    return Problem(replace(first.cause, what=f"{first.cause.what}{also}"), (*first.consequences, *more))


def _urgency(problem: Problem, here: str) -> tuple[int, bool, int, int, str]:
    severity = max(one.severity for one in (problem.cause, *problem.consequences))
    rank = _AREAS.index(problem.cause.fault.area)
    elsewhere = problem.cause.node not in {"", here}
    return (-severity, elsewhere, rank, -len(problem.consequences), problem.cause.subject)
