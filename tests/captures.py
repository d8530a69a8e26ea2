"""The recorded clusters of tests/data, in the format that tests/data/calico-v3.31.7 has."""

import json
from pathlib import Path
from typing import Any

from tests.places import DATA

CAPTURES = DATA / "calico-v3.31.7"


def bird_replies(text: str) -> dict[str, str]:
    """BIRD's replies by command: `# > COMMAND` starts one, other lines with `# ` are remarks of who recorded it.

    A command that got no answer has an empty reply.
    """
    replies: dict[str, str] = {}
    command = ""
    for line in text.split("\n"):
        if line.startswith("# > "):
            command = line.removeprefix("# > ")
            replies[command] = ""
        elif line.startswith("# "):
            command = "" if line == "# greeting" else command
        elif command:
            replies[command] += f"{line}\n"
    return replies


def hosts() -> list[Path]:
    """Every recorded host, of every scenario."""
    return sorted(path.parent for path in CAPTURES.glob("*/*/bird.txt"))


def inspected(host: Path) -> dict[str, Any]:
    """`docker inspect` of the host's calico/node."""
    attrs: list[dict[str, Any]] = json.loads((host / "docker-inspect.json").read_text())
    return attrs[0]


def log_tail(path: Path) -> tuple[str, ...]:
    """The lines of a recorded log."""
    return tuple(path.read_text().splitlines())
