"""The last day from the history: how each condition stood, and what happened."""

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from calico_agent.model.finding import ConditionType
from calico_agent.model.report import RecentHistory
from calico_agent.report.html.last_day import last_day
from tests.reports import NOW, healthy_report

KIND = ConditionType.ROUTES_IN_PLACE


def entry(minutes_ago: float, event: str, **fields: object) -> dict[str, Any]:
    return {"at": (NOW - timedelta(minutes=minutes_ago)).isoformat(), "event": event, "level": "info", **fields}


def turned(minutes_ago: float, was: str, status: str) -> dict[str, Any]:
    return entry(minutes_ago, "condition", type=KIND.value, was=was, status=status, message="it turned")


def bars(*entries: dict[str, Any], whole: bool = True, since: datetime | None = None) -> list[tuple[str, float, float]]:
    """What is drawn for the routes: how it stood, from which minute of the day and for how many."""
    report = healthy_report()
    if since is not None:
        report = replace(report, conditions=tuple(replace(one, since=since) for one in report.conditions))
    page = last_day(report, RecentHistory(entries, whole), NOW)
    (row,) = re.findall(rf'aria-label="{KIND.value}:.*?</svg>', page)
    found: Iterable[tuple[str, str, str]] = re.findall(r'class="(\w+)" x="([\d.]+)" y="\d+" width="([\d.]+)"', row)
    return [(tone, float(x), float(width)) for tone, x, width in found]


def test_without_any_change_it_stood_as_it_stands_since_it_does() -> None:
    assert bars() == [("good", 1320, 120)]
    assert bars(since=NOW - timedelta(days=9)) == [("good", 0, 1440)]


def test_a_fault_of_the_night_is_where_it_was() -> None:
    assert bars(turned(600, "True", "False"), turned(570, "False", "True")) == [
        ("good", 0, 840),
        ("bad", 840, 30),
        ("good", 870, 570),
    ]


def test_a_fault_of_a_second_is_seen() -> None:
    assert ("bad", 840, 4) in bars(turned(600, "True", "False"), turned(600 - 1 / 60, "False", "True"))


def test_what_was_before_the_day_goes_on_into_it() -> None:
    assert bars(turned(3000, "True", "Unknown"), turned(720, "Unknown", "True")) == [
        ("dim", 0, 720),
        ("good", 720, 720),
    ]


def test_while_no_agent_ran_nothing_is_drawn() -> None:
    assert bars(
        turned(1440 * 2, "unset", "True"),
        entry(1000, "stopped"),
        entry(400, "started"),
        turned(399, "unset", "True"),
    ) == [("good", 0, 440), ("good", 1041, 399)]


def test_of_what_was_not_kept_nothing_is_drawn() -> None:
    assert bars(turned(100, "False", "True"), whole=False) == [("good", 1340, 100)]


def test_what_happened_is_listed_newest_first_and_bounded() -> None:
    entries = tuple(entry(1000 - number, "acting", doing=f"deed {number}") for number in range(300))
    page = last_day(healthy_report(), RecentHistory(entries), NOW)
    told = [int(number) for number in re.findall(r"agent: deed (\d+)", page)]
    assert told == list(range(299, 299 - len(told), -1))
    assert 20 < len(told) <= 80
    assert "Earlier: calico-agent history" in page


def test_a_history_that_cannot_be_read_is_told_as_such() -> None:
    assert "The history cannot be read: no disk" in last_day(None, RecentHistory(trouble="no disk"), NOW)
