"""/proc -> the programs that run in calico/node's containers.

Read from the host's side, so that nothing has to be started in the container. Docker gives the container's process 1
(State.Pid) as the host numbers it; the kernel lists the children of each process. An agent that lives in a process
namespace of its own sees other processes under those numbers: the control group, which Docker names after the
container, tells.
"""

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from calico_agent.decode.errors import Malformed
from calico_agent.decode.processes import Process, decode_stat, find_programs
from calico_agent.model.container import Container, Docker, Program
from calico_agent.model.observation import Unreadable

_PROC = Path("/proc")
_MOST_PROCESSES = 512
_LONGEST_FILE = 1 << 16
_TICKS = os.sysconf("SC_CLK_TCK")


def with_programs(docker: Docker | Unreadable) -> Docker | Unreadable:
    """The same, with the programs of each container that runs."""
    if isinstance(docker, Unreadable):
        return docker
    return replace(docker, containers=tuple(_looked_into(container) for container in docker.containers))


def _looked_into(container: Container) -> Container:
    return replace(container, programs=_read_programs(container)) if container.running and container.pid else container


def _read_programs(container: Container) -> tuple[Program, ...] | None:
    """None where the processes cannot be seen, or are not the container's."""
    try:
        if container.id not in _text(container.pid, "cgroup"):
            return None
        booted_at = datetime.now(UTC) - timedelta(seconds=time.clock_gettime(time.CLOCK_BOOTTIME))
        return find_programs(_tree(container.pid, booted_at))
    except (OSError, Malformed):
        return None


def _tree(root: int, booted_at: datetime) -> Iterator[Process]:
    """The process and all that descend from it, parents first. One that ends meanwhile is left out."""
    waiting = [(root, 0)]
    for _ in range(_MOST_PROCESSES):
        if not waiting:
            return
        pid, parent = waiting.pop(0)
        try:
            name, ended, ticks = decode_stat(_text(pid, "stat"))
            arguments = tuple(_text(pid, "cmdline").split("\0")[:-1])
            children = [int(child) for task in _tasks(pid) for child in _text(pid, f"task/{task}/children").split()]
        except (FileNotFoundError, ProcessLookupError):
            if pid == root:
                raise
            continue
        waiting += [(child, pid) for child in children]
        if not ended:
            yield Process(pid, parent, name, arguments, booted_at + timedelta(seconds=ticks / _TICKS))


def _tasks(pid: int) -> tuple[str, ...]:
    """Its threads: a child belongs to the thread that made it."""
    return tuple(task.name for task in (_PROC / str(pid) / "task").iterdir())


def _text(pid: int, name: str) -> str:
    with (_PROC / str(pid) / name).open("rb") as file:
        return file.read(_LONGEST_FILE).decode(errors="replace")
