"""What is used of a systemd unit on a lab host."""

import os
import shlex
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

UNITS = Path("/etc/systemd/system")
STATE = Path("/run/lab-units")
"""Where the lab's systemctl keeps who runs."""

_LISTS = frozenset({"ExecStartPre", "ExecStart", "ExecStop", "ExecReload", "Environment", "EnvironmentFile"})


@dataclass(frozen=True, slots=True)
class Unit:
    """What is used of a unit's section Service."""

    name: str
    lists: dict[str, list[str]] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)

    def commands(self, key: str, variables: dict[str, str]) -> Iterator[tuple[list[str], bool]]:
        """Each command with whether its failure counts (no `-` before it), variables and specifiers put in."""
        for text in self.lists.get(key, ()):
            words = [_expanded(word, variables) for word in shlex.split(text.lstrip("-@+!"))]
            # Its path is where the package has it; on a lab host the program is where PATH has it.
            program = words[0] if Path(words[0]).exists() else Path(words[0]).name
            yield [program, *words[1:]], not text.startswith("-")

    def environment(self) -> dict[str, str]:
        found = dict(os.environ)
        for text in self.lists.get("Environment", ()):
            found |= dict(word.split("=", 1) for word in shlex.split(text))
        for text in self.lists.get("EnvironmentFile", ()):
            file = Path(text.removeprefix("-"))
            lines = file.read_text().splitlines() if file.exists() or not text.startswith("-") else ()
            found |= dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith(("#", ";")))
        return found


def read_unit(name: str) -> Unit:
    """The unit of this name. Raises SystemExit with systemctl's words where there is none."""
    name = name if name.endswith(".service") else f"{name}.service"
    file = UNITS / name
    if not file.exists():
        raise SystemExit(f"Unit {name} not found.")
    unit, section = Unit(name), ""
    for line in file.read_text().replace("\\\n", " ").splitlines():
        text = line.strip()
        if text.startswith("["):
            section = text
        elif section == "[Service]" and "=" in text and not text.startswith(("#", ";")):
            key, value = (part.strip() for part in text.split("=", 1))
            if key in _LISTS:
                unit.lists.setdefault(key, []).append(value)
            else:
                unit.values[key] = value
    return unit


def _expanded(word: str, variables: dict[str, str]) -> str:
    for name in sorted(variables, key=len, reverse=True):
        word = word.replace(f"${{{name}}}", variables[name])
        if word == f"${name}":
            word = variables[name]
    return word.replace("%H", socket.gethostname()).replace("%%", "%")
