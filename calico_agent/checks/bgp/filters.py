"""BGPFilters that keep a route from this host: why it is missing although all sessions are up.

A route to a node's own block passes out of that node's BIRD, perhaps through a route reflector, and into the one here;
each session lets it pass or not by the filters of its BGPPeer. The mesh has none. It is said only where no session is
left by which the route may come.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from calico_agent.expected.bgp_peers import BgpPeerResolver, ExpectedSession
from calico_agent.expected.bgp_sessions import FamilyPlan, host_plan
from calico_agent.expected.cluster import Cluster
from calico_agent.expected.view import View
from calico_agent.model.calico.bad_key import ResourceKind
from calico_agent.model.calico.bgp_filter import BgpFilter, Direction
from calico_agent.model.calico.node import BgpSettings, Node
from calico_agent.model.last_value_cache import LastValueCache
from calico_agent.model.network.address import Family, IPAddress, IPNetwork
from calico_agent.model.network.prefix import Key, key_of


@dataclass(frozen=True, slots=True)
class Withheld:
    """A filter that rejects a route: by which BGPPeer, and on whose BIRD (empty: this host's).

    `beside` are BGPPeers that ask for the same session and let it pass: confd took this one, or another fault is there.
    """

    name: str
    peering: str
    direction: Direction
    node: str = ""
    beside: tuple[str, ...] = ()

    def __str__(self) -> str:
        where = f"by node {self.node}" if self.node else "here"
        either = (
            f", if Calico takes that one and not {' or '.join(self.beside)} for this session" if self.beside else ""
        )
        return f"BGPFilter {self.name} of BGPPeer {self.peering} rejects it on {self.direction.value} {where}{either}"


def withheld(view: View, prefix: IPNetwork, owner: str) -> Withheld | None:
    """Return the filter that keeps the missing route to a node's block from this host; None where one may pass."""
    cluster, own = view.cluster, view.local.node
    if cluster is None or own is None or not _certain(cluster, owner):
        return None
    return _Search(cluster, own, cluster.nodes[owner], prefix).from_here(host_plan(view)[Family(prefix.version)])


def is_untold(cluster: Cluster, prefix: IPNetwork, owner: str) -> bool:
    """True if filters certainly keep a node from advertising its block to anybody."""
    if cluster.bgp.mesh or not _certain(cluster, owner):
        return False
    node = cluster.nodes[owner]
    return _Search(cluster, node, node, prefix).sent_to_nobody() is not None


def _certain(cluster: Cluster, owner: str) -> bool:
    """Whether there are filters, all can be read, and the node has a record."""
    readable = not cluster.datastore.bad(ResourceKind.BGP_FILTER)
    return bool(cluster.bgp.filters) and readable and owner in cluster.nodes


class _Search:
    def __init__(self, cluster: Cluster, own: Node, owner: Node, prefix: IPNetwork) -> None:
        self._cluster = cluster
        self._family = Family(prefix.version)
        self._speakers = _speakers(cluster.datastore.nodes, cluster.bgp)
        self._filters = {found.name: found for found in cluster.bgp.filters}
        self._own = own
        self._owner = owner
        self._key = key_of(prefix)

    def from_here(self, plan: FamilyPlan) -> Withheld | None:
        """Return what holds it back on all sessions of this host by which it may come."""
        found = list(self._on_each_way(plan))
        return found[0] if found and None not in found else None

    def _on_each_way(self, plan: FamilyPlan) -> Iterator[Withheld | None]:
        """What holds the route back on each of them, None where nothing does for certain."""
        if any(wanted.node == self._owner.name for wanted in plan.mesh.values()):
            yield None
        for address, wanted in plan.asked_for.items():
            passes_on = address in plan.reflectors or not wanted.node
            if passes_on or wanted.node == self._owner.name or not plan.closed:
                yield self._rejected(wanted, Direction.IMPORT, remote=True) or self._before(plan, address, wanted)

    def _before(self, plan: FamilyPlan, address: IPAddress, wanted: ExpectedSession) -> Withheld | None:
        """What holds it back before it comes to the session with this address."""
        if wanted.node == self._owner.name:
            return self._sent(self._owner, self._own)
        if address not in plan.reflectors:
            return self.sent_to_nobody()
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

    def sent_to_nobody(self) -> Withheld | None:
        """Return what holds it back on all sessions of its owner, whomever they lead to."""
        peerings = [end.peering for end in self._speakers.ends(self._owner, self._family)]
        held = [self._by(one.filters, one.name, Direction.EXPORT, self._owner.name, remote=False) for one in peerings]
        return held[0] if held and None not in held else None

    def _rejected(
        self, session: ExpectedSession, direction: Direction, node: str = "", *, remote: bool
    ) -> Withheld | None:
        """Where several BGPPeers ask for a session, and the route is missing, it is the one that rejects it."""
        asked = ((session.peering, session.filters), *session.rivals)
        held = {name: self._by(filters, name, direction, node, remote=remote) for name, filters in asked}
        rejects = next((one for one in held.values() if one is not None), None)
        return rejects and replace(rejects, beside=tuple(name for name, one in held.items() if one is None))

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
