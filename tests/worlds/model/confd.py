"""What confd makes of the datastore for BIRD on a host: sessions, own blocks, and what is told to whom
(confd/pkg/backends/calico of projectcalico/calico@v3.32.1, confd/etc/calico/confd/templates @v3.28.5)."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from tests.worlds.model.peering import Peer, selects
from tests.worlds.model.values import (
    ALWAYS,
    CONFIRMED,
    CROSS_SUBNET,
    NEVER,
    PENDING,
    IPAddress,
    IPNetwork,
    Node,
    World,
    within,
)

USUAL_PORT = 179


@dataclass(frozen=True, slots=True)
class Configured:
    """A session that BIRD of a node is told of. `reflect`: the peer is a client of this reflector.

    `next_hop` is what becomes of next hops (`Self`, `Keep`, empty for what is usual). `allowed`: how often the own AS
    number may be in an AS path that comes in. `port` is the peer's. Of one that is `unbound` the kernel chooses the
    source address.
    """

    name: str
    peer: IPAddress
    own: IPAddress
    own_as: int
    peer_as: int
    passive: bool = False
    reflect: bool = False
    filters: tuple[str, ...] = ()
    next_hop: str = ""
    allowed: int = 0
    port: int = USUAL_PORT
    password: str = ""
    unbound: bool = False


def sessions(world: World, node: Node, version: int) -> tuple[Configured, ...]:
    """All sessions of a node: of several BGPPeers that ask for one, the first. In 2.x each kind has its own name."""
    own = node.registered(version)
    if own is None:
        return ()
    found: dict[str, Configured] = {}
    for one in (*_mesh(world, node, own.ip), *_asked_for(world, node, own.ip)):
        kind, _, peer = one.name.partition("_")
        found.setdefault(one.name if world.release.v2 or kind == "Mesh" else peer, one)
    return tuple(sorted(found.values(), key=lambda one: one.name))


def shadowed(asked: tuple[Configured, ...], one: Configured) -> bool:
    """Whether a session of the mesh leads to the same address: of two, BIRD takes one and lets the other wait."""
    return any(each.peer == one.peer and each.name < one.name for each in asked)


def own_blocks(world: World, name: str, version: int) -> tuple[tuple[IPNetwork, str], ...]:
    """The blocks that a node claims, with the state of the claim; BIRD ignores one that is pending."""
    claimed = [(block.cidr, block.claim(name)) for block in world.blocks]
    claimed += [(one.cidr, one.state) for one in world.claims if one.node == name]
    known = ((cidr, state) for cidr, state in claimed if cidr.version == version)
    return tuple((cidr, state) for cidr, state in known if state is not None and state != PENDING)


def advertises(world: World, blocks: tuple[tuple[IPNetwork, str], ...], prefix: IPNetwork) -> bool:
    """Whether BIRD tells its peers of a route (calico_export_to_bgp_peers): own blocks, nothing beneath them, pools."""
    withheld = any(within(prefix, pool.cidr) for pool in world.pools if not pool.exported)
    if world.release.v2 or not withheld:
        for cidr, state in blocks:
            if state == CONFIRMED and prefix == cidr:
                return True
            if state == CONFIRMED and within(prefix, cidr):
                return False
    if withheld:
        return False
    return any(within(prefix, one) for one in (*world.bgp.services, *(pool.cidr for pool in world.pools)))


def into_kernel(world: World, node: Node, prefix: IPNetwork, next_hop: IPAddress) -> str:
    """What BIRD's filter for the kernel does with a route: `tunl0`, `plain`, or nothing (empty)."""
    if any(within(prefix, one) for one in world.bgp.services if one.prefixlen < one.max_prefixlen):
        return ""  # a single address is none of the ranges that are kept from the kernel (updateGlobalRoutes)
    around = [pool for pool in world.pools if within(prefix, pool.cidr)]
    for pool in sorted(around, key=lambda one: str(one.cidr)):
        if pool.vxlan != NEVER or world.by_felix:
            return ""
        if pool.ipip == ALWAYS:
            return "tunl0"
        if pool.ipip == CROSS_SUBNET:
            own = node.registered(prefix.version)
            return "plain" if own is not None and next_hop in own.network else "tunl0"
        return "plain"
    return "plain"


def _mesh(world: World, node: Node, own: IPAddress) -> Iterator[Configured]:
    if not world.bgp.mesh or node.cluster_id:
        return
    for other in world.nodes:
        registered = other.registered(own.version)
        if other.name == node.name or registered is None or other.cluster_id or registered.ip == own:
            continue
        one = _session(world, node, own, registered.ip, _as_number(world, other), "Mesh")
        yield replace(one, port=listens_at(world, other.name))


def _asked_for(world: World, node: Node, own: IPAddress) -> Iterator[Configured]:
    """By BGPPeers for all nodes, for this one, and by those that lead to it, in the opposite direction (client.go)."""
    for peer in sorted(world.bgp.peers, key=lambda one: bool(one.node or one.nodes)):
        if _is_for(peer, node):
            yield from _with_peers(world, peer, node, own)
    for peer in world.bgp.peers if not world.release.v2 else ():
        same = peer.address is None or peer.address.version == own.version
        for other in world.nodes if same and _leads_to(world, peer, node) else ():
            registered = other.registered(own.version)
            if other.name != node.name and registered is not None and registered.ip != own and _is_for(peer, other):
                yield _session(world, node, own, registered.ip, _as_number(world, other), "Node", peer, other)


def _with_peers(world: World, peer: Peer, node: Node, own: IPAddress) -> Iterator[Configured]:
    kind = "Node" if peer.node or peer.nodes else "Global"
    if peer.address is not None and peer.address.version == own.version and peer.address != own:
        yield _session(world, node, own, peer.address, peer.as_number or world.bgp.as_number, kind, peer)
    for other in world.nodes if peer.peers else ():
        registered = other.registered(own.version)
        chosen = selects(peer.peers, dict(other.labels))
        if chosen and other.name != node.name and registered is not None and registered.ip != own:
            yield _session(world, node, own, registered.ip, _as_number(world, other), kind, peer, other)


def _leads_to(world: World, peer: Peer, node: Node) -> bool:
    """Whether a node is a peer of a BGPPeer: known by its address where the AS number is its own, too, and the port."""
    if peer.address is None:
        return selects(peer.peers, dict(node.labels))
    return _is_at(world, peer, node)


def _is_at(world: World, peer: Peer, node: Node) -> bool:
    """Whether confd knows a node by the address of a BGPPeer. A port is held against both settings where both are
    there (nodesWithIPPortAndAS in client.go)."""
    if not _has(node, peer.address) or (peer.as_number or world.bgp.as_number) != _as_number(world, node):
        return False
    own, common = dict(world.bgp.ports).get(node.name), world.bgp.port
    return peer.port is None or (own in {None, peer.port} and common in {USUAL_PORT, peer.port})


def listens_at(world: World, name: str) -> int:
    """The port on which BIRD of a node waits."""
    return dict(world.bgp.ports).get(name, world.bgp.port)


def _told_port(world: World, by: Peer, peer: IPAddress, other: Node | None) -> int | None:
    """The port that is written for a peer; None for none, which means the usual one."""
    if other is None and by.port is not None:
        return by.port
    known = other or next((one for one in world.nodes if _has(one, peer) and _is_at(world, by, one)), None)
    port = listens_at(world, known.name) if known is not None else USUAL_PORT
    return port if port != USUAL_PORT else None


def _session(
    world: World,
    node: Node,
    own: IPAddress,
    peer: IPAddress,
    as_number: int,
    kind: str,
    by: Peer | None = None,
    other: Node | None = None,
) -> Configured:
    """`other` is the node that a selector chose. Only a BGPPeer with an address says AS numbers of its own, and nothing
    of reflectors."""
    explicit = by if other is None else None
    port = _told_port(world, by, peer, other) if by is not None else None
    suffix = f"_port_{port}" if port else ""
    name = f"{kind}_{str(peer).replace('.', '_').replace(':', '_')}{suffix}"
    own_as = (explicit.local_as if explicit is not None else None) or _as_number(world, node)
    # In strings, as confd compares them.
    passive = not world.release.v2 and any(_has(one, peer) for one in world.nodes) and str(peer) > str(own)
    reflect = bool(node.cluster_id) and own_as == as_number and (other is None or other.cluster_id != node.cluster_id)
    next_hop = "Self" if world.release.v2 else by.next_hop if by is not None else ""
    filters, allowed = by.filters if by is not None else (), explicit.allowed if explicit is not None else 0
    password, unbound = (by.password, by.unbound and explicit is not None) if by is not None else ("", False)
    made = Configured(name, peer, own, own_as, as_number, passive, reflect, filters, next_hop, allowed)
    return replace(made, port=port or USUAL_PORT, password=password, unbound=unbound)


def _is_for(peer: Peer, node: Node) -> bool:
    if peer.nodes:
        return selects(peer.nodes, dict(node.labels))
    return peer.node in {"", node.name}


def _as_number(world: World, node: Node) -> int:
    return node.as_number or world.bgp.as_number


def _has(node: Node, address: IPAddress | None) -> bool:
    return any(one is not None and one.ip == address for one in (node.ipv4, node.ipv6))
