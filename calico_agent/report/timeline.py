"""Since when? The only memory of the reports, as a value that goes in and comes out.

BIRD puts a deleted kernel route back within two seconds and restarts gracefully, so a fault is suspected at once and
confirmed when it has lasted for the hold-down. A problem is as old as the oldest of its findings: when a missing route
is later explained by a session that is down, the trouble has not begun anew. A finding that goes and comes back
within the hold-down was never gone.

A fault that comes and goes would never last: one that came four times in five minutes is confirmed by that, counted,
and shown until it has stayed away for a minute. What is confirmed stays so while it is shown.

What is still in the usual course of a start (`Finding.early`) is a suspicion for as long as it is; its hold-down begins
when it is that no more.

A condition that only suspicions make False stays True if it was, and is Unknown if it was not: nothing is called good
that was never seen to be. Once confirmed it is False until nothing decides it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from calico_agent.model.assessment import Assessment
from calico_agent.model.finding import Condition, ConditionType, Finding, Problem, Status
from calico_agent.model.report import TimedCondition, TimedProblem

SUSPECTED = "Suspected"

_FLAPS = 4
_FLAP_MEMORY = timedelta(minutes=5)
_CALM = timedelta(minutes=1)
_MOST_COUNTED = 100

_Key = tuple[str, str, str]
"""What identifies a finding over time."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """`gone_at` is when it was first looked for and not there, None while it is there; `came` when it came, lately.

    `early_at` is when it was last too early to be sure. `told` is since when the problem is seen of which it is the
    cause, which may be older.
    """

    since: datetime
    gone_at: datetime | None = None
    came: tuple[datetime, ...] = ()
    flapping: bool = False
    early_at: datetime | None = None
    told: datetime | None = None

    def moved(self, jump: timedelta) -> "_Seen":
        gone_at, early_at, told = (time and time + jump for time in (self.gone_at, self.early_at, self.told))
        came = tuple(time + jump for time in self.came)
        return _Seen(self.since + jump, gone_at, came, self.flapping, early_at, told)


@dataclass(frozen=True, slots=True)
class Sightings:
    """What has been seen up to the last pass. Treat as opaque; start with `Sightings()`."""

    findings: dict[_Key, _Seen] = field(default_factory=dict)
    conditions: tuple[TimedCondition, ...] = ()
    flapping: dict[_Key, Problem] = field(default_factory=dict)

    def moved(self, jump: timedelta) -> "Sightings":
        """Return the same after the system clock was set: everything is as old as it was."""
        return replace(
            self,
            findings={key: seen.moved(jump) for key, seen in self.findings.items()},
            conditions=tuple(replace(timed, since=timed.since + jump) for timed in self.conditions),
        )


def advance(
    sightings: Sightings,
    assessment: Assessment,
    now: datetime,
    hold_down: timedelta,
) -> tuple[Sightings, tuple[TimedCondition, ...], tuple[TimedProblem, ...]]:
    """Return the assessment with its times, and the sightings for the next one.

    A clock that jumps back never gives a time in the future.
    """
    findings = _remember(sightings.findings, assessment.problems, now, hold_down)
    flapping = _flapping(sightings.flapping, assessment.problems, findings)
    there = tuple(_timed(problem, findings, now, hold_down) for problem in assessment.problems)
    for timed in there:  # it does not get younger when its oldest consequence goes
        findings[timed.problem.cause.key] = replace(findings[timed.problem.cause.key], told=timed.since)
    away = (_timed(problem, findings, now, hold_down) for key, problem in flapping.items() if findings[key].gone_at)
    problems = (*there, *away)
    before = {timed.condition.type: timed for timed in sightings.conditions}
    conditions = tuple(
        _since(before.get(condition.type), _held(condition, before.get(condition.type), there), now)
        for condition in assessment.conditions
    )
    return Sightings(findings, conditions, flapping), conditions, problems


def next_confirmation(problems: Iterable[TimedProblem]) -> datetime | None:
    """Return when the next suspicion becomes a certainty, if nothing else happens: a good time for a pass."""
    return min((timed.confirmed_at for timed in problems if timed.confirmed_at and not timed.confirmed), default=None)


def _remember(
    known: dict[_Key, _Seen], problems: tuple[Problem, ...], now: datetime, hold_down: timedelta
) -> dict[_Key, _Seen]:
    there = {finding.key: finding.early for problem in problems for finding in _findings(problem)}
    remembered = {key: _Seen(now, None, (now,)) for key in there if key not in known}
    for key, seen in known.items():
        found = _found(seen, now, hold_down) if key in there else _missed(seen, now)
        if found.gone_at is None or now - found.gone_at <= hold_down or found.came:
            remembered[key] = found
    return {key: replace(seen, early_at=now) if there.get(key) else seen for key, seen in remembered.items()}


def _found(seen: _Seen, now: datetime, hold_down: timedelta) -> _Seen:
    """It is there: as before, after a blink, or again."""
    blinked = seen.gone_at is None or now - min(seen.gone_at, now) <= hold_down
    came = seen.came if seen.gone_at is None else (*seen.came, now)
    lasted = bool(came) and now - min(came[-1], now) >= hold_down
    flapping = len(_lately(came, now)) >= _FLAPS or (seen.flapping and not lasted)
    since, told = (min(seen.since, now), seen.told) if blinked else (now, None)
    came = _kept(came, now, flapping=flapping)
    return replace(seen, since=since, gone_at=None, came=came, flapping=flapping, told=told)


def _missed(seen: _Seen, now: datetime) -> _Seen:
    """It is away; for a while that is no end of what comes and goes."""
    gone_at = min(seen.gone_at or now, now)
    flapping = (seen.flapping or len(_lately(seen.came, now)) >= _FLAPS) and now - gone_at <= _CALM
    return replace(seen, gone_at=gone_at, came=_kept(seen.came, now, flapping=flapping), flapping=flapping)


def _lately(came: tuple[datetime, ...], now: datetime) -> tuple[datetime, ...]:
    return tuple(min(time, now) for time in came if now - time <= _FLAP_MEMORY)[-_MOST_COUNTED:]


def _kept(came: tuple[datetime, ...], now: datetime, *, flapping: bool) -> tuple[datetime, ...]:
    """The comings that count; those that once proved the flapping count as long as it is called so."""
    lately = _lately(came, now)
    return tuple(min(time, now) for time in came[-_FLAPS:]) if flapping and len(lately) < _FLAPS else lately


def _flapping(
    before: dict[_Key, Problem], problems: tuple[Problem, ...], findings: dict[_Key, _Seen]
) -> dict[_Key, Problem]:
    """The problems whose cause comes and goes, as they were when they were last there."""
    latest = before | {problem.cause.key: problem for problem in problems if not problem.cause.early}
    return {key: problem for key, problem in latest.items() if key in findings and findings[key].flapping}


def _timed(
    problem: Problem,
    findings: dict[_Key, _Seen],
    now: datetime,
    hold_down: timedelta,
) -> TimedProblem:
    cause = findings[problem.cause.key]
    each = tuple(seen.since if (seen := findings.get(one.key)) else now for one in _findings(problem))
    since = min(now, cause.told or now, *each)
    if problem.cause.early:
        return TimedProblem(problem, since, confirmed=False, each_since=each)
    if cause.flapping:
        since, away = min(cause.came[0], since), cause.gone_at is not None
        return TimedProblem(problem, since, True, cause.came[_FLAPS - 1], len(cause.came), away, each)
    confirmed_at = max(since, min(cause.early_at or since, now)) + hold_down
    return TimedProblem(problem, since, now >= confirmed_at, confirmed_at, each_since=each)


def _held(condition: Condition, before: TimedCondition | None, problems: tuple[TimedProblem, ...]) -> Condition:
    """The condition as it is shown: False only by something confirmed, True only where it was."""
    if condition.status is not Status.FALSE:
        return condition
    if before is not None and before.condition.status is Status.FALSE:
        return condition
    deciding = _deciding(condition.type, problems)
    if not deciding or any(timed.confirmed for timed in deciding):
        return condition
    more = f" (and {len(deciding) - 1} more)" if len(deciding) > 1 else ""
    return replace(
        condition,
        status=Status.TRUE if before is not None and before.condition.status is Status.TRUE else Status.UNKNOWN,
        reason=SUSPECTED,
        message=f"suspected: {deciding[0].problem.cause.what}{more}",
    )


def _deciding(kind: ConditionType, problems: tuple[TimedProblem, ...]) -> tuple[TimedProblem, ...]:
    """The problems with the gravest findings about this condition: a confirmed warning does not confirm an error."""
    gravest = [
        (
            max((finding.severity for finding in _findings(timed.problem) if finding.condition is kind), default=None),
            timed,
        )
        for timed in problems
    ]
    worst = max((severity for severity, _ in gravest if severity is not None), default=None)
    return tuple(timed for severity, timed in gravest if severity is not None and severity is worst)


def _since(before: TimedCondition | None, condition: Condition, now: datetime) -> TimedCondition:
    same = before is not None and before.condition.status is condition.status
    return TimedCondition(condition, min(before.since, now) if before is not None and same else now)


def _findings(problem: Problem) -> Iterator[Finding]:
    yield problem.cause
    yield from problem.consequences
