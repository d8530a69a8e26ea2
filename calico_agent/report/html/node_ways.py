"""How this host's way to each node stands, by what the report says of it."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from calico_agent.model.network.route_trace import NodeWay
from calico_agent.model.observation import Unreadable
from calico_agent.model.report import Report
from calico_agent.report.html.symbols import Tone, tone_of
from calico_agent.report.verdict import SEVERITY_WORDS

NO_ROUTE = "no route is wanted"
NOT_TOLD = "the way is not known"
_NUMBER = re.compile(r"(\d+)")
_DIRECT = "without encapsulation"


@dataclass(frozen=True, slots=True)
class NodeStanding:
    """A node: how its packets should travel (`way`, in words), how that stands, and why where it is not fine."""

    name: str
    way: str
    tone: Tone
    why: str = ""


def node_standings(
    report: Report, names: Collection[str], ways: tuple[NodeWay, ...] | Unreadable
) -> tuple[NodeStanding, ...]:
    """Return all other nodes in the order of their names."""
    blamed = _blamed(report)
    down = {peer.node: peer.session for peer in report.sessions if peer.node and not peer.session.established}
    travelled: dict[str, str] = {}
    if not isinstance(ways, Unreadable):
        travelled = _travelled(ways)
    standings = []
    others = {*names, *travelled, *(blamed.keys() if names else ())} - {report.identity.name.name or ""}
    for name in sorted(others, key=_natural):
        way = travelled.get(name, NOT_TOLD if isinstance(ways, Unreadable) else NO_ROUTE)
        tone, why = blamed.get(name, (Tone.GOOD, ""))
        if not why and name in down:
            session = down[name]
            tone, why = Tone.WARN, f"its BGP session is {session.bgp_state or session.protocol_state}"
        elif not why and (report.routes is None or way == NOT_TOLD):
            tone, why = Tone.UNKNOWN, "its routes are not known"
        elif not why and way == NO_ROUTE:
            tone = Tone.NONE
        standings.append(NodeStanding(name, way, tone, why))
    return tuple(standings)


def _natural(name: str) -> list[tuple[int, str]]:
    """Order `host9` before `host10`."""
    return [(len(part) if part.isdecimal() else 0, part) for part in _NUMBER.split(name)]


def _travelled(ways: Iterable[NodeWay]) -> dict[str, str]:
    """In words, by node; a node may have pods of several pools."""
    kinds: defaultdict[str, set[str]] = defaultdict(set)
    for way in ways:
        kinds[way.node].add(way.encapsulation)
    words = {kind: _words(kind) for kind in {frozenset(each) for each in kinds.values()}}
    return {node: words[frozenset(each)] for node, each in kinds.items()}


def _words(kinds: frozenset[str]) -> str:
    return " and ".join(_DIRECT if kind == "none" else f"in {kind}" for kind in sorted(kinds))


def _blamed(report: Report) -> dict[str, tuple[Tone, str]]:
    """The nodes of which a problem speaks, each with the gravest one."""
    blamed: dict[str, tuple[Tone, str]] = {}
    for timed in report.problems:
        tone, cause = tone_of(timed), timed.problem.cause
        if timed.away:
            continue
        word = SEVERITY_WORDS[timed.severity] if timed.confirmed else "SUSPECTED"
        for finding in (cause, *timed.problem.consequences):
            before = blamed.get(finding.node)
            if finding.node and (before is None or (tone is Tone.BAD and before[0] is not Tone.BAD)):
                blamed[finding.node] = (tone, f"{word} {cause.code} {cause.subject}")
    return blamed
