"""What of all that happens is logged: no line twice in five minutes, no storm of lines, and at the end what is so."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from calico_agent.model.report import Event
from calico_agent.report.repeats import MOST_OF_A_KIND, QUIET_SECONDS, Repeats


def turned(status: str, kind: str = "RoutesInPlace") -> Event:
    return Event("condition", fields={"status": status}, about=("condition", kind), says=status)


def down(number: int) -> Event:
    return Event("session_down", fields={"peer": f"10.0.0.{number}"}, about=("session", f"host{number}"))


def test_the_first_time_a_line_is_told_at_once_and_then_not_for_five_minutes() -> None:
    repeats = Repeats()
    assert repeats.due([turned("False")], 0) == (turned("False"),)
    assert repeats.due([turned("False")], 1) == ()
    assert repeats.due([], QUIET_SECONDS - 1) == ()
    (late,) = repeats.due([], QUIET_SECONDS)
    assert late == turned("False")
    assert repeats.due([], 3 * QUIET_SECONDS) == ()


def test_another_status_is_another_line_and_the_last_one_is_what_is_so() -> None:
    repeats = Repeats()
    told: list[Event] = []
    for second in range(100):
        told += repeats.due([turned("False" if second % 2 == 0 else "True")], second)
    assert [event.says for event in told] == ["False", "True"]
    (last,) = repeats.due([], QUIET_SECONDS + 1)
    assert (last.says, last.fields["count"]) == ("True", 98)


def test_a_storm_over_many_passes_is_told_by_its_count() -> None:
    repeats = Repeats()
    told: list[Event] = []
    for number in range(1000):
        told += repeats.due([down(number)], number / 10)
    assert len(told) == MOST_OF_A_KIND
    rest = [event for second in range(100, 800) for event in repeats.due([], second)]
    assert [event.fields["count"] for event in rest] == [1000 - MOST_OF_A_KIND]
    assert "host30" in str(rest[0].fields["of"])


def test_different_things_do_not_hold_each_other_back() -> None:
    repeats = Repeats()
    assert len(repeats.due([turned("False", f"kind {number}") for number in range(20)], 0)) == 20


EVENTS = st.lists(
    st.tuples(st.floats(0, 120), st.sampled_from(["a", "b"]), st.sampled_from(["True", "False"])), max_size=60
)


@given(EVENTS)
def test_no_line_comes_twice_in_five_minutes_and_the_last_word_is_the_truth(
    events: list[tuple[float, str, str]],
) -> None:
    repeats, now = Repeats(), 0.0
    told: list[tuple[float, Event]] = []
    last: dict[str, str] = {}
    for later, kind, status in events:
        now += later
        told += [(now, event) for event in repeats.due([turned(status, kind)], now)]
        last[kind] = status
    for _ in range(100):
        now += 30
        told += [(now, event) for event in repeats.due([], now)]
    at: dict[tuple[str, ...], float] = {}
    said: dict[str, str] = {}
    for moment, event in told:
        assert moment - at.get(event.line, -QUIET_SECONDS) >= QUIET_SECONDS
        at[event.line] = moment
        said[event.about[1]] = event.says
    assert said == last
    assert sum(event.count for _, event in told) == len(events)
    assert max(Counter(event.name for _, event in told).values(), default=0) <= len(events)
