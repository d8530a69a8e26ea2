"""Blocks that have no route of their own, because routers have one for all of them.

Where nodes have sessions with routers rather than with each other, each router learns all blocks from their owners.
What it tells a node may be every block, one route for many of them, a default route, or nothing, to a host whose
default route leads to it anyway. A longer route that is lost among others cannot be told from one that was never there:
so only a host to which routers tell no single block is taken to follow its default route. None of these routes stands
for a block of which filters let its owner tell nobody: the routers themselves do not know it; nor for those of a node
of which the mesh brings every block here, as it has no filters.

A borrowed address needs no route of its own either while the one to its block leads to the borrower.
"""

from functools import cached_property

from calico_agent.checks.bgp.filters import is_untold
from calico_agent.checks.route_verifier import RouteVerifier
from calico_agent.expected.bgp_sessions import BgpPlan, host_plan
from calico_agent.expected.cluster import Cluster
from calico_agent.expected.forwarding import Encapsulation
from calico_agent.expected.peer_endpoints import node_at
from calico_agent.expected.route_table import ExpectedTable
from calico_agent.expected.routes import ExpectedRoute
from calico_agent.expected.view import View
from calico_agent.model.calico.bird import Bird, PeerKind
from calico_agent.model.last_value_cache import LastValueCache
from calico_agent.model.network.address import Family, IPAddress
from calico_agent.model.network.fib import Fib
from calico_agent.model.network.prefix import key_of
from calico_agent.model.network.route import PROTOCOL_BIRD, Route, RouteType


class Aggregates:
    """The routes that may stand for others. `plans` are the sessions of this host."""

    def __init__(
        self,
        fib: Fib,
        table: ExpectedTable,
        judge: RouteVerifier,
        routers: frozenset[IPAddress],
        plans: BgpPlan,
        cluster: Cluster | None,
    ) -> None:
        self._fib = fib
        self._table = table
        self._judge = judge
        self._routers = routers
        self._open = _open(plans)
        self._meshed = {family: {one.node for one in plan.mesh.values()} for family, plan in plans.items()}
        self._cluster = cluster

    def around(self, route: ExpectedRoute) -> Route | None:
        """Return the one that stands for an expected route that is not there; None when it is missed indeed."""
        way = route.way
        by_routers = way.by_bgp and not way.judged and Family(route.prefix.version) in self._open
        if not (route.borrowed or by_routers):
            return None
        found = self._fib.covering(route.prefix)
        if found is None or found.type is not RouteType.UNICAST or found.path.dead:
            return None
        if route.borrowed and way.judged:
            return None if self._judge.verdict(way, (found.path,)) else found
        if way.encapsulation is not Encapsulation.NONE:
            return None
        key = key_of(found.prefix)
        if key in self._table.routes or key in self._table.own:
            return None  # the block around a borrowed address
        told = found.protocol == PROTOCOL_BIRD or all(hop.gateway in self._routers for hop in found.next_hops)
        if not told or (by_routers and way.node in self._meshed[Family(route.prefix.version)]):
            return None
        if self._cluster is not None and is_untold(self._cluster, route.prefix, way.node):
            return None
        apart = found.prefix.prefixlen and found.protocol == PROTOCOL_BIRD
        return found if apart or not self._tells_blocks else None

    @cached_property
    def _tells_blocks(self) -> bool:
        """Whether routers tell of single blocks."""
        told = (route for route in self._table.routes.values() if route.way.by_bgp and not route.way.judged)
        return any(self._fib.paths(route.prefix) for route in told)


def aggregates_of(view: View, fib: Fib, table: ExpectedTable, judge: RouteVerifier) -> Aggregates:
    """Return the same as before while nothing has changed that they follow from."""
    plans = host_plan(view)
    open_to_routers = _open(plans)
    routers = frozenset(
        session.peer
        for family, bird in view.daemons()
        if family in open_to_routers and isinstance(bird, Bird)
        for session in bird.sessions
        if session.established and session.kind is not PeerKind.LOCAL_WORKLOAD and not node_at(view, session.peer)
    )
    return _made(fib, table, judge, routers, plans, view.cluster)


def _open(plans: BgpPlan) -> frozenset[Family]:
    """Return the families in which this host has sessions with routers."""
    return frozenset(family for family, plan in plans.items() if not plan.closed)


_made = LastValueCache(Aggregates)
