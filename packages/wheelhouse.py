"""The wheelhouse: calico-agent and all that it needs as wheels, so that a host needs no network and no compiler.

What is downloaded has a hash in requirements.txt. The wheelhouse has a requirements.txt of its own with the hashes of
its wheels, for `pip install --no-index --find-links . --require-hashes -r requirements.txt`.
"""

import hashlib
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "packages" / "requirements.txt"

# PEP 600, the newest first: Debian 12 has glibc 2.36, and older wheels run with newer libraries.
_MANYLINUX = ("manylinux_2_36", "manylinux_2_34", "manylinux_2_31", "manylinux_2_28", "manylinux_2_17", "manylinux2014")


def machine() -> str:
    """The processor as wheels name it: x86_64, aarch64."""
    return platform.machine()


def target_flags(python: str) -> list[str]:
    """pip's flags for a Python (3.13) that need not be the one that runs pip."""
    flags = ["--implementation", "cp", "--python-version", python]
    return flags + [word for name in _MANYLINUX for word in ("--platform", f"{name}_{machine()}")]


def pip(*arguments: str | Path) -> None:
    """Run this Python's pip. What it says is shown when it fails."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)}:\n{done.stdout[-4000:]}")


def build_wheel(directory: Path) -> Path:
    """calico-agent's own wheel. The same source and SOURCE_DATE_EPOCH make the same bytes."""
    directory.mkdir(parents=True, exist_ok=True)
    for older in directory.glob("calico_agent-*.whl"):
        older.unlink()
    pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", directory, ROOT)
    (wheel,) = directory.glob("calico_agent-*.whl")
    return wheel


def fetch_dependencies(python: str, cache: Path) -> Path:
    """The folder in `cache` with the wheels of all that is locked; downloaded unless it is there."""
    parts = (LOCK.read_bytes(), Path(__file__).read_bytes(), python.encode(), machine().encode())
    folder = cache / f"wheels-{hashlib.sha256(b'|'.join(parts)).hexdigest()[:16]}"
    if folder.exists():
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as unfinished:
        wheels = Path(unfinished) / "wheels"
        # Without isolation: what is only there as source is made by the tools that are locked.
        flags = ("--no-deps", "--no-build-isolation", "--require-hashes", *target_flags(python))
        pip("download", *flags, "--requirement", LOCK, "--dest", wheels)
        for source in wheels.glob("*.tar.gz"):
            pip("wheel", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", wheels, source)
            source.unlink()
        wheels.rename(folder)
    return folder


def build_wheelhouse(directory: Path, python: str, cache: Path) -> Path:
    """Fill `directory`, which is made anew; returns it."""
    shutil.rmtree(directory, ignore_errors=True)
    shutil.copytree(fetch_dependencies(python, cache), directory)
    build_wheel(directory)
    lines = []
    for wheel in sorted(directory.glob("*.whl")):
        name, version, *_ = wheel.name.split("-")
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        lines.append(f"{name.replace('_', '-')}=={version} --hash=sha256:{digest}\n")
    (directory / "requirements.txt").write_text("".join(lines))
    return directory
