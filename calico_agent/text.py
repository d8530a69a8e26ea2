"""Text for people: numbers, lists and durations in words, and text from outside made safe to print."""

import difflib
import unicodedata
from collections.abc import Iterable
from datetime import datetime, timedelta

from calico_agent.secret import masked

_LISTED = 3

# What is shown comes from the first of it, and to look for secrets in 10 MB takes a second.
_MOST_READ = 1 << 16


def clean(text: str, limit: int = 600) -> str:
    """Return text from outside on one line: white space folded, control and bidirectional characters escaped, cut after
    `limit` characters, without secrets.

    A container's log or a record in the datastore must not move the cursor of the person who reads about it.
    """
    folded = " ".join(masked(text[:_MOST_READ])[: limit * 2].split())
    safe = "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in folded
    )
    return safe if len(safe) <= limit else f"{safe[: limit - 3]}..."


def counted(number: int, thing: str) -> str:
    """Return a number with its noun: `1 route`, `2 routes`."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def listed(names: tuple[str, ...]) -> str:
    """Return some names as a part of a sentence: all of a few, the first of many."""
    if len(names) > _LISTED:
        return f"{', '.join(names[:_LISTED])} and {len(names) - _LISTED} more"
    return " and ".join((", ".join(names[:-1]), names[-1])) if len(names) > 1 else "".join(names)


def span(duration: timedelta) -> str:
    """Return a duration in its two largest units: `3 s`, `12 min`, `2 h 5 min`, `3 d 4 h`. A negative one is `0 s`."""
    seconds = max(0, int(duration.total_seconds()))
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if days:
        return f"{days} d {hours % 24} h"
    if hours:
        return f"{hours} h {minutes % 60} min"
    return f"{minutes} min" if minutes else f"{seconds} s"


def ago(then: datetime, now: datetime) -> str:
    """Return how long ago, in the words of `span`."""
    return f"{span(now - then)} ago"


def nearest(name: str, choices: Iterable[str]) -> str:
    """Return `did you mean host2?` where one of the choices is much like the name, else nothing."""
    close = difflib.get_close_matches(name[:100], sorted(choices), n=1)
    return f"did you mean {clean(close[0], 100)}?" if close else ""


def display_width(text: str) -> int:
    """Return how many columns of a terminal it takes: wide characters (Unicode TR 11) two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(map(_columns, text))


def padded(text: str, width: int) -> str:
    """Return the text with spaces up to so many columns."""
    return text + " " * (width - display_width(text))


def _columns(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1
