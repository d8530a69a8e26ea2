"""How long the loop waits."""

from dataclasses import replace
from datetime import timedelta

import pytest

from calico_agent.runtime.daemon import _calm
from tests.reports import broken_report


@pytest.mark.parametrize(("seconds", "calm"), [(0, 0), (10, 2), (3600, 720)])
def test_the_longer_nothing_has_changed_the_longer_the_next_look_may_take(seconds: int, calm: float) -> None:
    report = broken_report()
    turned, begun = [one.since for one in report.conditions], [one.since for one in report.problems]
    later = replace(report, at=max(*turned, *begun) + timedelta(seconds=seconds))
    assert _calm(later) == pytest.approx(calm)
