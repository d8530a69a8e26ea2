"""A real Docker Engine for one test module: its own namespaces, its own daemon, a tiny image, nothing left behind.

It is a host of the lab without the lab: all its processes hang on one process 1, so that ending the test ends dockerd,
containerd, their containers and their mounts too, however the test ended.
"""

import io
import json
import os
import signal
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.lab.engine import Engine, remove_cgroups
from tests.lab.namespaces import Sandbox
from tests.lab.processes import kill_survivors

IMAGE = "calico/node:tiny"
"""Runs the shell text of the environment variable SCRIPT, then waits until it is stopped."""

_BUSYBOX = Path("/bin/busybox")
_APPLETS = ("sh", "sleep", "echo", "seq", "head", "tr", "cat", "ls")
# Its last word is what the script is called: calico/node's own command.
_COMMAND = ("/bin/sh", "-c", 'trap "exit 0" TERM; eval "${SCRIPT:-:}"; sleep 1000 & wait', "start_runit")


@contextmanager
def docker_engine(directory: Path, *options: str) -> Iterator[Engine]:
    """An engine that answers and has IMAGE. `directory` is on a real file system and is the caller's to remove."""
    engine = Engine(Sandbox("engine", directory / "engine"))
    try:
        engine.host.start(directory)
        for name in ("subuid", "subgid"):  # what --userns-remap=nobody:nogroup takes
            (engine.host.root / "etc" / name).write_text("nobody:100000:65536\nnogroup:100000:65536\n")
        engine.start(*options)
        image = _root_file_system(directory / "image.tar")
        engine.docker("import", "--change", f"CMD {json.dumps(_COMMAND)}", str(image), IMAGE)
        yield engine
    finally:
        kill_survivors(directory)
        remove_cgroups(directory)


@contextmanager
def frozen(engine: Engine) -> Iterator[None]:
    """dockerd accepts connections and answers nothing (SIGSTOP)."""
    pids = [process.pid for process in engine.host.processes() if process.name == "dockerd"]
    assert pids, "no dockerd to freeze"
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def kill_dockerd(engine: Engine) -> None:
    """SIGKILL, as the kernel does when memory is short."""
    for process in engine.host.processes():
        if process.name == "dockerd":
            os.kill(process.pid, signal.SIGKILL)


def _root_file_system(path: Path) -> Path:
    """A tar with a static busybox and a few of its names."""
    with tarfile.open(path, "w") as tar:
        tar.add(_BUSYBOX.resolve(), "bin/busybox")
        for applet in _APPLETS:
            link = tarfile.TarInfo(f"bin/{applet}")
            link.type = tarfile.SYMTYPE
            link.linkname = "busybox"
            tar.addfile(link, io.BytesIO())
    return path
