"""How long another container is wanted before the one of before gives way to it.

An address that is gone for a moment costs nothing: DHCP that is not answered at once is asked again after a minute at
most (RFC 2131, 4.1), and a bond, a VLAN or a driver that comes late at boot is there by then.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from calico_agent.model.action import Attempts, Succession
from calico_agent.model.container import ContainerSpec

_COMES_BACK = timedelta(minutes=2)


def noted(attempts: Attempts, spec: ContainerSpec, now: datetime) -> Attempts:
    """The memory with since when `spec` is wanted, and is not what is there."""
    if attempts.drift == spec.hash and attempts.drift_since is not None and attempts.drift_since <= now:
        return attempts
    return replace(attempts, drift=spec.hash, drift_since=now)


def lasts(attempts: Attempts, hold_down: timedelta, now: datetime) -> bool:
    """Whether it is wanted for longer than the hold-down."""
    return now - (attempts.drift_since or now) >= hold_down


def may_pass(attempts: Attempts, succession: Succession, now: datetime) -> bool:
    """Whether the address of before is gone only since a moment, and may come back by itself."""
    return bool(succession.coming_back) and not lasts(attempts, _COMES_BACK, now)
