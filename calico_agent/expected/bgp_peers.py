"""Which nodes have BGP sessions with whom, as confd works it out from the records.

confd/pkg/backends/calico/client.go and confd/etc/calico/confd/templates of projectcalico/calico@v3.28.5:

    mesh        every node with every other that has an address of the family. Route reflectors take no part.
    BGPPeer     those whom it is for with its peers (`model.calico.bgp_peer`); and its peers that are nodes in the
                opposite direction, so that both ends have the session. A node is known by its address only if the AS
                number of the BGPPeer (the cluster's without one) is its own, and the port, where one is given, too.
    itself      told by address: no session leads to the node's own one, whatever the name there.
    several     Of BGPPeers that ask for one session those for all nodes go before those for some, and both before the
                opposite direction. Of equal ones confd takes either, as it goes through them in no order.

The AS number is that of the peer's record, else the cluster's. From v3.31 on, mesh peers without one are taken to be of
the node's own AS (bgp_processor.go@v3.32.1), so there both are right.
"""

from collections.abc import Container, Iterator
from dataclasses import dataclass, replace

from calico_agent.expected.node_groups import Group, NodeGroups
from calico_agent.model.calico.bgp_peer import Peering
from calico_agent.model.calico.node import BgpSettings, Node
from calico_agent.model.calico.selector import Labels
from calico_agent.model.network.address import Family, IPAddress

_USUAL_PORT = 179


@dataclass(frozen=True, slots=True)
class ExpectedSession:
    """A session that a node should have.

    `node` is whose registered address it leads to (empty: no node's), `peering` the BGPPeer that asks for it (empty:
    the mesh), with its `filters` and `rank`: the lowest goes first. `rivals` are others of the same rank with other
    filters, which BIRD may have instead. `as_numbers` are those that
    BIRD may rightly have for the peer, none where nobody says. It is not `certain` where confd makes it or not by what
    the records do not tell.
    """

    address: IPAddress
    node: str
    peering: str = ""
    as_numbers: frozenset[int] = frozenset()
    certain: bool = True
    filters: tuple[str, ...] = ()
    rank: int = 0
    rivals: tuple[tuple[str, tuple[str, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class PeerEndpoint:
    """The other end of the sessions that a node has by one BGPPeer: a group of nodes, and the address if it names one.

    `family` is None where the sessions are of every family that both ends have. `implied`: the BGPPeer is for the
    nodes there, and this is the opposite direction.
    """

    peering: Peering
    group: Group
    address: IPAddress | None = None
    family: int | None = None
    implied: bool = False
    certain: bool = True


class BgpPeerResolver:
    """The records, indexed."""

    def __init__(self, nodes: tuple[Node, ...], bgp: BgpSettings) -> None:
        self._bgp = bgp
        self._groups = NodeGroups(nodes, bgp)
        self._ports = dict(bgp.node_listen_ports)
        self._as_sets: dict[tuple[int, ...], frozenset[int]] = {}

    def as_number(self, node: Node) -> int:
        """Return a node's own AS number, else the cluster's."""
        return self._groups.as_number(node)

    def are_closed(self, family: Family) -> bool:
        """True if all nodes are of one AS, and have no peers that are no nodes."""
        addresses = (peering.address for peering in self._bgp.peerings if peering.peers is None)
        outside = any(one is not None and one.version == family and not self._groups.holds(one) for one in addresses)
        return not outside and len(self._groups.matching(None).as_numbers) <= 1

    def at(self, addresses: Container[IPAddress], family: Family) -> frozenset[str]:
        """Return the nodes that are registered with one of these addresses: two may share one."""
        registered = ((node.name, node.registered(family)) for node in self._groups.nodes)
        return frozenset(name for name, found in registered if found is not None and found.ip in addresses)

    def meshed(self, own: Node, family: Family) -> dict[IPAddress, ExpectedSession]:
        """Return the mesh sessions of a node, by the peer's address."""
        registered = own.registered(family)
        if not self._bgp.mesh or own.route_reflector_cluster_id or registered is None:
            return {}
        found: dict[IPAddress, ExpectedSession] = {}
        for node in self._groups.nodes:
            other = node.registered(family)
            if other is None or node.route_reflector_cluster_id or node.name == own.name or other.ip == registered.ip:
                continue
            number = self.as_number(node)
            numbers = self._as_set(number, number if node.as_number else self.as_number(own))
            _add(found, ExpectedSession(other.ip, node.name, as_numbers=numbers))
        return found

    def asked_for(self, own: Node, family: Family) -> dict[IPAddress, ExpectedSession]:
        """Return the sessions for which BGPPeers ask of a node, by the peer's address."""
        registered = own.registered(family)
        if registered is None:
            return {}
        found: dict[IPAddress, ExpectedSession] = {}
        for wanted in (one for end in self.ends(own, family) for one in self._sessions(end, family)):
            if wanted.address != registered.ip:
                _add(found, wanted)
        return found

    def asked_for_with(self, own: Node, other: Node, family: Family) -> ExpectedSession | None:
        """Return the one of those sessions that leads to another node, without making the thousands of others."""
        registered = other.registered(family)
        if registered is None or own.registered(family) is None:
            return None
        found: dict[IPAddress, ExpectedSession] = {}
        for end in self.ends(own, family):
            if end.address == registered.ip:
                _add(found, self._to_address(end, registered.ip))
            elif end.address is None and other.name in end.group.names:
                _add(found, self._to_node(end, other, registered.ip))
        return found.get(registered.ip)

    def ends(self, own: Node, family: Family) -> Iterator[PeerEndpoint]:
        """Yield the other ends of a node's sessions beyond the mesh, in confd's order."""
        labels = dict(own.labels)
        for peering in sorted(self._bgp.peerings, key=_is_for_some):
            if _is_for(peering, own, labels):
                yield from _of_family(self._forward(peering), family)
        for peering in self._bgp.peerings:
            certain = self._is_peer(peering, own, labels) if peering.mutual else None
            if certain is not None:
                version = peering.address.version if peering.address is not None else None
                group = self._whom_it_is_for(peering)
                yield from _of_family(
                    PeerEndpoint(peering, group, family=version, implied=True, certain=certain), family
                )

    def _forward(self, peering: Peering) -> PeerEndpoint:
        if peering.address is None:
            return PeerEndpoint(peering, self._groups.matching(peering.peers))
        return PeerEndpoint(peering, self._groups.holder(peering.address), peering.address, peering.address.version)

    def _is_peer(self, peering: Peering, own: Node, labels: Labels) -> bool | None:
        """Whether a node is one of the peers of a BGPPeer: certainly, perhaps (False), or not at all (None)."""
        if peering.address is None:
            return True if peering.peers is not None and peering.peers.matches(labels) else None
        addresses = {found.ip for found in (own.ipv4, own.ipv6) if found is not None}
        if peering.address not in addresses or (peering.as_number or self._bgp.as_number) != self.as_number(own):
            return None
        if peering.port is None:
            return True
        if self._ports.get(own.name, peering.port) != peering.port:
            return None
        if self._bgp.listen_port == peering.port:
            return True
        # Where no port is set for the cluster, confd takes any; that cannot be told from the usual one being set.
        return False if self._bgp.listen_port == _USUAL_PORT else None

    def _whom_it_is_for(self, peering: Peering) -> Group:
        named = peering.nodes is None and peering.node
        return self._groups.named(peering.node) if named else self._groups.matching(peering.nodes)

    def _sessions(self, end: PeerEndpoint, family: Family) -> Iterator[ExpectedSession]:
        if end.address is not None:
            yield self._to_address(end, end.address)
            return
        for node in end.group.nodes:
            registered = node.registered(family)
            if registered is not None:
                yield self._to_node(end, node, registered.ip)

    def _to_address(self, end: PeerEndpoint, address: IPAddress) -> ExpectedSession:
        peering = end.peering
        numbers = self._as_set(peering.as_number) if peering.as_number else frozenset()
        node, rank = next(iter(end.group.names), ""), _rank(end)
        return ExpectedSession(address, node, peering.name, numbers, filters=peering.filters, rank=rank)

    def _to_node(self, end: PeerEndpoint, node: Node, address: IPAddress) -> ExpectedSession:
        known = not end.implied or end.peering.local_as is None
        numbers = self._as_set(self.as_number(node)) if known else frozenset()
        peering, rank = end.peering, _rank(end)
        return ExpectedSession(address, node.name, peering.name, numbers, end.certain, peering.filters, rank)

    def _as_set(self, *numbers: int) -> frozenset[int]:
        """One set for the thousands of nodes that share it."""
        return self._as_sets.setdefault(numbers, frozenset(numbers))


def _is_for(peering: Peering, own: Node, labels: Labels) -> bool:
    """Whether a node is one of those whom a BGPPeer is for."""
    if peering.nodes is not None:
        return peering.nodes.matches(labels)
    return peering.node in {"", own.name}


def _is_for_some(peering: Peering) -> bool:
    return peering.nodes is not None or bool(peering.node)


def _rank(end: PeerEndpoint) -> int:
    return 2 if end.implied else int(_is_for_some(end.peering))


def _of_family(end: PeerEndpoint, family: Family) -> Iterator[PeerEndpoint]:
    if end.family in {None, family}:
        yield end


def _add(found: dict[IPAddress, ExpectedSession], wanted: ExpectedSession) -> None:
    """One session more, beside the one with the same address that went before."""
    one = found.setdefault(wanted.address, wanted)
    if one is not wanted:
        numbers = one.as_numbers | wanted.as_numbers if one.as_numbers and wanted.as_numbers else frozenset()
        rival = one.rank == wanted.rank and one.filters != wanted.filters
        found[one.address] = replace(
            one,
            as_numbers=numbers,
            certain=one.certain or wanted.certain,
            rivals=(*one.rivals, (wanted.peering, wanted.filters)) if rival else one.rivals,
        )
