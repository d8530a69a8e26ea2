"""What is logged: what changed, once, and no line a second of what comes and goes."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from calico_agent.faults.correlate import join
from calico_agent.model.assessment import Assessment
from calico_agent.model.finding import ConditionType, Finding, Problem, Severity, Status
from calico_agent.model.maintenance import Maintenance, Pause
from calico_agent.model.report import Event, Level, Report, TimedCondition, TimedProblem
from calico_agent.report.changes import changes
from calico_agent.report.timeline import Sightings, advance
from calico_agent.report.verdict import verdict
from tests.reports import IDENTITY, NOW, blind_report, condition, finding, healthy_report, session

HOLD_DOWN = timedelta(seconds=10)
MISSING = finding("RT-MISSING", "10.244.1.0/26")


FOUND = (
    MISSING,
    finding("BGP-DOWN", "10.77.0.13", condition=ConditionType.BGP_ESTABLISHED),
    finding("RT-STALE", "10.244.9.0/26", severity=Severity.WARNING),
)


class Log:
    """The events of passes one after another, each at its second."""

    def __init__(self) -> None:
        self.sightings = Sightings()
        self.report: Report | None = None
        self.events: list[Event] = []

    def look(self, at: float, *found: Finding) -> "Log":
        now = NOW + timedelta(seconds=at)
        wrong = {one.condition for one in found if one.severity is Severity.ERROR}
        said = tuple(condition(kind, Status.FALSE if kind in wrong else Status.TRUE) for kind in ConditionType)
        assessment = Assessment(now, IDENTITY, said, tuple(Problem(one) for one in found))
        self.sightings, conditions, problems = advance(self.sightings, assessment, now, HOLD_DOWN)
        report = replace(healthy_report(), at=now, conditions=conditions, problems=problems)
        self.events += changes(self.report, report)
        self.report = report
        return self

    def begin(self) -> "Log":
        """A healthy host, whose first lines are not what the test is about."""
        self.look(-100)
        self.events.clear()
        return self

    @property
    def names(self) -> list[str]:
        return [event.name for event in self.events]


def test_a_pause_is_told_when_it_begins_and_when_it_is_over() -> None:
    before = healthy_report()
    pause = Pause("alice", "disk", NOW, NOW + timedelta(hours=1))
    paused = replace(before, maintenance=Maintenance(pause))
    moved = replace(before, maintenance=Maintenance(replace(pause, since=NOW - timedelta(days=1))))
    (began,) = changes(before, paused)
    assert (began.name, began.level) == ("paused", Level.INFO)
    assert began.fields == {"by": "alice", "why": "disk", "until": "2026-11-23T04:00:00+00:00"}
    assert changes(paused, moved) == (), "the clock was set"
    longer = replace(before, maintenance=Maintenance(replace(pause, id="0bf1", until=None)))
    assert [one.name for one in changes(paused, longer)] == ["paused"], "it was paused anew"
    (over,) = changes(moved, before)
    assert (over.name, over.fields) == ("resumed", {"was_paused_by": "alice"})
    assert changes(None, paused)[0].name == "paused"


def test_what_stays_as_it_is_is_no_news() -> None:
    assert Log().begin().look(0).look(10).events == []


def test_a_fault_is_told_when_it_is_suspected_confirmed_and_gone() -> None:
    log = Log().begin()
    for at in range(12):
        log.look(at, MISSING)
    log.look(12)
    assert log.names == ["problem_suspected", "condition", "problem_confirmed", "condition", "problem_cleared"]
    assert [event.level for event in log.events] == [
        *(Level.INFO, Level.WARNING, Level.ERROR),
        *(Level.INFO, Level.INFO),
    ]


def test_a_condition_is_told_when_its_status_turns_and_not_for_another_reason() -> None:
    log = Log().begin().look(0, MISSING).look(2)
    assert log.names == ["problem_suspected", "problem_cleared"]


def test_at_the_start_nothing_is_called_true_that_looks_wrong() -> None:
    events = Log().look(0, MISSING).events
    (said,) = [event.fields for event in events if event.fields.get("type") == "RoutesInPlace"]
    assert (said["status"], said["was"], said["reason"]) == ("Unknown", "unset", "Suspected")


@given(st.lists(st.tuples(st.floats(0, 40), st.lists(st.sampled_from(FOUND), unique=True)), max_size=12))
def test_the_first_line_and_the_conditions_never_contradict_each_other(
    passes: list[tuple[float, list[Finding]]],
) -> None:
    log, at = Log(), 0.0
    for later, found in passes:
        at += later
        log.look(at, *found)
        assert log.report is not None
        said = verdict(log.report)
        statuses = {timed.condition.status for timed in log.report.conditions}
        assert said.startswith("PROBLEM") == (Status.FALSE in statuses)
        assert said.startswith("UNKNOWN") <= (Status.UNKNOWN in statuses)
        if said.startswith(("all good", "good so far", "WARNING")):
            assert statuses == {Status.TRUE}


def test_a_container_of_which_nothing_is_known_is_not_called_absent() -> None:
    def state(report: Report) -> object:
        (event,) = [event for event in changes(None, report) if event.name == "container"]
        return event.fields["state"]

    assert state(blind_report()) == "unknown"
    assert state(replace(blind_report(), container_known=True)) == "absent"


def test_what_comes_and_goes_each_second_for_an_hour_costs_a_dozen_lines() -> None:
    log = Log().begin()
    for second in range(3600):
        log.look(second, *([MISSING] if second % 2 else []))
    assert len(log.events) < 12
    log.events.clear()
    log.look(3601).look(3700)
    assert log.names == ["condition", "problem_cleared"]
    assert log.events[0].fields["status"] == "True"


def test_what_comes_and_goes_each_quarter_of_a_minute_too() -> None:
    log = Log().begin()
    for second in range(0, 3600, 15):
        log.look(second, MISSING).look(second + 2)
    assert len(log.events) < 12


def test_a_problem_that_is_confirmed_is_not_suspected_again_without_a_word() -> None:
    """A crash loop with longer and longer pauses: what is told of it alternates as it should."""
    log, crash, at = Log().begin(), finding("SV-CRASHLOOP", "calico-node"), 0.0
    for pause in (1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300):
        log.look(at, crash).look(at + 1, crash).look(at + 2)
        at += pause + 2
    told = [event.name for event in log.events if event.name.startswith("problem")]
    counts = Counter(told)
    assert counts["problem_suspected"] <= counts["problem_cleared"] + 1
    assert ("problem_confirmed", "problem_suspected") not in pairwise(told)


def storm(*numbers: int) -> tuple[Problem, ...]:
    """The sessions with these nodes are down, as the stages before join them to problems."""
    found = (
        finding("BGP-DOWN", f"host{number}", node=f"host{number}", condition=ConditionType.BGP_ESTABLISHED)
        for number in numbers
    )
    return join(found, "host0")


def test_a_thousand_sessions_that_fail_at_once_are_a_line_each_for_sessions_problem_and_condition() -> None:
    peers = [f"10.7.{number // 250}.{number % 250}" for number in range(1000)]
    up, down = (tuple(session(peer, state) for peer in peers) for state in ("Established", "Connect"))
    before = replace(healthy_report(), sessions=up)
    timed = tuple(TimedProblem(problem, NOW, confirmed=True) for problem in storm(*range(1, 1001)))
    conditions = (
        TimedCondition(condition(ConditionType.BGP_ESTABLISHED, Status.FALSE), NOW),
        *(one for one in before.conditions if one.condition.type is not ConditionType.BGP_ESTABLISHED),
    )
    now = replace(before, sessions=down, problems=timed, conditions=conditions)
    events = {event.name: event for event in changes(before, now)}
    assert list(events) == ["condition", "problem_confirmed", "session_down"]
    assert events["session_down"].count == 1000
    assert [event.level for event in events.values()] == [Level.WARNING, Level.ERROR, Level.INFO]
    assert sum(1 + len(one.problem.consequences) for one in now.problems) == 1000


def test_problems_that_become_one_because_there_are_many_are_not_called_over() -> None:
    few, many = (
        replace(healthy_report(), problems=tuple(TimedProblem(one, NOW, confirmed=True) for one in storm(*numbers)))
        for numbers in ((1, 2, 3), range(1, 1001))
    )
    names = [event.name for event in changes(few, many)]
    assert "problem_cleared" not in names
    assert names.count("problem_explained") == 2
