"""What the Engine says while it pulls (the lines of `POST /images/create`), added up over the layers.

One line is one word about one layer: `Pulling fs layer`, `Waiting`, `Downloading` with bytes, `Verifying Checksum`,
`Download complete`, `Extracting` with bytes, `Pull complete`, or `Already exists`; and `Retrying in 5 seconds`, each
second again. Lines about the image as a whole carry its tag as their id, or none.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_MOST_LAYERS = 512
_LONGEST_REASON = 400

_WAITING = re.compile(r"Pulling fs layer|Waiting|Retrying in .*")
_MOVING = re.compile(r"Downloading|Verifying Checksum|Download complete|Extracting")
_DONE = re.compile(r"Pull complete|Already exists")

# A proxy's URL may be part of an error.
_USER_IN_URL = re.compile(r"://[^/@\s]*@")


@dataclass(frozen=True, slots=True)
class _Layer:
    """What was said of one layer last."""

    word: str = ""
    fetched: int = 0
    size: int = 0

    @property
    def done(self) -> bool:
        return _DONE.fullmatch(self.word) is not None


class PullProgress:
    """The sum over all lines so far. One thread follows, others may read `counts`."""

    def __init__(self) -> None:
        self._layers: dict[str, _Layer] = {}
        self._positions: dict[str, tuple[str, object]] = {}
        self.counts = (0, 0, 0, 0)
        """Layers, those that are done, bytes fetched, and bytes in all as far as they are known."""

    def follow(self, line: object) -> bool:
        """Take one line in. True if it shows progress. Raises ValueError with the reason when it says that it ended."""
        if not isinstance(line, dict):
            return False
        if "error" in line or "errorDetail" in line:
            raise ValueError(reason_of(line))
        name, word = str(line.get("id", "")), str(line.get("status", ""))
        before = self._layers.get(name, _Layer())
        moving, waiting = _MOVING.fullmatch(word), _WAITING.fullmatch(word)
        if not (moving or waiting or _DONE.fullmatch(word)) or (
            name not in self._layers and len(self._layers) >= _MOST_LAYERS
        ):
            return False
        layer = _after(before, word, line.get("progressDetail"))
        self._layers[name] = layer
        layers = self._layers.values()
        self.counts = (
            len(layers),
            sum(one.done for one in layers),
            sum(one.fetched for one in layers),
            sum(one.size for one in layers),
        )
        if waiting:
            return False
        # Unpacking has bytes too, or seconds, which are not added up but show that it gets on.
        position = (word, line.get("progress"))
        moved = self._positions.get(name) != position
        self._positions[name] = position
        return moved


def reason_of(answer: Mapping[str, Any]) -> str:
    """Return the sentence of an error, without a password that a URL in it may carry."""
    detail = answer.get("errorDetail")
    text = detail.get("message") if isinstance(detail, dict) else None
    text = str(text or answer.get("error") or answer.get("message") or "the Docker Engine gives no reason")
    return _USER_IN_URL.sub("://", " ".join(text.split()))[:_LONGEST_REASON]


def _after(before: _Layer, word: str, detail: object) -> _Layer:
    if word == "Downloading" and isinstance(detail, dict):
        fetched, size = (_count(detail.get(key)) for key in ("current", "total"))
        return _Layer(word, fetched, max(size, fetched))
    if word == "Download complete" or _DONE.fullmatch(word):
        return _Layer(word, before.size, before.size)
    return _Layer(word, before.fetched, before.size)


def _count(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0
