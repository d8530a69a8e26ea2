"""Moments as people write them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from calico_agent.cli.live.moments import read_moment
from calico_agent.errors import UsageError

ZONE = timezone(timedelta(hours=1))
NOW = datetime(2026, 11, 27, 8, 0, 0, tzinfo=ZONE)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("1h", NOW - timedelta(hours=1)),
        ("90 min", NOW - timedelta(minutes=90)),
        ("2 d", NOW - timedelta(days=2)),
        ("30s ago", NOW - timedelta(seconds=30)),
        ("03:10", NOW.replace(hour=3, minute=10)),
        ("23:59", NOW.replace(day=26, hour=23, minute=59)),
        ("2026-11-27 03:10", NOW.replace(hour=3, minute=10)),
        ("2026-11-27", NOW.replace(hour=0)),
        ("2026-11-27T03:10:00Z", datetime(2026, 11, 27, 3, 10, tzinfo=UTC)),
    ],
)
def test_a_moment(text: str, moment: datetime) -> None:
    assert read_moment(text, NOW) == moment


@pytest.mark.parametrize("text", ["", "yesterday", "25:00", "1y", "2026-13-01", "9999999999h", "999999w"])
def test_what_is_no_moment_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(UsageError, match="is no moment"):
        read_moment(text, NOW)
