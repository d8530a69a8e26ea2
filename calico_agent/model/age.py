"""How old something is, and for how long the last reading of the datastore proves something."""

from datetime import datetime, timedelta

# Much that vanished at once since then is doubted: a backup is restored, and found out to be wrong, within minutes.
READING_DOUBTS = timedelta(minutes=10)

# What exists is held against the last reading of an earlier run for so long. A cluster changes: nodes and blocks of
# last month are no statement about today. (A reading of this run counts as long as it is the last one: whoever was
# there saw that etcd has not told of anything newer.)
READING_COUNTS = timedelta(days=1)


def age_of(then: datetime | None, now: datetime) -> timedelta | None:
    """How long ago `then` was; None where nobody knows: there is no time, or the clock was set back since."""
    return None if then is None or then > now else now - then
