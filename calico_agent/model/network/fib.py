"""The routes of one table, for look-ups as the kernel makes them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network

from calico_agent.model.network.address import Family, IPAddress, IPNetwork
from calico_agent.model.network.route import TABLE_MAIN, Route, RouteAttributes, RouteType

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
