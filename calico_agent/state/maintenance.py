"""What an administrator asks for, on disk: `calico-agent pause` and the like write it, the agent reads it at each pass.

Only root writes there, and what another user wrote is not read (`state.files`), so the words in it are root's. The
agent needs not run for it, and forgets nothing of it when it is started again.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from calico_agent.model.maintenance import LONGEST_TEXT, Deed, Order, Pause
from calico_agent.state.json_file import JsonFile
from calico_agent.state.moment import Moment

_ORDER_COUNTS = timedelta(minutes=2)
"""Who gives an order waits for it, and takes it back. One that nobody took back must not be obeyed some day."""

_LONGEST_PAUSE = timedelta(days=366).total_seconds()


@dataclass(frozen=True, slots=True)
class WrittenPause:
    """A pause as it is kept: it lasts `seconds` from `begun` on, None until somebody ends it."""

    by: str
    why: str
    begun: Moment
    seconds: float | None
    id: str = ""

    def now(self, now: Moment) -> Pause | None:
        """Return the pause in the clock of now, None when it is over."""
        age = self.begun.age(now)
        if self.seconds is None:
            return Pause(self.by, self.why, now.at - age, None, self.id)
        left = timedelta(seconds=self.seconds) - age
        return Pause(self.by, self.why, now.at - age, now.at + left, self.id) if left > timedelta(0) else None


@dataclass(frozen=True, slots=True)
class WrittenOrder:
    """An order as it is kept."""

    order: Order
    given: Moment


class PauseFile(JsonFile[WrittenPause | None]):
    """The pause that holds, if any."""

    def __init__(self, state_dir: str) -> None:
        super().__init__(state_dir, "pause.json", None)

    def read(self, now: Moment) -> Pause | None:
        """Return the pause that holds now. One that is over is removed: a clock that is set back must begin none."""
        written = self.load()
        pause = written.now(now) if written is not None else None
        if written is not None and pause is None:
            self.remove()
        return pause

    def encode(self, value: WrittenPause | None) -> dict[str, object]:
        """Return it as plain JSON types."""
        assert value is not None, "a pause that is over has no file"
        said = {"id": value.id, "by": value.by, "why": value.why, "seconds": value.seconds}
        return said | value.begun.encode()

    def decode(self, values: dict[str, Any]) -> WrittenPause:
        """Return the pause again."""
        seconds = values.get("seconds")
        if seconds is not None and (type(seconds) not in {int, float} or not 0 < seconds <= _LONGEST_PAUSE):
            raise ValueError("it does not say for how long")
        by, why, name = (_text(values, key) for key in ("by", "why", "id"))
        return WrittenPause(by, why, Moment.decode(values), seconds, name)


class OrderFile(JsonFile[WrittenOrder | None]):
    """The order that somebody gave and waits for, if any."""

    def __init__(self, state_dir: str) -> None:
        super().__init__(state_dir, "order.json", None)

    def read(self, now: Moment) -> Order | None:
        """Return the order that counts now."""
        written = self.load()
        return written.order if written is not None and written.given.age(now) < _ORDER_COUNTS else None

    def encode(self, value: WrittenOrder | None) -> dict[str, object]:
        """Return it as plain JSON types."""
        assert value is not None, "an order that is taken back has no file"
        order = value.order
        return {"id": order.id, "deed": order.deed.value, "by": order.by, "why": order.why, **value.given.encode()}

    def decode(self, values: dict[str, Any]) -> WrittenOrder:
        """Return the order again."""
        deed = Deed(values.get("deed"))
        order = Order(_text(values, "id"), deed, _text(values, "by"), _text(values, "why"))
        return WrittenOrder(order, Moment.decode(values))


def _text(values: dict[str, object], name: str) -> str:
    value = values.get(name)
    if not isinstance(value, str) or len(value) > LONGEST_TEXT or not value.isprintable():
        raise ValueError(f"{name} is no text")
    return value
