"""How long to wait before the next start of a container that did not last.

Exponential with a cap and jitter: a fixed delay makes every host of a cluster restart in step, and no delay burns the
host while the real cause waits to be read.
"""

from datetime import timedelta


def delay(failures: int, *, initial: timedelta, longest: timedelta, jitter: float) -> timedelta:
    """Return the wait after `failures` starts in a row that did not last (0: none yet).

    `jitter` is a random number of [0, 1) that the caller draws; it shortens the wait by up to a fifth, so that
    `longest` really is the longest.
    """
    doublings = min(failures, 32)  # beyond that the cap has long been reached, and timedelta would overflow
    seconds = min(initial.total_seconds() * 2**doublings, longest.total_seconds())
    return timedelta(seconds=seconds * (1 - 0.2 * jitter))
