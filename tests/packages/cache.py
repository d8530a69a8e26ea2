"""Where what takes long to make is kept for all checkouts of a user."""

import os
from pathlib import Path


def cache() -> Path:
    """The folder, which is made unless it is there."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = base / "calico-agent-tests"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
