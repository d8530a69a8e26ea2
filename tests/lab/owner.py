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
    os.environ[OWNER] = f"{_boot()} {os.getpid()} {stat_of(os.getpid())[_STARTED]}"
    return True


def is_gone(owner: str) -> bool:
    """True if the run of that name was on this machine, since its last boot, and has ended."""
    boot, _, process = owner.partition(" ")
    pid, _, started = process.partition(" ")
    if boot != _boot() or not pid.isdigit():
        return False
    stat = stat_of(int(pid))
    return not stat or stat[_STARTED] != started or stat[0] in {"Z", "X"}


def _boot() -> str:
    return _BOOT_ID.read_text().strip()
