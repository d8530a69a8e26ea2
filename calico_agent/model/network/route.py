"""Kernel routes: what this host forwards by.

Numbers are rtnetlink's (include/uapi/linux/rtnetlink.h): protocols, route types, tables.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import NamedTuple

from calico_agent.model.network.address import Family, IPAddress, IPNetwork

TABLE_MAIN = 254
TABLE_LOCAL = 255

PROTOCOL_KERNEL, PROTOCOL_BOOT, PROTOCOL_RA, PROTOCOL_BIRD, PROTOCOL_FELIX = 2, 3, 9, 12, 80
PROTOCOL_NAMES = {2: "kernel", 3: "boot", 4: "static", PROTOCOL_RA: "ra", 12: "bird", 16: "dhcp", 80: "felix"}
CALICO_PROTOCOLS = frozenset({PROTOCOL_BIRD, PROTOCOL_FELIX})


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
    """Where a unicast route leads. `device` is the link's name; `gateway` is None for on-link destinations.

    `dead`: the kernel does not use it (its link is down). `linkdown`: its link has no carrier; the kernel uses it all
    the same unless ignore_routes_with_linkdown is set. `encapsulation`: what the kernel puts around packets on their
    way to it (lwtunnel), in the word that `ip` has for it: `mpls`, `seg6`, `ip`, ...; empty for nothing.
    """

    gateway: IPAddress | None
    device: str
    onlink: bool = False
    weight: int = 1
    dead: bool = False
    linkdown: bool = False
    encapsulation: str = ""

    def __str__(self) -> str:
        around = f"encap {self.encapsulation} " if self.encapsulation else ""
        via = f"via {self.gateway} " if self.gateway else ""
        return f"{around}{via}dev {self.device}{' onlink' if self.onlink else ''}"


class RouteAttributes(NamedTuple):
    """All that a route says apart from its prefix. The kernel shares it between routes too (struct fib_info).

    A tuple, and in the order of `Route`'s fields, because `Route(prefix, *path)` is made very often.
    """

    type: RouteType = RouteType.UNICAST
    next_hops: tuple[NextHop, ...] = ()
    protocol: int = 0
    metric: int = 0
    table: int = TABLE_MAIN
    source: IPAddress | None = None

    @property
    def dead(self) -> bool:
        """Whether it has next hops and the kernel uses none of them."""
        return bool(self.next_hops) and all(hop.dead for hop in self.next_hops)

    @property
    def encapsulated(self) -> bool:
        """Whether packets that take it are put into others, without any tunnel device."""
        return any(hop.encapsulation for hop in self.next_hops)


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

    @property
    def path(self) -> RouteAttributes:
        """This route without its prefix."""
        return RouteAttributes(self.type, self.next_hops, self.protocol, self.metric, self.table, self.source)

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


PathIndex = Mapping[int, Mapping[int, Mapping[int, tuple[RouteAttributes, ...]]]]
"""IP version, prefix length, network address as a number -> the paths of that prefix, best metric first."""


@dataclass(frozen=True, slots=True)
class Fib:
    """The routes of one table, indexed by prefix, for exact and longest-prefix look-ups.

    Fifty thousand routes lead over a few hundred distinct paths, so the table is kept as numbers that point to shared
    paths, and a `Route` is made when somebody asks for it. An audit of many prefixes uses `paths`, which makes none.
    """

    index: PathIndex = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, routes: Iterable[Route], table: int = TABLE_MAIN) -> "Fib":
        """The routes of `table`, indexed."""
        index: dict[int, dict[int, dict[int, tuple[RouteAttributes, ...]]]] = {}
        for route in routes:
            if route.table == table:
                lengths = index.setdefault(route.prefix.version, {})
                bucket = lengths.setdefault(route.prefix.prefixlen, {})
                network = int(route.prefix.network_address)
                bucket[network] = in_order((*bucket.get(network, ()), route.path))
        return cls(index)

    def __len__(self) -> int:
        return sum(
            len(paths) for lengths in self.index.values() for bucket in lengths.values() for paths in bucket.values()
        )

    @property
    def routes(self) -> tuple[Route, ...]:
        """All routes, made anew at each call: shortest prefixes first within a family."""
        return tuple(
            route
            for version, lengths in self.index.items()
            for length, bucket in sorted(lengths.items())
            for network, paths in bucket.items()
            for route in _routes(_prefix(version, network, length), paths)
        )

    def paths(self, prefix: IPNetwork) -> tuple[RouteAttributes, ...]:
        """What the routes for exactly this prefix say, best metric first."""
        bucket = self._lengths(prefix).get(prefix.prefixlen, {})
        return bucket.get(int(prefix.network_address), ())

    def exact(self, prefix: IPNetwork) -> tuple[Route, ...]:
        """All routes for exactly this prefix, best metric first."""
        return tuple(_routes(prefix, self.paths(prefix)))

    def lookup(self, address: IPAddress, *, ignoring: IPNetwork | None = None) -> Route | None:
        """The route a packet to `address` follows, or would follow were the prefix `ignoring` not there.

        It answers for this table alone, without policy rules, as the kernel does (fib_table_lookup in
        net/ipv4/fib_trie.c): longest prefix, then lowest metric, passing over routes whose next hops are all dead. A
        `throw` route ends the search as if there were no route at all: None.
        """
        found = next(
            (
                route
                for route in self._covering(address, address.max_prefixlen)
                if route.prefix != ignoring and not route.path.dead
            ),
            None,
        )
        return None if found is None or found.type is RouteType.THROW else found

    def covering(self, prefix: IPNetwork) -> Route | None:
        """The best route whose prefix contains `prefix` and is shorter."""
        return next(self._covering(prefix.network_address, prefix.prefixlen - 1), None)

    def within(self, prefix: IPNetwork) -> tuple[Route, ...]:
        """All routes whose prefix is more specific than `prefix` and lies inside it."""
        first, last = int(prefix.network_address), int(prefix.broadcast_address)
        return tuple(
            route
            for length, bucket in sorted(self._lengths(prefix).items())
            if length > prefix.prefixlen
            for network, paths in bucket.items()
            if first <= network <= last
            for route in _routes(_prefix(prefix.version, network, length), paths)
        )

    def _lengths(self, of: IPNetwork | IPAddress) -> Mapping[int, Mapping[int, tuple[RouteAttributes, ...]]]:
        return self.index.get(of.version, {})

    def _covering(self, address: IPAddress, longest: int) -> Iterator[Route]:
        width = address.max_prefixlen
        for length, bucket in sorted(self._lengths(address).items(), reverse=True):
            if length <= longest:
                network = int(address) >> (width - length) << (width - length)
                paths = bucket.get(network, ())
                if paths:
                    yield from _routes(_prefix(address.version, network, length), paths)


def in_order(paths: Iterable[RouteAttributes]) -> tuple[RouteAttributes, ...]:
    """The paths of one prefix as the kernel prefers them: lowest metric first, else as they came."""
    return tuple(sorted(paths, key=lambda path: path.metric))


def _prefix(version: int, network: int, length: int) -> IPNetwork:
    return IPv4Network((network, length)) if version == Family.IPV4 else IPv6Network((network, length))


def _routes(prefix: IPNetwork, paths: tuple[RouteAttributes, ...]) -> Iterator[Route]:
    return (Route(prefix, *path) for path in paths)


def host_prefix(address: IPAddress) -> IPNetwork:
    """The /32 or /128 of one address."""
    return ip_network(address)
