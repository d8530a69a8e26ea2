"""How old something is, and how long evidence counts that outlives what it speaks of.

A moment that is not known, or lies in the future because the clock was set back, is no evidence of anything recent.
"""

from datetime import datetime, timedelta

# A BIRD that is sent away dials again after 2 s (confd's template: `connect delay time 2`) to 5 s (BIRD's own value, in
# calico/node v1.x), so whoever was silent for three tries has given up. One try alone is anybody: a port scan, `nc`.
KNOCKS = timedelta(seconds=15)
FEWEST_KNOCKS = 2

# The same waits before a session says anything: it dials after 2 to 5 s, and a first SYN takes its time to be answered.
# In that time `Active`, `Connect` and `Passive` without an error mean nothing.
SETTLING = timedelta(seconds=8)

# A node that was just started advertises nothing before its last session is up, and a peer that was sent away before
# waits up to 30 s (`error wait time 5,30`). So long after a session came up, routes may still come.
ARRIVING = timedelta(seconds=45)

# Much that vanished at once since then is doubted: a backup is restored, and found out to be wrong, within minutes.
READING_DOUBTS = timedelta(minutes=10)

# What exists is held against the last reading of an earlier run for so long. A cluster changes: nodes and blocks of
# last month are no statement about today. (A reading of this run counts as long as it is the last one: whoever was
# there saw that etcd has not told of anything newer.)
READING_COUNTS = timedelta(days=1)

# What is observed in one pass is read some moments after the pass began.
_SLACK = timedelta(seconds=5)


def is_within(moment: datetime | None, now: datetime, span: timedelta) -> bool:
    """True if a moment lies at most `span` back."""
    return moment is not None and -_SLACK <= now - moment <= span


def age_of(then: datetime | None, now: datetime) -> timedelta | None:
    """Return how long ago `then` was; None where nobody knows: there is no time, or the clock was set back since."""
    return None if then is None or then > now else now - then
