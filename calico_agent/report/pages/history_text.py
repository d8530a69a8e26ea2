"""The history for people: what happened, a line each, in the order in which it did."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta, tzinfo
from typing import Any

from calico_agent.report.pages.page import WIDTH, TextLine, folded
from calico_agent.text import clean, counted, span

Entry = Mapping[str, Any]

_COLOURS = {"error": "31", "warning": "33"}
_HEALED = frozenset({"problem_cleared", "session_up"})
_SEVERITY = {"error": "PROBLEM", "warning": "WARNING"}
_INDENT = " " * 21

_SESSION_WORDS = {
    "session_up": "is established",
    "session_down": "is down",
    "session_flapped": "was down for a moment",
    "session_added": "is new",
    "session_removed": "is configured no more",
}
_OWN_WORDS = {
    "started": "the agent started",
    "stopped": "the agent stopped; calico/node goes on running",
    "reloaded": "the configuration was reloaded",
    "reload_refused": "a reload was refused",
    "restart_needed": "a restart of the agent is needed",
    "pass_failed": "a pass failed, by a bug of calico-agent",
    "history_lost": "what happened here could not be kept",
}


def render_history(
    entries: Iterable[Entry], zone: tzinfo | None = None, *, colour: bool = False, width: int = WIDTH
) -> str:
    """Return the lines; times in `zone`, None for that of this host."""
    return folded((_line(entry, zone) for entry in entries), width, colour=colour)


def sentence(entry: Entry) -> str:
    """Return what happened, without its time. An entry of another version may lack what is told of it."""
    try:
        return clean(_SENTENCES.get(str(entry["event"]), _plain)(entry))
    except (KeyError, TypeError, ValueError):
        return clean(_plain(entry))


def _line(entry: Entry, zone: tzinfo | None) -> TextLine:
    at = datetime.fromisoformat(str(entry["at"])).astimezone(zone)
    name, level = str(entry["event"]), str(entry.get("level"))
    colour = "32" if name in _HEALED or entry.get("status") == "True" else _COLOURS.get(level, "")
    return TextLine(f"{at:%Y-%m-%d %H:%M:%S}  {sentence(entry)}", _INDENT, colour)


def _problem(entry: Entry) -> str:
    word = "suspected" if entry["event"] == "problem_suspected" else _SEVERITY.get(str(entry.get("level")), "NOTE")
    if "what" not in entry:
        return f"{word} {_many(entry, 'problem')}"
    times = f" came {entry['times']} times" if "times" in entry else ""
    return f"{word} {entry.get('code')} {entry.get('subject')}{times}: {entry['what']}"


def _cleared(entry: Entry) -> str:
    if "count" in entry:
        return f"over: {_many(entry, 'problem')}"
    lasted = span(timedelta(seconds=float(entry.get("lasted_seconds", 0))))
    return f"over: {entry.get('code')} {entry.get('subject')}, after {lasted}"


def _explained(entry: Entry) -> str:
    if "count" in entry:
        return f"explained by another problem: {_many(entry, 'problem')}"
    by = f"{entry.get('by_code')} {entry.get('by_subject')}"
    return f"{entry.get('code')} {entry.get('subject')} follows from {by}"


def _condition(entry: Entry) -> str:
    return f"{entry.get('type')} is {entry.get('status')} (was {entry.get('was')}): {entry.get('message')}"


def _session(entry: Entry) -> str:
    word = _SESSION_WORDS.get(str(entry["event"]), str(entry["event"]))
    if "count" in entry:
        return f"{_many(entry, 'session')}: each {word}"
    node = f" ({entry['node']})" if entry.get("node") else ""
    error = f": {entry['last_error']}" if entry.get("last_error") else ""
    return f"session with {entry.get('peer')}{node} {word}{error}"


def _many(entry: Entry, noun: str) -> str:
    of = entry.get("of")
    names = ", ".join(map(str, of)) if isinstance(of, list) else ""
    number = int(entry.get("count", 1))
    code = f"{entry['code']}, " if "code" in entry else ""
    more = ", ..." if isinstance(of, list) and number > len(of) else ""
    return f"{code}{counted(number, noun)} ({names}{more})"


def _container(entry: Entry) -> str:
    code = f" with code {entry['exit_code']}" if "exit_code" in entry else ""
    return f"container {entry.get('name', 'calico/node')} {entry.get('state')}{code}"


def _identity(entry: Entry) -> str:
    addresses = [str(entry[key]) for key in ("ipv4", "ipv6") if entry.get(key)]
    refused = f", {entry['refused']}" if entry.get("refused") else ""
    return f"this host is {entry.get('name') or 'no node'} with {' and '.join(addresses) or 'no address'}{refused}"


def _acting(entry: Entry) -> str:
    failed = f" failed: {entry.get('error')}" if entry["event"] == "action_failed" else ""
    reason = f", because {entry['reason']}" if entry.get("reason") else ""
    return f"agent: {entry.get('doing')}{reason}{failed}"


def _paused(entry: Entry) -> str:
    why = f" ({entry['why']})" if entry.get("why") else ""
    return f"{entry.get('by')} paused the agent until {entry.get('until') or 'somebody resumes it'}{why}"


def _image(entry: Entry) -> str:
    word = str(entry["event"]).partition("_")[2]
    return f"fetching of {entry.get('image')} {word}" + (f": {entry['error']}" if entry.get("error") else "")


def _own(entry: Entry) -> str:
    details = [str(entry[key]) for key in ("version", "mode", "error", "reason") if entry.get(key)]
    for key in ("changed", "faults"):
        if isinstance(entry.get(key), list):
            details += map(str, entry[key])
    if "count" in entry:
        details.append(counted(int(entry["count"]), "event"))
    return _OWN_WORDS[str(entry["event"])] + (f" ({'; '.join(details)})" if details else "")


def _plain(entry: Entry) -> str:
    fields = [f"{key}={value}" for key, value in entry.items() if key not in {"at", "event", "level"}]
    return " ".join((str(entry["event"]), *fields))


_SENTENCES: Mapping[str, Callable[[Entry], str]] = {
    "problem_suspected": _problem,
    "problem_confirmed": _problem,
    "problem_cleared": _cleared,
    "problem_explained": _explained,
    "condition": _condition,
    "container": _container,
    "identity": _identity,
    "paused": _paused,
    "resumed": lambda entry: f"the pause of {entry.get('was_paused_by')} is over",
    "acting": _acting,
    "action_failed": _acting,
    **dict.fromkeys(_SESSION_WORDS, _session),
    **dict.fromkeys(("pull_started", "pull_done", "pull_failed"), _image),
    **dict.fromkeys(_OWN_WORDS, _own),
}
