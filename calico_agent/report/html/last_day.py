"""The last day: how each condition stood hour by hour, and what happened, from the history.

A condition that is not fine is told by the height of the bar, too. While the agent did not run nothing is drawn.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from markupsafe import Markup

from calico_agent.model.finding import ConditionType, Status
from calico_agent.model.report import RecentHistory, Report, TimedCondition
from calico_agent.report.html.markup import fitting, joined, moment, note, section
from calico_agent.report.html.symbols import BY_STATUS, Tone, icon
from calico_agent.report.pages.history_text import sentence
from calico_agent.text import clean

_DAY = timedelta(days=1)
_MOST_LINES, _MOST_BYTES = 80, 24_000
_MOST_BARS = 200
_WIDTH = 1440  # a unit a minute
_HOURS = 6
_BARS = {Tone.GOOD: (8, 4), Tone.UNKNOWN: (5, 10), Tone.BAD: (0, 20)}
_TONES = {"error": Tone.BAD, "warning": Tone.WARN}
_HEALED = frozenset({"problem_cleared", "session_up"})

Entry = Mapping[str, Any]
_Change = tuple[datetime, Status | None, Status | None]
"""When a condition turned, what it was before and is since; None: nobody looked."""


def last_day(report: Report | None, history: RecentHistory, now: datetime) -> Markup:
    """Return the section of the day that ends now. `report` is None before the first pass is finished."""
    if history.trouble:
        return section("day", "Last day", note(f"The history cannot be read: {clean(history.trouble)}"), wide=True)
    begin = now - _DAY
    entries = [(at, entry) for entry in history.entries if begin <= (at := _at(entry)) <= now + _DAY]
    before = [entry for entry in history.entries if _at(entry) < begin]
    known_from = begin if history.whole or before or not entries else entries[0][0]
    parts = [_bars(report, entries, before, known_from, now)] if report is not None else []
    lines = fitting((event_line(at, entry) for at, entry in reversed(entries)), _MOST_LINES, _MOST_BYTES)
    parts.append(Markup('<ol class="log">%s</ol>') % (joined(lines),) if lines else note("Nothing happened."))
    if len(lines) < len(entries) or known_from > begin:
        parts.append(note("Earlier: calico-agent history --since 24h"))
    return section("day", "Last day", *parts, wide=True)


def event_line(at: datetime, entry: Entry) -> Markup:
    """Return what happened as an item of a list."""
    level = _TONES.get(str(entry.get("level")), Tone.NONE)
    healed = entry["event"] in _HEALED or entry.get("status") == "True"
    return Markup("<li>%s%s %s</li>") % (
        icon(Tone.GOOD if healed else level),
        moment(at, "%b %d %H:%M:%S"),
        clean(sentence(entry), 300),
    )


def entries_of(history: RecentHistory, names: frozenset[str], since: datetime) -> list[tuple[datetime, Entry]]:
    """Return the entries of some kinds since a moment, the newest first."""
    chosen = [(_at(entry), entry) for entry in history.entries if entry["event"] in names]
    return [(at, entry) for at, entry in reversed(chosen) if at >= since]


def _at(entry: Entry) -> datetime:
    return datetime.fromisoformat(entry["at"]).astimezone(UTC)


def _bars(
    report: Report, entries: list[tuple[datetime, Entry]], before: list[Entry], begin: datetime, now: datetime
) -> Markup:
    rows = []
    for timed in report.conditions:
        kind = timed.condition.type
        spans = [*_spans(timed, [*_changes(kind, entries)], _status_at(kind, before), begin, now)]
        rows.append(_row(kind, spans[-_MOST_BARS:], now))
    hours = joined(
        Markup("<span>%s</span>") % (moment(now - _DAY + timedelta(hours=each), "%H:%M"),)
        for each in range(0, 25, 24 // _HOURS * 2)
    )
    return Markup('<div class="days">%s<div class="hours" aria-hidden="true">%s</div></div>') % (joined(rows), hours)


def _row(kind: ConditionType, spans: list[tuple[datetime, datetime, Status]], now: datetime) -> Markup:
    begin = now - _DAY
    rects = []
    for start, end, status in spans:
        x = max(0, (start - begin).total_seconds() / 60)
        # A fault of a second is seen, too.
        width = max((end - begin).total_seconds() / 60 - x, 4 if status is not Status.TRUE else 0.5)
        y, height = _BARS[BY_STATUS[status]]
        rects.append(
            Markup('<rect class="%s" x="%s" y="%s" width="%s" height="%s"/>')
            % (BY_STATUS[status].value, round(x, 1), y, round(width, 1), height)
        )
    form = Markup(
        '<span class="name">%s</span><svg class="bar" role="img" aria-label="%s" viewBox="0 0 %s 20" '
        'preserveAspectRatio="none"><path class="way" d="M0 10H%s"/>%s</svg>'
    )
    return form % (kind.value, _spoken(kind, spans), _WIDTH, _WIDTH, joined(rects))


def _spoken(kind: ConditionType, spans: Iterable[tuple[datetime, datetime, Status]]) -> str:
    bad = [f"{status.value} {start:%H:%M} to {end:%H:%M}" for start, end, status in spans if status is not Status.TRUE]
    more = f", and {len(bad) - 5} times before" if len(bad) > 5 else ""
    return f"{kind.value}: {', '.join(bad[-5:])}{more}" if bad else f"{kind.value}: never other than True"


def _changes(kind: ConditionType, entries: list[tuple[datetime, Entry]]) -> Iterator[_Change]:
    for at, entry in entries:
        if entry["event"] in {"started", "stopped"}:
            yield at, None, None
        elif entry["event"] == "condition" and entry.get("type") == kind.value:
            yield at, _status(entry.get("was")), _status(entry.get("status"))


def _status_at(kind: ConditionType, before: list[Entry]) -> Status | None:
    """What it was when the day began, by the entries from before."""
    changes = [*_changes(kind, [(_at(entry), entry) for entry in before])]
    return changes[-1][2] if changes else None


def _status(word: object) -> Status | None:
    return next((status for status in Status if status.value == word), None)


def _spans(
    timed: TimedCondition, changes: list[_Change], before: Status | None, begin: datetime, now: datetime
) -> Iterator[tuple[datetime, datetime, Status]]:
    """How it stood, from when to when. What it was first is told by what it changed from."""
    if not changes:
        yield max(begin, timed.since) if before is None else begin, now, timed.condition.status
        return
    start, status = begin, before or changes[0][1]
    for at, _, became in changes:
        if status is not None and at > start:
            yield start, at, status
        start, status = at, became
    if status is not None:
        yield start, now, status
