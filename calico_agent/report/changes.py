"""What changed from one report to the next: one event for each change, for the log. No change, no event."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

from calico_agent.model.finding import ConditionType, Severity, Status
from calico_agent.model.report import Report


class Level(Enum):
    """How loud an event is."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class LogEvent:
    """One line for the log: a machine word and its fields."""

    name: str
    level: Level = Level.INFO
    fields: dict[str, object] = field(default_factory=dict)


def changes(before: Report | None, now: Report) -> tuple[LogEvent, ...]:
    """The events between two reports; `before` is None for the first one of a process."""
    return (
        *_identity(before, now),
        *_conditions(before, now),
        *_problems(before, now),
        *_container(before, now),
    )


def _identity(before: Report | None, now: Report) -> Iterator[LogEvent]:
    def words(report: Report) -> dict[str, object]:
        identity = report.identity
        chosen: dict[str, object] = {"name": identity.name.name, "name_source": identity.name.source}
        for key, choice in (("ipv4", identity.ipv4), ("ipv6", identity.ipv6)):
            if choice.wanted:
                chosen[key] = str(choice.chosen) if choice.chosen else None
                chosen[f"{key}_rule"] = choice.rule
        refusals = [choice.refusal for choice in (identity.name, identity.ipv4, identity.ipv6) if choice.refusal]
        return chosen | ({"refused": " ".join(refusals)} if refusals else {})

    if before is None or words(before) != words(now):
        complete = now.identity.complete
        yield LogEvent("identity", Level.INFO if complete else Level.ERROR, words(now))


def _conditions(before: Report | None, now: Report) -> Iterator[LogEvent]:
    """Those that turned. One that a fault makes come and go is told when that begins and when it is over."""
    old = {timed.condition.type: timed.condition for timed in before.conditions} if before else {}
    unsteady, unsteady_before = _unsteady(now), _unsteady(before)
    for timed in now.conditions:
        condition, was = timed.condition, old.get(timed.condition.type)
        comes_and_goes = condition.type in unsteady_before
        if comes_and_goes and condition.type in unsteady:
            continue
        if was is None or was.status is not condition.status or comes_and_goes:
            yield LogEvent(
                "condition",
                Level.INFO if condition.status is Status.TRUE else Level.WARNING,
                {
                    "type": condition.type.value,
                    "status": condition.status.value,
                    "was": was.status.value if was else "unset",
                    "reason": condition.reason,
                    "message": condition.message,
                },
            )


def _unsteady(report: Report | None) -> set[ConditionType]:
    """The conditions about which a fault speaks that comes and goes."""
    problems = [timed.problem for timed in report.problems if timed.times > 1] if report else []
    return {one.condition for problem in problems for one in (problem.cause, *problem.consequences)}


def _problems(before: Report | None, now: Report) -> Iterator[LogEvent]:
    old = {timed.problem.cause.key: timed for timed in before.problems} if before else {}
    new = {timed.problem.cause.key: timed for timed in now.problems}
    for key, timed in new.items():
        was = old.get(key)
        if was is None or timed.confirmed != was.confirmed:
            cause = timed.problem.cause
            loud = Level.ERROR if timed.severity is Severity.ERROR else Level.WARNING
            yield LogEvent(
                "problem_confirmed" if timed.confirmed else "problem_suspected",
                loud if timed.confirmed else Level.INFO,
                {
                    "code": cause.code,
                    "subject": cause.subject,
                    "what": cause.what,
                    "why": cause.why,
                    "cure": cause.cure,
                    **({"times": timed.times} if timed.times > 1 else {}),
                },
            )
    for key, was in old.items():
        if key not in new:
            lasted = round((now.at - was.since).total_seconds(), 1)
            yield LogEvent("problem_cleared", fields={"code": key[0], "subject": key[1], "lasted_seconds": lasted})


def _container(before: Report | None, now: Report) -> Iterator[LogEvent]:
    def words(report: Report) -> dict[str, object]:
        container = report.container
        if container is None:
            return {"state": "absent" if report.container_known else "unknown"}
        state: dict[str, object] = {"name": container.name, "id": container.id[:12], "state": container.state.value}
        if not container.alive:
            state["exit_code"] = container.exit_code
        return state

    if before is None or words(before) != words(now):
        yield LogEvent("container", fields=words(now))
