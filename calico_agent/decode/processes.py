"""The process tree of a container -> calico/node's programs.

calico/node keeps its programs by runit: `runsvdir` runs a `runsv NAME` for each service, which starts the program again
about a second after it ends, so that the container runs on whatever happens inside. Felix is `calico-felix` up to v3.2,
`calico-node -felix` after it and `calico component felix` from v3.33; only the service's name (`felix`, in calico/node
v1.x `calico-felix`) is the same for long (node/filesystem/etc/service of projectcalico/calico@v3.31.7). Without runit a
program is known by its own name, and nobody knows since when it is kept.

Services that say nothing about routes are left out. Outside Kubernetes `complete-startup` fails and is started again
every second for ever; that means nothing.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from calico_agent.model.container import Program

_PROGRAMS = {"felix": "felix", "calico-felix": "felix", "bird": "bird", "bird6": "bird6", "confd": "confd"}
_SUPERVISOR = "runsv"
_LOGGER = "svlogd"


@dataclass(frozen=True, slots=True)
class Process:
    """One process: its parent in the tree, the name the kernel has for it, its arguments and when it began.

    `stopped`: a signal (SIGSTOP) holds it.
    """

    pid: int
    parent: int
    name: str
    arguments: tuple[str, ...]
    started_at: datetime
    stopped: bool = False


def find_programs(processes: Iterable[Process]) -> tuple[Program, ...]:
    """The programs among the processes of one container, the first of which is its process 1."""
    tree = tuple(processes)
    if not tree:
        return ()
    found = {program.name: program for program in _bare(tree)}
    found |= {program.name: program for program in _kept_by_runit(tree)}
    return tuple(found[name] for name in sorted(found))


def _kept_by_runit(tree: tuple[Process, ...]) -> Iterator[Program]:
    for supervisor in tree:
        if supervisor.name != _SUPERVISOR or not supervisor.arguments:
            continue
        name = _PROGRAMS.get(supervisor.arguments[-1].rpartition("/")[2])
        if name is None:
            continue
        child = next((one for one in tree if one.parent == supervisor.pid and one.name != _LOGGER), None)
        if child is None:
            yield Program(name, kept_since=supervisor.started_at)
        else:
            yield Program(name, child.pid, child.started_at, supervisor.started_at, child.stopped)


def _bare(tree: tuple[Process, ...]) -> Iterator[Program]:
    by_pid: Mapping[int, Process] = {one.pid: one for one in tree}
    for process in tree:
        parent = by_pid.get(process.parent)
        name = _PROGRAMS.get(process.name)
        if name is not None and (parent is None or parent.name != _SUPERVISOR):
            yield Program(name, process.pid, process.started_at, stopped=process.stopped)
