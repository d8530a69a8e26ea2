"""Moments as people write them: `1h`, `90 min`, `03:10`, `2026-11-27 03:10`, RFC 3339."""

import re
from datetime import datetime, timedelta

from calico_agent.errors import UsageError

_SPAN = re.compile(r"(\d{1,6}) ?(s|sec|m|min|h|d|w)")
_SECONDS = {"s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, "w": 604800}
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?")


def read_moment(text: str, now: datetime) -> datetime:
    """The moment, in the zone of `now` where the text names none. A time of day is the last one that was.

    Raises UsageError.
    """
    text = text.strip()
    try:
        if found := _SPAN.fullmatch(text.removesuffix(" ago")):
            return now - timedelta(seconds=int(found[1]) * _SECONDS[found[2]])
        if found := _CLOCK.fullmatch(text):
            moment = now.replace(hour=int(found[1]), minute=int(found[2]), second=int(found[3] or 0), microsecond=0)
            return moment if moment <= now else moment - timedelta(days=1)
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        hint = "for example 1h, 03:10, or 2026-11-27 03:10"
        raise UsageError(f"{text[:60]!a} is no moment", hint=hint) from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=now.tzinfo)
