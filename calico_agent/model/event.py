"""What happened: one change of this host, or of the agent itself. The log and the history are made from these."""

from dataclasses import dataclass, field
from enum import Enum


class Level(Enum):
    """How loud an event is: `ERROR` is broken now, `WARNING` will be or may be, `INFO` is for whoever reads up."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Event:
    """One change: a machine word and its fields, which are plain JSON types.

    `about` is the thing that changed, `says` what it changed to where the name does not tell. Two events with the same
    name that say the same about one thing are the same line to whoever reads the log.
    """

    name: str
    level: Level = Level.INFO
    fields: dict[str, object] = field(default_factory=dict)
    about: tuple[str, ...] = ()
    says: str = ""

    @property
    def line(self) -> tuple[str, ...]:
        """What makes it the same line."""
        return (self.name, self.says, *self.about)

    @property
    def count(self) -> int:
        """How many changes it stands for."""
        number = self.fields.get("count", 1)
        return number if isinstance(number, int) else 1
