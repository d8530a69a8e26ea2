"""argparse with the manners of the rest: who mistypes a command or a flag is told the nearest one and its usage."""

import argparse
import os
import re
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import timedelta
    from pathlib import Path

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_LONGEST_SECONDS = 365 * 86400


class _Formatter(argparse.HelpFormatter):
    """As wide as the terminal. argparse makes one for each argument, and to ask shutil costs 4 ms."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_columns() - 2)


class Parser(argparse.ArgumentParser):
    """A parser of a command; parsers of what is below it are made of the same class."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - argparse's own
        super().__init__(formatter_class=_Formatter, **options)

    def parse_everything(self, arguments: Sequence[str] | None) -> argparse.Namespace:
        """The arguments. What is left over is the fault of the command that it was given to, which is `parser`."""
        options, rest = self.parse_known_args(arguments)
        if rest:
            command: Parser = options.parser
            command.error(f"there is no {rest[0][:60]!a}{_hint(rest[0], command.flags())}")
        return options

    def flags(self) -> tuple[str, ...]:
        """The flags of this command."""
        return tuple(flag for action in self._actions for flag in action.option_strings)

    def _check_value(self, action: argparse.Action, value: object) -> None:
        if action.choices is not None and value not in action.choices:
            choices = [str(choice) for choice in action.choices]
            hint = _hint(str(value), choices) or f" (choose from {', '.join(choices)})"
            raise argparse.ArgumentError(action, f"there is no {str(value)[:60]!a}{hint}")


def _columns() -> int:
    """As shutil.get_terminal_size has it."""
    given = os.environ.get("COLUMNS", "")
    if given.isdecimal() and int(given):
        return int(given)
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or 80
    except (ValueError, OSError):
        return 80


def _hint(word: str, choices: Iterable[str]) -> str:
    from calico_agent.text import nearest  # noqa: PLC0415 - costs time, and only mistakes need it

    close = nearest(word.partition("=")[0], choices)
    return f" ({close})" if close else ""


def given_path(text: str) -> "Path":
    """A name of a file."""
    from pathlib import Path  # noqa: PLC0415 - every command would pay for it

    return Path(text)


def given_duration(text: str) -> "timedelta":
    """`90s`, `30m`, `1h30m`, `2d`. Raises ArgumentTypeError."""
    from datetime import timedelta  # noqa: PLC0415 - every command would pay for it

    if re.fullmatch(r"(\d{1,8}[smhd])+", text, re.ASCII):
        seconds = sum(int(part[:-1]) * _UNITS[part[-1]] for part in re.findall(r"\d+.", text))
        if 0 < seconds <= _LONGEST_SECONDS:
            return timedelta(seconds=seconds)
    raise argparse.ArgumentTypeError(f"{text[:40]!a} is no duration: write 30m, 1h30m or 2d, at most 365d")


def given_seconds(text: str) -> float:
    """A number of seconds. Raises ArgumentTypeError."""
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number <= _LONGEST_SECONDS:
        raise argparse.ArgumentTypeError(f"{text[:40]!a} is no number of seconds")
    return number


def given_reason(text: str) -> str:
    """One printable line. Raises ArgumentTypeError."""
    from calico_agent.model.maintenance import LONGEST_TEXT  # noqa: PLC0415 - every command would pay for it

    if not text.isprintable() or len(text) > LONGEST_TEXT:
        raise argparse.ArgumentTypeError(f"a reason is one line of at most {LONGEST_TEXT} characters")
    return text
