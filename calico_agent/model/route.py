"""Kernel routes: what this host forwards by.

Numbers are rtnetlink's (include/uapi/linux/rtnetlink.h): protocols, route types, tables.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from ipaddress import ip_network

from calico_agent.model.address import Family, IPAddress, IPNetwork

TABLE_MAIN = 254
TABLE_LOCAL = 255

PROTOCOL_NAMES = {2: "kernel", 3: "boot", 4: "static", 12: "bird", 16: "dhcp", 80: "felix"}


class RouteType(IntEnum):
    """RTN_ values that matter for forwarding."""

    UNSPEC = 0
    UNICAST = 1
    LOCAL = 2
    BROADCAST = 3
    ANYCAST = 4
    MULTICAST = 5
    BLACKHOLE = 6
    UNREACHABLE = 7
    PROHIBIT = 8
    THROW = 9
    NAT = 10


@dataclass(frozen=True, slots=True)
class NextHop:
    """Where a unicast route leads. `device` is the link's name; `gateway` is None for on-link destinations."""

    gateway: IPAddress | None
    device: str
    onlink: bool = False
    weight: int = 1
    dead: bool = False

    def __str__(self) -> str:
        via = f"via {self.gateway} " if self.gateway else ""
        return f"{via}dev {self.device}{' onlink' if self.onlink else ''}"


@dataclass(frozen=True, slots=True)
class Route:
    """One kernel route. Several next hops are ECMP; none for types that do not forward (blackhole, ...).

    `source` is the address the kernel prefers to send from on this route (RTA_PREFSRC).
    """

    prefix: IPNetwork
    type: RouteType = RouteType.UNICAST
    next_hops: tuple[NextHop, ...] = ()
    protocol: int = 0
    metric: int = 0
    table: int = TABLE_MAIN
    source: IPAddress | None = None

    def __str__(self) -> str:
        kind = "" if self.type is RouteType.UNICAST else f"{self.type.name.lower()} "
        hops = " + ".join(str(hop) for hop in self.next_hops)
        protocol = PROTOCOL_NAMES.get(self.protocol, str(self.protocol))
        return " ".join(f"{kind}{self.prefix} {hops} proto {protocol}".split())


@dataclass(frozen=True, slots=True)
class Neighbour:
    """One entry of the neighbour table. `state` is the kernel's NUD_ word: REACHABLE, STALE, FAILED, ..."""

    address: IPAddress
    device: str
    state: str
    mac: str = ""


@dataclass(frozen=True, slots=True)
class ForwardingEntry:
    """One entry of a VXLAN device's forwarding database: frames for `mac` are sent to host `destination`."""

    mac: str
    device: str
    destination: IPAddress


_PrefixIndex = dict[Family, dict[int, dict[int, list[Route]]]]


@dataclass(frozen=True, slots=True)
class Fib:
    """The routes of one table, indexed by prefix, for exact and longest-prefix look-ups.

    `lookup` answers for the table alone, without policy rules, as the kernel does: longest prefix, then lowest
    metric. A `throw` route and no route at all both answer None.
    """

    routes: tuple[Route, ...] = ()
    _index: _PrefixIndex = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, routes: Iterable[Route], table: int = TABLE_MAIN) -> "Fib":
        """The routes of `table`, indexed."""
        kept = tuple(route for route in routes if route.table == table)
        index: _PrefixIndex = {}
        for route in kept:
            lengths = index.setdefault(Family(route.prefix.version), {})
            bucket = lengths.setdefault(route.prefix.prefixlen, {})
            bucket.setdefault(int(route.prefix.network_address), []).append(route)
        for lengths in index.values():
            for bucket in lengths.values():
                for same in bucket.values():
                    same.sort(key=lambda route: route.metric)
        return cls(kept, index)

    def exact(self, prefix: IPNetwork) -> tuple[Route, ...]:
        """All routes for exactly this prefix, best metric first."""
        bucket = self._index.get(Family(prefix.version), {}).get(prefix.prefixlen, {})
        return tuple(bucket.get(int(prefix.network_address), ()))

    def lookup(self, address: IPAddress, *, ignoring: IPNetwork | None = None) -> Route | None:
        """The route a packet to `address` follows, or would follow were the prefix `ignoring` not there."""
        return next(
            (route for route in self._covering(address, address.max_prefixlen) if route.prefix != ignoring),
            None,
        )

    def covering(self, prefix: IPNetwork) -> Route | None:
        """The best route whose prefix contains `prefix` and is shorter."""
        return next(iter(self._covering(prefix.network_address, prefix.prefixlen - 1)), None)

    def within(self, prefix: IPNetwork) -> tuple[Route, ...]:
        """All routes whose prefix is more specific than `prefix` and lies inside it."""
        first, last = int(prefix.network_address), int(prefix.broadcast_address)
        return tuple(
            route
            for length, bucket in sorted(self._index.get(Family(prefix.version), {}).items())
            if length > prefix.prefixlen
            for network, same in bucket.items()
            if first <= network <= last
            for route in same
        )

    def _covering(self, address: IPAddress, longest: int) -> Iterator[Route]:
        width = address.max_prefixlen
        for length, bucket in sorted(self._index.get(Family(address.version), {}).items(), reverse=True):
            if length <= longest:
                network = int(address) >> (width - length) << (width - length)
                yield from bucket.get(network, ())


def host_prefix(address: IPAddress) -> IPNetwork:
    """The /32 or /128 of one address."""
    return ip_network(address)
