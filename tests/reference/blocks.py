"""Blocks of pages that people write: what is fenced after `<!-- made: NAME -->` is made from the code."""

import re
from collections.abc import Callable, Mapping
from textwrap import dedent

import calico_agent
from calico_agent.report.as_text import render_status
from tests.captures import CAPTURES
from tests.replay.judge import report_capture

_BLOCK = re.compile(r"(<!-- made: (\w+) -->\n+```\w*\n)(.*?)(```\n)", re.DOTALL)


def renewed(page: str) -> str:
    """A page with all of its blocks as they would be made now."""
    return _BLOCK.sub(lambda found: found[1] + _BLOCKS[found[2]]() + found[4], page)


def _drawing() -> str:
    """The drawing of the stages: the lines of the package's docstring that are set in."""
    lines = (calico_agent.__doc__ or "").splitlines()
    drawn = [place for place, line in enumerate(lines) if line.startswith("   ")]
    return dedent("\n".join(lines[drawn[0] : drawn[-1] + 1])) + "\n"


def _problem() -> str:
    """The first problem of a recorded host whose peer registered the address of Docker's bridge."""
    report = report_capture(CAPTURES / "docker-bridge-address", "host1")
    paragraphs = render_status(report, report.at).split("\n\n")
    return next(part for part in paragraphs if part.startswith("PROBLEM IP-BRIDGE")) + "\n"


_BLOCKS: Mapping[str, Callable[[], str]] = {"drawing": _drawing, "problem": _problem}
