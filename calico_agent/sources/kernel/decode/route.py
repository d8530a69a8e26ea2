"""One RTM_NEWROUTE message: a route of a table, or the kernel's answer for one destination.

Meanings are those of include/uapi/linux/rtnetlink.h; what the kernel puts into a message is in fib_dump_info
(net/ipv4/fib_semantics.c) and rt6_fill_node (net/ipv6/route.c).

Left out: cached routes (RTM_F_CLONED), and routes for one type of service or one source prefix only, which traffic in
general does not follow.
"""

from collections.abc import Mapping
from ipaddress import ip_network
from typing import NamedTuple

from calico_agent.model.network.address import Family, IPAddress
from calico_agent.model.network.kernel import RouteLookup
from calico_agent.model.network.route import Route, RouteAttributes, RouteType
from calico_agent.sources.decode_error import KernelRefusal, Malformed
from calico_agent.sources.kernel.decode.next_hops import NextHopObjects, gateway, next_hops
from calico_agent.sources.kernel.decode.rtnetlink import FAMILIES, address, answer, attributes, link_name, number
from calico_agent.sources.kernel.uapi import (
    RTA_DST,
    RTA_OIF,
    RTA_PREFSRC,
    RTA_PRIORITY,
    RTA_TABLE,
    RTM_F_CLONED,
    RTM_NEWROUTE,
    RTMSG,
)

ADDRESS_SIZE = {Family.IPV4: 4, Family.IPV6: 16}

_TYPES = {kind.value: kind for kind in RouteType}
_FORWARDING = {RouteType.UNICAST, RouteType.LOCAL, RouteType.BROADCAST, RouteType.ANYCAST, RouteType.MULTICAST}

# Errors that are answers: what happens to a packet (fib_props in net/ipv4/fib_semantics.c), and that the kernel has no
# such family at all (IPv6 that is switched off or not built in: EOPNOTSUPP, EAFNOSUPPORT).
_REFUSALS = {
    13: "prohibited",
    22: "blackhole",
    95: "no route",
    97: "no route",
    101: "no route",
    113: "unreachable",
}


class RouteContext(NamedTuple):
    """What a route is read with: its table, the links by index, the next hop objects by id (`decode_next_hops`)."""

    table: int
    link_names: Mapping[int, str]
    objects: NextHopObjects


def decode_route(body: bytes, family: Family, setting: RouteContext) -> tuple[int, int, RouteAttributes] | None:
    """Prefix length, network address as a number, and path; None for a route that is left out or of another table.

    `body` is the message without its header. Raises Malformed and Interrupted.
    """
    if len(body) < RTMSG.size:
        raise Malformed("a route is cut short")
    af, length, source_length, tos, table, protocol, _scope, kind, flags = RTMSG.unpack_from(body)
    if FAMILIES.get(af) is not family or flags & RTM_F_CLONED or tos or source_length:
        return None
    found = attributes(body, RTMSG.size)
    table = number(found.get(RTA_TABLE), table)
    if table != setting.table:
        return None
    type_ = _TYPES.get(kind, RouteType.UNSPEC)
    forwards = type_ in _FORWARDING
    path = RouteAttributes(
        type_,
        next_hops(found, flags, family, setting.link_names, setting.objects) if forwards else (),
        protocol,
        number(found.get(RTA_PRIORITY)),
        table,
        address(found[RTA_PREFSRC], family) if RTA_PREFSRC in found else None,
    )
    return length, _network(found.get(RTA_DST), length, family), path


def decode_source(datagram: bytes, destination: IPAddress, link_names: Mapping[int, str]) -> RouteLookup:
    """The kernel's answer to RTM_GETROUTE for one destination. Raises Malformed, and Refused for an unknown error."""
    try:
        body = answer(datagram, RTM_NEWROUTE)
    except KernelRefusal as refused:
        if refused.errno not in _REFUSALS:
            raise
        return RouteLookup(destination, None, error=_REFUSALS[refused.errno])
    family = Family(destination.version)
    found = attributes(body, RTMSG.size)
    source = address(found[RTA_PREFSRC], family) if RTA_PREFSRC in found else None
    return RouteLookup(
        destination,
        source,
        device=link_name(number(found.get(RTA_OIF)), link_names),
        gateway=gateway(found, family),
        error="" if source else "no source address",
    )


def decode_match(datagram: bytes, family: Family, link_names: Mapping[int, str]) -> Route | None:
    """The table's entry that the kernel matched, in answer to RTM_GETROUTE with RTM_F_FIB_MATCH.

    Raises Malformed, and Refused when there is no such entry or it drops the packet.
    """
    body = answer(datagram, RTM_NEWROUTE)
    if len(body) < RTMSG.size:
        raise Malformed("a route is cut short")
    table = number(attributes(body, RTMSG.size).get(RTA_TABLE), body[4])
    found = decode_route(body, family, RouteContext(table, link_names, {}))
    if found is None:
        return None
    length, network, path = found
    return Route(ip_network((network.to_bytes(ADDRESS_SIZE[family]), length)), *path)


def _network(destination: bytes | None, length: int, family: Family) -> int:
    size = ADDRESS_SIZE[family]
    value = bytes(size) if destination is None else destination  # the default route has none
    if len(value) != size or length > 8 * size:
        raise Malformed(f"a route to a /{length} with a destination of {len(value)} bytes")
    network = int.from_bytes(value)
    if network & ((1 << (8 * size - length)) - 1):
        raise Malformed(f"a route to a /{length} with a destination that is longer")
    return network
