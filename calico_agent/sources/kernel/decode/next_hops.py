"""Where a route leads: next hops inside a route message, and next hop objects (RTM_NEWNEXTHOP), which routes share.

Layouts are those of include/uapi/linux/rtnetlink.h and nexthop.h. A route that uses an object names it, and repeats its
next hops as long as net.ipv4.nexthop_compat_mode is 1, the default. Of an encapsulation (lwtunnel: MPLS, SRv6, ...) the
kind is told and no more: the neighbour gets the packet, and not as it was.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from struct import Struct

from calico_agent.model.network.address import Family, IPAddress
from calico_agent.model.network.route import NextHop
from calico_agent.sources.decode_error import Interrupted, Malformed
from calico_agent.sources.kernel.decode.rtnetlink import (
    FAMILIES,
    Attributes,
    address,
    attributes,
    dump_bodies,
    link_name,
    number,
)

NextHopObjects = Mapping[int, tuple[NextHop, ...]]

RTA_OIF, RTA_GATEWAY, RTA_MULTIPATH, RTA_VIA, RTA_ENCAP_TYPE, RTA_NH_ID = 4, 5, 9, 18, 21, 30
_HOP = Struct("=HBBi")  # struct rtnexthop: length with its attributes, flags, weight - 1, link
_SHORT = Struct("=H")  # the family with which struct rtvia begins, and enum lwtunnel_encap_types
_DEAD, _ONLINK, _LINKDOWN = 1, 4, 16  # RTNH_F_

_NEW_NEXTHOP = 104  # RTM_NEWNEXTHOP
_NHA_ID, _NHA_GROUP, _NHA_OIF, _NHA_GATEWAY, _NHA_ENCAP_TYPE = 1, 2, 5, 6, 7
_OBJECT = Struct("=BBBBI")  # struct nhmsg: family, scope, protocol, reserved, flags
_MEMBER = Struct("=IBBH")  # struct nexthop_grp: id, weight - 1, its high byte, reserved

# By LWTUNNEL_ENCAP_ number, in the words of `ip`.
_ENCAPSULATIONS = ("", "mpls", "ip", "ila", "ip6", "seg6", "bpf", "seg6local", "rpl", "ioam6", "xfrm")


def next_hops(
    found: Attributes, flags: int, family: Family, link_names: Mapping[int, str], objects: NextHopObjects
) -> tuple[NextHop, ...]:
    """The next hops of a route with the attributes `found` and the rtm_flags `flags`."""
    if RTA_MULTIPATH in found:
        return _multipath(found[RTA_MULTIPATH], family, link_names)
    if RTA_OIF in found or RTA_GATEWAY in found or RTA_VIA in found:
        return (_next_hop(found, number(found.get(RTA_OIF)), flags, family, link_names),)
    if RTA_NH_ID in found:
        identifier = number(found[RTA_NH_ID])
        if identifier not in objects:
            raise Interrupted(f"next hop object {identifier} appeared between two dumps")
        return objects[identifier]
    return ()


def gateway(found: Attributes, family: Family) -> IPAddress | None:
    """The gateway, which for an IPv4 route may be an IPv6 address (RTA_VIA)."""
    if RTA_GATEWAY in found:
        return address(found[RTA_GATEWAY], family)
    if RTA_VIA in found:
        via = found[RTA_VIA]
        if len(via) < _SHORT.size:
            raise Malformed("a gateway of another family is cut short")
        return address(via[_SHORT.size :], FAMILIES.get(_SHORT.unpack_from(via)[0]))
    return None


def decode_next_hops(datagrams: Iterable[bytes], link_names: Mapping[int, str]) -> NextHopObjects:
    """All next hop objects of one RTM_GETNEXTHOP dump by their id; one that drops packets has no next hops.

    Raises Malformed, Interrupted, and Refused (by kernels before 5.3, which have none).
    """
    single: dict[int, tuple[NextHop, ...]] = {}
    groups: dict[int, bytes] = {}
    for body in dump_bodies(datagrams, _NEW_NEXTHOP):
        if len(body) < _OBJECT.size:
            raise Malformed("a next hop object is cut short")
        family, _scope, _protocol, _reserved, flags = _OBJECT.unpack_from(body)
        found = attributes(body, _OBJECT.size)
        identifier = number(found.get(_NHA_ID))
        if _NHA_GROUP in found:
            groups[identifier] = found[_NHA_GROUP]
        else:
            single[identifier] = _object(found, flags, FAMILIES.get(family), link_names)
    return single | {identifier: _members(members, single) for identifier, members in groups.items()}


def _multipath(value: bytes, family: Family, link_names: Mapping[int, str]) -> tuple[NextHop, ...]:
    hops = []
    while value:
        if len(value) < _HOP.size:
            raise Malformed("a next hop is cut short")
        length, flags, more_weight, index = _HOP.unpack_from(value)
        if not _HOP.size <= length <= len(value):
            raise Malformed(f"a next hop of {length} bytes where {len(value)} are left")
        hop = _next_hop(attributes(value[:length], _HOP.size), index, flags, family, link_names)
        hops.append(replace(hop, weight=more_weight + 1))
        value = value[(length + 3) & ~3 :]
    return tuple(hops)


def _next_hop(found: Attributes, index: int, flags: int, family: Family, link_names: Mapping[int, str]) -> NextHop:
    return NextHop(
        gateway(found, family),
        link_name(index, link_names) if index else "",
        onlink=bool(flags & _ONLINK),
        dead=bool(flags & _DEAD),
        linkdown=bool(flags & _LINKDOWN),
        encapsulation=_encapsulation(found.get(RTA_ENCAP_TYPE)),
    )


def _encapsulation(value: bytes | None) -> str:
    if value is None:
        return ""
    if len(value) != _SHORT.size:
        raise Malformed(f"an encapsulation type of {len(value)} bytes")
    kind = _SHORT.unpack(value)[0]
    return _ENCAPSULATIONS[kind] if kind < len(_ENCAPSULATIONS) else f"of type {kind}"


def _object(found: Attributes, flags: int, family: Family | None, link_names: Mapping[int, str]) -> tuple[NextHop, ...]:
    if _NHA_OIF not in found:
        return ()
    return (
        NextHop(
            address(found[_NHA_GATEWAY], family) if _NHA_GATEWAY in found else None,
            link_name(number(found[_NHA_OIF]), link_names),
            onlink=bool(flags & _ONLINK),
            dead=bool(flags & _DEAD),
            linkdown=bool(flags & _LINKDOWN),
            encapsulation=_encapsulation(found.get(_NHA_ENCAP_TYPE)),
        ),
    )


def _members(value: bytes, single: NextHopObjects) -> tuple[NextHop, ...]:
    if len(value) % _MEMBER.size:
        raise Malformed(f"a next hop group of {len(value)} bytes")
    hops = []
    for identifier, low, high, _reserved in _MEMBER.iter_unpack(value):
        if identifier not in single:
            raise Interrupted(f"next hop object {identifier} is in a group and not in the dump")
        hops += [replace(hop, weight=(high << 8 | low) + 1) for hop in single[identifier]]
    return tuple(hops)
