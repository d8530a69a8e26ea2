"""The expected routes against the kernel's main table, prefix by prefix.

Thousands of blocks share a way, and the kernel shares paths between routes, so each pair of both is judged once.
"""

from collections import Counter
from dataclasses import dataclass, field

from calico_agent.model.finding import Finding, RouteCounts
from calico_agent.model.kernel import Kernel
from calico_agent.model.route import NextHop, Path, RouteType
from calico_agent.verify.expected_routes import TUNNEL_DEVICES, Encapsulation, Expectation, Way
from calico_agent.verify.rib import rib_of
from calico_agent.verify.route_words import RouteWords, find_double_claims, find_own_blocks, find_unreachable
from calico_agent.verify.strangers import find_strangers
from calico_agent.verify.tunnels import Underlay
from calico_agent.verify.view import View

_MISSING = "RT-MISSING"
_UNKNOWN = "unknown"
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


def check_routes(view: View, kernel: Kernel, expectation: Expectation) -> RouteCheck:
    """Compare all of it."""
    words = RouteWords(view, kernel.fib, rib_of(view))
    broken = _underlay(view, kernel, expectation)
    judge = _Judge(view)
    findings: list[Finding] = [one for found in broken.values() for one in found]
    verdicts: Counter[str] = Counter()
    lost: Counter[str] = Counter()
    found_nodes: set[str] = set()
    for route in expectation.routes:
        paths = kernel.fib.paths(route.prefix)
        code = judge.verdict(route.way, paths)
        verdicts["wrong" if not code and route.way in broken else code or "present"] += 1
        if code == _MISSING:
            lost[route.way.node] += 1
        else:
            found_nodes.add(route.way.node)
        if code and code != _UNKNOWN:
            findings.append(words.missing(route) if code == _MISSING else words.wrong(route, code, paths[0]))
    findings.extend(find_own_blocks(view, kernel.fib, expectation))
    strangers = find_strangers(view, kernel, expectation)
    findings.extend(strangers)
    findings.extend(find_double_claims(view, expectation))
    findings.extend(find_unreachable(expectation))
    present, missing, unknown = (verdicts.pop(word, 0) for word in ("present", _MISSING, _UNKNOWN))
    counts = RouteCounts(
        expected=len(expectation.routes),
        present=present,
        missing=missing,
        wrong=sum(verdicts.values()),
        unknown=unknown,
        stale=sum(one.code == "RT-STALE" for one in strangers),
        nodes_without_route=len(lost.keys() - found_nodes),
    )
    return RouteCheck(counts, tuple(findings))


class _Judge:
    """The verdict on (way, paths): empty for right, a code for wrong. Each pair is looked at once."""

    def __init__(self, view: View) -> None:
        self._bridges = frozenset(found.link for found in view.local.bridges())
        self._verdicts: dict[tuple[int, ...], str] = {}

    def verdict(self, way: Way, paths: tuple[Path, ...]) -> str:
        # By identity: all of them outlive this object, and hashing addresses would cost more than the comparison.
        key = (id(way), *map(id, paths))
        if key not in self._verdicts:
            self._verdicts[key] = self._judge(way, paths)
        return self._verdicts[key]

    def _judge(self, way: Way, paths: tuple[Path, ...]) -> str:
        if not paths:
            # WireGuard's routes are in a table of their own, which is not read.
            return _UNKNOWN if way.encapsulation is Encapsulation.WIREGUARD else _MISSING
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
        return all(self._device_fits(way, hop) and way.gateway in {None, hop.gateway} for hop in path.next_hops)

    def _device_fits(self, way: Way, hop: NextHop) -> bool:
        if way.device:
            return hop.device == way.device
        return hop.device not in TUNNEL_DEVICES and hop.device not in self._bridges and hop.device != "lo"


def _by_calico(path: Path) -> bool:
    """Whether BIRD or Felix wrote it: Felix writes VXLAN routes as `boot` (deviceRouteProtocol)."""
    through_tunnel = any(hop.device in TUNNEL_DEVICES for hop in path.next_hops)
    return path.protocol in {_BIRD, _FELIX} or (path.protocol == _BOOT and through_tunnel)


def _underlay(view: View, kernel: Kernel, expectation: Expectation) -> dict[Way, tuple[Finding, ...]]:
    """The ways that do not reach their node, each with its findings; one finding for each node."""
    underlay = Underlay(view, kernel)
    broken: dict[Way, tuple[Finding, ...]] = {}
    said: set[tuple[str, str]] = set()
    for way in dict.fromkeys(route.way for route in expectation.routes):
        found = tuple(underlay.find(way))
        if found:
            broken[way] = tuple(one for one in found if (one.code, one.subject) not in said)
            said.update((one.code, one.subject) for one in found)
    return broken
