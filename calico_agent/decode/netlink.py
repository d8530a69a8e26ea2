"""RTM_NEWROUTE messages -> Fib, and the kernel's answer for one destination -> Source.

Meanings are those of include/uapi/linux/rtnetlink.h; what the kernel puts into a message is in fib_dump_info
(net/ipv4/fib_semantics.c) and rt6_fill_node (net/ipv6/route.c).

A table of 50,000 routes must decode in the time that `ip route show` takes to print it. It can, because the messages of
routes that differ in their destination only are equal in all other bytes: such a message is taken apart once, and the
path it leads over is found again by those other bytes, also in the next dump.

Left out: cached routes (RTM_F_CLONED), and routes for one type of service or one source prefix only, which traffic in
general does not follow.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from ipaddress import ip_network
from operator import or_
from struct import Struct

from calico_agent.decode.errors import Malformed, Refused
from calico_agent.decode.next_hops import RTA_OIF, NextHopObjects, gateway, next_hops
from calico_agent.decode.rtnetlink import (
    FAMILIES,
    HEADER,
    Run,
    address,
    answer,
    attributes,
    dump_runs,
    link_name,
    number,
)
from calico_agent.model.address import Family, IPAddress
from calico_agent.model.kernel import Source
from calico_agent.model.route import TABLE_MAIN, Fib, Path, Route, RouteType, in_order

_NEW_ROUTE = 24  # RTM_NEWROUTE
_ROUTE = Struct("=BBBBBBBBI")  # struct rtmsg: family, prefix length, source's, tos, table, protocol, scope, type, flags
_CLONED = 0x200  # RTM_F_CLONED
_RTA_DST, _RTA_PRIORITY, _RTA_PREFSRC, _RTA_TABLE = 1, 6, 7, 15

_TYPES = {kind.value: kind for kind in RouteType}
_FORWARDING = {RouteType.UNICAST, RouteType.LOCAL, RouteType.BROADCAST, RouteType.ANYCAST, RouteType.MULTICAST}

# The kernel puts the table first and the destination second: so far a message goes up to the destination's own bytes,
# and so the two attribute headers before them read.
_HEAD = _ROUTE.size + 8 + 4
_ADDRESS_SIZE = {Family.IPV4: 4, Family.IPV6: 16}
_ATTRIBUTE = Struct("=HH")
_TABLE_HEADER = _ATTRIBUTE.pack(8, _RTA_TABLE)
_DST_HEADER = {family: _ATTRIBUTE.pack(4 + size, _RTA_DST) for family, size in _ADDRESS_SIZE.items()}

# Errors that are answers: what happens to a packet (fib_props in net/ipv4/fib_semantics.c).
_REFUSALS = {13: "prohibited", 22: "blackhole", 101: "no route", 113: "unreachable"}

_Bucket = dict[int, tuple[Path, ...]]
_Paths = dict[bytes, dict[bytes, tuple[Path, ...]]]


@dataclass(slots=True)
class Learned:
    """The paths of one dump, by what stands before a message's destination, then by what stands behind it.

    They hold for another dump of a host with the same links and next hop objects.
    """

    link_names: Mapping[int, str] = field(default_factory=dict)
    objects: NextHopObjects = field(default_factory=dict)
    paths: _Paths = field(default_factory=dict)


def decode_routes(
    dumps: Mapping[Family, Iterable[bytes]],
    link_names: Mapping[int, str],
    *,
    table: int = TABLE_MAIN,
    objects: NextHopObjects | None = None,
    learned: Learned | None = None,
) -> Fib:
    """The routes of one table out of one RTM_GETROUTE dump per family, each read up to its end and not beyond.

    `link_names` are the links by index, `objects` the next hop objects by id (`decode_next_hops`). `learned` is what
    the dump before gave, and is replaced by what this one gives: with it most messages are known already.
    Raises Malformed, Interrupted, and Refused when the kernel gave up.
    """
    objects, learned = objects or {}, learned or Learned()
    known = learned.paths if (learned.link_names, learned.objects) == (link_names, objects) else {}
    paths: _Paths = {}
    decoded = {
        family: _Dump(family, table, link_names, objects, known, paths).decode(datagrams)
        for family, datagrams in dumps.items()
    }
    learned.link_names, learned.objects, learned.paths = link_names, objects, paths
    return Fib({family: buckets for family, buckets in decoded.items() if buckets})


def decode_source(datagram: bytes, destination: IPAddress, link_names: Mapping[int, str]) -> Source:
    """The kernel's answer to RTM_GETROUTE for one destination. Raises Malformed, and Refused for an unknown error."""
    try:
        body = answer(datagram, _NEW_ROUTE)
    except Refused as refused:
        if refused.errno not in _REFUSALS:
            raise
        return Source(destination, None, error=_REFUSALS[refused.errno])
    family = Family(destination.version)
    found = attributes(body, _ROUTE.size)
    source = address(found[_RTA_PREFSRC], family) if _RTA_PREFSRC in found else None
    return Source(
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
    body = answer(datagram, _NEW_ROUTE)
    if len(body) < _ROUTE.size:
        raise Malformed("a route is cut short")
    table = number(attributes(body, _ROUTE.size).get(_RTA_TABLE), body[4])
    found = _Dump(family, table, link_names, {}, {}, {}).decode_one(body)
    if found is None:
        return None
    length, network, path = found
    try:
        return Route(ip_network((network.to_bytes(_ADDRESS_SIZE[family]), length)), *path)
    except ValueError as error:
        raise Malformed(f"a route to {error}") from error


@dataclass(slots=True)
class _Dump:
    """One family's dump on its way into buckets: prefix length -> network address -> paths."""

    family: Family
    table: int
    link_names: Mapping[int, str]
    objects: NextHopObjects
    known: _Paths
    paths: _Paths
    buckets: dict[int, _Bucket] = field(default_factory=dict)

    def decode(self, datagrams: Iterable[bytes]) -> dict[int, _Bucket]:
        for run in dump_runs(datagrams, _NEW_ROUTE, alike=HEADER.size + _HEAD):
            head = bytes(run.data[HEADER.size : HEADER.size + _HEAD])
            if (head[-12:-8], head[-4:]) == (_TABLE_HEADER, _DST_HEADER[self.family]):
                self._add_run(run, head)
            else:
                for body in run.bodies():
                    self._add(body)
        for length, bucket in self.buckets.items():
            if reduce(or_, bucket, 0) & ((1 << (8 * _ADDRESS_SIZE[self.family] - length)) - 1):
                raise Malformed(f"a route to a /{length} with a destination that is longer")
        return self.buckets

    def _add_run(self, run: Run, head: bytes) -> None:
        first = self.decode_one(next(run.bodies()))
        if first is None:  # and so are the others: head decides
            return
        bucket = self.buckets.setdefault(first[0], {})
        paths = self.paths.setdefault(head, {})
        known = self.known.get(head, {})
        for network, tail in self._split(run):
            here = paths.get(tail) or paths.setdefault(tail, known.get(tail) or self._learn(head, tail))
            if bucket.setdefault(network, here) is not here:
                bucket[network] = in_order(bucket[network] + here)

    def _split(self, run: Run) -> Iterable[tuple[int, bytes]]:
        """Destination and what stands behind it, of each message. They fit: the first message has been decoded."""
        before, size = HEADER.size + _HEAD, _ADDRESS_SIZE[self.family]
        rest = run.length - before - size
        if self.family is Family.IPV4:
            return Struct(f">{before}xI{rest}s").iter_unpack(run.data)
        halves = Struct(f">{before}xQQ{rest}s").iter_unpack(run.data)
        return ((high << 64 | low, tail) for high, low, tail in halves)

    def _learn(self, head: bytes, tail: bytes) -> tuple[Path, ...]:
        route = self.decode_one(head + bytes(_ADDRESS_SIZE[self.family]) + tail)
        return (route[2],) if route else ()

    def _add(self, body: bytes) -> None:
        route = self.decode_one(body)
        if route:
            length, network, path = route
            bucket = self.buckets.setdefault(length, {})
            bucket[network] = in_order((*bucket.get(network, ()), path))

    def decode_one(self, body: bytes) -> tuple[int, int, Path] | None:
        """Prefix length, network address and path of one message without its header; None when it is left out."""
        if len(body) < _ROUTE.size:
            raise Malformed("a route is cut short")
        family, length, source_length, tos, table, protocol, _scope, kind, flags = _ROUTE.unpack_from(body)
        if FAMILIES.get(family) is not self.family or flags & _CLONED or tos or source_length:
            return None
        found = attributes(body, _ROUTE.size)
        table = number(found.get(_RTA_TABLE), table)
        if table != self.table:
            return None
        destination = found.get(_RTA_DST, bytes(_ADDRESS_SIZE[self.family]))
        if length > 8 * len(destination) or len(destination) != _ADDRESS_SIZE[self.family]:
            raise Malformed(f"a route to a /{length} with a destination of {len(destination)} bytes")
        type_ = _TYPES.get(kind, RouteType.UNSPEC)
        forwards = type_ in _FORWARDING
        path = Path(
            type_,
            next_hops(found, flags, self.family, self.link_names, self.objects) if forwards else (),
            protocol,
            number(found.get(_RTA_PRIORITY)),
            table,
            address(found[_RTA_PREFSRC], self.family) if _RTA_PREFSRC in found else None,
        )
        return length, int.from_bytes(destination), path
