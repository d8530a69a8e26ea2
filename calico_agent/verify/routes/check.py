"""The expected routes against the kernel's main table.

An audit of 50,000 routes must cost less than `ip route show` needs to print them: thousands of blocks share a way, and
routes share paths, so that a way and a path that fit each other are judged once and then recognised.
"""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import NamedTuple

from calico_agent.model.finding import Finding, RouteCounts
from calico_agent.model.kernel import Kernel
from calico_agent.verify.bgp.rib import rib_of
from calico_agent.verify.cluster import Key
from calico_agent.verify.routes.expected import Expectation, ExpectedRoute, Way
from calico_agent.verify.routes.judge import MISSING, UNKNOWN, judge_of
from calico_agent.verify.routes.strangers import find_stranger
from calico_agent.verify.routes.table import ExpectedTable, Paths, expected_table
from calico_agent.verify.routes.tunnels import Underlay
from calico_agent.verify.routes.words import RouteWords, find_double_claims, find_own_blocks, find_unreachable
from calico_agent.verify.view import View


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
    amiss, strangers = _compare(view, kernel, expectation, table)
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


def _compare(
    view: View, kernel: Kernel, expectation: Expectation, table: ExpectedTable
) -> tuple[list[Amiss], list[Finding]]:
    """The expected routes that are amiss, by prefix, and what is said of those that are not expected."""
    judge = judge_of(view, table.ways)
    amiss: dict[Key, Amiss] = {}
    strangers: list[Finding] = []
    for key, way, paths in table.walk(kernel.fib, judge.right):
        if way is None:
            strangers.extend(find_stranger(view, expectation, key, paths))
        elif code := judge.verdict(way, paths):
            amiss[key] = Amiss(table.routes[key], paths, code)
        else:
            judge.right[way] = paths
    return [amiss[key] for key in sorted(amiss)], strangers


def _count(table: ExpectedTable, broken: Collection[Way], amiss: list[Amiss], stale: int) -> RouteCounts:
    """What was found. A right route whose way does not reach its node is wrong all the same."""
    expected = len(table.routes)
    codes = Counter(one.code for one in amiss)
    missing, unknown = codes[MISSING], codes[UNKNOWN]
    wrong = len(amiss) - missing - unknown
    if broken:
        wrong += sum(route.way in broken for route in table.routes.values())
        wrong -= sum(one.route.way in broken for one in amiss)
    lost = Counter(one.route.way.node for one in amiss if one.code == MISSING)
    owed = Counter(route.way.node for route in table.routes.values()) if lost else {}
    return RouteCounts(
        expected=expected,
        present=expected - missing - wrong - unknown,
        missing=missing,
        wrong=wrong,
        unknown=unknown,
        stale=stale,
        nodes_without_route=sum(owed[node] == number for node, number in lost.items()),
    )


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
