"""What the agent tells of its supervision."""

from dataclasses import replace

import pytest

from calico_agent.model.container.container import Container, ContainerState
from calico_agent.model.container.supervision import Attempts, Plan
from calico_agent.runtime.compose import told as told_of
from tests.checks.cluster import CONTAINER

PLAN = Plan(None, "calico-node is running", Attempts())
ENDED = replace(CONTAINER, state=ContainerState.EXITED)


@pytest.mark.parametrize(
    ("container", "failures"),
    [
        pytest.param(CONTAINER, 0, id="the first start is young and good: it has not failed"),
        pytest.param(ENDED, 1, id="it ended"),
        pytest.param(None, 1, id="it was not made"),
    ],
)
def test_a_start_that_is_young_is_no_failure(container: Container | None, failures: int) -> None:
    told = told_of(replace(PLAN, attempts=Attempts(starts=1, failures=1)), container, None)
    assert (told.starts, told.restarts, told.failures) == (1, 0, failures)


def test_an_error_of_the_last_try_is_told() -> None:
    told = told_of(replace(PLAN, attempts=Attempts(last_error="Docker refuses")), None, None)
    assert told.doing == "calico-node is running (the last try: Docker refuses)"
