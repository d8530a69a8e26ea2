"""RTM_NEWNEIGH messages -> neighbour entries, and the forwarding entries of VXLAN devices (family AF_BRIDGE).

Behind a next hop on a VXLAN device stand two more entries: the neighbour entry gives its hardware address, the
forwarding entry gives for that the host to send to (include/uapi/linux/neighbour.h, drivers/net/vxlan).
"""

from collections.abc import Iterable, Mapping
from struct import Struct

from calico_agent.decode.errors import Malformed
from calico_agent.decode.rtnetlink import FAMILIES, Attributes, address, attributes, dump_bodies, link_name
from calico_agent.model.route import ForwardingEntry, Neighbour

_NEW_NEIGHBOUR = 28  # RTM_NEWNEIGH
_NEIGHBOUR = Struct("=BxxxiHBB")  # struct ndmsg: family, link, state, flags, type
_BRIDGE = 7  # AF_BRIDGE
_DST, _LLADDR = 1, 2  # NDA_

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
