"""The expected routes against the kernel's main table: the one comparison, for findings and for people who want rows.

An audit of 50,000 routes must cost less than `ip route show` needs to print them: thousands of blocks share a way, and
routes share paths, so that a way and a path that fit each other are judged once and then recognised.
"""

from dataclasses import dataclass
from typing import NamedTuple

from calico_agent.checks.bgp.rib import Rib
from calico_agent.checks.route_verifier import RouteVerifier, judge_of
from calico_agent.checks.routes.aggregates import Aggregates, aggregates_of
from calico_agent.checks.routes.policy_rules import PolicyRouteOverride, PolicyRouteOverrides, diversions
from calico_agent.checks.routes.unexpected_routes import find_unexpected
from calico_agent.expected.route_table import Paths, expected_table
from calico_agent.expected.routes import Expectation, ExpectedRoute
from calico_agent.expected.view import View
from calico_agent.faults.routes.foreign import RT_DIVERTED
from calico_agent.faults.routes.table import RT_MISSING
from calico_agent.model.finding import Fault, Finding
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.network.prefix import Key, key_of


class RouteMismatch(NamedTuple):
    """An expected route that is not as it should be; with a `diversion` it may be, but packets do not come to it.

    `paths` are those that packets follow, best metric first; empty where there are none.
    """

    route: ExpectedRoute
    paths: Paths
    fault: Fault
    diversion: PolicyRouteOverride | None = None


@dataclass(frozen=True, slots=True)
class RouteComparison:
    """What one walk along the table told.

    `mismatches` are in the order of their prefixes. `unexpected` is what is said of routes that nothing calls for.
    `verifier`, `overrides` and `aggregates` are what the routes were judged with.
    """

    mismatches: tuple[RouteMismatch, ...]
    unexpected: tuple[Finding, ...]
    verifier: RouteVerifier
    overrides: PolicyRouteOverrides
    aggregates: Aggregates


def compare(view: View, kernel: Kernel, expectation: Expectation, rib: Rib) -> RouteComparison:
    """Compare all expected routes with those of `kernel`; `rib` is what BIRD knows of them."""
    table = expected_table(expectation)
    overrides = diversions(kernel, expectation)
    verifier = judge_of(view, table.ways)
    aggregates = aggregates_of(view, kernel.fib, table, verifier)
    amiss: dict[Key, RouteMismatch] = {}
    unexpected: list[Finding] = []
    for key, way, paths in table.walk(kernel.fib, verifier.right):
        if way is None:
            unexpected.extend(find_unexpected(view, expectation, rib, key, paths))
        elif fault := verifier.verdict(way, paths):
            if fault is not RT_MISSING or aggregates.around(table.routes[key]) is None:
                amiss[key] = RouteMismatch(table.routes[key], paths, fault)
        else:
            verifier.right[way] = paths
    for prefix, diversion in overrides.routes.items():
        route = table.routes[key := key_of(prefix)]
        if verifier.verdict(route.way, diversion.paths):
            amiss[key] = RouteMismatch(route, diversion.paths, RT_DIVERTED, diversion)
        else:
            amiss.pop(key, None)
    mismatches = tuple(amiss[key] for key in sorted(amiss))
    return RouteComparison(mismatches, tuple(unexpected), verifier, overrides, aggregates)
