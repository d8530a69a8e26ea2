"""RTM_NEWNEIGH messages -> neighbour entries, and the forwarding entries of VXLAN devices (family AF_BRIDGE).

Behind a next hop on a VXLAN device stand two more entries: the neighbour entry gives its hardware address, the
forwarding entry gives for that the host to send to (include/uapi/linux/neighbour.h, drivers/net/vxlan).

A host may have an entry for every node. So entries of one layout are taken apart by columns, without a loop in Python;
and one that was read before, except for its ages, is the same object again.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import repeat
from struct import Struct, calcsize, unpack, unpack_from
from typing import Any, NamedTuple

from calico_agent.decode.errors import Malformed
from calico_agent.decode.rtnetlink import (
    ATTRIBUTE,
    FAMILIES,
    HEADER,
    Run,
    address,
    answer,
    attributes,
    dump_runs,
    link_name,
    places,
)
from calico_agent.model.route import ForwardingEntry, Neighbour

_NEW_NEIGHBOUR = 28  # RTM_NEWNEIGH
_NEIGHBOUR = "BxxxiHBx"  # struct ndmsg: family, link, state, flags, type
_NEIGHBOUR_SIZE = 12
_BRIDGE = 7  # AF_BRIDGE
_DST, _LLADDR, _CACHE_INFO = 1, 2, 3  # NDA_
_CACHE = Struct("=IIII")  # struct nda_cacheinfo: confirmed, used, updated (ages in USER_HZ), references
_USER_HZ = 100
_PLAIN_FLAGS = 0x80  # NTF_ROUTER, which says nothing about who keeps the entry
_NO_ANSWER = 0x01 | 0x20  # NUD_INCOMPLETE, NUD_FAILED
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


class Liveness(NamedTuple):
    """What the kernel knows about the life of one neighbour: its NUD_ word, and the seconds since the last proof of it.

    `learned`: the kernel keeps the entry itself; nobody wrote it in, and no program manages it.
    """

    state: str
    silent_seconds: float
    learned: bool


def decode_liveness(datagram: bytes) -> Liveness:
    """The answer to RTM_GETNEIGH for one neighbour. Raises Malformed, and Refused (ENOENT) when there is no entry."""
    body = answer(datagram, _NEW_NEIGHBOUR)
    if len(body) < _NEIGHBOUR_SIZE:
        raise Malformed("a neighbour entry is cut short")
    _family, _index, state, flags = unpack_from(f"={_NEIGHBOUR}", body)
    cache = attributes(body, _NEIGHBOUR_SIZE).get(_CACHE_INFO, b"")
    if len(cache) < _CACHE.size:
        raise Malformed("a neighbour entry without its ages")
    word = _STATES.get(state, f"{state:#x}")
    learned = not flags & ~_PLAIN_FLAGS and word not in {"PERMANENT", "NOARP"}
    return Liveness(word, _CACHE.unpack_from(cache)[0] / _USER_HZ, learned)


def decode_neighbours(
    datagrams: Iterable[bytes], link_names: Mapping[int, str], devices: frozenset[int] | None = None
) -> tuple[Neighbour, ...]:
    """The neighbour tables of IPv4 and IPv6 out of one dump. Raises Malformed, Interrupted and Refused.

    With `devices`, the links whose entries are wanted, nothing else comes but who does not answer on the other links.
    """
    return tuple(
        _neighbour(family, link_name(index, link_names), state, destination, mac)
        for entries in _entries(datagrams)
        if devices is None or entries.matter(devices)
        for family, index, state, destination, mac in entries.rows()
        if family in FAMILIES and destination and (devices is None or state & _NO_ANSWER or index in devices)
    )


def decode_forwarding(datagrams: Iterable[bytes], link_names: Mapping[int, str]) -> tuple[ForwardingEntry, ...]:
    """The entries that lead to another host, out of a dump of AF_BRIDGE. Raises Malformed, Interrupted and Refused."""
    return tuple(
        _forwarding(mac, link_name(index, link_names), destination)
        for entries in _entries(datagrams)
        if _DST in entries.layout
        for family, index, _state, destination, mac in entries.rows()
        if family == _BRIDGE
    )


@lru_cache(_REMEMBERED)
def _neighbour(family: int, device: str, state: int, destination: bytes, mac: bytes) -> Neighbour:
    word = _STATES.get(state, f"{state:#x}")
    return Neighbour(address(destination, FAMILIES[family]), device, word, mac.hex(":"))


@lru_cache(_REMEMBERED)
def _forwarding(mac: bytes, device: str, destination: bytes) -> ForwardingEntry:
    return ForwardingEntry(mac.hex(":"), device, address(destination))


class _Entries(NamedTuple):
    """Entries that have the same attributes at the same places. `layout` says where the values of a message stand."""

    run: Run
    layout: Mapping[int, slice]
    families: Sequence[int]
    indexes: Sequence[int]
    states: Sequence[int]
    flags: Sequence[int]

    def matter(self, devices: frozenset[int]) -> bool:
        """Whether one of them is on such a device, or does not answer."""
        return any(map(_NO_ANSWER.__and__, set(self.states))) or not devices.isdisjoint(self.indexes)

    def values(self, kind: int) -> Iterable[bytes]:
        """An attribute of all of them, empty where they do not have it."""
        if kind not in self.layout:
            return repeat(b"", self.run.messages)
        place = self.layout[kind]
        return _column(self.run, place.start, f"{place.stop - place.start}s")

    def rows(self) -> Iterable[tuple[int, int, int, bytes, bytes]]:
        """Family, link, state, destination, hardware address."""
        return zip(self.families, self.indexes, self.states, self.values(_DST), self.values(_LLADDR), strict=True)


def _entries(datagrams: Iterable[bytes]) -> Iterator[_Entries]:
    for run in dump_runs(datagrams, _NEW_NEIGHBOUR):
        yield from _of_one_layout(run)


def _of_one_layout(run: Run) -> Iterator[_Entries]:
    first = run.data[: run.length]
    start = HEADER.size + _NEIGHBOUR_SIZE
    if len(first) < start:
        raise Malformed("a neighbour entry is cut short")
    found = [*places(first, start)]
    if run.alike(byte for _, place in found for byte in range(place.start - ATTRIBUTE.size, place.start)):
        heads = _column(run, HEADER.size, _NEIGHBOUR)
        layout = dict(reversed(found))  # of several of one type the first counts
        yield _Entries(run, layout, heads[::4], heads[1::4], heads[2::4], heads[3::4])
    else:
        for begin in range(0, len(run.data), run.length):
            yield from _of_one_layout(Run(run.data[begin : begin + run.length], run.length))


def _column(run: Run, start: int, code: str) -> tuple[Any, ...]:
    """The same part of every message, one after the other; `code` is struct's."""
    rest = run.length - start - calcsize(f"={code}")
    return unpack("=" + f"{start}x{code}{rest}x" * run.messages, run.data)
