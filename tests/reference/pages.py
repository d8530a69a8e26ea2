"""Which pages there are, and who makes each."""

from collections.abc import Callable, Mapping
from pathlib import Path

from tests.reference import codes, commands, configuration, http, log, metrics, status

DOCS = Path(__file__).parent.parent.parent / "docs"
FOLDER = DOCS / "reference"
COMMAND = "python -m tests.reference"

PAGES: Mapping[str, Callable[[], str]] = {
    "codes.md": codes.page,
    "commands.md": commands.page,
    "configuration.md": configuration.page,
    "http.md": http.page,
    "log.md": log.page,
    "metrics.md": metrics.page,
    "status.md": status.page,
    "status.schema.json": status.schema,
}
