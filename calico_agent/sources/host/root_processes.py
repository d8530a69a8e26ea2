"""Programs of this host that root runs, found by the names of their processes: any user can call a process so.

One in another network namespace belongs to another host (kind and k3d run theirs in containers). Whoever is not root
may not look at that, and then every one of root's counts.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import psutil

from calico_agent.sources.host.processes import ENDED, command_line, is_root, may_be_ours, pids_named, runs_own_file


@dataclass(frozen=True, slots=True)
class RunningProgram:
    """`name` is that of its process."""

    pid: int
    name: str
    arguments: tuple[str, ...]


def programs_named(names: Mapping[str, Collection[str]]) -> Iterator[RunningProgram]:
    """Those whose process has one of these names and whose program file one that goes with it, lowest number first.

    Raises OSError where the processes cannot be read.
    """
    return (found for pid in pids_named(names) if (found := program_of(pid, names)) is not None)


def program_of(pid: int, names: Mapping[str, Collection[str]]) -> RunningProgram | None:
    """The one with this number. Raises OSError where that cannot be seen, for a reason of our own."""
    try:
        process = psutil.Process(pid)
        name = process.name()
        if name not in names or not is_root(process) or not runs_own_file(pid, names[name]):
            return None
        arguments = command_line(process)
    except ENDED:
        return None  # it ended meanwhile
    return RunningProgram(pid, name, arguments) if arguments and may_be_ours(pid) else None
