"""Packages as `make` builds them, from a copy of this checkout that may have another version.

What was built is kept in the user's cache as long as nothing that it is made of changes.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

from tests.lab.guide import read_guide
from tests.packages.cache import cache
from tests.places import REPOSITORY

_MADE_OF = (
    *("calico_agent", "config", "docs", "packages", "systemd"),
    *("CHANGELOG.md", "LICENSE", "Makefile", "README.md", "pyproject.toml", "tests/install-packages"),
)
_LOCKS = (REPOSITORY / "packages" / "requirements.txt", REPOSITORY / "packages" / "tools.txt")
_VERSION = re.compile(r'^__version__ = "(.*)"$', re.MULTILINE)


def version() -> str:
    """Of this checkout."""
    found = _VERSION.search((REPOSITORY / "calico_agent" / "__init__.py").read_text())
    assert found is not None
    return found[1]


def package(release: str, wanted: str, install_guide: dict[str, str]) -> Path:
    """The Debian package with the version `wanted`, made as docs/install.md says."""
    folder = cache() / f"deb-{release}-{wanted}"
    key = _key(release, wanted)
    with (cache() / "deb.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / key).exists():
            shutil.rmtree(folder, ignore_errors=True)
            (folder / key).mkdir(parents=True)
            with tempfile.TemporaryDirectory() as scratch:
                copy = checkout(Path(scratch) / "calico-agent", wanted)
                script = read_guide("install.md").script("Build", install_guide)
                variables = {"CACHE": str(cache() / "wheels"), "TOOLS": str(_tools()), "DEBIAN": release}
                _run("sh", "-c", script, cwd=copy, variables={**variables, "DIST": str(folder / key)})
        (made,) = (folder / key).glob("*.deb")
    return made


def checkout(copy: Path, wanted: str) -> Path:
    """A copy of what packages are made of, with the version `wanted`."""
    for name in _MADE_OF:
        source, target = REPOSITORY / name, copy / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, target)
    module = copy / "calico_agent" / "__init__.py"
    module.write_text(_VERSION.sub(f'__version__ = "{wanted}"', module.read_text()))
    return copy


def downloads() -> Path:
    """All that PyPI gives to who builds, for a host that has only this folder: as it is locked, for this Python."""
    folder = cache() / f"downloads-{_digest(lock.read_bytes() for lock in _LOCKS)}"
    if not folder.exists():
        tools = _tools()
        unfinished = folder.with_name(f"downloads-{os.getpid()}")
        flags = ("--no-deps", "--no-build-isolation", "--require-hashes", "--quiet", "--dest", str(unfinished))
        lists = (word for lock in _LOCKS for word in ("--requirement", str(lock)))
        _run(str(tools / "bin" / "python"), "-m", "pip", "download", *flags, *lists, cwd=REPOSITORY, variables={})
        unfinished.rename(folder)
    return folder


def _tools() -> Path:
    """Where `make` keeps its tools: one place for all copies."""
    folder = cache() / f"tools-{_digest([_LOCKS[1].read_bytes()])}"
    if not (folder / ".installed").exists():
        _run("make", str(folder / ".installed"), f"TOOLS={folder}", cwd=REPOSITORY, variables={})
    return folder


def _key(*words: str) -> str:
    files = (REPOSITORY / name for name in _MADE_OF)
    every = (file for path in files for file in ([path] if path.is_file() else sorted(path.rglob("*"))))
    named = [file for file in every if file.is_file() and "__pycache__" not in file.parts]
    return _digest([*(word.encode() for word in words), *(part for file in named for part in _named(file))])


def _named(file: Path) -> tuple[bytes, bytes]:
    return str(file.relative_to(REPOSITORY)).encode(), file.read_bytes()


def _digest(parts: Iterable[bytes]) -> str:
    return hashlib.sha256(b"|".join(parts)).hexdigest()[:16]


def _run(*command: str, cwd: Path, variables: dict[str, str]) -> None:
    # None of the flags of the make that runs the tests.
    environment = {
        name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "MFLAGS", "MAKELEVEL"}
    }
    done = subprocess.run(
        command, cwd=cwd, env={**environment, **variables},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-4000:]}"
