"""A word of a command line, with the line that it begins in."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from calico_agent.adopt.described import Given, NotTakenOver
from calico_agent.secret import HIDDEN


@dataclass(frozen=True, slots=True)
class Word:
    """`unknown` is why a part of it cannot be told (`text` is then what is known). `file`: its last part is the first
    line of this file.
    """

    text: str
    place: str
    unknown: str = ""
    file: str = ""

    def value(self, text: str | None = None) -> Given:
        """What it gives, or a part of it."""
        if self.unknown:
            return Given(place=self.place, unknown=self.unknown)
        if HIDDEN in (self.text if text is None else text):
            return Given(place=self.place, unknown="it is not shown in this text, as it may be a secret")
        return Given(self.text if text is None else text, self.place, file=self.file)


class Budget:
    """What variables may make of one command: as much as Linux takes for one (execve(2), a quarter of the stack)."""

    _MOST = 2 << 20

    def __init__(self) -> None:
        self._left = self._MOST

    def take(self, value: Word, place: str) -> None:
        """Count a variable. Raises Refused."""
        self._left -= len(value.text) + 1
        if self._left < 0:
            raise NotTakenOver(place, "is longer than Linux takes for one command (2 MiB) with its variables put in")


@dataclass(frozen=True, slots=True)
class LabelledText:
    """A text that was put together from lines: where each part of it was.

    `starts` are offsets in `text`, ascending from 0, each with the number of its line in `label`.
    """

    label: str
    text: str
    starts: Sequence[tuple[int, int]] = ((0, 1),)

    def place(self, offset: int) -> str:
        """File and line of one character."""
        found = bisect_right(self.starts, offset, key=lambda start: start[0])
        return f"{self.label}:{self.starts[max(0, found - 1)][1]}"


def source_of(label: str, text: str) -> LabelledText:
    """A text with lines of its own."""
    starts = [0, *(index + 1 for index, character in enumerate(text) if character == "\n")]
    return LabelledText(label, text, tuple((start, number) for number, start in enumerate(starts, 1)))
