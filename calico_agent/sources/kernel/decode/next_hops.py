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
from calico_agent.sources.kernel.uapi import (
    NEXTHOP_GRP,
    NHA_ENCAP_TYPE,
    NHA_GATEWAY,
    NHA_GROUP,
    NHA_ID,
    NHA_OIF,
    NHMSG,
    RTA_ENCAP_TYPE,
    RTA_GATEWAY,
    RTA_MULTIPATH,
    RTA_NH_ID,
    RTA_OIF,
    RTA_VIA,
    RTM_NEWNEXTHOP,
    RTNEXTHOP,
    RTNH_F_DEAD,
    RTNH_F_LINKDOWN,
    RTNH_F_ONLINK,
)

NextHopObjects = Mapping[int, tuple[NextHop, ...]]

_SHORT = Struct("=H")  # the family with which struct rtvia begins, and enum lwtunnel_encap_types


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
    for body in dump_bodies(datagrams, RTM_NEWNEXTHOP):
        if len(body) < NHMSG.size:
            raise Malformed("a next hop object is cut short")
        family, _scope, _protocol, _reserved, flags = NHMSG.unpack_from(body)
        found = attributes(body, NHMSG.size)
        identifier = number(found.get(NHA_ID))
        if NHA_GROUP in found:
            groups[identifier] = found[NHA_GROUP]
        else:
            single[identifier] = _object(found, flags, FAMILIES.get(family), link_names)
    return single | {identifier: _members(members, single) for identifier, members in groups.items()}


def _multipath(value: bytes, family: Family, link_names: Mapping[int, str]) -> tuple[NextHop, ...]:
    hops = []
    while value:
        if len(value) < RTNEXTHOP.size:
            raise Malformed("a next hop is cut short")
        length, flags, more_weight, index = RTNEXTHOP.unpack_from(value)
        if not RTNEXTHOP.size <= length <= len(value):
            raise Malformed(f"a next hop of {length} bytes where {len(value)} are left")
        hop = _next_hop(attributes(value[:length], RTNEXTHOP.size), index, flags, family, link_names)
        hops.append(replace(hop, weight=more_weight + 1))
        value = value[(length + 3) & ~3 :]
    return tuple(hops)


def _next_hop(found: Attributes, index: int, flags: int, family: Family, link_names: Mapping[int, str]) -> NextHop:
    return NextHop(
        gateway(found, family),
        link_name(index, link_names) if index else "",
        onlink=bool(flags & RTNH_F_ONLINK),
        dead=bool(flags & RTNH_F_DEAD),
        linkdown=bool(flags & RTNH_F_LINKDOWN),
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
    if NHA_OIF not in found:
        return ()
    return (
        NextHop(
            address(found[NHA_GATEWAY], family) if NHA_GATEWAY in found else None,
            link_name(number(found[NHA_OIF]), link_names),
            onlink=bool(flags & RTNH_F_ONLINK),
            dead=bool(flags & RTNH_F_DEAD),
            linkdown=bool(flags & RTNH_F_LINKDOWN),
            encapsulation=_encapsulation(found.get(NHA_ENCAP_TYPE)),
        ),
    )


def _members(value: bytes, single: NextHopObjects) -> tuple[NextHop, ...]:
    if len(value) % NEXTHOP_GRP.size:
        raise Malformed(f"a next hop group of {len(value)} bytes")
    hops = []
    for identifier, low, high, _reserved in NEXTHOP_GRP.iter_unpack(value):
        if identifier not in single:
            raise Interrupted(f"next hop object {identifier} is in a group and not in the dump")
        hops += [replace(hop, weight=(high << 8 | low) + 1) for hop in single[identifier]]
    return tuple(hops)
