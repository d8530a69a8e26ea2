"""The whole table that the audit compares, prefix by prefix, for people who want to see it."""

from collections.abc import Iterator
from functools import cache

from calico_agent.checks.bgp.rib import rib_of
from calico_agent.checks.routes.comparison import RouteComparison, compare
from calico_agent.checks.traffic_impact import shown
from calico_agent.checks.underlay.tunnels import Underlay
from calico_agent.expected.cluster import Cluster
from calico_agent.expected.forwarding import ForwardingPath
from calico_agent.expected.route_table import expected_table
from calico_agent.expected.routes import Expectation, ExpectedRoute, expect
from calico_agent.expected.view import View
from calico_agent.faults.routes.table import RT_BLACKHOLE_MISSING, RT_MISSING, RT_STALE
from calico_agent.model.finding import Fault, Finding
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.network.prefix import key_of
from calico_agent.model.network.route import RouteAttributes, RouteType
from calico_agent.model.network.route_trace import RouteRow, RouteState

_STATES = {None: RouteState.RIGHT, RT_MISSING: RouteState.MISSING}


def route_rows(view: View) -> tuple[RouteRow, ...]:
    """Return every expected route, own block and unexpected route, by prefix.

    There are none while datastore or kernel cannot be read.
    """
    if view.cluster is None or view.kernel is None:
        return ()
    expectation = expect(view.cluster, view.local)
    compared = compare(view, view.kernel, expectation, rib_of(view))
    rows = (
        *_expected(view, view.cluster, view.kernel, expectation, compared),
        *_own(view, view.cluster, view.kernel, expectation),
        *(_unexpected(one, view.cluster, view.kernel) for one in compared.unexpected),
    )
    return tuple(sorted(rows, key=_by_prefix))


def _expected(
    view: View, cluster: Cluster, kernel: Kernel, expectation: Expectation, compared: RouteComparison
) -> Iterator[RouteRow]:
    table, underlay = expected_table(expectation), Underlay(view, kernel)
    faults = {key_of(one.route.prefix): one.fault for one in compared.mismatches}
    told = cache(str)

    @cache
    def beneath(way: ForwardingPath) -> Fault | None:
        """The fault that keeps packets from the node although the route is right."""
        return next((one.fault for one in underlay.find(way, kernel.fib.paths(table.ways[way]))), None)

    for key, route in table.routes.items():
        fault = faults.get(key) or beneath(route.way)
        yield RouteRow(
            prefix=route.prefix,
            node=route.way.node,
            pool=_pool(cluster, key),
            state=_STATES.get(fault, RouteState.WRONG),
            wanted=told(route.way),
            found=_taken(route, kernel, compared),
            code=fault.code if fault is not None else "",
        )


def _taken(route: ExpectedRoute, kernel: Kernel, compared: RouteComparison) -> str:
    """The route that packets take now: one that a rule leads to, the kernel's own, or one that stands for many."""
    if (diversion := compared.overrides.routes.get(route.prefix)) is not None:
        return str(diversion)
    paths = kernel.fib.paths(route.prefix)
    around = None if paths else compared.aggregates.around(route)
    return _found(paths) if around is None else f"{around.prefix} {shown(around.path)}"


def _own(view: View, cluster: Cluster, kernel: Kernel, expectation: Expectation) -> Iterator[RouteRow]:
    for prefix in expectation.own_blocks:
        paths = kernel.fib.paths(prefix)
        there = any(path.type is RouteType.BLACKHOLE for path in paths)
        state = RouteState.RIGHT if there else RouteState.WRONG if paths else RouteState.MISSING
        code = "" if there else RT_BLACKHOLE_MISSING.code
        yield RouteRow(prefix, view.me, _pool(cluster, key_of(prefix)), state, "blackhole", _found(paths), code)


def _unexpected(finding: Finding, cluster: Cluster, kernel: Kernel) -> RouteRow:
    prefix = finding.prefix
    assert prefix is not None, "they are routes"
    state = RouteState.STALE if finding.fault is RT_STALE else RouteState.WRONG
    found = _found(kernel.fib.paths(prefix))
    return RouteRow(prefix, finding.node, _pool(cluster, key_of(prefix)), state, "nothing", found, finding.code)


def _pool(cluster: Cluster, key: tuple[int, int, int]) -> str:
    pool = cluster.pools.covering(key)
    return pool.name if pool else ""


def _found(paths: tuple[RouteAttributes, ...]) -> str:
    return shown(paths[0]) if paths else "nothing"


def _by_prefix(row: RouteRow) -> tuple[int, int, int]:
    return (row.prefix.version, int(row.prefix.network_address), row.prefix.prefixlen)
