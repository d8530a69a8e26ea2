"""RTM_NEWNEIGH messages -> neighbour entries, and the forwarding entries of VXLAN devices (family AF_BRIDGE).

Behind a next hop on a VXLAN device stand two more entries: the neighbour entry gives its hardware address, the
forwarding entry gives for that the host to send to (include/uapi/linux/neighbour.h, drivers/net/vxlan).
"""

from collections.abc import Iterable, Mapping
from struct import Struct
from typing import NamedTuple

from calico_agent.decode.errors import Malformed
from calico_agent.decode.rtnetlink import FAMILIES, Attributes, address, answer, attributes, dump_bodies, link_name
from calico_agent.model.route import ForwardingEntry, Neighbour

_NEW_NEIGHBOUR = 28  # RTM_NEWNEIGH
_NEIGHBOUR = Struct("=BxxxiHBB")  # struct ndmsg: family, link, state, flags, type
_BRIDGE = 7  # AF_BRIDGE
_DST, _LLADDR, _CACHE_INFO = 1, 2, 3  # NDA_
_CACHE = Struct("=IIII")  # struct nda_cacheinfo: confirmed, used, updated (ages in USER_HZ), references
_USER_HZ = 100
_PLAIN_FLAGS = 0x80  # NTF_ROUTER, which says nothing about who keeps the entry

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
    if len(body) < _NEIGHBOUR.size:
        raise Malformed("a neighbour entry is cut short")
    _family, _index, state, flags, _type = _NEIGHBOUR.unpack_from(body)
    cache = attributes(body, _NEIGHBOUR.size).get(_CACHE_INFO, b"")
    if len(cache) < _CACHE.size:
        raise Malformed("a neighbour entry without its ages")
    word = _STATES.get(state, f"{state:#x}")
    learned = not flags & ~_PLAIN_FLAGS and word not in {"PERMANENT", "NOARP"}
    return Liveness(word, _CACHE.unpack_from(cache)[0] / _USER_HZ, learned)


def decode_neighbours(datagrams: Iterable[bytes], link_names: Mapping[int, str]) -> tuple[Neighbour, ...]:
    """The neighbour tables of IPv4 and IPv6 out of one dump. Raises Malformed, Interrupted and Refused."""
    return tuple(
        Neighbour(
            address(found[_DST], FAMILIES[family]),
            link_name(index, link_names),
            _STATES.get(state, f"{state:#x}"),
            _mac(found),
        )
        for family, index, state, found in _entries(datagrams)
        if family in FAMILIES and _DST in found
    )


def decode_forwarding(datagrams: Iterable[bytes], link_names: Mapping[int, str]) -> tuple[ForwardingEntry, ...]:
    """The entries that lead to another host, out of a dump of AF_BRIDGE. Raises Malformed, Interrupted and Refused."""
    return tuple(
        ForwardingEntry(_mac(found), link_name(index, link_names), address(found[_DST]))
        for family, index, _state, found in _entries(datagrams)
        if family == _BRIDGE and _DST in found
    )


def _entries(datagrams: Iterable[bytes]) -> Iterable[tuple[int, int, int, Attributes]]:
    for body in dump_bodies(datagrams, _NEW_NEIGHBOUR):
        if len(body) < _NEIGHBOUR.size:
            raise Malformed("a neighbour entry is cut short")
        family, index, state, _flags, _type = _NEIGHBOUR.unpack_from(body)
        yield family, index, state, attributes(body, _NEIGHBOUR.size)


def _mac(found: Attributes) -> str:
    return found.get(_LLADDR, b"").hex(":")
