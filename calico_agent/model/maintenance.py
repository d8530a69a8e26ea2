"""What an administrator asks of the agent beside its configuration: to do nothing for a while, or one thing now."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

LONGEST_TEXT = 200
"""Characters of a name or a reason."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Nothing is done about calico/node since `since`, because `by` asked for it, for the reason `why` (or none).

    `until` is when it ends by itself, None where somebody has to end it. Both are in the clock of the observation. `id`
    tells it from others.
    """

    by: str
    why: str
    since: datetime
    until: datetime | None = None
    id: str = ""


class Deed(Enum):
    """What can be asked for once."""

    RESTART = "restart-node"
    FORGET = "forget identity"


@dataclass(frozen=True, slots=True)
class Order:
    """One deed that `by` asks for now, for the reason `why` (or none). It is done once: `id` tells it from others."""

    id: str
    deed: Deed
    by: str
    why: str = ""

    def __str__(self) -> str:
        return f"{self.by} asked{f': {self.why}' if self.why else ''}"


@dataclass(frozen=True, slots=True)
class Maintenance:
    """What is asked for now."""

    pause: Pause | None = None
    order: Order | None = None
