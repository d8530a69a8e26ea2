"""BGPFilters that keep a route from this host: why it is missing although all sessions are up.

A route to a node's own block passes out of that node's BIRD, perhaps through a route reflector, and into the one here;
each session lets it pass or not by the filters of its BGPPeer. The mesh has none. It is said only where no session is
left by which the route may come: one whose filters are not certain lets it pass.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from calico_agent.expected.bgp_peers import BgpPeerResolver, ExpectedSession
from calico_agent.expected.bgp_sessions import host_plan
from calico_agent.expected.view import View
from calico_agent.model.calico.bad_key import ResourceKind
from calico_agent.model.calico.bgp_filter import BgpFilter, Direction
from calico_agent.model.calico.node import BgpSettings, Node
from calico_agent.model.last_value_cache import LastValueCache
from calico_agent.model.network.address import Family, IPAddress, IPNetwork
from calico_agent.model.network.prefix import Key, key_of


@dataclass(frozen=True, slots=True)
class Withheld:
    """A filter that rejects a route: by which BGPPeer, and on whose BIRD (empty: this host's)."""

    name: str
    peering: str
    direction: Direction
    node: str = ""

    def __str__(self) -> str:
        where = f"by node {self.node}" if self.node else "here"
        return f"BGPFilter {self.name} of BGPPeer {self.peering} rejects it on {self.direction.value} {where}"


def withheld(view: View, prefix: IPNetwork, owner: str) -> Withheld | None:
    """The filter that keeps the route to a node's block from this host; None where that is not certain."""
    cluster, own = view.cluster, view.local.node
    if cluster is None or own is None or not cluster.bgp.filters:
        return None
    if owner not in cluster.nodes or cluster.datastore.bad(ResourceKind.BGP_FILTER):
        return None
    return _Search(view, own, cluster.nodes[owner], prefix).result()


class _Search:
    def __init__(self, view: View, own: Node, owner: Node, prefix: IPNetwork) -> None:
        assert view.cluster is not None
        self._cluster = view.cluster
        self._family = Family(prefix.version)
        self._plan = host_plan(view)[self._family]
        self._speakers = _speakers(view.cluster.datastore.nodes, view.cluster.bgp)
        self._filters = {found.name: found for found in view.cluster.bgp.filters}
        self._own = own
        self._owner = owner
        self._key = key_of(prefix)

    def result(self) -> Withheld | None:
        found = list(self._on_each_way())
        return found[0] if found and None not in found else None

    def _on_each_way(self) -> Iterator[Withheld | None]:
        """What holds the route back on each session by which it may come, None where nothing does for certain."""
        plan = self._plan
        if any(wanted.node == self._owner.name for wanted in plan.mesh.values()):
            yield None
        for address, wanted in plan.asked_for.items():
            passes_on = address in plan.reflectors or not wanted.node
            if passes_on or wanted.node == self._owner.name or not plan.closed:
                yield self._rejected(wanted, Direction.IMPORT, remote=True) or self._before(address, wanted)

    def _before(self, address: IPAddress, wanted: ExpectedSession) -> Withheld | None:
        """What holds it back before it comes to the session with this address."""
        if wanted.node == self._owner.name:
            return self._sent(self._owner, self._own)
        if address not in self._plan.reflectors:
            return self._sent_to_nobody()
        reflector = self._cluster.nodes[wanted.node]
        taken = self._speakers.asked_for_with(reflector, self._owner, self._family)
        return (
            self._sent(self._owner, reflector)
            or (self._rejected(taken, Direction.IMPORT, reflector.name, remote=True) if taken is not None else None)
            or self._sent(reflector, self._own, remote=True)
        )

    def _sent(self, sender: Node, receiver: Node, *, remote: bool = False) -> Withheld | None:
        session = self._speakers.asked_for_with(sender, receiver, self._family)
        return self._rejected(session, Direction.EXPORT, sender.name, remote=remote) if session is not None else None

    def _sent_to_nobody(self) -> Withheld | None:
        """What holds it back on all sessions of its owner, whomever they lead to."""
        peerings = [end.peering for end in self._speakers.ends(self._owner, self._family)]
        held = [self._by(one.filters, one.name, Direction.EXPORT, self._owner.name, remote=False) for one in peerings]
        return held[0] if held and None not in held else None

    def _rejected(
        self, session: ExpectedSession, direction: Direction, node: str = "", *, remote: bool
    ) -> Withheld | None:
        return self._by(session.filters or (), session.peering, direction, node, remote=remote)

    def _by(
        self, names: tuple[str, ...], peering: str, direction: Direction, node: str, *, remote: bool
    ) -> Withheld | None:
        named = [self._filters[name] for name in names if name in self._filters]
        name = _rejecting(named, direction, self._key, remote=remote)
        return Withheld(name, peering, direction, node) if name else None


def _rejecting(filters: list[BgpFilter], direction: Direction, key: Key, *, remote: bool) -> str:
    """The name of the filter that rejects a route for certain, empty where it passes or may pass."""
    for one in filters:
        for rule in one.rules(direction, key[0]):
            if rule.may_take(key, remote=remote):
                if rule.accepts:
                    return ""
                if not rule.conditional:
                    return one.name
    return ""


@LastValueCache
def _speakers(nodes: tuple[Node, ...], bgp: BgpSettings) -> BgpPeerResolver:
    return BgpPeerResolver(nodes, bgp)
