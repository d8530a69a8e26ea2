"""Whose a process or a lab is: a test run that was killed hard leaves both, and they tell that it is gone.

A run writes its name into its environment. All that it starts inherits that name and keeps it when the run is gone.
What carries no name, such as the lab of a person, is nobody's leftover; nor is what a living run started.
"""

import os
from pathlib import Path

from tests.lab.processes import stat_of

OWNER = "CALAB_OWNER"
"""Environment variable, and the name of the file in a lab's directory that says the same."""

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_STARTED = 19  # the place of `starttime` among the fields of proc(5) from the third on


def sign() -> bool:
    """Write this process's name into its environment; False where it is a part of a run that lives."""
    owner = os.environ.get(OWNER, "")
    if owner and not is_gone(owner):
        return False
    os.environ[OWNER] = name_of(os.getpid())
    return True


def name_of(pid: int) -> str:
    """What tells a process from all others: the machine's boot, its number, and when it was started."""
    return f"{_boot()} {pid} {stat_of(pid)[_STARTED]}"


def is_gone(owner: str) -> bool:
    """True if the process of that name was on this machine, since its last boot, and has ended."""
    boot, _, process = owner.partition(" ")
    pid, _, _ = process.partition(" ")
    return boot == _boot() and pid.isdigit() and not lives(owner)


def lives(owner: str) -> bool:
    """True if the process of that name runs, on this machine."""
    boot, pid, started = (*owner.split(" "), "", "", "")[:3]
    stat = stat_of(int(pid)) if boot == _boot() and pid.isdigit() else []
    return bool(stat) and stat[_STARTED] == started and stat[0] not in {"Z", "X"}


def _boot() -> str:
    return _BOOT_ID.read_text().strip()
