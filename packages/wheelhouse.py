"""The wheelhouse: calico-agent and all that it needs as wheels, so that a host needs no network and no compiler.

What is downloaded has a hash in requirements.txt. The wheelhouse has a requirements.txt of its own with the hashes of
its wheels, for `pip install --no-index --find-links . --require-hashes -r requirements.txt`.
"""

import argparse
import gzip
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from calico_agent import __version__

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


def archive(directory: Path, output: Path) -> Path:
    """The wheelhouse as one file; the same wheels and SOURCE_DATE_EPOCH make the same bytes."""
    epoch = int(os.environ.get("SOURCE_DATE_EPOCH", "0"))

    def plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = "root"
        entry.mtime = epoch
        entry.mode = 0o755 if entry.isdir() else 0o644
        return entry

    output.parent.mkdir(parents=True, exist_ok=True)
    with (
        output.open("wb") as raw,
        gzip.GzipFile("", "wb", 1, raw, epoch) as packed,
        tarfile.open(fileobj=packed, mode="w") as tar,
    ):
        tar.add(directory, directory.name, recursive=False, filter=plain)
        for file in sorted(directory.iterdir()):
            tar.add(file, f"{directory.name}/{file.name}", filter=plain)
    return output


def main() -> None:
    """Make the archive of a wheelhouse, or the wheel alone, and print its path."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path, help="the folder of the archive")
    parser.add_argument("--python", required=True, help="of the hosts, as 3.13")
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--wheel", action="store_true", help="only calico-agent's own wheel")
    options = parser.parse_args()
    if options.wheel:
        print(build_wheel(options.output))
        return
    name = f"calico-agent-{__version__}-py{options.python.replace('.', '')}-{machine()}"
    with tempfile.TemporaryDirectory() as folder:
        wheelhouse = build_wheelhouse(Path(folder) / name, options.python, options.cache)
        print(archive(wheelhouse, options.output / f"{name}.tar.gz"))


if __name__ == "__main__":
    main()
