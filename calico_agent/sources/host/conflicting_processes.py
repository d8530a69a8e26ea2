"""The processes of this host that do calico/node's work without being part of one of its containers.

Only what lives in our network namespace counts, a BIRD in a pod having a routing table of its own, and only what may
change routes: any user can start a process of that name. A process of which that cannot be seen is left out. Who
listens on a port takes CAP_SYS_PTRACE to see, too.
"""

import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from ipaddress import ip_address

import psutil

from calico_agent.model.container.container import Container
from calico_agent.model.host.conflicting_process import ConflictingProcess
from calico_agent.model.network.address import IPAddress
from calico_agent.sources.host.decode.conflicting_processes import NAMES, decode_cgroup, program_of, shown_command
from calico_agent.sources.host.processes import (
    ENDED,
    command_line,
    control_group,
    in_our_network,
    may_change_routes,
    pids_named,
)

_MOST_RIVALS = 16
_UNSEEN_PID = 0

# While calico/node runs, nobody waits for the answer, and looking at every process of a large host is not free.
_LEISURE_SECONDS = 30.0


class ConflictingProcessReader:
    """Reads the rivals of calico/node's containers, all processes at most once in half a minute while one lives."""

    def __init__(self) -> None:
        self._found: tuple[ConflictingProcess, ...] = ()
        self._read_at = -_LEISURE_SECONDS
        self._alive = False

    def read(self, containers: Iterable[Container], ports: Collection[int]) -> tuple[ConflictingProcess, ...]:
        """Every rival, and who has one of BGP's `ports` while no container of calico/node lives.

        While the processes cannot be read, those that were last seen are they.
        """
        containers = tuple(containers)
        alive = any(container.alive for container in containers)
        now = time.monotonic()
        if not (alive and self._alive) or now - self._read_at >= _LEISURE_SECONDS:
            with suppress(OSError):
                self._found = tuple(_rivals(containers, () if alive else ports))[:_MOST_RIVALS]
            self._read_at, self._alive = now, alive
        return self._found


def _rivals(containers: tuple[Container, ...], ports: Collection[int]) -> Iterator[ConflictingProcess]:
    listening = _listening(ports) if ports else {}
    for pid in sorted({*pids_named(NAMES), *(listening.keys() - {_UNSEEN_PID})}):
        with suppress(*ENDED):
            process = psutil.Process(pid)
            arguments = command_line(process)
            program = program_of(arguments)
            if is_ours(process, containers):
                continue
            if pid in listening or (program and in_our_network(pid) and may_change_routes(pid)):
                unit, container = decode_cgroup(control_group(pid))
                for port, addresses in sorted(listening.get(pid, {0: set()}).items()):
                    at = tuple(sorted(addresses, key=str))
                    yield ConflictingProcess(program, pid, shown_command(arguments), port, unit, container, at)
    for port, addresses in sorted(listening.get(_UNSEEN_PID, {}).items()):
        yield ConflictingProcess("", _UNSEEN_PID, "", port, listens_at=tuple(sorted(addresses, key=str)))


def is_ours(process: psutil.Process, containers: tuple[Container, ...]) -> bool:
    """Whether it is part of one of calico/node's containers, also of one that was started since Docker was asked."""
    group = control_group(process.pid)
    roots = {container.pid for container in containers if container.pid}
    ancestors = {process.pid, *(parent.pid for parent in process.parents())}
    return any(container.id in group for container in containers) or not roots.isdisjoint(ancestors)


def _listening(ports: Collection[int]) -> Mapping[int, Mapping[int, set[IPAddress]]]:
    """By process, and then by port: where in our network namespace it listens. Who cannot be seen is process 0.

    psutil looks at every descriptor and every TCP socket for it (17 microseconds and 800 bytes each), in the namespace
    of the process's first thread.
    """
    try:
        sockets = psutil.net_connections(kind="tcp")
    except (psutil.Error, RuntimeError):  # the latter for a table in another form
        return {}
    found: dict[int, dict[int, set[IPAddress]]] = {}
    for each in sockets:
        if each.status == psutil.CONN_LISTEN and each.laddr and each.laddr.port in ports:
            at = found.setdefault(each.pid or _UNSEEN_PID, {}).setdefault(each.laddr.port, set())
            at.add(ip_address(each.laddr.ip))
    seen = {port for pid, taken in found.items() if pid != _UNSEEN_PID for port in taken}
    unseen = {port: at for port, at in found.pop(_UNSEEN_PID, {}).items() if port not in seen}
    return found | ({_UNSEEN_PID: unseen} if unseen else {})
