"""The age of a moment: by the uptime, whatever becomes of the clock, and after a boot by the clock."""

from datetime import UTC, datetime, timedelta

import pytest

from calico_agent.state.moment import Moment, this_moment

AT = datetime(2026, 11, 23, 4, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
BEGUN = Moment(AT, "boot-1", 500.0)


@pytest.mark.parametrize("jump", [timedelta(0), DAY, -DAY], ids=["as it was", "set ahead", "set back"])
def test_a_clock_that_is_set_changes_no_age(jump: timedelta) -> None:
    assert BEGUN.age(Moment(AT + HOUR + jump, "boot-1", 4100.0)) == HOUR


def test_after_a_boot_the_clock_counts() -> None:
    assert BEGUN.age(Moment(AT + HOUR, "boot-2", 60.0)) == HOUR


def test_after_a_boot_with_a_clock_that_lags_it_is_the_uptime() -> None:
    assert BEGUN.age(Moment(AT - DAY, "boot-2", 60.0)) == timedelta(seconds=60)


def test_two_ids_of_one_boot_make_nothing_older() -> None:
    assert BEGUN.age(Moment(AT + timedelta(seconds=3), "hidden", 503.0)) == timedelta(seconds=3)


def test_a_boot_that_nobody_knows_is_another_one() -> None:
    assert Moment(AT, "", 500.0).age(Moment(AT + HOUR, "", 501.0)) == HOUR


def test_it_comes_back_as_it_was() -> None:
    now = this_moment()
    assert Moment.decode(now.encode()) == now
    assert now.age(this_moment()) < timedelta(minutes=1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"at": "2026-11-23T04:00:00"},
        {"at": 3},
        {"at": "soon"},
        {"boot": None},
        {"uptime": "1"},
        {"uptime": True},
        {"uptime": float("-inf")},
        {"uptime": float("nan")},
    ],
    ids=str,
)
def test_what_is_no_moment_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"."):
        Moment.decode(BEGUN.encode() | wrong)
