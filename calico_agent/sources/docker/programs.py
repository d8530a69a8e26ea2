"""The programs that run in calico/node's containers, by the processes of this host.

Read from the host's side, so that nothing has to be started in the container. Docker gives the container's process 1
(State.Pid) as the host numbers it. An agent that lives in a process namespace of its own sees other processes under
those numbers: the control group, which Docker names after the container, tells.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace

import psutil

from calico_agent.model.container.container import Container, Docker
from calico_agent.model.container.program import Program
from calico_agent.model.observation import Unreadable
from calico_agent.sources.docker.certificates import outdated_files
from calico_agent.sources.docker.decode.log_lines import felix_ends, knocks
from calico_agent.sources.docker.decode.programs import Process, find_programs
from calico_agent.sources.docker.felix_health import FelixHealthReader
from calico_agent.sources.docker.program_logs import read_program_logs
from calico_agent.sources.host.processes import UNSEEN, command_line, control_group, started_at

_MOST_PROCESSES = 512
_ENDED = frozenset({psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD})


class ProgramReader:
    """Reads the programs of containers, what Felix says of itself, and what they write into files of their own."""

    def __init__(self) -> None:
        self._health = FelixHealthReader()

    def read(self, docker: Docker | Unreadable) -> Docker | Unreadable:
        """The same, with that of each container that runs."""
        if isinstance(docker, Unreadable):
            return docker
        return replace(docker, containers=tuple(self.looked_into(container) for container in docker.containers))

    def looked_into(self, container: Container) -> Container:
        """One container with that of it."""
        if not container.running or not container.pid:
            return container
        programs = _read_programs(container)
        if programs is None:
            return container  # nor are its files to be seen under that number
        files = read_program_logs(container)
        return replace(
            container,
            programs=tuple(map(self._asked, programs)),
            knocks=(*container.knocks, *knocks((*files.get("bird", ()), *files.get("bird6", ())))),
            felix_ends=(*container.felix_ends, *felix_ends(files.get("felix", ()))),
            outdated=outdated_files(container),
        )

    def _asked(self, program: Program) -> Program:
        if program.name != "felix" or not program.pid or program.stopped:
            return program
        return replace(program, health=self._health.read(program.pid))


def _read_programs(container: Container) -> tuple[Program, ...] | None:
    """None where the processes cannot be seen, or are not the container's."""
    processes = read_processes(container)
    return None if processes is None else find_programs(processes, container.env_value("FELIX_DATAPLANEDRIVER"))


def read_processes(container: Container) -> tuple[Process, ...] | None:
    """The processes of a container that runs; None where they cannot be seen, or are not its own."""
    try:
        first = psutil.Process(container.pid)
        if container.id not in control_group(first.pid):
            return None
        family = [first, *first.children(recursive=True)]
        processes = tuple(_living(family[:_MOST_PROCESSES]))
        return processes if first.is_running() else None
    except UNSEEN:
        return None


def _living(processes: Iterable[psutil.Process]) -> Iterator[Process]:
    """Those that have not ended."""
    for process in processes:
        with suppress(psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError), process.oneshot():
            if (status := process.status()) not in _ENDED:
                began, stopped = started_at(process.pid), status == psutil.STATUS_STOPPED
                yield Process(process.pid, process.ppid(), process.name(), command_line(process), began, stopped)
