"""A guide of docs/ as a person follows it: the commands are taken out of the text and run, never copied.

A guide is Markdown whose commands stand in ```sh blocks; above one that no test can run is the reason. Its first block
declares the variables that the reader sets; here they get the lab's names. Each section is run as a whole, by a shell
that stops at the first command that fails.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.lab.namespaces import REPOSITORY

_HEADING = re.compile(r"#+ (?P<title>.*)")
_DECLARATION = re.compile(r"(?P<name>[A-Z_]+)=\S+")
_FENCE = "```"
# Blocks that are no commands: what stands in a file.
_TEXTS = ("yaml", "toml")
# Above commands that no test can run, with the reason.
_NOT_RUN = re.compile(r"<!-- not run: .{20,} -->")


@dataclass
class Guide:
    """One guide. `variables` are those that it declares, `sections` the shell text below each heading."""

    name: str
    variables: tuple[str, ...] = ()
    sections: dict[str, str] = field(default_factory=dict)
    followed: set[str] = field(default_factory=set)

    def script(self, section: str, values: Mapping[str, str]) -> str:
        """The commands of the section whose heading begins so, after the variables as the reader has set them."""
        assert set(values) == set(self.variables), f"{self.name} declares {self.variables}"
        (title,) = (title for title in self.sections if title.startswith(section))
        self.followed.add(title)
        declared = "".join(f"{name}={value}\n" for name, value in values.items())
        return f"set -eu\n{declared}set -x\n{self.sections[title]}"

    @property
    def left_out(self) -> set[str]:
        """The sections with commands that nobody has followed."""
        return set(self.sections) - self.followed


def read_guide(name: str) -> Guide:
    """docs/`name`."""
    guide, title, block, excused = Guide(name), "", "", False
    blocks: list[tuple[str, list[str]]] = []
    for line in (REPOSITORY / "docs" / name).read_text().splitlines():
        if line.startswith(_FENCE):
            block = "" if block else line.removeprefix(_FENCE)
            assert block in {"", "sh", *_TEXTS} or excused, f"{name}: {line}: commands that nobody runs, and no reason"
            if block == "sh":
                blocks.append((title, []))
        elif block == "sh":
            blocks[-1][1].append(line)
        elif not block and line:
            excused = _NOT_RUN.fullmatch(line) is not None
            title = heading["title"] if (heading := _HEADING.fullmatch(line)) else title
    (_, declared), *rest = blocks
    matches = [_DECLARATION.fullmatch(line) for line in declared]
    guide.variables = tuple(match["name"] for match in matches if match)
    assert len(guide.variables) == len(declared), f"{name}: the first block declares variables, and nothing else"
    for section, lines in rest:
        guide.sections[section] = guide.sections.get(section, "") + "".join(f"{line}\n" for line in lines)
    return guide


def guides() -> tuple[str, ...]:
    """All of them: the texts of docs/ that have commands to be run."""
    folder = REPOSITORY / "docs"
    return tuple(sorted(file.name for file in folder.glob("*.md") if _is_guide(file)))


def _is_guide(file: Path) -> bool:
    return any(line == f"{_FENCE}sh" for line in file.read_text().splitlines())
