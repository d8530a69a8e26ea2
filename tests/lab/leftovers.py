"""Clears what a test run that was killed hard has left: its guests and labs, and what else it started."""

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from tests.lab.lab import Lab
from tests.lab.options import lab_directory
from tests.lab.owner import OWNER, is_gone
from tests.lab.processes import MARK, environment_of, stat_of
from tests.uml.guest import Guest
from tests.uml.place import GUESTS


def clear_leftovers() -> tuple[str, ...]:
    """Take down the guests and labs of runs that are gone and kill their processes; returns a line for each."""
    guests = sorted(note.parent.name for note in GUESTS.glob(f"*/{OWNER}") if is_gone(note.read_text()))
    for name in guests:
        Guest(name).close()
    labs = sorted({*_held(), *_on_disk()})
    for directory in labs:
        Lab(directory).down()
    processes = sorted(pid for pid, _ in _left())
    for pid in processes:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return (
        *(f"guest {name}" for name in guests),
        *(f"lab {directory}" for directory in labs),
        *(f"process {pid}" for pid in processes),
    )


def _held() -> Iterator[Path]:
    """Labs of which something runs."""
    return (Path(environment[MARK]) for _, environment in _left() if MARK in environment)


def _on_disk() -> Iterator[Path]:
    """Labs of which there are files."""
    for note in lab_directory().parent.glob(f"*/{OWNER}"):
        if is_gone(note.read_text()):
            yield note.parent


def _left() -> Iterator[tuple[int, dict[str, str]]]:
    """What runs that are gone have started, with its environment; never a process that this one is a child of."""
    ours = set(_line_of(os.getpid()))
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) not in ours:
            environment = environment_of(int(entry.name))
            if is_gone(environment.get(OWNER, "")):
                yield int(entry.name), environment


def _line_of(pid: int) -> Iterator[int]:
    """A process, its parent, and so on."""
    while pid:
        yield pid
        pid = int((stat_of(pid) or ("", "0"))[1])
