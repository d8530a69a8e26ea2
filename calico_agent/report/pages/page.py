"""Lines of text and how they are folded to the width of a terminal."""

import re
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass

from calico_agent.text import clean, display_width

WIDTH = 100
"""Where there is no terminal."""

NARROWEST = 60
WIDEST = 400

# What must be left beside an indent: the longest thing that must not be cut, an IPv6 prefix, has 43 characters.
_TEXT = 44
_LABEL_WIDTH = 11
# A semicolon within quotes belongs to a command.
_STEP = re.compile(r"""((?:[^;"']|"[^"]*"|'[^']*'|["']|;(?! ))+)(?:; |$)""")
_FILLER = "\ue000"  # of the private use area: text from outside is printed without it (`clean`)


@dataclass(frozen=True, slots=True)
class TextLine:
    """One line before it is folded; what does not fit is indented. `colour` is that of `part`, or of all of it.

    One that is to stay `whole`, as a command that people copy, is folded by the terminal alone.
    """

    text: str
    indent: str = "  "
    colour: str = ""
    part: str = ""
    whole: bool = False

    def folded(self, width: int, *, colour: bool) -> list[str]:
        """Return the lines that it takes."""
        # The head's own spaces are columns, so textwrap may not fold them.
        if self.whole:
            return [self.text]
        indent = self.indent[: max(0, width - _TEXT)]
        lines = _wrapped(self.text, width, indent) or [""]
        if not colour or not self.colour:
            return lines
        if not self.part:
            return [_painted(line, self.colour) for line in lines]
        return [lines[0].replace(self.part, _painted(self.part, self.colour), 1), *lines[1:]]


def _wrapped(text: str, width: int, indent: str) -> list[str]:
    """The lines, by the columns that they take: a wide character counts as two while they are folded.

    A line may break within one, which then takes one column more: such lines have one less.
    """
    if text.isascii():
        return textwrap.wrap(text, width, subsequent_indent=indent, break_on_hyphens=False)
    wide = "".join(one + _FILLER * (display_width(one) - 1) for one in text)
    lines = textwrap.wrap(wide, width - 1, subsequent_indent=indent, break_on_hyphens=False)
    return [line.replace(_FILLER, "") for line in lines]


def labelled(label: str, text: str) -> list[TextLine]:
    """Return a fact with its label, folded beside it; nothing for an empty text."""
    return [TextLine(f"  {label:<{_LABEL_WIDTH}}{clean(text)}", " " * (2 + _LABEL_WIDTH))] if text else []


def steps_of(cure: str) -> list[str]:
    """Return a cure as its steps, each to be typed or decided by itself: what stands between semicolons."""
    return _STEP.findall(cure)


def folded(lines: Iterable[TextLine], width: int = WIDTH, *, colour: bool = False) -> str:
    """Return the page, ending in a newline."""
    width = min(max(width, NARROWEST), WIDEST)
    return "".join(f"{text.rstrip()}\n" for line in lines for text in line.folded(width, colour=colour))


def _painted(text: str, code: str) -> str:
    return f"\033[{code}m{text}\033[0m"
