"""The processes of this host that do calico/node's work without being part of one of its containers.

Only what lives in our network namespace counts: a BIRD in a pod has a routing table of its own. A process of which that
cannot be seen is left out. Who listens on a port takes CAP_SYS_PTRACE to see, too.
"""

import time
from collections.abc import Iterable, Iterator
from contextlib import suppress

import psutil

from calico_agent.decode.rivals import NAMES, decode_cgroup, program_of, shown_command
from calico_agent.model.container import Container
from calico_agent.model.rival import Rival
from calico_agent.observe.processes import UNSEEN, command_line, control_group, in_our_network, pids_named

_MOST_RIVALS = 16

# While calico/node runs, nobody waits for the answer, and looking at every process of a large host is not free.
_LEISURE_SECONDS = 30.0


class RivalReader:
    """Reads the rivals of calico/node's containers, all processes at most once in half a minute while one lives."""

    def __init__(self) -> None:
        self._found: tuple[Rival, ...] = ()
        self._read_at = -_LEISURE_SECONDS

    def read(self, containers: Iterable[Container], port: int) -> tuple[Rival, ...]:
        """Every rival, and who has BGP's `port` while no container of calico/node lives."""
        containers = tuple(containers)
        alive = any(container.alive for container in containers)
        now = time.monotonic()
        if not alive or now - self._read_at >= _LEISURE_SECONDS:
            self._found = tuple(_rivals(containers, 0 if alive else port))[:_MOST_RIVALS]
            self._read_at = now
        return self._found


def _rivals(containers: tuple[Container, ...], port: int) -> Iterator[Rival]:
    listener = _listener(port) if port else None
    for pid in sorted({*pids_named(NAMES), *((listener,) if listener else ())}):
        with suppress(*UNSEEN):
            process = psutil.Process(pid)
            arguments = command_line(process)
            program = program_of(arguments)
            if pid == listener or (program and _is_rival(process, containers)):
                unit, container = decode_cgroup(control_group(pid))
                listens = port if pid == listener else 0
                yield Rival(program, pid, shown_command(arguments), listens, unit, container)
    if listener == 0:
        yield Rival("", 0, "", port)


def _is_rival(process: psutil.Process, containers: tuple[Container, ...]) -> bool:
    if not in_our_network(process.pid):
        return False
    group = control_group(process.pid)
    roots = {container.pid for container in containers if container.pid}
    ancestors = {process.pid, *(parent.pid for parent in process.parents())}
    return not any(container.id in group for container in containers) and roots.isdisjoint(ancestors)


def _listener(port: int) -> int | None:
    """The process that listens on a port of our network namespace, 0 when it cannot be seen, None for none.

    psutil looks at every descriptor and every TCP socket for it (17 microseconds and 800 bytes each), in the namespace
    of the process's first thread.
    """
    try:
        sockets = psutil.net_connections(kind="tcp")
    except (*UNSEEN, RuntimeError):  # the latter for a table in another form
        return None
    listening = (each for each in sockets if each.status == psutil.CONN_LISTEN)
    pids = {each.pid or 0 for each in listening if each.laddr and each.laddr.port == port}
    return min(pids - {0}, default=0) if pids else None
