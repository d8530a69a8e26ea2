"""What other clocks say."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ClockAnswer:
    """How far this host's clock is ahead of that of one member of etcd (s), give or take `uncertainty` (s)."""

    endpoint: str
    ahead: float
    uncertainty: float


@dataclass(frozen=True, slots=True)
class Clocks:
    """What the members answered, and why others did not."""

    answers: tuple[ClockAnswer, ...] = ()
    silent: tuple[str, ...] = ()
