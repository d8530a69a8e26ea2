"""The two answers that come before all detail: is this host well, and may it be relied upon?

Well (the verdict, `status`): nothing is wrong, as far as can be known. The gravest thing that is known comes first:
a confirmed error, a condition that is False, one that is Unknown, a confirmed warning, a suspicion. A note stands
behind the good news.

Ready (`/readyz`): this host does its part of the cluster's network. One dead neighbour must not make every host
unready, so it asks about this host only, much as calico/node's own check does after its first 30 seconds
(node/pkg/health/health.go@v3.32.1): the container runs, the address is right, at least one BGP session is established
or none is expected (or can be judged), and not every route is missing. What is Unknown counts as good while a session
is established, so that an outage of etcd or Docker alone takes no host out of service.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from calico_agent.model.finding import NOT_JUDGED, Condition, ConditionType, Severity, Status
from calico_agent.model.report import Report, TimedProblem
from calico_agent.report.timeline import SUSPECTED
from calico_agent.text import clean, counted, span

SEVERITY_WORDS = {Severity.ERROR: "PROBLEM", Severity.WARNING: "WARNING", Severity.INFO: "NOTE"}


STARTING = "the first pass is not finished"


@dataclass(frozen=True, slots=True)
class HostHealth:
    """What every output says in one word: `/livez`, `/readyz`, `/status` in both forms, and the metrics.

    `not_ready` are the reasons, none when this host is ready. `stuck` are sentences about parts of the agent that stand
    still: what it said before is old then, and neither good nor ready.
    """

    verdict: str
    healthy: bool
    not_ready: tuple[str, ...]
    stuck: tuple[str, ...]

    @property
    def ready(self) -> bool:
        """True if nothing keeps this host from its work."""
        return not self.not_ready

    @property
    def alive(self) -> bool:
        """True if no part of the agent stands still."""
        return not self.stuck


def standing(report: Report | None, stuck: Iterable[str] = ()) -> HostHealth:
    """Return how the agent and its host stand. `report` is None before the first pass is finished."""
    old = tuple(stuck)
    said = f"starting: {STARTING}" if report is None else verdict(report)
    reasons = (STARTING,) if report is None else not_ready(report)
    healthy = report is not None and report.healthy and not old
    return HostHealth(f"AGENT STUCK: {old[0]}" if old else said, healthy, (*old, *reasons), old)


def verdict(report: Report) -> str:
    """Return one sentence about the host, without its name, and whether the agent is paused: that is no fault."""
    pause = report.maintenance.pause
    return _sentence(report) if pause is None else f"{_sentence(report)}; paused by {clean(pause.by)}"


def _sentence(report: Report) -> str:
    gravest = max(report.confirmed, key=lambda timed: timed.severity, default=None)
    if gravest and gravest.severity is Severity.ERROR:
        return _problem_sentence(gravest, report)
    suspected = next((timed for timed in report.problems if not timed.confirmed), None)
    for status, word in ((Status.FALSE, "PROBLEM"), (Status.UNKNOWN, "UNKNOWN")):
        condition = next((timed.condition for timed in report.conditions if timed.condition.status is status), None)
        if condition and condition.reason == SUSPECTED and suspected:
            return f"{word} so far, suspected: {_told(suspected)}"
        if condition and status is Status.UNKNOWN and report.unreadable:
            return _unread_sentence(report)
        if condition:
            return f"{word} {condition.type.value}: {clean(condition.message)}"
    if gravest and gravest.severity is Severity.WARNING:
        return _problem_sentence(gravest, report)
    if suspected:
        return f"good so far, but suspected: {_told(suspected)}"
    established = sum(peer.session.established for peer in report.sessions)
    known = (
        (report.nodes, "node"),
        (established, "session"),
        (report.routes.present if report.routes else None, "route"),
    )
    well = f"all good ({', '.join(counted(number, word) for number, word in known if number is not None)})"
    return f"{well}; {_problem_sentence(gravest, report)}" if gravest else well


def coming(timed: TimedProblem, at: datetime) -> str:
    """Return how often a problem that comes and goes came, and whether it is there now; nothing for one that lasts."""
    if timed.times < 2:
        return ""
    return f"came {timed.times} times in {span(at - timed.since)}{', away now' if timed.away else ''}"


def _problem_sentence(timed: TimedProblem, report: Report) -> str:
    cause, total = timed.problem.cause, len(report.confirmed)
    more = f" (and {counted(total - 1, 'more problem')})" if total > 1 else ""
    often = coming(timed, report.at)
    return f"{SEVERITY_WORDS[timed.severity]} {cause.code}{f' {often}' if often else ''}: {clean(cause.what)}{more}"


def _told(timed: TimedProblem) -> str:
    return f"{timed.problem.cause.code}: {clean(timed.problem.cause.what)}"


def _unread_sentence(report: Report) -> str:
    """Why something is unknown. Sources are in the order in which one tells where to find the next: causes first."""
    first = report.unreadable[0]
    for timed in report.confirmed:
        if any(first.reason in one.what for one in timed.problem.consequences):
            return f"UNKNOWN: {_told(timed)}"
    more = f" (and {counted(len(report.unreadable) - 1, 'more source')})" if len(report.unreadable) > 1 else ""
    return f"UNKNOWN: {clean(first.source)} cannot be read: {clean(first.reason)}{more}"


def not_ready(report: Report) -> tuple[str, ...]:
    """Return why this host is not ready, a sentence each; nothing when it is."""
    return tuple(_reasons(report))


def _reasons(report: Report) -> Iterator[str]:
    conditions = {timed.condition.type: timed.condition for timed in report.conditions}
    established = any(peer.session.established for peer in report.sessions)
    for kind in (ConditionType.IDENTITY_CONFIRMED, ConditionType.CONTAINER_RUNNING):
        condition = conditions.get(kind)
        if condition is None or (condition.status is Status.UNKNOWN and not established):
            yield f"{kind.value} is unknown{_because(condition)}"
        elif condition.status is Status.FALSE:
            yield f"{kind.value} is false{_because(condition)}"
    bgp = conditions.get(ConditionType.BGP_ESTABLISHED)
    judged = bgp is None or bgp.reason != NOT_JUDGED
    if not established and judged and (bgp is None or bgp.status is not Status.TRUE):
        yield f"no BGP session is established{_because(bgp)}"
    routes = conditions.get(ConditionType.ROUTES_IN_PLACE)
    counts = report.routes
    all_missing = counts is not None and counts.expected > 0 and counts.present == 0
    if counts is not None and all_missing and routes is not None and routes.status is Status.FALSE:
        yield f"none of {counted(counts.expected, 'expected route')} is there"


def _because(condition: Condition | None) -> str:
    return f": {clean(condition.message)}" if condition and condition.message else ""
