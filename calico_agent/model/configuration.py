"""The configuration in use beside the one on disk."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Configuration:
    """How the configuration that is in use stands to what is on disk now.

    `taken_at` is when it was read (aware, UTC), None where nobody reloads. `refused` is why what is on disk cannot be
    used, a sentence for each fault. `reload_failed`: the last reload was refused. `waiting`: so it was, and what is on
    disk by now is good, another one, and not taken over.
    """

    taken_at: datetime | None = None
    refused: tuple[str, ...] = ()
    reload_failed: bool = False
    waiting: bool = False
