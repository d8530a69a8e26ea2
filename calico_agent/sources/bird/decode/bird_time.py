"""BIRD's times -> moments.

BIRD 1.6 prints local time without a zone: when a protocol reached its state as a time of day, and as a date once that
is 20 hours ago (`timeformat protocol`, conf/conf.c), both where somebody asked for it. Its `show status` has the date
and the time of the reply, so both its day and its zone can be told. calico/node's image has no zone: BIRD prints UTC
there, unless the host's /etc/localtime is mounted.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

# Zones differ by quarters of an hour; BIRD's reply is a little older than the clock it is compared with.
_QUARTER = timedelta(minutes=15)
_SLACK = timedelta(seconds=2)


def moments(server_time: str, now: datetime | None) -> Callable[[str], datetime | None]:
    """What reads BIRD's times, given its own time and the clock at that moment (None: BIRD prints UTC).

    A text without the time of day is None: it says no more than the day.
    """
    try:
        here = datetime.fromisoformat(server_time).replace(tzinfo=None)
    except ValueError:
        return lambda _text: None
    zone = _zone(here, now)

    def moment(text: str) -> datetime | None:
        try:
            if ":" not in text:
                return None
            if "-" in text:
                return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)
            found = datetime.combine(here.date(), datetime.strptime(text.partition(".")[0], "%H:%M:%S").time())  # noqa: DTZ007
        except ValueError:
            return None
        if found > here + _SLACK:
            found -= timedelta(days=1)
        return found.replace(tzinfo=zone).astimezone(UTC)

    return moment


def _zone(here: datetime, now: datetime | None) -> timezone:
    if now is None:
        return UTC
    offset = round((here - now.astimezone(UTC).replace(tzinfo=None)) / _QUARTER) * _QUARTER
    return timezone(offset) if abs(offset) < timedelta(days=1) else UTC
