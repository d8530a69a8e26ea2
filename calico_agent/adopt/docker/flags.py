"""Options of a command line by the rules of github.com/spf13/pflag, which Docker's client uses.

`--name value`, `--name=value`, `-e value`, `-evalue`, `-e=value`, letters together (`-dit`); a switch takes a value
only behind `=`. The first word that is no option ends them.
"""

import difflib
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace

from calico_agent.adopt.command_word import Word
from calico_agent.adopt.described import NotTakenOver


@dataclass(frozen=True, slots=True)
class Flags:
    """The options that a command has: those that are switches, those that take a value, long names by letters."""

    command: str
    switches: frozenset[str]
    with_value: frozenset[str]
    letters: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Option:
    """One that was given, by its long name; `value` of a switch is `true` unless it says otherwise."""

    name: str
    value: Word


def read_options(flags: Flags, words: tuple[Word, ...]) -> tuple[tuple[Option, ...], tuple[Word, ...]]:
    """The options, and the words behind them. Raises Refused for one that does not exist or lacks its value."""
    options: list[Option] = []
    left = deque(words)
    while left and (left[0].text.startswith("-") and left[0].text != "-"):
        word = left.popleft()
        if word.text == "--":
            break
        if word.text.startswith("--"):
            name, equals, value = word.text[2:].partition("=")
            rest = replace(word, text=value) if equals else None
            options.append(_option(flags, word, name, rest, left))
        else:
            options += _letters(flags, word, left)
    if left and left[0].unknown and not left[0].text:
        raise NotTakenOver(left[0].place, f"{left[0].unknown}, and it may hold options")
    return tuple(options), tuple(left)


def _letters(flags: Flags, word: Word, left: deque[Word]) -> list[Option]:
    found: list[Option] = []
    letters = word.text[1:]
    while letters:
        letter, letters = letters[0], letters[1:]
        name = flags.letters.get(letter, "")
        if not name:
            raise NotTakenOver(word.place, f"`{flags.command}` has no option -{letter}")
        rest = None
        if letters and (name in flags.with_value or letters.startswith("=")):
            rest, letters = replace(word, text=letters.removeprefix("=")), ""
        found.append(_option(flags, word, name, rest, left))
    return found


def _option(flags: Flags, word: Word, name: str, value: Word | None, left: deque[Word]) -> Option:
    if name in flags.switches:
        return Option(name, value or replace(word, text="true", unknown=""))
    if name not in flags.with_value:
        close = difflib.get_close_matches(name[:60], sorted(flags.switches | flags.with_value), n=1)
        hint = f" (did you mean --{close[0]}?)" if close else ""
        raise NotTakenOver(word.place, f"`{flags.command}` has no option --{name[:60]}{hint}")
    if value is None:
        if not left:
            raise NotTakenOver(word.place, f"the option --{name} has no value")
        value = left.popleft()
    return Option(name, value)
