"""What confd makes of the datastore for BIRD on a host: sessions, own blocks, and what is told to whom
(confd/pkg/backends/calico of projectcalico/calico@v3.32.1, confd/etc/calico/confd/templates @v3.28.5)."""

from collections.abc import Iterator
from dataclasses import dataclass

from tests.worlds.model.values import (
    ALWAYS,
    CONFIRMED,
    CROSS_SUBNET,
    NEVER,
    PENDING,
    IPAddress,
    IPNetwork,
    Node,
    Peer,
    World,
    within,
)


@dataclass(frozen=True, slots=True)
class Configured:
    """A session that BIRD of a node is told of. `reflect`: the peer is a client of this reflector."""

    name: str
    peer: IPAddress
    own: IPAddress
    own_as: int
    peer_as: int
    passive: bool = False
    reflect: bool = False


def sessions(world: World, node: Node, version: int) -> tuple[Configured, ...]:
    """All sessions of a node. Of several that lead to one address each has its own name."""
    own = node.registered(version)
    if own is None:
        return ()
    found: dict[str, Configured] = {}
    for one in (*_mesh(world, node, own.ip), *_asked_for(world, node, own.ip)):
        found.setdefault(one.name, one)
    return tuple(found[name] for name in sorted(found))


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
    return not withheld and any(within(prefix, pool.cidr) for pool in world.pools)


def into_kernel(world: World, node: Node, prefix: IPNetwork, next_hop: IPAddress) -> str:
    """What BIRD's filter for the kernel does with a route: `tunl0`, `plain`, or nothing (empty)."""
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
        yield _session(world, "Mesh", node, own, registered.ip, _as_number(world, other))


def _asked_for(world: World, node: Node, own: IPAddress) -> Iterator[Configured]:
    for peer in world.bgp.peers:
        if _is_for(peer, node):
            kind = "Node" if peer.node or peer.rack else "Global"
            yield from _with_peers(world, peer, kind, node, own)
    for peer in world.bgp.peers:
        if peer.peers_rack and dict(node.labels).get("rack") == peer.peers_rack:
            for other in world.nodes:
                registered = other.registered(own.version)
                if other.name != node.name and registered is not None and registered.ip != own and _is_for(peer, other):
                    yield _session(world, "Node", node, own, registered.ip, _as_number(world, other), other)


def _with_peers(world: World, peer: Peer, kind: str, node: Node, own: IPAddress) -> Iterator[Configured]:
    if peer.address is not None and peer.address.version == own.version and peer.address != own:
        other = next((one for one in world.nodes if _has(one, peer.address)), None)
        yield _session(world, kind, node, own, peer.address, peer.as_number or world.bgp.as_number, other)
    for other in world.nodes if peer.peers_rack else ():
        registered = other.registered(own.version)
        chosen = dict(other.labels).get("rack") == peer.peers_rack
        if chosen and other.name != node.name and registered is not None and registered.ip != own:
            yield _session(world, kind, node, own, registered.ip, _as_number(world, other), other)


def _session(
    world: World, kind: str, node: Node, own: IPAddress, peer: IPAddress, as_number: int, other: Node | None = None
) -> Configured:
    name = f"{kind}_{str(peer).replace('.', '_').replace(':', '_')}"
    own_as = _as_number(world, node)
    # In strings, as confd compares them.
    passive = not world.release.v2 and (kind == "Mesh" or other is not None) and str(peer) > str(own)
    reflect = bool(node.cluster_id) and own_as == as_number and (other is None or other.cluster_id != node.cluster_id)
    return Configured(name, peer, own, own_as, as_number, passive, reflect)


def _is_for(peer: Peer, node: Node) -> bool:
    if peer.node:
        return peer.node == node.name
    return not peer.rack or dict(node.labels).get("rack") == peer.rack


def _as_number(world: World, node: Node) -> int:
    return node.as_number or world.bgp.as_number


def _has(node: Node, address: IPAddress) -> bool:
    return any(one is not None and one.ip == address for one in (node.ipv4, node.ipv6))
