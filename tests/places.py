"""Where the repository and the recordings are, for tests at any depth of the tree."""

from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
DATA = REPOSITORY / "tests" / "data"
