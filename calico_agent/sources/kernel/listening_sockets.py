"""Who listens on TCP ports of this host, asked of the kernel (sock_diag): it names those sockets alone, whereas
/proc/net/tcp lists every connection.

Whose they are is seen in the descriptors of all processes, which takes root and CAP_SYS_PTRACE, and some time: they are
looked through only when another socket listens than before.
"""

import os
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from errno import EAFNOSUPPORT, ENOENT
from itertools import islice

import psutil

from calico_agent.model.container.container import Container
from calico_agent.model.network.address import Family
from calico_agent.model.network.listener import Listener, Listeners
from calico_agent.model.observation import Unreadable
from calico_agent.sources.decode_error import KernelRefusal
from calico_agent.sources.host.conflicting_processes import is_ours
from calico_agent.sources.host.decode.conflicting_processes import decode_cgroup, program_of, shown_command
from calico_agent.sources.host.processes import ENDED, command_line, control_group
from calico_agent.sources.kernel.decode.sock_diag import Socket, ask_for_listening, decode_listening
from calico_agent.sources.kernel.netlink_socket import NetlinkSocket, retry_transient
from calico_agent.sources.kernel.uapi import NETLINK_SOCK_DIAG, SOCK_DIAG_BY_FAMILY

_MOST_SOCKETS = 4096
_PREFIX = "socket:["
_NO_FAMILY = frozenset({ENOENT, EAFNOSUPPORT})  # a kernel without IPv6


class ListenerReader:
    """Reads them; not thread-safe."""

    def __init__(self) -> None:
        self._owners: Mapping[int, int] = {}
        self._seen: frozenset[int] = frozenset()

    def read(self, containers: Iterable[Container]) -> Listeners | Unreadable:
        """All that listen in the network namespace of the calling thread."""
        sockets = retry_transient(lambda: tuple(islice(_listening(), _MOST_SOCKETS)))
        if isinstance(sockets, Unreadable):
            return sockets
        inodes = frozenset(one.inode for one in sockets)
        if inodes != self._seen:
            self._owners, self._seen = _owners_of(inodes), inodes
        containers = tuple(containers)
        return Listeners(tuple(_listener(one, self._owners.get(one.inode, 0), containers) for one in sockets))


def _listening() -> Iterable[Socket]:
    for family in Family:
        try:
            with NetlinkSocket(protocol=NETLINK_SOCK_DIAG) as netlink:
                yield from decode_listening(netlink.dump(SOCK_DIAG_BY_FAMILY, ask_for_listening(family)))
        except KernelRefusal as refused:
            if refused.errno not in _NO_FAMILY:
                raise


def _owners_of(inodes: Collection[int]) -> Mapping[int, int]:
    """By socket, the process with the lowest number of those that have it."""
    wanted = {f"{_PREFIX}{inode}]": inode for inode in inodes}
    found: dict[int, int] = {}
    with suppress(OSError, psutil.Error):
        for pid in sorted(psutil.pids()):
            with suppress(*ENDED):
                folder = f"/proc/{pid}/fd"
                for name in os.listdir(folder):  # noqa: PTH208 - there are thousands: a Path for each takes thrice as long
                    with suppress(FileNotFoundError):
                        inode = wanted.get(os.readlink(f"{folder}/{name}"))  # noqa: PTH115
                        if inode is not None:
                            found.setdefault(inode, pid)
    return found


def _listener(one: Socket, pid: int, containers: tuple[Container, ...]) -> Listener:
    with suppress(*ENDED):
        if pid:
            process = psutil.Process(pid)
            arguments = command_line(process)
            unit, container = decode_cgroup(control_group(pid))
            ours = is_ours(process, containers)
            command, program = shown_command(arguments), program_of(arguments)
            return Listener(one.port, one.address, pid, command, program, ours, unit, container)
    return Listener(one.port, one.address)
