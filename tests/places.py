"""Where the repository and the recordings are, for tests at any depth of the tree."""

from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
DATA = REPOSITORY / "tests" / "data"


def open_to_all(folder: Path) -> None:
    """Let every user come to a folder of a test: pytest, and each of its workers, keep theirs for root."""
    for path in (folder, *folder.parents):
        if "pytest" in str(path):
            path.chmod(0o755)
