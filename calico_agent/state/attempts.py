"""What supervision remembers, on disk: a crash loop must not start afresh because the agent was restarted.

How long a container has differed is not kept: another one counts that from when it sees it itself.

The file is small and worth little: whatever is wrong with it, supervision begins with an empty memory, and `trouble`
says why. It is replaced as a whole, so that a reader finds the old one or the new one.
"""

import json
from dataclasses import fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from calico_agent.model.action import Attempts
from calico_agent.model.container.container import LogHint
from calico_agent.model.observation import Unreadable
from calico_agent.state.files import read_state, write_state

_NAME = "attempts.json"
_FORMAT = 1
_HINT = LogHint | None
_MOMENT = datetime | None
_MOST_STARTS = 1 << 40
_FIRST_HINT = 4  # the fields that a hint always had


class AttemptsFile:
    """The file in `state_dir`; with an empty `state_dir` nothing is kept. `trouble` says what went wrong last."""

    def __init__(self, state_dir: str) -> None:
        self._path = Path(state_dir, _NAME) if state_dir else None
        self._kept: Attempts | None = None
        self.trouble: Unreadable | None = None

    def load(self) -> Attempts:
        """What was kept, or nothing remembered."""
        if self._path is None:
            return Attempts()
        try:
            self._kept = _without_drift(_decode(read_state(self._path)))
        except FileNotFoundError:
            return Attempts()
        except OSError as error:
            self._fail(f"{self._path} cannot be read: {error.strerror}")
            return Attempts()
        except ValueError as error:
            self._fail(f"{self._path} is of no use: {error}")
            return Attempts()
        return self._kept

    def save(self, attempts: Attempts) -> None:
        """Keep it, if it is not what is kept already."""
        attempts = _without_drift(attempts)
        if self._path is None or attempts == self._kept:
            return
        try:
            write_state(self._path, json.dumps(_encode(attempts)))
        except OSError as error:
            self._fail(f"{self._path} cannot be written: {error.strerror}")
        else:
            self._kept, self.trouble = attempts, None

    def _fail(self, reason: str) -> None:
        self.trouble = Unreadable(_NAME, reason, "file")


def _without_drift(attempts: Attempts) -> Attempts:
    return replace(attempts, drift="", drift_since=None)


def _encode(attempts: Attempts) -> dict[str, object]:
    return {"format": _FORMAT, **{entry.name: _plain(getattr(attempts, entry.name)) for entry in fields(attempts)}}


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, LogHint):
        return [getattr(value, entry.name) for entry in fields(value)]
    return value


def _decode(content: bytes) -> Attempts:
    """Raises ValueError with what is wrong."""
    try:
        values = json.loads(content)
    except (RecursionError, ValueError):
        raise ValueError("it is not JSON") from None
    if not isinstance(values, dict) or values.pop("format", None) != _FORMAT:
        raise ValueError("it is of another format")
    kinds = {entry.name: entry.type for entry in fields(Attempts)}
    return Attempts(**{name: _value(name, kinds[name], value) for name, value in values.items() if name in kinds})


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
