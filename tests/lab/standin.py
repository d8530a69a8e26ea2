"""Build the stand-in's image from files of this machine: no registry, no network.

The tree holds this Python with its standard library, BIRD, iproute2, busybox, the shared libraries that they
need, and tests/lab/image. The archive is kept under build/, named after what it was made of, so a second lab
starts at once.
"""

import hashlib
import io
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from tests.lab.errors import LabError
from tests.lab.namespaces import REPOSITORY
from tests.lab.preload import compiled
from tests.uml.place import inside

_PROGRAM = Path(__file__).with_name("image")
_INSIDE = "usr/lib/standin"
_PROGRAMS = ("bird", "bird6", "birdc", "birdc6", "ip", "bridge")
_APPLETS = "cat chmod cp date echo env grep head hostname kill ls mkdir mv netstat ping ps rm sed sh sleep tail test wc"
# Parts of the standard library that a program without windows, tests or compiler does not need.
_LEFT_OUT = "ensurepip idlelib lib2to3 pydoc_data site-packages dist-packages test tests tkinter turtledemo"
_START = """#!/bin/sh
# As in the real image, `start_runit` is process 1.
cd /
PYTHONPATH=/usr/lib/standin exec {python} -SEs -c '
import sys
sys.path.insert(0, "/usr/lib/standin")
from tests.lab.image.start import main
main()'
"""


def build_standin(*, ipip: bool = False) -> Path:
    """The archive of the root file system, in the format of `docker import`; built if it is not there yet.

    With `ipip` its BIRD writes routes into tunl0, for which a C compiler is needed. In a guest (tests/uml) the one that
    was built outside is taken: looking at a thousand files takes half a minute there.
    """
    name = "ipip-standin" if ipip else "standin"
    if inside() and (built := list((REPOSITORY / "build").glob(f"{name}-*.tar"))):
        return built[0]
    tree = dict(_tree())
    if ipip:
        tree[f"{_INSIDE}/krt_tunnel.so"] = compiled(_PROGRAM / "krt_tunnel.c")
    files = dict(sorted(tree.items()))
    archive = REPOSITORY / "build" / f"{name}-{_fingerprint(files)}.tar"
    if not archive.exists():
        archive.parent.mkdir(exist_ok=True)
        for old in archive.parent.glob(f"{name}-*.tar"):
            old.unlink(missing_ok=True)
        unfinished = archive.with_suffix(f".{os.getpid()}")
        _write(unfinished, files)
        unfinished.rename(archive)
    return archive


@cache
def _tree() -> tuple[tuple[str, Path], ...]:
    """Path in the image -> file on this machine; looked for once, which takes a second or two."""
    return tuple(_files())


def _files() -> Iterable[tuple[str, Path]]:
    python = Path(sys.executable).resolve()
    library = Path(sysconfig.get_path("stdlib"))
    programs = [Path(_find(name)) for name in _PROGRAMS]
    modules = sorted((library / "lib-dynload").glob("*.so"))
    for file in (python, *programs, *_libraries([python, *programs, *modules])):
        yield _inside(file), file
    yield "usr/bin/busybox", Path(_find("busybox"))
    for file in library.rglob("*"):
        if file.is_file() and _is_wanted(file.relative_to(library)):
            yield _inside(file), file
    for file in _PROGRAM.glob("*.py"):
        yield f"{_INSIDE}/tests/lab/image/{file.name}", file
    for name in ("rt_protos", "rt_scopes", "rt_tables"):
        file = Path("/etc/iproute2") / name
        if file.exists():
            yield f"etc/iproute2/{name}", file


def _is_wanted(file: Path) -> bool:
    """Compiled modules are wanted too (without them each start compiles), but not the optimised ones."""
    if file.suffix == ".a" or ".opt-" in file.name:
        return False
    return not any(part in _LEFT_OUT.split() or part.startswith("config-") for part in file.parts)


def _find(program: str) -> str:
    found = shutil.which(program)
    if found is None:
        raise LabError(f"the stand-in image needs {program}; run `make uml-kernel` (packages: tests/*/packages.txt)")
    return found


def _inside(file: Path) -> str:
    """Where a file goes: /bin, /lib and the like are links to /usr in the image."""
    parts = file.parts[1:]
    return "/".join(("usr", *parts) if parts[0] in {"bin", "sbin", "lib", "lib64"} else parts)


def _libraries(binaries: list[Path]) -> list[Path]:
    """The shared libraries of some binaries, under the names that the loader looks for."""
    listed = subprocess.run(("ldd", *map(str, binaries)), capture_output=True, text=True, check=False).stdout
    words = {word for line in listed.splitlines() if not line.endswith(":") for word in line.split()}
    return sorted(Path(word) for word in words if word.startswith("/") and Path(word).is_file())


def _fingerprint(files: dict[str, Path]) -> str:
    """Ours by content, the machine's by size and time: they are many, and packages do not change in place."""
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for name, file in files.items():
        digest.update(name.encode())
        status = file.stat()
        digest.update(file.read_bytes() if file.parent == _PROGRAM else f"{status.st_size} {status.st_mtime}".encode())
    return digest.hexdigest()[:16]


def _write(archive: Path, files: dict[str, Path]) -> None:
    with tarfile.open(archive, "w") as tar:
        for directory in (
            "etc",
            "proc",
            "sys",
            "dev",
            "run",
            "tmp",
            "var",
            "var/log",
            "var/lib",
            "usr",
            "usr/bin",
            "usr/sbin",
        ):
            entry = tarfile.TarInfo(directory)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(entry)
        for link in ("bin", "sbin", "lib", "lib64"):
            _add_link(tar, link, f"usr/{link}")
        _add_link(tar, "var/run", "/run")
        _add_link(tar, "run/bird", "/run/calico")  # where Debian's birdc looks for the socket
        _add_link(tar, "usr/sbin/birdcl", "birdc")  # the real image has birdcl; Debian only birdc
        _add_link(tar, "usr/sbin/birdcl6", "birdc6")
        for applet in _APPLETS.split():
            _add_link(tar, f"usr/bin/{applet}", "busybox")
        _add_text(tar, "usr/sbin/start_runit", _START.format(python=Path(sys.executable).resolve()), 0o755)
        for package in ("tests", "tests/lab"):
            _add_text(tar, f"{_INSIDE}/{package}/__init__.py", "", 0o644)
        for name, file in files.items():
            tar.add(file.resolve(), name, recursive=False)
        felix = tarfile.TarInfo("usr/bin/calico-node")  # tests.lab.image.felix: its process is called so
        felix.type, felix.mode, felix.linkname = tarfile.LNKTYPE, 0o755, _inside(Path(sys.executable).resolve())
        tar.addfile(felix)


def _add_link(tar: tarfile.TarFile, name: str, target: str) -> None:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = tarfile.SYMTYPE, target
    tar.addfile(entry)


def _add_text(tar: tarfile.TarFile, name: str, text: str, mode: int) -> None:
    entry = tarfile.TarInfo(name)
    content = text.encode()
    entry.size, entry.mode = len(content), mode
    tar.addfile(entry, io.BytesIO(content))
