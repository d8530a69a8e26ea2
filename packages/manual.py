"""The manual page and the completions of shells, made from the parser of the command line."""

import argparse
import os
from collections.abc import Iterator
from pathlib import Path

import shtab
from argparse_manpage.manpage import Manpage

from calico_agent import __version__
from calico_agent.cli.arguments import Parser
from calico_agent.cli.main import _parser
from calico_agent.faults.conditions import CONDITIONS
from calico_agent.faults.registry import FAULTS


def write_manual(page: Path) -> None:
    """calico-agent(8), as roff. The same source and SOURCE_DATE_EPOCH make the same bytes."""
    os.environ["COLUMNS"] = "80"  # usages are broken where the terminal ends
    manual = Manpage(_parser(), format="single-commands-section")
    manual.section = "8"
    manual.manual = "calico-agent"
    manual.source = f"calico-agent {__version__}"
    manual.description = "runs calico/node as the right node and proves its routes"
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(str(manual))


def write_completion(file: Path, shell: str) -> None:
    """What `shell` ("bash" or "zsh") completes: commands, flags, files and codes."""
    top = _parser()
    for action in _actions(top):
        if action.type is Path:
            action.complete = shtab.FILE  # type: ignore[attr-defined]
        elif action.metavar == "CODE":
            action.choices = sorted((*CONDITIONS, *FAULTS))
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(shtab.complete(top, shell))


def _actions(parser: Parser) -> Iterator[argparse.Action]:
    """Those of a parser and of all commands below it."""
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from _actions(command)
