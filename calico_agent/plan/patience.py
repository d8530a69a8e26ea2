"""How long another container is wanted before the one of before gives way to it.

An address that is gone for a moment costs nothing: DHCP that is not answered at once is asked again after a minute at
most (RFC 2131, 4.1), and a bond, a VLAN or a driver that comes late at boot is there by then.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from calico_agent.model.container.container import ContainerSpec
from calico_agent.model.container.supervision import Attempts, Succession

_COMES_BACK = timedelta(minutes=2)


def noted(attempts: Attempts, spec: ContainerSpec, now: datetime) -> Attempts:
    """Return the memory with since when `spec` is wanted, and is not what is there."""
    if attempts.drift == spec.hash and attempts.drift_since is not None and attempts.drift_since <= now:
        return attempts
    return replace(attempts, drift=spec.hash, drift_since=now)


def is_early(attempts: Attempts, succession: Succession, hold_down: timedelta, now: datetime, *, moves: bool) -> bool:
    """True if another thing may be wanted in a moment. `moves`: it is about another name or address."""
    return not _lasts(attempts, hold_down, now) or (moves and may_pass(attempts, succession, now))


def _lasts(attempts: Attempts, hold_down: timedelta, now: datetime) -> bool:
    return now - (attempts.drift_since or now) >= hold_down


def may_pass(attempts: Attempts, succession: Succession, now: datetime) -> bool:
    """True if the address of before is gone only since a moment, and may come back by itself."""
    return bool(succession.coming_back) and not _lasts(attempts, _COMES_BACK, now)
