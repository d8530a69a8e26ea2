"""The pure tests with the oldest or the newest dependencies that pyproject.toml allows, on another Python, too.

    python -m tests.packages.dependencies oldest
    python -m tests.packages.dependencies newest --debian 13

The oldest are those that have wheels for that Python. Another Python than this one comes with its Debian, whose tree is
entered with this checkout in it; it is given what uv installs for it, and nothing is run as it was built there.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from tests.packages.trees import tree
from tests.places import REPOSITORY

_PYTHONS = {"12": "3.11", "13": "3.13"}
_RESOLUTIONS = {"oldest": "lowest-direct", "newest": "highest"}
# etcd3 has no wheel; it is Python alone.
_WHEELS = ("--only-binary", ":all:", "--no-binary", "etcd3")
_PURE = ("adopt", "checks", "config", "expected", "faults", "identity", "model", "plan", "report", "sources", "state")
_PYTEST = ("-q", "-p", "no:cacheprovider", "-m", "not real and not lab", "--hypothesis-profile=quick")


def lay(which: str, debian: str) -> Path:
    """A folder with the dependencies, and what the tests need, for the Python of a release of Debian."""
    python = _PYTHONS[debian]
    folder = REPOSITORY / "build" / f"dependencies-{which}-{python}"
    wanted = ("--resolution", _RESOLUTIONS[which], "--python-version", python, *_WHEELS)
    needed, tests = (folder.with_name(f"{folder.name}{part}.txt") for part in ("", "-tests"))
    folder.parent.mkdir(exist_ok=True)
    _uv("compile", *wanted, "--quiet", "pyproject.toml", "--output-file", needed)
    # What only the tests use may be new: nobody installs it on a host.
    _uv("compile", "--quiet", "--python-version", python, "--constraint", needed, "--extra", "test", "pyproject.toml",
        "--output-file", tests)  # fmt: skip
    _uv("install", "--quiet", *wanted[2:], "--target", folder, "--requirement", tests)
    return folder


def _uv(command: str, *arguments: str | Path) -> None:
    subprocess.run([sys.executable, "-m", "uv", "pip", command, *arguments], cwd=REPOSITORY, check=True)


def run(which: str, debian: str) -> int:
    """Run the pure tests with them, in the tree of that Debian; returns pytest's exit code."""
    root, folder = tree(debian), lay(which, debian)
    inside = f"/checkout/{folder.relative_to(REPOSITORY)}"
    return subprocess.run(
        [
            *("systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--pipe", f"--directory={root}"),
            "--volatile=overlay",
            *(f"--bind-ro={REPOSITORY}:/checkout", "--chdir=/checkout"),
            *(f"--setenv=PYTHONPATH={inside}:/checkout", "--setenv=HYPOTHESIS_STORAGE_DIRECTORY=/tmp/hypothesis"),
            *("python3", "-B", "-m", "pytest", *_PYTEST, *(f"tests/{one}" for one in _PURE), "tests/test_replay.py"),
        ],
        check=False,
    ).returncode


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m tests.packages.dependencies")
    parser.add_argument("which", choices=tuple(_RESOLUTIONS))
    parser.add_argument("--debian", choices=tuple(_PYTHONS), default="12")
    given = parser.parse_args()
    sys.exit(run(given.which, given.debian))


if __name__ == "__main__":
    main()
