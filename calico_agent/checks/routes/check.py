"""What is wrong about routes: those that are not as they should be, what lies beneath them, and what is too many."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from calico_agent.checks.bgp.rib import rib_of
from calico_agent.checks.blocks.homeless import find_homeless
from calico_agent.checks.blocks.lost_blocks import find_lost_blocks
from calico_agent.checks.blocks.owners import find_double_claims, find_unreachable
from calico_agent.checks.blocks.pod_cidrs import find_pod_cidrs, host_local
from calico_agent.checks.blocks.unadvertised import find_unadvertised
from calico_agent.checks.routes.comparison import RouteMismatch, compare
from calico_agent.checks.routes.diverted import diverted, find_answers, find_diverted
from calico_agent.checks.routes.own_blocks import find_own_blocks
from calico_agent.checks.routes.route_findings import RouteFindings
from calico_agent.checks.underlay.nearness import find_lost_sight
from calico_agent.checks.underlay.routers import find_untold_routers
from calico_agent.checks.underlay.tunnels import Underlay
from calico_agent.checks.workloads.users import stranded_pods
from calico_agent.expected.forwarding import Encapsulation, ForwardingPath
from calico_agent.expected.route_table import ExpectedTable, expected_table
from calico_agent.expected.routes import Expectation
from calico_agent.expected.view import View
from calico_agent.faults.routes.table import RT_MISSING, RT_STALE, RT_WRONG_NEXTHOP
from calico_agent.model.assessment import RouteCounts
from calico_agent.model.finding import Fault, Finding
from calico_agent.model.network.kernel import Kernel


@dataclass(frozen=True, slots=True)
class RouteCheck:
    """What the comparison of one table found; `encapsulated` are the counts of the expected routes by encapsulation."""

    counts: RouteCounts = field(default_factory=RouteCounts)
    findings: tuple[Finding, ...] = ()
    encapsulated: Mapping[str, RouteCounts] = field(default_factory=dict)


def check_routes(view: View, kernel: Kernel, expectation: Expectation) -> RouteCheck:
    """Return how many routes are as they should be, and a finding for each cause that they are not."""
    table = expected_table(expectation)
    rib = rib_of(view)
    words = RouteFindings(view, kernel.fib, rib)
    broken = _underlay(view, kernel, table)
    found = compare(view, kernel, expectation, rib)
    amiss = found.mismatches
    passable = ((way, prefix) for way, prefix in table.ways.items() if way not in broken)
    astray = ((one.route, one.paths[0]) for one in amiss if one.fault is RT_WRONG_NEXTHOP)
    findings = (
        *(one for beneath in broken.values() for one in beneath),
        *(_said(view, words, one) for one in amiss),
        *find_lost_sight(view, kernel.fib, astray, rib),
        *find_diverted(view, found.overrides, found.verifier),
        *find_answers(view, kernel),
        *find_own_blocks(view, kernel.fib, expectation),
        *found.unexpected,
        *(() if host_local(view) else find_double_claims(view, expectation)),
        *(() if view.cluster is None else find_pod_cidrs(view, view.cluster)),
        *find_lost_blocks(view, expectation),
        *find_homeless(view, kernel),
        *find_unreachable(view, expectation, _stranded(view, kernel)),
        *find_unadvertised(view, expectation),
        *find_untold_routers(view, kernel, passable),
    )
    encapsulated = _count(table, broken, amiss)
    counts = RouteCounts(
        expected=len(table.routes),
        present=sum(one.present for one in encapsulated.values()),
        missing=sum(one.missing for one in encapsulated.values()),
        wrong=sum(one.wrong for one in encapsulated.values()),
        stale=sum(one.fault is RT_STALE for one in found.unexpected),
        nodes_without_route=_nodes_without_route(table, amiss),
        left_out=expectation.left_out,
    )
    return RouteCheck(counts, findings, encapsulated)


def _stranded(view: View, kernel: Kernel) -> Collection[str]:
    """The nodes without a record that this host was: their pods are here, and said of this host."""
    return stranded_pods(view, view.cluster, kernel) if view.cluster is not None else ()


def _said(view: View, words: RouteFindings, one: RouteMismatch) -> Finding:
    if one.diversion is not None:
        return diverted(view, one.route, one.diversion)
    return words.missing(one.route) if one.fault is RT_MISSING else words.wrong(one.route, one.fault, one.paths)


def _count(
    table: ExpectedTable, broken: Collection[ForwardingPath], amiss: tuple[RouteMismatch, ...]
) -> Mapping[str, RouteCounts]:
    """What was found. A right route whose way does not reach its node is wrong all the same."""
    missing = Counter(one.route.way.encapsulation for one in amiss if one.fault is RT_MISSING)
    wrong = Counter(
        one.route.way.encapsulation for one in amiss if one.fault is not RT_MISSING and one.route.way not in broken
    )
    if broken:
        wrong.update(route.way.encapsulation for route in table.routes.values() if route.way in broken)
        wrong.subtract(
            one.route.way.encapsulation for one in amiss if one.fault is RT_MISSING and one.route.way in broken
        )
    return {
        one.value: RouteCounts(
            expected=table.encapsulated.get(one, 0),
            present=table.encapsulated.get(one, 0) - missing[one] - wrong[one],
            missing=missing[one],
            wrong=wrong[one],
        )
        for one in Encapsulation
    }


def _nodes_without_route(table: ExpectedTable, amiss: tuple[RouteMismatch, ...]) -> int:
    lost = Counter(one.route.way.node for one in amiss if one.fault is RT_MISSING)
    owed = Counter(route.way.node for route in table.routes.values()) if lost else {}
    return sum(owed[node] == number for node, number in lost.items())


def _underlay(view: View, kernel: Kernel, table: ExpectedTable) -> dict[ForwardingPath, tuple[Finding, ...]]:
    """The ways that do not reach their node, each with its findings; one finding for each node."""
    underlay = Underlay(view, kernel)
    broken: dict[ForwardingPath, tuple[Finding, ...]] = {}
    said: set[tuple[Fault, str]] = set()
    for way, prefix in table.ways.items():
        found = tuple(underlay.find(way, kernel.fib.paths(prefix)))
        if found:
            broken[way] = tuple(one for one in found if (one.fault, one.subject) not in said)
            said.update((one.fault, one.subject) for one in found)
    return broken
