"""How long the loop waits."""

from dataclasses import replace
from datetime import timedelta

import pytest

from calico_agent.model.maintenance import Maintenance, Pause
from calico_agent.report.pacing import _calm, seconds_to_next_pass
from tests.reports import broken_report, healthy_report


def test_a_host_that_is_well_is_looked_at_once_an_interval() -> None:
    assert seconds_to_next_pass(replace(healthy_report(), pass_seconds=0.1), 30.0) == 30.0
    assert seconds_to_next_pass(None, 30.0) == 30.0


def test_a_dear_pass_is_made_in_a_twentieth_of_the_time_whatever_is_wrong() -> None:
    report = broken_report()
    turned = replace(report, problems=(), at=max(one.since for one in report.conditions))
    assert not turned.healthy
    assert seconds_to_next_pass(replace(turned, pass_seconds=0.01), 1e6) == 2.0
    assert seconds_to_next_pass(replace(turned, pass_seconds=5.0), 1e6) == 100.0


@pytest.mark.parametrize(("seconds", "calm"), [(0, 0), (10, 2), (3600, 720)])
def test_the_longer_nothing_has_changed_the_longer_the_next_look_may_take(seconds: int, calm: float) -> None:
    report = broken_report()
    turned, begun = [one.since for one in report.conditions], [one.since for one in report.problems]
    later = replace(report, at=max(*turned, *begun) + timedelta(seconds=seconds))
    assert _calm(later) == pytest.approx(calm)


def test_the_end_of_a_pause_is_looked_at_in_time() -> None:
    report = replace(healthy_report(), pass_seconds=0.0)
    ends = report.at + timedelta(seconds=7)
    paused = replace(report, maintenance=Maintenance(Pause("root", "", report.at, ends)))
    assert seconds_to_next_pass(paused, 30.0) == 7.0
