"""The wait between starts: it doubles, it ends at the cap, and jitter only shortens it."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from calico_agent.plan.backoff import delay

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


def test_it_doubles_up_to_the_longest() -> None:
    waits = [delay(failures, initial=SECOND, longest=MINUTE, jitter=0).total_seconds() for failures in range(8)]
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]


@given(failures=st.integers(0, 10**9), jitter=st.floats(0, 1, exclude_max=True))
def test_no_number_of_failures_leaves_the_bounds(failures: int, jitter: float) -> None:
    wait = delay(failures, initial=SECOND, longest=MINUTE, jitter=jitter)
    assert SECOND * 0.8 <= wait <= MINUTE
