"""The processes of this host, by psutil, and what about one psutil does not tell, or tells slowly.

These are its network namespace, its control group and its bare name, from /proc. To see the namespace of another user's
process takes CAP_SYS_PTRACE. All of it is what the agent's own process namespace shows: there Docker's process numbers
may be those of strangers.

The kernel bounds what psutil reads whole: a command line at 6 MiB (three quarters of _STK_LIM, fs/exec.c@v6.1), the
number of processes at pid_max.
"""

import os
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil

from calico_agent.sources.host.text_file import is_roots_own

# What a question about a process may raise: it ended meanwhile, it is another user's, it was never waited for.
UNSEEN = (psutil.Error, OSError)
# It ended meanwhile, or may not be looked at. Any other OSError says something about us: we are out of descriptors.
ENDED = (psutil.Error, FileNotFoundError, ProcessLookupError, PermissionError)

_PROC = Path("/proc")
_LONGEST_FILE = 1 << 16
_CAP_NET_ADMIN = 12  # include/uapi/linux/capability.h


def pids_named(names: Collection[str]) -> Iterator[int]:
    """The processes with one of these names of fewer than 15 characters (there the kernel cuts), lowest number first.

    From /proc: of the hundreds of processes of a host psutil reads for it what costs three times as much. Raises
    OSError where the processes cannot be read.
    """
    return (pid for pid in psutil.pids() if _name(pid) in names)


def _name(pid: int) -> str:
    with suppress(*ENDED), (_PROC / str(pid) / "comm").open("rb") as file:
        return file.read(_LONGEST_FILE).decode(errors="replace").removesuffix("\n")
    return ""


def command_line(process: psutil.Process) -> tuple[str, ...]:
    """Its arguments, none for a thread of the kernel. Bytes that are no text are shown as such."""
    return tuple(os.fsencode(argument).decode(errors="backslashreplace") for argument in process.cmdline())


def started_at(pid: int) -> datetime:
    """When it began, by the clock of today: a clock that jumped since then makes no process older or younger.

    Field 22 of /proc/PID/stat (proc(5)) counts from the boot. Raises OSError where that cannot be seen.
    """
    fields = (_PROC / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()
    age = time.clock_gettime(time.CLOCK_BOOTTIME) - int(fields[19]) / os.sysconf("SC_CLK_TCK")
    return datetime.now(UTC) - timedelta(seconds=age)


def in_our_network(pid: int) -> bool:
    """Whether it lives in our network namespace. Raises OSError where that cannot be seen."""
    return (_PROC / str(pid) / "ns/net").readlink() == (_PROC / "thread-self/ns/net").readlink()


def may_be_ours(pid: int) -> bool:
    """Whether it lives in our network namespace, or whoever is not root may not look."""
    try:
        return in_our_network(pid)
    except OSError:
        return True


def is_root(process: psutil.Process) -> bool:
    """Whether it was started by root and still is root: its real, effective and saved user.

    By the real one alone a program that sudo starts would not be, by the effective one alone a program with the
    set-user-id bit would, whatever a user calls it.
    """
    return set(process.uids()) == {0}


def runs_own_file(pid: int, names: Collection[str]) -> bool:
    """Whether the program file that it runs has one of these names, and only root may write it. Unseen: yes.

    Its name in the process table is whatever link it was started by.
    """
    try:
        link, status = (_PROC / str(pid) / "exe").readlink(), (_PROC / str(pid) / "exe").stat()
    except PermissionError:
        return True
    return link.name.removesuffix(" (deleted)") in names and is_roots_own(status)


def may_change_routes(pid: int) -> bool:
    """Whether it has CAP_NET_ADMIN here: without that it is no rival of anybody. Raises OSError where that is not seen.

    A daemon keeps that when it gives up root. A user may have it in a user namespace of his own, where it is worth
    nothing.
    """
    folder = _PROC / str(pid)
    if (folder / "ns/user").readlink() != (_PROC / "thread-self/ns/user").readlink():
        return False
    status = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines() if ":" in line)
    return bool(int(status["CapEff"], 16) >> _CAP_NET_ADMIN & 1)


def control_group(pid: int) -> str:
    """The lines of /proc/PID/cgroup. Raises OSError where they cannot be seen."""
    with (_PROC / str(pid) / "cgroup").open("rb") as file:
        return file.read(_LONGEST_FILE).decode(errors="replace")
