"""Answers to what people ask beyond the report: the whole route table, and the way of one packet.

Made when somebody asks, from what the last pass saw; `trace` asks the kernel anew. Any thread may ask: what was seen is
one slot, written by the loop.
"""

from dataclasses import replace

from calico_agent.checks.routes.rows import route_rows
from calico_agent.checks.routes.trace import trace_packet
from calico_agent.config import Config
from calico_agent.expected.route_table import expected_table
from calico_agent.expected.routes import expect
from calico_agent.expected.view import view_of
from calico_agent.model.identity import Identity
from calico_agent.model.last_value_cache import Caches
from calico_agent.model.network.address import IPAddress
from calico_agent.model.network.route_trace import KnownNames, NodeWay, RouteRow, Trace
from calico_agent.model.observation import Observation, Unreadable
from calico_agent.sources.kernel.reader import read_kernel
from calico_agent.sources.kernel.route_lookup import read_lookup

_NOTHING_SEEN = Unreadable("agent", "the first pass is not finished", "starting")
_NO_NAME = Unreadable("agent", "which node this host is is not known, so neither are its routes", "unset")


class RouteQueries:
    """What the last pass saw, and questions about it. `caches` are those of the passes, which have made most of it."""

    def __init__(self, caches: Caches) -> None:
        self._caches = caches
        self._seen: tuple[Observation, Identity, Config] | None = None

    def see(self, observation: Observation, identity: Identity, config: Config) -> None:
        """From now on answer from this."""
        self._seen = (observation, identity, config)

    def routes(self) -> tuple[RouteRow, ...] | Unreadable:
        """Expected against found, by prefix."""
        seen = self._seen
        if seen is None:
            return _NOTHING_SEEN
        observation, identity, config = seen
        for source in (observation.kernel, observation.datastore):
            if isinstance(source, Unreadable):
                return source
        with self._caches.in_use():
            view = view_of(observation, identity, mode=config.mode, container_name=config.node.container_name)
            return _NO_NAME if view.local.name is None else route_rows(view)

    def ways(self) -> tuple[NodeWay, ...] | Unreadable:
        """How each node should be reached: what the pass has found out, so this costs next to nothing."""
        seen = self._seen
        if seen is None:
            return _NOTHING_SEEN
        observation, identity, config = seen
        if isinstance(observation.datastore, Unreadable):
            return observation.datastore
        with self._caches.in_use():
            view = view_of(observation, identity, mode=config.mode, container_name=config.node.container_name)
            if view.local.name is None or view.cluster is None:
                return _NO_NAME
            table = expected_table(expect(view.cluster, view.local))
        return tuple(NodeWay(way.node, way.encapsulation.value) for way in table.ways)

    def names(self) -> KnownNames:
        """The nodes and pools of the datastore; none while it is not known."""
        datastore = self._seen[0].datastore if self._seen is not None else _NOTHING_SEEN
        if isinstance(datastore, Unreadable):
            return KnownNames()
        return KnownNames(
            frozenset(node.name for node in datastore.nodes), frozenset(pool.name for pool in datastore.pools)
        )

    def trace(self, address: IPAddress) -> Trace | Unreadable:
        """Where a packet to this address goes now, and where it should."""
        seen = self._seen
        if seen is None:
            return _NOTHING_SEEN
        observation, identity, config = seen
        kernel = read_kernel(every_neighbour=True)
        if isinstance(kernel, Unreadable):
            return kernel
        lookup = read_lookup(address, kernel)
        if isinstance(lookup, Unreadable):
            return lookup
        now = replace(observation, kernel=kernel)
        with self._caches.in_use():
            view = view_of(now, identity, mode=config.mode, container_name=config.node.container_name)
            return trace_packet(view, kernel, lookup)
