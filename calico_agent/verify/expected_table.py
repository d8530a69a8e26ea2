"""The expected routes laid out as the kernel lays out its own: by prefix length, in ascending order, as plain numbers.

Walking two tables of 50,000 routes in the same order costs a third of looking each route up wherever it happens to be:
neighbours in the table are neighbours in memory.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import filterfalse
from operator import itemgetter
from typing import NamedTuple

from calico_agent.model.address import IPAddress
from calico_agent.model.route import Fib, Path, host_prefix
from calico_agent.model.unchanged import MadeOnce
from calico_agent.verify.cluster import Key, PrefixIndex, key_of
from calico_agent.verify.expected_routes import Expectation, ExpectedRoute, Way

Paths = tuple[Path, ...]
"""What the routes for one prefix say, best metric first; empty where there is none."""

_Kind = tuple[int, int]  # IP version and prefix length


class Column(NamedTuple):
    """All expected routes of one prefix length: side by side network, way, and the route itself."""

    kind: _Kind
    networks: tuple[int, ...]
    ways: tuple[Way, ...]
    routes: tuple[ExpectedRoute, ...]

    def beside(self, fib: Fib) -> Mapping[int, Paths]:
        """What the kernel has of this length."""
        return fib.index.get(self.kind[0], {}).get(self.kind[1], {})


@dataclass(frozen=True, slots=True)
class ExpectedTable:
    """All expected routes, and the prefixes that are rightly there: theirs and those of own blocks.

    `ways` are those of all columns, each once. `blocks` finds the expected route to the block around a prefix, and
    `all` any expected route around it.
    """

    columns: tuple[Column, ...]
    ways: tuple[Way, ...]
    rightful: Mapping[_Kind, frozenset[int]]
    blocks: PrefixIndex[ExpectedRoute]
    all: PrefixIndex[ExpectedRoute]

    def route_to(self, address: IPAddress) -> ExpectedRoute | None:
        """The expected route that packets to this address should follow."""
        return self.all.covering(key_of(host_prefix(address)))

    def others(self, fib: Fib) -> Iterator[tuple[Key, Paths]]:
        """What else the kernel has."""
        for version, lengths in fib.index.items():
            for length, bucket in lengths.items():
                rightful = self.rightful.get((version, length), frozenset())
                for network in filterfalse(rightful.__contains__, bucket):
                    yield (int(version), length, network), bucket[network]


@MadeOnce
def expected_table(expectation: Expectation) -> ExpectedTable:
    """The expectation as a table."""
    rows: dict[_Kind, list[tuple[int, ExpectedRoute]]] = {}
    rightful: dict[_Kind, set[int]] = {}
    for route in expectation.routes:
        version, length, network = key_of(route.prefix)
        rows.setdefault((version, length), []).append((network, route))
        rightful.setdefault((version, length), set()).add(network)
    for prefix in expectation.own_blocks:
        version, length, network = key_of(prefix)
        rightful.setdefault((version, length), set()).add(network)
    return ExpectedTable(
        tuple(_column(kind, sorted(found, key=itemgetter(0))) for kind, found in rows.items()),
        tuple(dict.fromkeys(route.way for route in expectation.routes)),
        {kind: frozenset(networks) for kind, networks in rightful.items()},
        PrefixIndex({key_of(route.prefix): route for route in expectation.routes if not route.borrowed}),
        PrefixIndex({key_of(route.prefix): route for route in expectation.routes}),
    )


def _column(kind: _Kind, rows: list[tuple[int, ExpectedRoute]]) -> Column:
    networks, routes = zip(*rows, strict=True)
    return Column(kind, networks, tuple(route.way for route in routes), routes)
