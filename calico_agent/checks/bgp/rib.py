"""What BIRD knows about a prefix, and from whom: the table that the kernel's routes come from.

BIRD learns foreign routes from the kernel and advertises them (`learn` in calico/node's configuration), so the origin
of a wrong route is often another host: `[Mesh_10_0_0_1 from 10.0.0.1]` names it. The table is read on demand; an empty
one says nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from calico_agent.expected.view import View
from calico_agent.model.calico.bird import Bird, RibRoute
from calico_agent.model.network.address import IPAddress, IPNetwork


@dataclass(frozen=True, slots=True)
class Rib:
    """BIRD's routes by prefix, and the nodes behind its sessions by protocol name.

    `asked` are the prefixes whose routes are known, by IP version; None for all of that version. `reflectors` are the
    nodes that pass on what others advertise.
    """

    asked: Mapping[int, frozenset[IPNetwork] | None] = field(default_factory=dict)
    routes: Mapping[IPNetwork, tuple[RibRoute, ...]] = field(default_factory=dict)
    peers: Mapping[str, IPAddress] = field(default_factory=dict)
    holders: Mapping[IPAddress, tuple[str, ...]] = field(default_factory=dict)
    reflectors: frozenset[str] = frozenset()

    def advertiser(self, prefix: IPNetwork, gateway: IPAddress | None, owner: str = "") -> str:
        """Return the node whose BIRD sent the route with this next hop; empty when that is not known.

        Several may have sent it by one router, the `owner` of the prefix among them: then it is another one. What came
        from a reflector may be anybody's.
        """
        names: list[str] = []
        for route in self.routes.get(prefix, ()):
            peer = route.learned_from or self.peers.get(route.protocol)
            if route.gateway == gateway and peer is not None:
                names.append(next(iter(self.holders.get(peer, ())), str(peer)))
        names = [name for name in names if name not in self.reflectors]
        return next((name for name in names if name != owner), names[0] if names else "")

    def says(self, prefix: IPNetwork) -> str:
        """Return whether BIRD knows a prefix that the kernel does not, as the end of a sentence; empty if nobody asked
        it.
        """
        asked = self.asked.get(prefix.version, frozenset())
        if asked is not None and prefix not in asked:
            return ""
        best = next((route for route in self.routes.get(prefix, ()) if route.best), None)
        if best is None:
            return "; no peer told BIRD about it"
        why = "the kernel refused it" if best.refused_by_kernel else "it was deleted just now, or the kernel refused it"
        return f"; BIRD knows it by {best.protocol}: {why}"

    def teller(self, prefix: IPNetwork) -> IPAddress | None:
        """Return the peer that sent BIRD its best route to a prefix; None where none did, or BIRD was not asked."""
        best = next((route for route in self.routes.get(prefix, ()) if route.best or route.refused_by_kernel), None)
        return self.peers.get(best.protocol) if best is not None else None


def rib_of(view: View) -> Rib:
    """Return the tables of all daemons together, as far as they were asked."""
    birds = [bird for _, bird in view.daemons() if isinstance(bird, Bird) and bird.asked != frozenset()]
    if not birds:
        return Rib()
    routes: dict[IPNetwork, list[RibRoute]] = {}
    for bird in birds:
        for route in bird.routes:
            routes.setdefault(route.prefix, []).append(route)
    return Rib(
        {bird.family: bird.asked for bird in birds},
        {prefix: tuple(found) for prefix, found in routes.items()},
        {session.name: session.peer for bird in birds for session in bird.sessions},
        view.cluster.holders if view.cluster else {},
        frozenset(node.name for node in view.cluster.datastore.nodes if node.route_reflector_cluster_id)
        if view.cluster
        else frozenset(),
    )
