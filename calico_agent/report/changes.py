"""What changed from one report to the next: one event for each change, for the log and for the history.

No change, no event. Many changes of one kind in one pass are one event with their count: a thousand sessions that fail
at once are one thing that happened, and the report has the list.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from calico_agent.model.finding import ConditionType, Problem, Severity, Status
from calico_agent.model.report import Event, Level, Report, TimedProblem
from calico_agent.report.session_changes import session_changes

MANY = 5
"""More of one kind in one pass are told as one."""

_COUNTED = frozenset({"problem", "session"})
_NAMED = 10
"""So many of them are named."""


def changes(before: Report | None, now: Report) -> tuple[Event, ...]:
    """Return the events between two reports; `before` is None for the first one of a process."""
    return tuple(
        _gathered(
            (
                *_pause(before, now),
                *_identity(before, now),
                *_conditions(before, now),
                *_problems(before, now),
                *_container(before, now),
                *_pull(before, now),
                *session_changes(before, now),
            )
        )
    )


def gathered(events: Iterable[Event]) -> Event:
    """Return several events of one kind as one; their subjects stand in `of`."""
    first, *others = events
    number = sum(event.count for event in (first, *others))
    named = [name for event in (first, *others) for name in _named(event)]
    codes = {event.fields.get("code") for event in (first, *others)}
    code = {"code": codes.pop()} if len(codes) == 1 and None not in codes else {}
    fields = {**code, "count": number, "of": named[:_NAMED]}
    return replace(first, fields=fields, about=("many", first.name), says="")


def _named(event: Event) -> list[str]:
    of = event.fields.get("of")
    return of if isinstance(of, list) else [" ".join(event.about[1:])]


def _gathered(events: tuple[Event, ...]) -> Iterator[Event]:
    kinds: dict[tuple[str, object], list[Event]] = {}
    for event in events:
        kinds.setdefault((event.name, event.fields.get("code")), []).append(event)
    for group in kinds.values():
        if len(group) > MANY and group[0].about[0] in _COUNTED:
            yield gathered(group)
        else:
            yield from group


def _pause(before: Report | None, now: Report) -> Iterator[Event]:
    """Who paused the agent, and that it is over; times may move with the clock."""
    was, pause = before.maintenance.pause if before else None, now.maintenance.pause
    if pause is not None and (was is None or was.id != pause.id):
        until = pause.until.isoformat() if pause.until else None
        fields: dict[str, object] = {"by": pause.by, "why": pause.why, "until": until}
        yield Event("paused", Level.INFO, fields, ("pause",), pause.by)
    elif was is not None and pause is None:
        yield Event("resumed", fields={"was_paused_by": was.by}, about=("pause",))


def _identity(before: Report | None, now: Report) -> Iterator[Event]:
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
        level = Level.INFO if now.identity.complete else Level.ERROR
        yield Event("identity", level, words(now), ("identity",), str(words(now)))


def _conditions(before: Report | None, now: Report) -> Iterator[Event]:
    """Those that turned. One that a fault makes come and go is told when that begins and when it is over."""
    old = {timed.condition.type: timed.condition for timed in before.conditions} if before else {}
    unsteady, unsteady_before = _unsteady(now), _unsteady(before)
    for timed in now.conditions:
        condition, was = timed.condition, old.get(timed.condition.type)
        comes_and_goes = condition.type in unsteady_before
        if comes_and_goes and condition.type in unsteady:
            continue
        if was is None or was.status is not condition.status or comes_and_goes:
            yield Event(
                "condition",
                Level.INFO if condition.status is Status.TRUE else Level.WARNING,
                {
                    "type": condition.type.value,
                    "status": condition.status.value,
                    "was": was.status.value if was else "unset",
                    "reason": condition.reason,
                    "message": condition.message,
                },
                ("condition", condition.type.value),
                condition.status.value,
            )


def _unsteady(report: Report | None) -> set[ConditionType]:
    """The conditions about which a fault speaks that comes and goes."""
    problems = [timed.problem for timed in report.problems if timed.times > 1] if report else []
    return {one.condition for problem in problems for one in (problem.cause, *problem.consequences)}


def _problems(before: Report | None, now: Report) -> Iterator[Event]:
    old = {timed.problem.cause.key: timed for timed in before.problems} if before else {}
    new = {timed.problem.cause.key: timed for timed in now.problems}
    for key, timed in new.items():
        was = old.get(key)
        if was is None or timed.confirmed != was.confirmed:
            yield _told(timed)
    parts = {one.key: timed.problem for timed in now.problems for one in timed.problem.consequences}
    for key, was in old.items():
        if key not in new:
            yield _explained(was.problem, parts[key]) if key in parts else _cleared(was, now)


def _told(timed: TimedProblem) -> Event:
    cause = timed.problem.cause
    loud = Level.ERROR if timed.severity is Severity.ERROR else Level.WARNING
    return Event(
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
        ("problem", cause.code, cause.subject),
    )


def _cleared(was: TimedProblem, now: Report) -> Event:
    cause = was.problem.cause
    lasted = round((now.at - was.since).total_seconds(), 1)
    fields: dict[str, object] = {"code": cause.code, "subject": cause.subject, "lasted_seconds": lasted}
    return Event("problem_cleared", fields=fields, about=("problem", cause.code, cause.subject))


def _explained(was: Problem, by: Problem) -> Event:
    """It is still there, as a consequence of another one, which was found later."""
    cause = was.cause
    fields: dict[str, object] = {"code": cause.code, "subject": cause.subject}
    fields |= {"by_code": by.cause.code, "by_subject": by.cause.subject}
    return Event("problem_explained", fields=fields, about=("problem", cause.code, cause.subject))


def _container(before: Report | None, now: Report) -> Iterator[Event]:
    def words(report: Report) -> dict[str, object]:
        container = report.container
        if container is None:
            return {"state": "absent" if report.container_known else "unknown"}
        state: dict[str, object] = {"name": container.name, "id": container.id[:12], "state": container.state.value}
        if not container.alive:
            state["exit_code"] = container.exit_code
        return state

    if before is None or words(before) != words(now):
        ran = before is not None and before.container is not None and before.container.running
        runs = now.container is not None and now.container.running
        level = Level.WARNING if ran and not runs else Level.INFO
        yield Event("container", level, words(now), ("container",), str(words(now)["state"]))


def _pull(before: Report | None, now: Report) -> Iterator[Event]:
    """The fetching of calico/node's image."""
    was, pull = before.supervision.pull if before else None, now.supervision.pull
    if pull is None or (was is not None and (was.started_at, was.ended_at) == (pull.started_at, pull.ended_at)):
        return
    name = "pull_started" if pull.goes_on else "pull_failed" if pull.error else "pull_done"
    failed = {"error": pull.error, "failures": pull.failures} if name == "pull_failed" else {}
    level = Level.WARNING if failed else Level.INFO
    yield Event(name, level, {"image": pull.reference, **failed}, ("image", pull.reference))
