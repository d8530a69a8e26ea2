"""The files of a recording: absent is None, and what is no JSON raises ValueError."""

import json
from pathlib import Path
from typing import Any

from calico_agent.sources.decode_error import Malformed

GARBLED = (ValueError, KeyError, TypeError, AttributeError, Malformed)
"""What reading a garbled file raises."""


def text(path: Path) -> str | None:
    """The content, None when it cannot be read."""
    try:
        return path.read_text(errors="replace")
    except OSError:
        return None


def json_content(path: Path) -> Any:
    """The content of a JSON file. Raises ValueError when there is none."""
    found = text(path)
    if found is None:
        raise ValueError(f"{path.name} is missing")
    try:
        return json.loads(found)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path.name} is not JSON: {error}") from error
