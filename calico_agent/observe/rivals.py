"""/proc -> the processes of this host that do calico/node's work without being part of one of its containers.

Only what lives in our network namespace counts: a BIRD in a pod has a routing table of its own. Whose it is takes
CAP_SYS_PTRACE to see (/proc/PID/ns, /proc/PID/fd); a process of which that cannot be seen is left out.
"""

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from calico_agent.decode.rivals import (
    decode_cgroup,
    decode_command,
    listening_sockets,
    may_be_program,
    program_of,
    shown_command,
)
from calico_agent.model.container import Container
from calico_agent.model.rival import Rival

_PROC = Path("/proc")
_LONGEST_FILE = 1 << 16
_LONGEST_TABLE = 8 << 20
_MOST_RIVALS = 16
_MOST_ANCESTORS = 64

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
            self._found = tuple(self._rivals(containers, 0 if alive else port))[:_MOST_RIVALS]
            self._read_at = now
        return self._found

    def _rivals(self, containers: tuple[Container, ...], port: int) -> Iterator[Rival]:
        holder = self._port_holder(port) if port else None
        for pid in self._processes():
            with suppress(OSError):  # it ended, or is not ours to see
                if pid != holder and not may_be_program(self._text(pid, "comm").strip()):
                    continue
                arguments = decode_command(self._bytes(pid, "cmdline"))
                program = program_of(arguments)
                if (program and self._is_rival(pid, containers)) or pid == holder:
                    unit, container = decode_cgroup(self._text(pid, "cgroup"))
                    listens = port if pid == holder else 0
                    yield Rival(program, pid, shown_command(arguments), listens, unit, container)
        if holder == 0:
            yield Rival("", 0, "", port)

    def _is_rival(self, pid: int, containers: tuple[Container, ...]) -> bool:
        own_network = (_PROC / "thread-self/ns/net").readlink()
        if (_PROC / str(pid) / "ns/net").readlink() != own_network:
            return False
        group = self._text(pid, "cgroup")
        roots = {container.pid for container in containers if container.pid}
        return not any(container.id in group for container in containers) and roots.isdisjoint(self._ancestors(pid))

    def _ancestors(self, pid: int) -> Iterator[int]:
        for _ in range(_MOST_ANCESTORS):
            yield pid
            _, _, tail = self._text(pid, "stat").rpartition(")")
            pid = int(tail.split()[1])
            if pid == 0:
                return

    def _port_holder(self, port: int) -> int | None:
        """The process that listens on a port of our network namespace, 0 when it cannot be seen, None for none."""
        inodes = set[int]()
        for table in ("net/tcp", "net/tcp6"):
            path = _PROC / "thread-self" / table
            with suppress(OSError), path.open(encoding="ascii", errors="replace") as file:
                inodes.update(listening_sockets(file.read(_LONGEST_TABLE), port))
        if not inodes:
            return None
        names = {f"socket:[{inode}]" for inode in inodes}
        return next((pid for pid in self._processes() if self._holds(pid, names)), 0)

    def _holds(self, pid: int, names: set[str]) -> bool:
        try:
            with os.scandir(_PROC / str(pid) / "fd") as descriptors:
                return any(self._target(entry.path) in names for entry in descriptors)
        except OSError:
            return False

    @staticmethod
    def _target(path: str) -> str:
        try:
            return os.readlink(path)  # noqa: PTH115 - for every descriptor of every process: a Path costs much more
        except OSError:
            return ""

    def _processes(self) -> list[int]:
        return sorted(int(name) for name in os.listdir(_PROC) if name.isdecimal())  # noqa: PTH208 - as above

    def _text(self, pid: int, name: str) -> str:
        return self._bytes(pid, name).decode(errors="replace")

    def _bytes(self, pid: int, name: str) -> bytes:
        with (_PROC / str(pid) / name).open("rb") as file:
            return file.read(_LONGEST_FILE)
