"""The BGP sessions that this host should have, and what they tell of the routes that come through them.

How a route to another node's pods comes here, and what is certain of its next hop (proto/bgp/attrs.c of BIRD 1.6.8 and
its configuration by confd@v3.28.5, tried with Debian's BIRD 1.6.8):

    mesh, or a session of a     The owner originates the route, so its next hop is the owner's registered address. With
    BGPPeer with the owner      equal AS numbers its AS path is empty, and no route that another AS passed on is better.
    through route reflectors    The same: among nodes of one AS a reflector keeps the next hop, and the AS path stays
    that are nodes              empty. With `nextHopMode: Self` the next hop is the reflector.
    another AS                  Every node passes on what it has learned from another AS or sends to one, with its own
                                address as next hop, and several such routes are equally good: only that there is one
                                is certain. `keepOriginalNextHop` changes the next hop, not that.
    a peer that is no node      It may send any next hop. In this AS its routes are as good as the nodes' own, so that
                                nothing is certain of those either; from another AS they lose against them.
    none of these               Nothing brings a route.

What passes through BGPFilters is as uncertain as with another next hop. What they hold back: `checks.bgp.filters`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from calico_agent.expected.bgp_peers import BgpPeerResolver, ExpectedSession, PeerEndpoint
from calico_agent.expected.cluster import Cluster
from calico_agent.expected.view import View
from calico_agent.model.calico.node import BgpSettings, Node
from calico_agent.model.last_value_cache import LastValueCache
from calico_agent.model.network.address import Family, IPAddress, IPInterface


@dataclass(frozen=True, slots=True)
class FamilyPlan:
    """The sessions of one family, by the peer's address: of the mesh, and those that BGPPeers ask for.

    `required` are the addresses of those that are certain, `peers` the nodes that they lead to. `reflectors` are those
    of them that pass on routes of others, by address. `reached` are all nodes whose own routes come here through nodes
    alone. `steady`: these keep their next hop where the node is of the same AS, `as_number`. `closed`: there is one AS,
    and no peer that is no node, so that nothing comes from a node that is not reached.
    """

    mesh: Mapping[IPAddress, ExpectedSession] = field(default_factory=dict)
    asked_for: Mapping[IPAddress, ExpectedSession] = field(default_factory=dict)
    required: frozenset[IPAddress] = frozenset()
    peers: frozenset[str] = frozenset()
    reflectors: Mapping[IPAddress, str] = field(default_factory=dict)
    reached: frozenset[str] = frozenset()
    as_number: int = 0
    steady: bool = False
    closed: bool = True

    def wanted(self, address: IPAddress) -> tuple[ExpectedSession, ...]:
        """Return who asks for a session with this address. For one with both, BIRD has two, of which one stays idle."""
        found = (self.mesh.get(address), self.asked_for.get(address))
        return tuple(one for one in found if one is not None)


BgpPlan = Mapping[Family, FamilyPlan]


def bgp_plan(
    cluster: Cluster, name: str, node: Node | None, registered: Mapping[Family, IPInterface | None]
) -> BgpPlan:
    """Return the plan for the host that is the node of this name: by its record, else by the addresses that it should
    have.
    """
    own = node or Node(name, ipv4=registered[Family.IPV4], ipv6=registered[Family.IPV6])
    return _plan(cluster.datastore.nodes, cluster.bgp, own)


def host_plan(view: View) -> BgpPlan:
    """Return the plan for this host; one without sessions while it is not known which node it is."""
    local = view.local
    if view.cluster is None or local.name is None:
        return dict.fromkeys(Family, FamilyPlan(closed=False))
    return bgp_plan(view.cluster, local.name, local.node, {family: local.registered(family) for family in Family})


# It goes through all nodes, so not at every pass. Blocks come and go more often than nodes: they are no input of it.
@LastValueCache
def _plan(nodes: tuple[Node, ...], bgp: BgpSettings, own: Node) -> BgpPlan:
    speakers = BgpPeerResolver(nodes, bgp)
    return {family: _of_family(speakers, own, family) for family in Family}


def _of_family(speakers: BgpPeerResolver, own: Node, family: Family) -> FamilyPlan:
    if own.registered(family) is None:
        return FamilyPlan()
    mesh, asked_for = speakers.meshed(own, family), speakers.asked_for(own, family)
    certain = frozenset(address for address, wanted in asked_for.items() if wanted.certain)
    peers = speakers.at(mesh.keys() | asked_for.keys(), family)
    as_number = speakers.as_number(own)
    ends, reflectors = _behind(speakers, own, family)
    return FamilyPlan(
        mesh=mesh,
        asked_for=asked_for,
        required=certain | mesh.keys(),
        peers=peers,
        reflectors={address: wanted.node for address, wanted in asked_for.items() if wanted.node in reflectors},
        reached=peers.union(*(end.group.names for end in ends)) - {own.name},
        as_number=as_number,
        steady=not any(_disturbs(end, as_number) for end in ends),
        closed=speakers.are_closed(family),
    )


def _behind(speakers: BgpPeerResolver, own: Node, family: Family) -> tuple[list[PeerEndpoint], frozenset[str]]:
    """The other ends of this host's sessions beyond the mesh and of those of all reflectors behind them."""
    ends: list[PeerEndpoint] = []
    seen = {own.name}
    pending: list[Node] = [own]
    while pending:
        found = list(speakers.ends(pending.pop(), family))
        ends += found
        for node in _reflectors(found):
            if node.name not in seen and node.registered(family) is not None:
                seen.add(node.name)
                pending.append(node)
    return ends, frozenset(seen - {own.name})


def _reflectors(ends: Iterable[PeerEndpoint]) -> Iterable[Node]:
    return (node for end in ends for node in end.group.reflectors)


def _is_outside(end: PeerEndpoint) -> bool:
    """Whether it is a peer that is no node."""
    return end.address is not None and not end.group.nodes


def _disturbs(end: PeerEndpoint, as_number: int) -> bool:
    """Whether routes come from there that are as good as the nodes' own, with a next hop that is not certain."""
    peering = end.peering
    if _is_outside(end):
        return peering.as_number in {None, peering.local_as or as_number}
    return not (peering.plain and peering.local_as is None) and as_number in end.group.as_numbers
