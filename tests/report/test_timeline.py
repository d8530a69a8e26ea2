"""Since when, suspected or confirmed: the memory of the reports."""

from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from calico_agent.model.assessment import Assessment
from calico_agent.model.finding import Condition, ConditionType, Finding, Problem, Severity, Status
from calico_agent.model.report import TimedCondition, TimedProblem
from calico_agent.report.timeline import Sightings, advance, next_confirmation
from tests.reports import IDENTITY, NOW, condition, finding

HOLD_DOWN = timedelta(seconds=10)
ROUTES = ConditionType.ROUTES_IN_PLACE

MISSING = finding("RT-MISSING", "10.244.1.0/26")
DOWN = finding("BGP-DOWN", "10.77.0.13", condition=ConditionType.BGP_ESTABLISHED)


def seconds(count: float) -> datetime:
    return NOW + timedelta(seconds=count)


def alone(*findings: Finding) -> tuple[Problem, ...]:
    return tuple(Problem(cause) for cause in findings)


class Story:
    """Passes one after another, each at its second."""

    def __init__(self) -> None:
        self.sightings = Sightings()
        self.conditions: tuple[TimedCondition, ...] = ()
        self.problems: tuple[TimedProblem, ...] = ()

    def look(self, at: float, *problems: Problem, routes: Condition | None = None) -> "Story":
        wrong = [found for problem in problems for found in (problem.cause, *problem.consequences)]
        errors = any(found.condition is ROUTES and found.severity is Severity.ERROR for found in wrong)
        said = routes or condition(ROUTES, Status.FALSE if errors else Status.TRUE)
        now = seconds(at)
        assessment = Assessment(at=now, identity=IDENTITY, conditions=(said,), problems=problems)
        self.sightings, self.conditions, self.problems = advance(self.sightings, assessment, now, HOLD_DOWN)
        return self

    @property
    def status(self) -> tuple[Status, str]:
        return self.conditions[0].condition.status, self.conditions[0].condition.reason


class TestProblems:
    def test_are_suspected_at_once_and_confirmed_when_they_last(self) -> None:
        story = Story().look(0, *alone(MISSING))
        assert [(timed.since, timed.confirmed) for timed in story.problems] == [(NOW, False)]
        story.look(9.9, *alone(MISSING))
        assert not story.problems[0].confirmed
        story.look(10, *alone(MISSING))
        assert [(timed.since, timed.confirmed) for timed in story.problems] == [(NOW, True)]

    def test_that_are_early_stay_suspected_and_have_their_hold_down_after_that(self) -> None:
        early = replace(MISSING, early=True)
        story = Story()
        for at in (0, 10, 40):
            story.look(at, *alone(early))
            assert [(timed.since, timed.confirmed, timed.confirmed_at) for timed in story.problems] == [
                (NOW, False, None)
            ]
            assert story.status == (Status.UNKNOWN, "Suspected")
        assert next_confirmation(story.problems) is None
        story.look(45, *alone(MISSING))
        assert [(timed.confirmed, timed.confirmed_at) for timed in story.problems] == [(False, seconds(50))]
        story.look(50, *alone(MISSING))
        assert [(timed.since, timed.confirmed) for timed in story.problems] == [(NOW, True)]

    def test_that_are_early_again_and_again_are_no_problem(self) -> None:
        story = Story()
        for number in range(8):
            story.look(20 * number, *alone(replace(MISSING, early=True))).look(20 * number + 1)
            assert story.problems == ()

    def test_that_went_for_a_blink_were_never_gone(self) -> None:
        story = Story().look(0, *alone(MISSING)).look(4).look(8, *alone(MISSING)).look(11, *alone(MISSING))
        assert (story.problems[0].since, story.problems[0].confirmed) == (NOW, True)

    def test_that_were_gone_for_longer_begin_anew(self) -> None:
        story = Story().look(0, *alone(MISSING)).look(5).look(16, *alone(MISSING))
        assert (story.problems[0].since, story.problems[0].confirmed) == (seconds(16), False)

    def test_seen_in_passes_far_apart_count_from_the_first(self) -> None:
        story = Story().look(0, *alone(MISSING)).look(300, *alone(MISSING))
        assert (story.problems[0].since, story.problems[0].confirmed) == (NOW, True)

    def test_of_the_same_code_about_another_subject_are_others(self) -> None:
        other = finding("RT-MISSING", "10.244.2.0/26")
        story = Story().look(0, *alone(MISSING)).look(10, *alone(MISSING, other))
        assert [timed.confirmed for timed in story.problems] == [True, False]

    def test_that_are_explained_later_are_as_old_as_what_they_explain(self) -> None:
        story = Story().look(0, *alone(MISSING)).look(12, Problem(DOWN, (MISSING,)))
        assert (story.problems[0].problem.cause, story.problems[0].since) == (DOWN, NOW)
        assert story.problems[0].confirmed

    def test_do_not_get_younger_when_what_they_explain_heals_first(self) -> None:
        story = Story().look(0, *alone(MISSING)).look(5, Problem(DOWN, (MISSING,))).look(12, *alone(DOWN))
        assert [(timed.since, timed.confirmed) for timed in story.problems] == [(NOW, True)]

    def test_tell_the_age_of_each_finding_apart(self) -> None:
        problem = Problem(DOWN, (MISSING,))
        (timed,) = Story().look(0, *alone(MISSING)).look(300, problem).problems
        assert timed.since == NOW
        assert (timed.since_of(DOWN), timed.since_of(MISSING)) == (seconds(300), NOW)

    def test_keep_their_order(self) -> None:
        story = Story().look(0, *alone(DOWN, MISSING)).look(10, *alone(DOWN, MISSING))
        assert [timed.problem.cause for timed in story.problems] == [DOWN, MISSING]


class TestFlapping:
    """A route that is away for two seconds of every fifteen would never be confirmed by lasting."""

    def story(self, times: int) -> Story:
        story = Story()
        for each in range(times):
            story.look(15 * each, *alone(MISSING)).look(15 * each + 2)
        return story

    def test_three_times_are_chance(self) -> None:
        assert self.story(3).problems == ()

    def test_four_times_are_one_problem_with_a_count_that_stays_while_it_is_away(self) -> None:
        (timed,) = self.story(4).problems
        assert (timed.problem.cause, timed.since, timed.confirmed) == (MISSING, NOW, True)
        assert (timed.times, timed.away) == (4, True)
        (there,) = self.story(4).look(60, *alone(MISSING)).problems
        assert (there.times, there.away, there.since) == (5, False, NOW)

    def test_a_minute_of_calm_ends_it(self) -> None:
        story = self.story(4)
        assert story.look(106).problems
        assert story.look(108).problems == ()

    def test_long_ago_does_not_count(self) -> None:
        story = self.story(3).look(310, *alone(MISSING))
        assert [(timed.times, timed.confirmed) for timed in story.problems] == [(1, False)]

    def test_it_is_not_told_twice_when_something_else_explains_it_by_now(self) -> None:
        story = self.story(4).look(60, Problem(DOWN, (MISSING,)))
        assert [timed.problem.cause for timed in story.problems] == [DOWN]

    def test_one_that_is_away_hurts_nobody_now(self) -> None:
        (away,) = self.story(4).problems
        assert away.severity is Severity.WARNING
        (there,) = self.story(4).look(60, *alone(MISSING)).problems
        assert there.severity is Severity.ERROR

    def test_a_note_that_is_away_stays_a_note(self) -> None:
        assert TimedProblem(
            Problem(finding("RT-SERVICES", severity=Severity.INFO)), NOW, confirmed=True, times=4, away=True
        ).severity is (Severity.INFO)

    def test_another_instance_of_the_same_subject_is_another_thing(self) -> None:
        story = Story()
        for each in range(10):
            pod = replace(MISSING, instance=str(each))
            story.look(15 * each, *alone(pod)).look(15 * each + 2)
        assert story.problems == ()

    def test_it_is_not_suspected_again_when_the_oldest_comings_are_long_ago(self) -> None:
        story = Story()
        for each in range(4):
            story.look(98 * each, *alone(MISSING)).look(98 * each + 2)
        assert [timed.times for timed in story.problems] == [4]
        story.look(98 * 3 + 12, *alone(MISSING))
        assert [(timed.times, timed.confirmed) for timed in story.problems] == [(4, True)]
        story.look(98 * 3 + 120, *alone(MISSING))
        assert [(timed.times, timed.confirmed) for timed in story.problems] == [(1, True)]

    def test_what_is_away_confirms_no_other_fault(self) -> None:
        other = finding("RT-MISSING", "10.244.2.0/26")
        story = self.story(4).look(52, *alone(other))
        assert story.status == (Status.TRUE, "Suspected")
        assert [timed.confirmed for timed in story.problems] == [False, True]

    def test_conditions_follow_what_is_there_at_the_moment(self) -> None:
        story = self.story(4)
        assert story.status[0] is Status.TRUE
        assert story.look(60, *alone(MISSING)).status[0] is Status.FALSE
        assert story.look(62).status[0] is Status.TRUE

    def test_what_was_counted_is_bounded(self) -> None:
        story = Story()
        for each in range(1000):
            story.look(each / 10, *alone(MISSING)).look(each / 10 + 0.05)
        assert story.problems[0].times == 100


class TestConditions:
    def test_stay_true_while_a_fault_is_only_suspected_and_say_what_is(self) -> None:
        story = Story().look(0).look(1, *alone(MISSING))
        assert story.status == (Status.TRUE, "Suspected")
        assert story.conditions[0].condition.message == "suspected: 10.244.1.0/26 is wrong"

    def test_are_unknown_while_a_fault_is_suspected_where_they_never_were_true(self) -> None:
        story = Story().look(0, *alone(MISSING))
        assert story.status == (Status.UNKNOWN, "Suspected")
        assert story.look(5, *alone(MISSING)).status == (Status.UNKNOWN, "Suspected")
        assert story.look(10, *alone(MISSING)).status[0] is Status.FALSE

    def test_stay_unknown_where_a_source_that_came_late_shows_a_fault(self) -> None:
        blind = condition(ROUTES, Status.UNKNOWN)
        story = Story().look(0).look(1, routes=blind).look(2, *alone(MISSING))
        assert story.status == (Status.UNKNOWN, "Suspected")
        assert story.look(3).status == (Status.TRUE, "AsExpected")

    def test_become_false_with_the_confirmation_and_count_from_then(self) -> None:
        story = Story().look(0, *alone(MISSING)).look(10, *alone(MISSING))
        assert story.status[0] is Status.FALSE
        assert story.conditions[0].since == seconds(10)

    def test_stay_false_when_another_fault_takes_over(self) -> None:
        other = finding("RT-BLACKHOLE", "10.244.1.0/26")
        story = Story().look(0, *alone(MISSING)).look(10, *alone(MISSING)).look(11, *alone(other))
        assert not story.problems[0].confirmed
        assert story.status[0] is Status.FALSE
        assert story.conditions[0].since == seconds(10)

    def test_become_true_when_nothing_decides_them_any_more(self) -> None:
        story = Story().look(0, *alone(MISSING)).look(10, *alone(MISSING)).look(11)
        assert story.status == (Status.TRUE, "AsExpected")
        assert story.conditions[0].since == seconds(11)

    def test_a_confirmed_warning_does_not_confirm_an_error(self) -> None:
        warning = finding("RT-STALE", "10.244.9.0/26", severity=Severity.WARNING)
        story = Story().look(0, *alone(warning)).look(10, *alone(warning, MISSING))
        assert [timed.confirmed for timed in story.problems] == [True, False]
        assert story.status == (Status.TRUE, "Suspected")

    def test_that_no_finding_explains_are_false_at_once(self) -> None:
        story = Story().look(0, routes=condition(ROUTES, Status.FALSE))
        assert story.status[0] is Status.FALSE

    def test_that_are_unknown_stay_unknown(self) -> None:
        story = Story().look(0, *alone(MISSING), routes=condition(ROUTES, Status.UNKNOWN))
        assert story.status[0] is Status.UNKNOWN

    def test_a_consequence_decides_its_own_condition(self) -> None:
        story = Story().look(0, Problem(DOWN, (MISSING,)))
        assert story.status == (Status.UNKNOWN, "Suspected")
        assert story.look(10, Problem(DOWN, (MISSING,))).status[0] is Status.FALSE


class TestClock:
    def test_a_jump_back_gives_no_time_in_the_future_and_still_confirms(self) -> None:
        story = Story().look(100, *alone(MISSING)).look(0, *alone(MISSING))
        assert (story.problems[0].since, story.conditions[0].since) == (NOW, NOW)
        assert story.look(10, *alone(MISSING)).problems[0].confirmed

    def test_a_jump_back_while_a_fault_is_gone_does_not_keep_it_for_ever(self) -> None:
        story = Story().look(1000, *alone(MISSING)).look(1001).look(0).look(11)
        assert story.look(12, *alone(MISSING)).problems[0].since == seconds(12)
        assert story.look(13).look(400).sightings.findings == {}

    @given(
        passes=st.lists(
            st.tuples(
                st.floats(-1e6, 1e6), st.lists(st.sampled_from((*alone(MISSING, DOWN), Problem(DOWN, (MISSING,)))))
            ),
            max_size=12,
        )
    )
    def test_whatever_the_clock_does_times_are_sane(self, passes: list[tuple[float, list[Problem]]]) -> None:
        story = Story()
        for at, problems in passes:
            story.look(at, *problems)
            for timed in story.problems:
                assert timed.since <= seconds(at)
                assert timed.confirmed == (timed.times > 1 or seconds(at) - timed.since >= HOLD_DOWN)
            assert all(timed.since <= seconds(at) for timed in story.conditions)


class TestNextConfirmation:
    def test_is_the_first_end_of_a_suspicion(self) -> None:
        story = Story().look(0, *alone(MISSING)).look(4, *alone(DOWN, MISSING))
        assert next_confirmation(story.problems) == seconds(10)

    def test_is_never_when_nothing_is_suspected(self) -> None:
        story = Story().look(0, *alone(MISSING)).look(10, *alone(MISSING))
        assert next_confirmation(story.problems) is None
