"""The page of all commands, made from the parser."""

import argparse
from collections.abc import Iterator

from calico_agent.cli.arguments import Parser
from calico_agent.cli.main import _parser
from tests.reference import markdown


def page() -> str:
    """The page."""
    top = _parser()
    return markdown.page(
        "Commands",
        "the parser of the command line",
        "`calico-agent help COMMAND` and `calico-agent COMMAND --help` print the same. A flag that does not exist is "
        "refused with the nearest one that does.",
        markdown.table(
            ("exit code", "means"),
            (
                ("0", "all good"),
                ("1", "something is wrong, or not known"),
                ("2", "wrong usage or configuration"),
                ("3", "the agent is not running"),
            ),
        ),
        *(_section(command, about) for command, about in _commands(top)),
    )


def _commands(parser: Parser) -> Iterator[tuple[Parser, str]]:
    """Each command that can be run, and what the help says of it."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            helps = {choice.dest: choice.help or "" for choice in action._choices_actions}
            for name, command in action.choices.items():
                deeper = list(_commands(command))
                yield from deeper or [(command, helps[name])]


def _section(command: Parser, about: str) -> str:
    actions = [action for action in command._actions if not isinstance(action, argparse._HelpAction)]
    words = [_positional(action) for action in actions if not action.option_strings]
    one_of = [group for group in command._mutually_exclusive_groups if group.required]
    words += [f"({' | '.join(_flag(action) for action in group._group_actions)})" for group in one_of]
    words += ["[OPTION...]"] if any(map(_flag, actions)) else []
    rows = [(markdown.code(_flag(action) or str(action.metavar)), _help(action)) for action in actions]
    table = markdown.table(("argument", "what it does"), rows)
    return "\n\n".join((f"## {command.prog}", _sentence(about), f"    {' '.join((command.prog, *words))}", table))


def _positional(action: argparse.Action) -> str:
    word = str(action.metavar)
    return {"?": f"[{word}]", "*": f"[{word}...]"}.get(str(action.nargs), word)


def _flag(action: argparse.Action) -> str:
    if not action.option_strings:
        return ""
    takes = "" if action.nargs == 0 else f" {action.metavar or action.dest.upper()}"
    return action.option_strings[-1] + takes


def _help(action: argparse.Action) -> str:
    choices = f"one of {', '.join(map(str, action.choices))}" if action.choices else ""
    return markdown.escape(action.help or choices)


def _sentence(text: str) -> str:
    return markdown.escape(text[:1].upper() + text[1:] + ".")
