r"""Regular expressions as Go reads them (RE2), for names of links: Calico is written in Go, this is not.

What both languages read alike is taken, and so is what only has to be written otherwise (`$` is the very end in Go).
Everything else is refused: Go refuses look-around, back references, possessive and nested repetition, which Python
takes, and Python lacks \p{...}, \Q...\E and [[:alpha:]]. Syntax: regexp/syntax/doc.go of Go 1.24.
"""

import re

# Escapes of a letter that mean the same in both, outside and inside of a character class.
_OUTSIDE = frozenset("AbBdDsSwWafnrtv")
_INSIDE = frozenset("dDsSwWafnrtv")
_HEXADECIMAL = re.compile(r"x[0-9A-Fa-f]{2}")
_GROUP = re.compile(r"\((?!\?)|\(\?(:|P<\w+>|[ims]+:)", re.ASCII)
_FLAGS = re.compile(r"\(\?[ims]+\)")
_REPETITION = re.compile(r"[*+?]|\{(\d+)(,(\d*))?\}")
_MOST_REPETITIONS = 1000


def compile_go(text: str) -> re.Pattern[str]:
    """The pattern, to be searched for in a name. Raises ValueError, in words that follow the expression."""
    translated = "".join(_pieces(text))
    try:
        return re.compile(translated, re.ASCII)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"cannot be used as a regular expression: {error}") from None


def _pieces(text: str) -> list[str]:
    """The expression in Python's words, piece by piece."""
    pieces: list[str] = []
    flags = _FLAGS.match(text)
    position = flags.end() if flags else 0
    if flags:
        pieces.append(flags.group())
    while position < len(text):
        piece, end = _piece(text, position)
        pieces.append(piece)
        position = end
    return pieces


def _piece(text: str, position: int) -> tuple[str, int]:
    """The piece that begins at `position`, and where it ends."""
    character = text[position]
    if character == "\\":
        return _escape(text, position, _OUTSIDE)
    if character == "[":
        return _character_class(text, position)
    if character == "(":
        group = _GROUP.match(text, position)
        if group is None:
            raise ValueError(f"has {text[position : position + 4]!r}, which Go and Python do not read alike")
        return group.group(), group.end()
    if character == "$":
        return r"\Z", position + 1
    repetition = _REPETITION.match(text, position)
    return _repetition(text, repetition) if repetition else (_literal(text, position), position + 1)


def _literal(text: str, position: int) -> str:
    # What is no repetition for Go is one for Python: "{,3}".
    return r"\{" if text[position] == "{" else text[position]


def _repetition(text: str, found: re.Match[str]) -> tuple[str, int]:
    most = max((int(number) for number in (found[1], found[3]) if number), default=0)
    if most > _MOST_REPETITIONS:
        raise ValueError(f"repeats {most} times; Go repeats {_MOST_REPETITIONS} times at most")
    end = found.end()
    if text.startswith("?", end):
        end += 1  # as few as possible
    if _REPETITION.match(text, end):
        raise ValueError(f"has {text[found.start() : end + 1]!r}: Go does not repeat a repetition")
    return text[found.start() : end], end


def _escape(text: str, position: int, letters: frozenset[str]) -> tuple[str, int]:
    following = text[position + 1 : position + 2]
    if following == "z" and letters is _OUTSIDE:
        return r"\Z", position + 2
    if following in letters or (following.isascii() and not following.isalnum() and following):
        return text[position : position + 2], position + 2
    hexadecimal = _HEXADECIMAL.match(text, position + 1)
    if hexadecimal:
        return text[position : hexadecimal.end()], hexadecimal.end()
    raise ValueError(f"has {text[position : position + 2]!r}, which Go and Python do not read alike")


def _character_class(text: str, position: int) -> tuple[str, int]:
    """A class from its bracket to the other. A bracket right after the first, or after `[^`, stands for itself."""
    start, end = position, position + 1
    pieces = ["["]
    if text.startswith("^", end):
        pieces.append("^")
        end += 1
    first = end
    while end < len(text) and (text[end] != "]" or end == first):
        if text.startswith("[:", end):
            raise ValueError(f"has {text[end : end + 9]!r}, which Python does not know: write the characters, [a-z0-9]")
        if text.startswith("--", end):
            raise ValueError("has '--' in a character class, which Go and Python do not read alike")
        if text[end] == "\\":
            piece, end = _escape(text, end, _INSIDE)
        else:
            # Python reserves these inside of a class; for Go they are characters.
            piece = f"\\{text[end]}" if text[end] in "[]&~|" else text[end]
            end += 1
        pieces.append(piece)
    if end >= len(text):
        raise ValueError(f"cannot be used as a regular expression: {text[start : start + 9]!r} is not closed")
    return "".join((*pieces, "]")), end + 1
