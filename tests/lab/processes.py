"""Processes, and which of them hold a lab: no state file is needed to find those, so any crash can be cleaned up."""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.lab.errors import LabError

MARK = "CALAB_DIRECTORY"
"""Environment variable that every process 1 of a lab carries: its value is the lab's directory."""

_KILL_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Process:
    """One process as the machine sees it; `pid` may be signalled from here."""

    pid: int
    argv: tuple[str, ...]

    @property
    def name(self) -> str:
        """The program's file name."""
        return Path(self.argv[0]).name if self.argv else ""


def survivors(lab: Path) -> tuple[Process, ...]:
    """Processes that hold a lab's namespaces, found by their mark: no state file is needed for it."""
    return tuple(process for process in _all_processes() if is_marked(process.pid, lab))


def is_marked(pid: int, lab: Path) -> bool:
    """Whether this process holds namespaces of that lab."""
    return environment_of(pid).get(MARK) == str(lab)


def environment_of(pid: int) -> dict[str, str]:
    """What a process was started with; empty for one that is gone, and for a kernel thread."""
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return {}
    pairs = (pair.decode(errors="replace").partition("=") for pair in environment.split(b"\0"))
    return {name: value for name, equals, value in pairs if equals}


def processes_beside(pid: int) -> tuple[Process, ...]:
    """The processes of the process namespace of `pid`."""
    namespace = _process_namespace(pid)
    return tuple(process for process in _all_processes() if _process_namespace(process.pid) == namespace)


def kill_survivors(lab: Path, seconds: float = 60.0) -> None:
    """Kill what holds the lab's namespaces, and wait until it and with it every process of the lab is gone.

    Process 1 of a namespace ends only after all others in it (pid_namespaces(7)): when it is, they are.

    Raises:
        LabError: something is still there after `seconds`.
    """
    deadline = time.monotonic() + seconds
    killed: set[int] = set()
    while True:
        holders = {process.pid for process in survivors(lab)}
        parents = {int(status[1]) for pid in holders if (status := stat_of(pid))}
        for pid in holders - parents:
            _signal(pid, signal.SIGKILL)  # `unshare` waits for its child and then ends by itself
        killed |= holders
        left = holders | {pid for pid in killed if _is_alive(pid)}
        if not left:
            for pid in killed:
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, os.WNOHANG)  # those that this very process started
            return
        if time.monotonic() > deadline:
            raise LabError(f"processes do not die: {', '.join(map(str, sorted(left)))}")
        time.sleep(0.02)


def stop(process: Process, seconds: float = 5.0) -> None:
    """SIGTERM, then SIGKILL after `seconds`; returns when the process is gone.

    Raises:
        LabError: not even SIGKILL ends it.
    """
    _signal(process.pid, signal.SIGTERM)
    deadline = time.monotonic() + seconds
    while _is_alive(process.pid):
        if time.monotonic() > deadline + _KILL_SECONDS:
            raise LabError(f"process {process.pid} ({process.name}) does not die")
        if time.monotonic() > deadline:
            _signal(process.pid, signal.SIGKILL)
        time.sleep(0.02)


def _is_alive(pid: int) -> bool:
    """Neither gone nor a zombie that its parent has not looked at yet."""
    status = stat_of(pid)
    return bool(status) and status[0] not in {"Z", "X"}


def stat_of(pid: int) -> list[str]:
    """State, parent and so on (proc(5), from the third field on); empty for a process that is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _process_namespace(pid: int) -> str:
    try:
        return str(Path(f"/proc/{pid}/ns/pid").readlink())
    except OSError:
        return ""


def _all_processes() -> Iterator[Process]:
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            command = (entry / "cmdline").read_bytes()
        except OSError:
            continue  # it ended between the listing and the reading
        if command:
            yield Process(int(entry.name), tuple(command.decode(errors="replace").rstrip("\0").split("\0")))
