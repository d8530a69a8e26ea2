"""What a process is to calico/node, by its name and arguments, and what runs it, by its control group.

Felix is `calico-felix` up to v3.2, `calico-node -felix` after it and `calico component felix` from v3.33; confd is part
of the same programs (node/filesystem/etc/service of projectcalico/calico@v3.31.7). A confd that has nothing to do with
Calico is a common program of its own.
"""

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

_BIRD = frozenset({"bird", "bird6"})

# A process of another name is not worth a look at its arguments.
NAMES = _BIRD | {"calico-felix", "calico-node", "calico", "confd"}

_CONTAINER = re.compile(r"[0-9a-f]{64}")
_UNIT = re.compile(r"[^/]+\.(service|scope)")
_LONGEST_COMMAND = 200


def program_of(arguments: Sequence[str]) -> str:
    """`BIRD`, `Felix`, `confd`, or empty for a process that does nothing of calico/node's."""
    if not arguments:
        return ""
    name, rest = PurePosixPath(arguments[0]).name, arguments[1:]
    if name in _BIRD:
        return "BIRD"
    if name == "calico-felix" or (name == "calico-node" and "-felix" in rest):
        return "Felix"
    if name == "calico" and tuple(rest[:2]) in {("component", "felix"), ("component", "confd")}:
        return "Felix" if rest[1] == "felix" else "confd"
    if (name == "calico-node" and "-confd" in rest) or (name == "confd" and any("calico" in each for each in rest)):
        return "confd"
    return ""


def decode_cgroup(text: str) -> tuple[str, str]:
    """/proc/PID/cgroup -> the systemd unit and the id of the container that the process belongs to, each or empty.

    Of both hierarchies (version 1 has many lines) the last path element that says something counts.
    """
    units, containers = [], []
    for line in text.splitlines():
        path = line.rpartition(":")[2]
        containers += _CONTAINER.findall(path)
        units += [part for part in path.split("/") if _UNIT.fullmatch(part)]
    container = containers[-1] if containers else ""
    return (units[-1] if units and not container else ""), container


def shown_command(arguments: Sequence[str]) -> str:
    """A command line for a sentence."""
    text = " ".join(arguments)
    text = text if text.isprintable() else ascii(text)[1:-1]
    return text if len(text) <= _LONGEST_COMMAND else f"{text[:_LONGEST_COMMAND]}..."
