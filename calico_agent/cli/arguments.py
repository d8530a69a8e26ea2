"""argparse with the manners of the rest: who mistypes a command or a flag is told the nearest one and its usage."""

import argparse
from collections.abc import Iterable, Sequence


class Parser(argparse.ArgumentParser):
    """A parser of a command; parsers of what is below it are made of the same class."""

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


def _hint(word: str, choices: Iterable[str]) -> str:
    from calico_agent.text import nearest  # noqa: PLC0415 - costs time, and only mistakes need it

    close = nearest(word.partition("=")[0], choices)
    return f" ({close})" if close else ""
