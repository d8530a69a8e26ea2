"""The linters are tests, so that one command tells whether the tree is in order."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.places import REPOSITORY

ROOT = REPOSITORY
BIN = Path(sys.executable).parent


@pytest.mark.parametrize(
    "command",
    [("ruff", "check", "."), ("ruff", "format", "--check", "."), ("mypy",), ("lint-imports", "--no-logo")],
    ids=["no lint", "formatted", "types are strict", "import contracts hold"],
)
def test_the_tree_is_in_order(command: tuple[str, ...]) -> None:
    done = subprocess.run(
        [BIN / command[0], *command[1:]], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-4000:]}{done.stderr[-2000:]}"
