"""What supervision remembers, on disk: a crash loop must not start afresh because the agent was restarted."""

from dataclasses import fields, replace
from datetime import datetime
from typing import Any

from calico_agent.model.container.container import LogHint
from calico_agent.model.container.supervision import Attempts
from calico_agent.state.json_file import JsonFile

_HINT = LogHint | None
_MOMENT = datetime | None
_MOST_STARTS = 1 << 40
_FIRST_HINT = 4  # the fields that a hint always had


class AttemptsFile(JsonFile[Attempts]):
    """What was attempted."""

    def __init__(self, state_dir: str) -> None:
        super().__init__(state_dir, "attempts.json", Attempts())

    def lasting(self, value: Attempts) -> Attempts:
        """Return it without how long a container has differed: another agent counts that from when it sees it."""
        return replace(value, drift="", drift_since=None)

    def encode(self, value: Attempts) -> dict[str, object]:
        """Return its fields as plain JSON types."""
        return {entry.name: _plain(getattr(value, entry.name)) for entry in fields(value)}

    def decode(self, values: dict[str, Any]) -> Attempts:
        """Return what its fields say; those that are not known are passed over."""
        kinds = {entry.name: entry.type for entry in fields(Attempts)}
        found = {name: _value(name, kinds[name], value) for name, value in values.items() if name in kinds}
        return self.lasting(Attempts(**found))


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, LogHint):
        return [getattr(value, entry.name) for entry in fields(value)]
    return value


def _value(name: str, kind: object, value: object) -> Any:  # noqa: ANN401 - each field has a type of its own
    """The value of one field of type `kind`. Raises ValueError where it is none."""
    if kind is int and type(value) is int and 0 <= value <= _MOST_STARTS:
        return value
    if kind is str and isinstance(value, str):
        return value
    if value is None and kind in {_MOMENT, _HINT}:
        return None
    if kind == _MOMENT and isinstance(value, str) and (moment := datetime.fromisoformat(value)).tzinfo is not None:
        return moment
    texts = value if isinstance(value, list) else []
    # What an agent of before did not write is not known.
    known = fields(LogHint)[: len(texts)]
    whole = len(texts) >= _FIRST_HINT and len(known) == len(texts)
    if kind == _HINT and whole and all(isinstance(text, str) for text in texts):
        return LogHint(*texts)
    raise ValueError(f"{name} is {value!r:.80}")
