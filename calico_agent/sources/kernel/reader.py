"""Links, addresses, routes, look-ups, neighbours, forwarding: everything the kernel says about this host, by rtnetlink.

Needs no privilege. Works in the network namespace of the thread that calls it.
"""

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_address

from calico_agent.model.last_value_cache import Caches
from calico_agent.model.network.address import Family, IPAddress, Link
from calico_agent.model.network.fib import Fib
from calico_agent.model.network.kernel import Kernel, RouteLookup
from calico_agent.model.network.neighbor import ForwardingEntry, Neighbour
from calico_agent.model.network.policy_rule import PolicyRule, tables_before_main
from calico_agent.model.network.route import TABLE_MAIN, RouteType
from calico_agent.model.observation import Unreadable
from calico_agent.sources.kernel.decode.fib import Learned
from calico_agent.sources.kernel.decode.neighbors import decode_forwarding, decode_neighbours
from calico_agent.sources.kernel.links import read_links
from calico_agent.sources.kernel.netconf import read_forwards
from calico_agent.sources.kernel.netlink_socket import NetlinkSocket, retry_transient
from calico_agent.sources.kernel.policy_rules import read_rules
from calico_agent.sources.kernel.routes import dump_routes, look_up
from calico_agent.sources.kernel.uapi import AF_BRIDGE, NDMSG, RTM_GETNEIGH

# Addresses of well-known resolvers, far from any cluster. Nothing is sent there: the kernel is asked how it would be.
_FAR = tuple(
    ip_address(text) for text in ("8.8.8.8", "1.1.1.1", "9.9.9.9", "2001:4860:4860::8888", "2606:4700:4700::1111")
)
_DEFAULTS = (IPv4Network("0.0.0.0/0"), IPv6Network("::/0"))

_MOST_TABLES = 16  # beside main and local; each is another dump


class KernelReader:
    """Reads the kernel again and again: what one reading teaches makes the next one cheap. Not for several threads."""

    def __init__(self) -> None:
        self._learned: Mapping[int, Learned] = {}  # by table
        self._caches = Caches()

    def read(self, destinations: tuple[IPAddress, ...] = (), *, every_neighbour: bool = False) -> Kernel | Unreadable:
        """All of it, with look-ups towards `destinations`.

        Unless `every_neighbour` is wanted, those that were found to answer are left out, except on VXLAN devices.
        """
        return retry_transient(lambda: self._read(destinations, every_neighbour))

    def _read(self, destinations: tuple[IPAddress, ...], every_neighbour: bool) -> Kernel:
        links = read_links()
        names = {link.index: link.name for link in links}
        tunnels = frozenset(link.index for link in links if link.kind == "vxlan")
        rules = {family: read_rules(family) for family in Family}
        others = sorted(tables_before_main(rules.values()))[:_MOST_TABLES]
        self._learned = {table: self._learned.get(table, Learned()) for table in (TABLE_MAIN, *others)}
        fib, *rest = (dump_routes(names, table, learned) for table, learned in self._learned.items())
        tables = dict(zip(others, rest, strict=True))
        sources, defaults = self._caches.value(_look_up, _look_up, destinations, links, rules, fib, tables)
        return Kernel(
            links=links,
            fib=fib,
            lookups=sources,
            default_lookups=defaults,
            neighbours=_read_neighbours(names, None if every_neighbour else tunnels),
            fdb=_read_forwarding(names) if tunnels else (),
            rules=rules,
            tables=tables,
            ip_forward={family: read_forwards(family, names) for family in Family},
        )


def read_kernel(destinations: tuple[IPAddress, ...] = (), *, every_neighbour: bool = False) -> Kernel | Unreadable:
    """A single reading."""
    return KernelReader().read(destinations, every_neighbour=every_neighbour)


def _look_up(
    destinations: tuple[IPAddress, ...],
    links: tuple[Link, ...],
    _rules: Mapping[Family, tuple[PolicyRule, ...]],
    fib: Fib,
    _tables: Mapping[int, Fib],
) -> tuple[tuple[RouteLookup, ...], tuple[RouteLookup, ...]]:
    """The answers for some addresses and for the default routes: the same as long as nothing that they follow from is
    another."""
    names = {link.index: link.name for link in links}
    return look_up(destinations, names), look_up(_far_along_default(fib), names)


def _far_along_default(fib: Fib) -> Iterable[IPAddress]:
    """For each family with a default route an address that follows it, unless longer prefixes take all of them."""
    for default in _DEFAULTS:
        for far in _FAR:
            route = fib.lookup(far) if far.version == default.version else None
            if route and route.prefix == default and route.type is RouteType.UNICAST:
                yield far
                break


def _read_neighbours(names: Mapping[int, str], devices: frozenset[int] | None) -> tuple[Neighbour, ...]:
    with NetlinkSocket() as netlink:
        return decode_neighbours(netlink.dump(RTM_GETNEIGH, NDMSG.pack(0, 0, 0, 0, 0)), names, devices)


def _read_forwarding(names: Mapping[int, str]) -> tuple[ForwardingEntry, ...]:
    with NetlinkSocket() as netlink:
        return decode_forwarding(netlink.dump(RTM_GETNEIGH, NDMSG.pack(AF_BRIDGE, 0, 0, 0, 0)), names)
