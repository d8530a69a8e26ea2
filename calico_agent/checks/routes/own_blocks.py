"""This host's own blocks: each has a blackhole, for the addresses in it that no pod has."""

from collections.abc import Iterator

from calico_agent.checks import cures
from calico_agent.checks.commands import logs_here
from calico_agent.checks.route_verifier import foreign
from calico_agent.checks.routes.route_findings import LEARNED, metric_of
from calico_agent.checks.traffic_impact import fate_with, fate_without, protocol, shown
from calico_agent.expected.route_table import Paths
from calico_agent.expected.routes import Expectation
from calico_agent.expected.view import View
from calico_agent.faults.routes.foreign import RT_FOREIGN
from calico_agent.faults.routes.table import (
    RT_BLACKHOLE_MISSING,
)
from calico_agent.model.calico.node import EncapsulationMode
from calico_agent.model.finding import Finding, Severity
from calico_agent.model.network.address import IPNetwork
from calico_agent.model.network.fib import Fib
from calico_agent.model.network.prefix import key_of
from calico_agent.model.network.route import RouteAttributes, RouteType


def find_own_blocks(view: View, fib: Fib, expectation: Expectation) -> Iterator[Finding]:
    """Yield own blocks with a route that is not Calico's, or without their blackhole."""
    for prefix in expectation.own_blocks:
        paths = fib.paths(prefix)
        if (stranger := foreign(paths, view.local.felix.protocols)) is not None:
            yield _foreign_own(view, prefix, stranger)
        elif not any(path.type is RouteType.BLACKHOLE for path in paths):
            yield _no_blackhole(view, fib, prefix, paths)


def _foreign_own(view: View, prefix: IPNetwork, stranger: RouteAttributes) -> Finding:
    pool = view.cluster.pools.covering(key_of(prefix)) if view.cluster is not None else None
    by_bgp = pool is None or pool.vxlan is EncapsulationMode.NEVER
    return RT_FOREIGN.finding(
        str(prefix),
        f"a route that is not Calico's ({protocol(stranger)}) lies on {prefix}, a block of this host",
        why=f"wanted: blackhole {prefix}; found: {prefix} {shown(stranger)}{metric_of(stranger)}",
        effect=f"for addresses that no pod has, {fate_with(stranger)}{f'; {LEARNED}' if by_bgp else ''}",
        cure=f"{cures.delete(prefix, stranger)} on this host",
        node=view.me,
        prefix=prefix,
        severity=Severity.ERROR if by_bgp else Severity.WARNING,
    )


def _no_blackhole(view: View, fib: Fib, prefix: IPNetwork, paths: Paths) -> Finding:
    instead = f"instead there is {prefix} {shown(paths[0])}" if paths else f"there is no route for {prefix}"
    return RT_BLACKHOLE_MISSING.finding(
        str(prefix),
        f"the blackhole of {prefix}, a block of this node, is missing",
        why=instead,
        effect="for addresses that no pod has, " + (fate_with(paths[0]) if paths else fate_without(fib, prefix)),
        cure=f"BIRD writes it within two seconds; if it does not, {logs_here(view)}",
        node=view.local.name or "",
        prefix=prefix,
    )
