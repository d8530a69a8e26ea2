"""Kernel routes: what this host forwards by.

Numbers are rtnetlink's (include/uapi/linux/rtnetlink.h): protocols, route types, tables.
"""

from dataclasses import dataclass
from enum import IntEnum
from ipaddress import IPv4Network, IPv6Network
from typing import NamedTuple

from calico_agent.model.network.address import IPAddress, IPNetwork

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


def host_prefix(address: IPAddress) -> IPNetwork:
    """The /32 or /128 of one address."""
    number = int(address)
    return IPv4Network((number, 32)) if address.version == 4 else IPv6Network((number, 128))
