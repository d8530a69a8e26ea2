"""Where a process listens for TCP connections, from /proc: whoever answers there is that process, and nobody else."""

from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

from calico_agent.model.network.address import IPAddress
from calico_agent.sources.docker.decode.felix_health import decode_listeners

_PROC = Path("/proc")
_MOST_PORTS = 64  # k3s has a dozen


def listeners(pid: int) -> tuple[tuple[IPAddress, int], ...]:
    """Its addresses and ports, in its own network namespace; nothing where that cannot be seen."""
    found: list[tuple[IPAddress, int]] = []
    with suppress(OSError, ValueError, IndexError):
        inodes = frozenset(_sockets(pid))
        for name in ("tcp", "tcp6"):
            with suppress(FileNotFoundError), (_PROC / str(pid) / "net" / name).open(encoding="ascii") as table:
                found += islice(decode_listeners(table, inodes), _MOST_PORTS)
    return tuple(found)


def reachable_host(address: IPAddress) -> str:
    """The address by which this host gets at a socket that is bound to that one."""
    if not address.is_unspecified:
        return str(address)
    return "127.0.0.1" if address.version == 4 else "::1"


def _sockets(pid: int) -> Iterator[str]:
    """The inodes of its sockets."""
    for descriptor in (_PROC / str(pid) / "fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            kind, _, inode = str(descriptor.readlink()).partition(":")
            if kind == "socket":
                yield inode.strip("[]")
