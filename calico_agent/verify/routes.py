"""The expected routes against the kernel's main table.

An audit of 50,000 routes must cost less than `ip route show` needs to print them: thousands of blocks share a way, and
routes share paths, so that a way and a path that fit each other are judged once and then recognised.
"""

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from itertools import repeat
from typing import NamedTuple

from calico_agent.model.address import IPAddress
from calico_agent.model.finding import Finding, RouteCounts
from calico_agent.model.kernel import Kernel
from calico_agent.model.route import Fib, NextHop, Path, RouteType
from calico_agent.verify.expected_routes import TUNNEL_DEVICES, Encapsulation, Expectation, ExpectedRoute, Way
from calico_agent.verify.expected_table import ExpectedTable, Paths, expected_table
from calico_agent.verify.rib import rib_of
from calico_agent.verify.route_words import RouteWords, find_double_claims, find_own_blocks, find_unreachable
from calico_agent.verify.strangers import find_strangers
from calico_agent.verify.tunnels import Underlay
from calico_agent.verify.view import View

MISSING = "RT-MISSING"
UNKNOWN = "unknown"
_BIRD, _FELIX, _BOOT = 12, 80, 3
_DROPS = {
    RouteType.BLACKHOLE: "RT-BLACKHOLE",
    RouteType.UNREACHABLE: "RT-UNREACHABLE",
    RouteType.THROW: "RT-UNREACHABLE",
    RouteType.PROHIBIT: "RT-PROHIBIT",
}


@dataclass(frozen=True, slots=True)
class RouteCheck:
    """What the comparison of one table found."""

    counts: RouteCounts = field(default_factory=RouteCounts)
    findings: tuple[Finding, ...] = ()


class Amiss(NamedTuple):
    """An expected route that is not as it should be."""

    route: ExpectedRoute
    paths: Paths
    code: str


def check_routes(view: View, kernel: Kernel, expectation: Expectation) -> RouteCheck:
    """Compare all of it."""
    table = expected_table(expectation)
    words = RouteWords(view, kernel.fib, rib_of(view))
    broken = _underlay(view, kernel, table)
    amiss = tuple(_find_amiss(table, kernel.fib, Judge(view)))
    strangers = find_strangers(view, kernel, expectation)
    findings = (
        *(one for found in broken.values() for one in found),
        *(
            words.missing(route) if code == MISSING else words.wrong(route, code, paths[0])
            for route, paths, code in amiss
            if code != UNKNOWN
        ),
        *find_own_blocks(view, kernel.fib, expectation),
        *strangers,
        *find_double_claims(view, expectation),
        *find_unreachable(expectation),
    )
    return RouteCheck(_count(table, broken, amiss, sum(one.code == "RT-STALE" for one in strangers)), findings)


def _find_amiss(table: ExpectedTable, fib: Fib, judge: "Judge") -> Iterator[Amiss]:
    for column in table.columns:
        right: dict[Way, Paths] = {}
        there = map(column.beside(fib).get, column.networks, repeat(()))
        # Looked up as the loop goes: what it has learned of a way helps with the next route of that way.
        known = map(right.get, column.ways)
        for paths, recognised, way, route in zip(there, known, column.ways, column.routes, strict=True):
            if paths is recognised:
                continue
            code = judge.verdict(way, paths)
            if code:
                yield Amiss(route, paths, code)
            else:
                right[way] = paths


def _count(table: ExpectedTable, broken: Collection[Way], amiss: tuple[Amiss, ...], stale: int) -> RouteCounts:
    """What was found. A right route whose way does not reach its node is wrong all the same."""
    expected = sum(len(column.routes) for column in table.columns)
    codes = Counter(one.code for one in amiss)
    missing, unknown = codes[MISSING], codes[UNKNOWN]
    wrong = len(amiss) - missing - unknown
    if broken:
        wrong += sum(way in broken for column in table.columns for way in column.ways)
        wrong -= sum(one.route.way in broken for one in amiss)
    lost = Counter(one.route.way.node for one in amiss if one.code == MISSING)
    owed = Counter(way.node for column in table.columns for way in column.ways) if lost else {}
    return RouteCounts(
        expected=expected,
        present=expected - missing - wrong - unknown,
        missing=missing,
        wrong=wrong,
        unknown=unknown,
        stale=stale,
        nodes_without_route=sum(owed[node] == number for node, number in lost.items()),
    )


class Judge:
    """The verdict on a way and the paths that were found: empty for right, a code for wrong."""

    def __init__(self, view: View) -> None:
        self._bridges = frozenset(found.link for found in view.local.bridges())
        self._bridged = tuple(found.interface.network for found in view.local.bridges())
        # Only the mesh tells next hops; a router that peers with nodes may send its own.
        meshed = view.cluster is not None and not view.cluster.bgp.peers
        self._fib = view.kernel.fib if view.kernel is not None and meshed else Fib()
        self._resolved: dict[Way, frozenset[IPAddress]] = {}

    def verdict(self, way: Way, paths: Paths) -> str:
        """The verdict on one route."""
        if not paths:
            # WireGuard's routes are in a table of their own, which is not read.
            return UNKNOWN if way.encapsulation is Encapsulation.WIREGUARD else MISSING
        best = paths[0]
        if best.dead:
            return "RT-NEXTHOP-DEAD"
        if self._fits(way, best):
            return ""
        if any(self._fits(way, other) for other in paths[1:]):
            return "RT-SHADOWED"
        if best.type in _DROPS:
            return _DROPS[best.type]
        if not _by_calico(best):
            return "RT-FOREIGN"
        if len(best.next_hops) > 1:
            return "RT-ECMP"
        return "RT-WRONG-NEXTHOP" if all(self._device_fits(way, hop) for hop in best.next_hops) else "RT-WRONG-DEVICE"

    def _fits(self, way: Way, path: Path) -> bool:
        if path.type is not RouteType.UNICAST or not path.next_hops:
            return False
        if not way.judged:
            return True
        return all(self._device_fits(way, hop) and self._gateway_fits(way, hop) for hop in path.next_hops)

    def _gateway_fits(self, way: Way, hop: NextHop) -> bool:
        if way.gateway is not None or way.device:
            return way.gateway in {None, hop.gateway}
        if way not in self._resolved:
            astray = any(way.registered in network for network in self._bridged)  # the record is wrong, not the route
            self._resolved[way] = frozenset() if astray else _gateways(self._fib, way.registered)
        return not self._resolved[way] or hop.gateway in self._resolved[way]

    def _device_fits(self, way: Way, hop: NextHop) -> bool:
        if way.device:
            return hop.device == way.device
        return hop.device not in TUNNEL_DEVICES and hop.device not in self._bridges and hop.device != "lo"


def _gateways(fib: Fib, address: IPAddress) -> frozenset[IPAddress]:
    """The routers by which the kernel reaches an address, as BIRD resolves a far next hop; empty when by none."""
    route = fib.lookup(address)
    gateways = [hop.gateway for hop in route.next_hops] if route is not None else []
    return frozenset() if None in gateways else frozenset(filter(None, gateways))


def _by_calico(path: Path) -> bool:
    """Whether BIRD or Felix wrote it: Felix writes VXLAN routes as `boot` (deviceRouteProtocol)."""
    through_tunnel = any(hop.device in TUNNEL_DEVICES for hop in path.next_hops)
    return path.protocol in {_BIRD, _FELIX} or (path.protocol == _BOOT and through_tunnel)


def _underlay(view: View, kernel: Kernel, table: ExpectedTable) -> dict[Way, tuple[Finding, ...]]:
    """The ways that do not reach their node, each with its findings; one finding for each node."""
    underlay = Underlay(view, kernel)
    broken: dict[Way, tuple[Finding, ...]] = {}
    said: set[tuple[str, str]] = set()
    for way in table.ways:
        found = tuple(underlay.find(way))
        if found:
            broken[way] = tuple(one for one in found if (one.code, one.subject) not in said)
            said.update((one.code, one.subject) for one in found)
    return broken
