"""The process tree of a container -> calico/node's programs.

calico/node keeps its programs by runit: `runsvdir` runs a `runsv NAME` for each service, which starts the program again
about a second after it ends, so that the container runs on whatever happens inside. Felix is `calico-felix` up to v3.2,
`calico-node -felix` after it and `calico component felix` from v3.33; only the service's name (`felix`, and before
calico/node v1.3.0 `calico-felix`) is the same for long (node/filesystem/etc/service of projectcalico/calico@v3.31.7).
Without runit a program is known by its own name, and nobody knows since when it is kept.

What a program waits for are its children. Felix runs iptables-restore, ipset and their like for moments at a time, and
does nothing else meanwhile; those that it keeps, or lets go on beside it, are in `_LASTING`.

Services that say nothing about routes are left out. Outside Kubernetes `complete-startup` fails and is started again
every second for ever; that means nothing.
"""

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from calico_agent.model.container.program import Child, Program

_PROGRAMS = {"felix": "felix", "calico-felix": "felix", "bird": "bird", "bird6": "bird6", "confd": "confd"}
_SUPERVISOR = "runsv"
_LOGGER = "svlogd"
# A dataplane driver outside of Felix (felix/config/config_params.go), IPsec's daemon, and what Felix does not wait for.
_LASTING = frozenset({"calico-iptables-plugin", "charon", "conntrack", "ping"})
_LONGEST_NAME = 15  # the kernel cuts there


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


def find_programs(processes: Iterable[Process], driver: str = "") -> tuple[Program, ...]:
    """The programs among the processes of one container, the first of which is its process 1.

    `driver` is the path of the dataplane driver that Felix was given (FELIX_DATAPLANEDRIVER), which it keeps running.
    """
    tree = tuple(processes)
    if not tree:
        return ()
    found = {program.name: program for program in _bare(tree)}
    found |= {program.name: program for program in _kept_by_runit(tree)}
    lasting = {name[:_LONGEST_NAME] for name in (*_LASTING, driver.rpartition("/")[2])}
    return tuple(replace(found[name], child=_child(found[name], tree, lasting)) for name in sorted(found))


def _child(program: Program, tree: tuple[Process, ...], lasting: Container[str]) -> Child | None:
    """The oldest process that the program waits for."""
    waited_for = (one for one in tree if one.parent == program.pid and one.name not in lasting)
    oldest = min(waited_for, key=lambda one: one.started_at, default=None) if program.pid else None
    return Child(oldest.name, oldest.pid, oldest.started_at) if oldest else None


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
