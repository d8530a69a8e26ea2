"""What Felix answers on its health port -> FelixHealth, and where a process listens -> the port.

`GET /liveness` gives 200 or 204 for good and 503 for bad, with a table of Felix's parts as text since v3.22
(libcalico-go/lib/health/health.go of projectcalico/calico@v3.32.1):

    | InternalDataplaneMainLoop | 1m30s   | timed out      | timed out       |        |
"""

import re
import sys
from collections.abc import Container, Iterable, Iterator
from ipaddress import ip_address

from calico_agent.model.calico.felix_health import FelixComponent, FelixHealth
from calico_agent.model.network.address import IPAddress

_GOOD, _BAD = frozenset({200, 204}), 503
_EDGE = re.compile("[|\u2502]")
_WELL = frozenset({"-", "", "reporting live"})
_MOST_ROWS = 128
_LISTENS = "0A"  # TCP_LISTEN
_LITTLE = sys.byteorder == "little"


def decode_health(status: int, body: str) -> FelixHealth | None:
    """The answer to `GET /liveness`; None where it is not Felix's."""
    if status not in _GOOD and status != _BAD:
        return None
    rows = body.splitlines()[:_MOST_ROWS]
    return FelixHealth(status in _GOOD, tuple(found for found in map(_not_live, rows) if found is not None))


def _not_live(line: str) -> FelixComponent | None:
    """What one row says; None for who is well, for the head, the frame, and the rest of a long cell."""
    match [cell.strip() for cell in _EDGE.split(line)[1:-1]]:
        case [name, timeout, live, *_] if name and name != "COMPONENT" and live not in _WELL:
            return FelixComponent(name, "" if timeout == "-" else timeout, live)
        case _:
            return None


def decode_listeners(lines: Iterable[str], inodes: Container[str]) -> Iterator[tuple[IPAddress, int]]:
    """/proc/PID/net/tcp or tcp6 -> the addresses and ports on which the sockets with these inodes listen.

    The kernel lists those that listen first (net/ipv4/tcp_ipv4.c, tcp_seq_start), so the many others are not read.
    """
    for line in lines:
        fields = line.split()
        if not fields or fields[0] == "sl":
            continue
        if fields[3] != _LISTENS:
            return
        if fields[9] in inodes:
            address, _, port = fields[1].partition(":")
            yield _address(address), int(port, 16)


def _address(digits: str) -> IPAddress:
    """Four bytes at a time, each in the order of this machine."""
    packed = bytes.fromhex(digits)
    words = (packed[start : start + 4] for start in range(0, len(packed), 4))
    return ip_address(b"".join(word[::-1] if _LITTLE else word for word in words))
