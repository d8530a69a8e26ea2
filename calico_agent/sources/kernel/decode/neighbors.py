"""RTM_NEWNEIGH messages -> neighbour entries, and the forwarding entries of VXLAN devices (family AF_BRIDGE).

Behind a next hop on a VXLAN device stand two more entries: the neighbour entry gives its hardware address, the
forwarding entry gives for that the host to send to (include/uapi/linux/neighbour.h, drivers/net/vxlan).

An entry that was read before, except for its ages, is the same object again.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache

from calico_agent.model.network.neighbor import ForwardingEntry, Neighbour
from calico_agent.sources.kernel.decode.neighbor_table import Entries, neighbour_entries
from calico_agent.sources.kernel.decode.rtnetlink import FAMILIES, address, link_name
from calico_agent.sources.kernel.uapi import AF_BRIDGE, NDA_DST, NDA_LLADDR, NUD_FAILED, NUD_INCOMPLETE, NUD_PERMANENT

_REMEMBERED = 16384  # entries of each kind: those of a cluster with more than 5,000 nodes

_STATES = {
    0x00: "NONE",
    0x01: "INCOMPLETE",
    0x02: "REACHABLE",
    0x04: "STALE",
    0x08: "DELAY",
    0x10: "PROBE",
    0x20: "FAILED",
    0x40: "NOARP",
    0x80: "PERMANENT",
}
_TELLING = NUD_INCOMPLETE | NUD_FAILED | NUD_PERMANENT  # nobody answers, or somebody wrote it by hand


def decode_neighbours(
    datagrams: Iterable[bytes], link_names: Mapping[int, str], devices: frozenset[int] | None = None
) -> tuple[Neighbour, ...]:
    """The neighbour tables of IPv4 and IPv6 out of one dump. Raises Malformed, Interrupted and Refused.

    With `devices`, the links whose entries are wanted, nothing else comes but who does not answer on the other links,
    and what somebody wrote by hand.
    """
    return tuple(
        _neighbour(family, link_name(index, link_names), state, destination, mac)
        for entries in neighbour_entries(datagrams)
        if devices is None or _matter(entries, devices)
        for family, index, state, destination, mac in _rows(entries)
        if family in FAMILIES and destination and (devices is None or state & _TELLING or index in devices)
    )


def decode_forwarding(datagrams: Iterable[bytes], link_names: Mapping[int, str]) -> tuple[ForwardingEntry, ...]:
    """The entries that lead to another host, out of a dump of AF_BRIDGE. Raises Malformed, Interrupted and Refused."""
    return tuple(
        _forwarding(mac, link_name(index, link_names), destination)
        for entries in neighbour_entries(datagrams)
        if NDA_DST in entries.layout
        for family, index, _state, destination, mac in _rows(entries)
        if family == AF_BRIDGE
    )


@lru_cache(_REMEMBERED)
def _neighbour(family: int, device: str, state: int, destination: bytes, mac: bytes) -> Neighbour:
    word = _STATES.get(state, f"{state:#x}")
    return Neighbour(address(destination, FAMILIES[family]), device, word, mac.hex(":"))


@lru_cache(_REMEMBERED)
def _forwarding(mac: bytes, device: str, destination: bytes) -> ForwardingEntry:
    return ForwardingEntry(mac.hex(":"), device, address(destination))


def _matter(entries: Entries, devices: frozenset[int]) -> bool:
    """Whether one of them is on such a device, or says something by its state."""
    return any(map(_TELLING.__and__, set(entries.states))) or not devices.isdisjoint(entries.indexes)


def _rows(entries: Entries) -> Iterable[tuple[int, int, int, bytes, bytes]]:
    """Family, link, state, destination, hardware address."""
    heads = entries.families, entries.indexes, entries.states
    return zip(*heads, entries.values(NDA_DST), entries.values(NDA_LLADDR), strict=True)
