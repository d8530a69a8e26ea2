"""The expected routes laid out as the kernel lays out its own: by prefix length and network, as plain numbers.

So one walk along the kernel's table tells all that is not as it should be. An audit of 50,000 routes must cost less
than `ip route show` needs to print them: built-in functions make the walk, and only what differs comes into a loop.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import compress, filterfalse
from operator import is_not
from typing import NamedTuple

from calico_agent.expected.forwarding import Encapsulation, ForwardingPath
from calico_agent.expected.routes import Expectation, ExpectedRoute
from calico_agent.model.last_value_cache import LastValueCache
from calico_agent.model.network.address import IPAddress, IPNetwork
from calico_agent.model.network.fib import Fib
from calico_agent.model.network.prefix import Key, PrefixIndex, key_of
from calico_agent.model.network.route import RouteAttributes, host_prefix

Paths = tuple[RouteAttributes, ...]
"""What the routes for one prefix say, best metric first; empty where there is none."""

_Kind = tuple[int, int]  # IP version and prefix length


class Row(NamedTuple):
    """A prefix, the way that its expected route should take (None: none is expected), and what the kernel has."""

    key: Key
    way: ForwardingPath | None
    paths: Paths


@dataclass(frozen=True, slots=True)
class ExpectedTable:
    """All expected routes.

    `columns` are their ways by kind of prefix and network, `ways` the same, each once, with a prefix that should take
    it; `own` are the blocks of this host.
    `encapsulated` is how many routes there are of each encapsulation.
    `blocks` finds the expected route to the block around a prefix, and `all` any expected route around it.
    """

    routes: Mapping[Key, ExpectedRoute]
    columns: Mapping[_Kind, Mapping[int, ForwardingPath]]
    ways: Mapping[ForwardingPath, IPNetwork]
    own: frozenset[Key]
    encapsulated: Mapping[Encapsulation, int]
    blocks: PrefixIndex[ExpectedRoute]
    all: PrefixIndex[ExpectedRoute]

    def route_to(self, address: IPAddress) -> ExpectedRoute | None:
        """Return the expected route that packets to this address should follow."""
        return self.all.covering(key_of(host_prefix(address)))

    def walk(self, fib: Fib, right: Mapping[ForwardingPath | None, Paths]) -> Iterator[Row]:
        """Yield all prefixes, expected and found, except where the kernel has the very paths that are `right` for the
        way.

        `right` is asked about a prefix when its turn comes: what is learned from one row holds for the next.
        """
        found = {
            (int(version), length): lengths[length] for version, lengths in fib.index.items() for length in lengths
        }
        for kind in {**self.columns, **found}:
            ways, bucket = self.columns.get(kind, {}), found.get(kind, {})
            beside = [*map(ways.get, bucket)]
            unsure = map(is_not, bucket.values(), map(right.get, beside))
            more = 0
            for network, way, paths in compress(zip(bucket, beside, bucket.values(), strict=True), unsure):
                more += way is None
                yield Row((*kind, network), way, paths)
            if len(bucket) - more < len(ways):
                for network in filterfalse(bucket.__contains__, ways):
                    yield Row((*kind, network), ways[network], ())


@LastValueCache
def expected_table(expectation: Expectation) -> ExpectedTable:
    """Return the expectation as a table."""
    routes = {key_of(route.prefix): route for route in expectation.routes}
    columns: dict[_Kind, dict[int, ForwardingPath]] = {}
    for (version, length, network), route in routes.items():
        columns.setdefault((version, length), {})[network] = route.way
    return ExpectedTable(
        routes,
        columns,
        {route.way: route.prefix for route in expectation.routes},
        frozenset(map(key_of, expectation.own_blocks)),
        Counter(route.way.encapsulation for route in routes.values()),
        PrefixIndex({key: route for key, route in routes.items() if not route.borrowed}),
        PrefixIndex(routes),
    )
