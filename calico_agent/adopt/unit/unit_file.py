"""Unit files of systemd, and what overrides them -> their assignments, in the order in which they count.

After systemd.syntax(7) and src/shared/conf-parser.c (systemd@v256): a backslash at the end of a line joins the next one
with a space, also over comments and empty lines in between; `\\\\` at the end does not.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from calico_agent.adopt.command_word import LabelledText
from calico_agent.adopt.described import NotTakenOver

_MOST_LINES = 100_000
_COMMENT = ("#", ";")


@dataclass(frozen=True, slots=True)
class Assignment:
    """`[section] key=value`, the value with its place."""

    section: str
    key: str
    value: LabelledText

    @property
    def place(self) -> str:
        return self.value.place(0)


def parse_unit(label: str, text: str) -> tuple[Assignment, ...]:
    """The assignments of one file. Raises Refused for what is no unit."""
    section = ""
    found = []
    for line in _logical_lines(label, text):
        if line.text.startswith("["):
            if not line.text.endswith("]"):
                raise NotTakenOver(line.place(0), f"the section header {line.text[:40]!a} has no end")
            section = line.text[1:-1]
            continue
        key, equals, value = line.text.partition("=")
        if not section:
            raise NotTakenOver(line.place(0), "is not a unit of systemd: a section like [Service] comes first")
        if not equals:
            raise NotTakenOver(line.place(0), "is no assignment (wanted KEY=value)")  # what it is may be a secret
        found.append(Assignment(section, key.strip(), _tail(line, len(line.text) - len(value.lstrip()))))
    return tuple(found)


def values(assignments: tuple[Assignment, ...], key: str) -> tuple[LabelledText, ...]:
    """The values of a key of [Service] that is a list: an empty one forgets those before it."""
    kept: list[LabelledText] = []
    for one in assignments:
        if (one.section, one.key) == ("Service", key):
            if one.value.text:
                kept.append(one.value)
            else:
                kept.clear()
    return tuple(kept)


def last(assignments: tuple[Assignment, ...], key: str) -> LabelledText | None:
    """The value of a key of [Service] that counts; None for none."""
    found = [one.value for one in assignments if (one.section, one.key) == ("Service", key)]
    return found[-1] if found and found[-1].text else None


def _logical_lines(label: str, text: str) -> Iterator[LabelledText]:
    """The lines that are not comments, joined, without space around."""
    joined, starts = "", []
    lines = text.removeprefix("\ufeff").splitlines()
    if len(lines) > _MOST_LINES:
        raise NotTakenOver(label, f"has more than {_MOST_LINES} lines")
    for number, line in enumerate(lines, 1):
        bare = line.strip()
        if not bare or bare.startswith(_COMMENT):
            continue
        starts.append((len(joined), number))
        goes_on = (len(line) - len(line.rstrip("\\"))) % 2 == 1
        joined += f"{line[:-1]} " if goes_on else line
        if not goes_on:
            yield _stripped(LabelledText(label, joined, tuple(starts)))
            joined, starts = "", []
    if joined:
        yield _stripped(LabelledText(label, joined, tuple(starts)))


def _stripped(line: LabelledText) -> LabelledText:
    text = line.text.rstrip()
    return _tail(LabelledText(line.label, text, line.starts), len(text) - len(text.lstrip()))


def _tail(line: LabelledText, offset: int) -> LabelledText:
    """What follows from `offset` on, its places kept."""
    starts = tuple((max(0, start - offset), number) for start, number in line.starts)
    return LabelledText(line.label, line.text[offset:], starts)
