"""Recorded neighbour and forwarding entries: `neigh.txt` (`ip neigh`) and `fdb.txt` (`bridge fdb`)."""

from collections.abc import Iterator
from ipaddress import ip_address
from itertools import pairwise

from calico_agent.model.network.neighbor import ForwardingEntry, Neighbour

_STATES = frozenset({"NONE", "INCOMPLETE", "REACHABLE", "STALE", "DELAY", "PROBE", "FAILED", "NOARP", "PERMANENT"})


def neighbours(recorded: str) -> tuple[Neighbour, ...]:
    """All entries of both families. Raises ValueError."""
    return tuple(map(_neighbour, filter(str.strip, recorded.splitlines())))


def forwarding(recorded: str) -> tuple[ForwardingEntry, ...]:
    """The entries that lead to another host. Raises ValueError."""
    return tuple(_forwarding(recorded))


def _neighbour(line: str) -> Neighbour:
    destination, *words = line.split()
    named = dict(pairwise(words))
    state = next((word for word in words if word in _STATES), "NONE")
    return Neighbour(ip_address(destination), named["dev"], state, named.get("lladdr", ""))


def _forwarding(recorded: str) -> Iterator[ForwardingEntry]:
    for line in filter(str.strip, recorded.splitlines()):
        mac, *words = line.split()
        named = dict(pairwise(words))
        if "dst" in named:
            yield ForwardingEntry(mac, named["dev"], ip_address(named["dst"]))
