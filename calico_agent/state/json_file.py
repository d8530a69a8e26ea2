"""One value on disk as JSON: small, worth little, replaced as a whole.

Whatever is wrong with the file, the agent begins with nothing remembered, and `trouble` says why.
"""

import json
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, Generic, TypeVar

from calico_agent.model.unreadable import Unreadable
from calico_agent.state.files import read_state, write_state

Value = TypeVar("Value")

_FORMAT = 1


class JsonFile(ABC, Generic[Value]):
    """The file `name` in `state_dir`; with an empty one nothing is kept. `trouble` says what went wrong last."""

    def __init__(self, state_dir: str, name: str, nothing: Value) -> None:
        self._name = name
        self._path = Path(state_dir, name) if state_dir else None
        self._nothing = nothing
        self._kept: Value | None = None  # what the file holds, as far as that is known
        self.trouble: Unreadable | None = None

    def load(self) -> Value:
        """Return what is kept; where that cannot be read, what was read or written last, or nothing remembered."""
        if self._path is None:
            return self._nothing
        try:
            self._kept, self.trouble = self.decode(_object(read_state(self._path))), None
        except FileNotFoundError:
            self._kept, self.trouble = None, None
        except OSError as error:
            self._fail(f"{self._path} cannot be read: {error.strerror}")
        except ValueError as error:
            self._fail(f"{self._path} is of no use: {error}")
        return self._nothing if self._kept is None else self._kept

    def save(self, value: Value) -> None:
        """Keep it, if it is not what is kept already."""
        value = self.lasting(value)
        if self._path is None or value == self._kept:
            return
        try:
            write_state(self._path, json.dumps({"format": _FORMAT, **self.encode(value)}))
        except OSError as error:
            self._fail(f"{self._path} cannot be written: {error.strerror}")
        else:
            self._kept, self.trouble = value, None

    def remove(self) -> bool:
        """Keep nothing any more. Whether there was something. What fails is told by `trouble`."""
        if self._path is None:
            return False
        try:
            self._path.unlink()
        except FileNotFoundError:
            there = False
        except OSError as error:
            self._fail(f"{self._path} cannot be removed: {error.strerror}")
            return True
        else:
            there = True
        self._kept, self.trouble = None, None
        return there

    def lasting(self, value: Value) -> Value:
        """Return the part of it that is kept."""
        return value

    @abstractmethod
    def encode(self, value: Value) -> dict[str, object]:
        """Return it as plain JSON types."""

    @abstractmethod
    def decode(self, values: dict[str, Any]) -> Value:
        """Return the value again. Raises ValueError with what is wrong."""

    def _fail(self, reason: str) -> None:
        self.trouble = Unreadable(self._name, reason, "file")


def _object(content: bytes) -> dict[str, Any]:
    try:
        values = json.loads(content)
    except (RecursionError, ValueError):
        raise ValueError("it is not JSON") from None
    if not isinstance(values, dict) or values.pop("format", None) != _FORMAT:
        raise ValueError("it is of another format")
    return values
