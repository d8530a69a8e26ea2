"""What is done to a healthy world. Each takes the world and the name of a host; None where it cannot be done there."""

from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_network

from tests.worlds.model import history
from tests.worlds.model.ipam import assign, pools_for
from tests.worlds.model.startup import node_name
from tests.worlds.model.values import (
    ALWAYS,
    CONFIRMED,
    NEVER,
    PENDING,
    Block,
    DockerNetwork,
    IPAddress,
    IPNetwork,
    KernelRoute,
    Node,
    Pod,
    Rule,
    World,
)

Done = Callable[[World, str], World | None]


def _own(world: World, hostname: str) -> Node | None:
    return world.node(node_name(world, world.host(hostname)))


def docker_address(world: World, hostname: str) -> World | None:
    host = world.host(hostname)
    network = next((one for one in host.docker if one.bridge == "docker0"), None)
    return history.restart(world, hostname, IP=str(network.subnet.network_address + 1)) if network else None


def nowhere(world: World, hostname: str) -> World | None:
    node = _own(world, hostname)
    if node is None or node.ipv4 is None or node.ipv4.network.prefixlen > 26:
        return None
    return history.restart(
        world, hostname, IP=f"{node.ipv4.network.broadcast_address - 3}/{node.ipv4.network.prefixlen}"
    )


def taken_address(world: World, hostname: str) -> World | None:
    other = next((one for one in world.nodes if one is not _own(world, hostname) and one.ipv4 is not None), None)
    if other is None or other.ipv4 is None:
        return None
    return history.restart(world, hostname, IP=str(other.ipv4))


def taken_name(world: World, hostname: str) -> World | None:
    """Without a record of its own, else start-up refuses its address. The other was given its address, and keeps it; a
    machine that is called otherwise than its node would take itself for the thief. No cure knows the labels that went
    with the record, and by which pools and BGPPeers choose nodes."""
    own = _own(world, hostname)
    called = {node_name(world, host): host.hostname for host in world.hosts if host.given("IP")}
    other = next((one for one in world.nodes if one is not own and one.name in called), None)
    if own is None or own.ipv4 is None or other is None or own.labels or own.cluster_id or other.cluster_id:
        return None
    if called.get(other.name, "").lower() != other.name.lower():
        return None
    return history.restart(history.delete_node(world, own.name), hostname, NODENAME=other.name, IP=str(own.ipv4))


def stop(*programs: str) -> Done:
    def stop(world: World, hostname: str) -> World | None:
        return history.with_host(world, replace(world.host(hostname), stopped=frozenset(programs)))

    return stop


def link_down(world: World, hostname: str) -> World | None:
    host = world.host(hostname)
    links = tuple(replace(one, up=False, carrier=False) if one.segment else one for one in host.links)
    return history.with_host(world, replace(host, links=links))


def tunnel_down(world: World, hostname: str) -> World | None:
    """Felix is held as well: it would switch the tunnel on again."""
    if not tunnels(world, "tunl0"):
        return None
    return history.with_host(world, replace(world.host(hostname), down=frozenset({"tunl0"})))


def tunnels(world: World, device: str) -> bool:
    """Whether a pool in use has such a tunnel between all nodes, in which WireGuard does not come before it."""
    if 4 in world.encrypted:
        return False
    mode = "ipip" if device == "tunl0" else "vxlan"
    return any(getattr(one, mode) == ALWAYS and one.cidr.version == 4 and used(world, one.cidr) for one in world.pools)


def used(world: World, cidr: IPNetwork) -> bool:
    pools = [one for one in world.pools if one.cidr == cidr]
    return any(block.given and world.pool_of(block.cidr) in pools for block in world.blocks)


def others_block(world: World, hostname: str) -> Block | None:
    """A block of another node on the same wire, with a pod in it and without borrowers.

    None of a node to which WireGuard leads: its rule comes before all routes of the main table, and so before mistakes.
    """
    name, own = node_name(world, world.host(hostname)), _own(world, hostname)
    wire = own.ipv4.network if own is not None and own.ipv4 is not None else ip_network("127.0.0.0/8")
    near = {one.name for one in world.nodes if one.ipv4 is not None and one.ipv4.ip in wire}
    near -= {one.name for one in world.nodes if own is not None and own.key(4) and one.key(4)}
    for block in world.blocks:
        pool = world.pool_of(block.cidr)
        plain = all(one.node == block.owner for one in block.given)
        if pool is not None and block.owner in near - {name} and block.cidr.version == 4 and plain and pod_in(block):
            return block
    return None


def from_anybody(world: World) -> bool:
    """Whether a route may come from anybody, and is not judged: nodes have AS numbers of their own, or routers tell
    routes that are as good as those of nodes."""
    routers = any(not world.bgp.mesh or one.as_number == world.bgp.as_number for one in world.routers)
    return routers or any(one.as_number is not None for one in world.nodes)


def own_block(world: World, hostname: str) -> Block | None:
    name = node_name(world, world.host(hostname))
    return next((one for one in world.blocks if one.owner == name and one.cidr.version == 4 and pod_in(one)), None)


def pod_in(block: Block) -> bool:
    return any(not one.kind for one in block.given)


def foreign_route(world: World, hostname: str) -> World | None:
    block, host = others_block(world, hostname), world.host(hostname)
    default = next((one for one in host.routes if one.prefix.version == 4), None)
    if block is None or default is None or from_anybody(world):
        return None
    route = KernelRoute(block.cidr, default.via, default.device, protocol=4, onlink=default.onlink)
    return history.with_host(world, replace(host, routes=(*host.routes, route)))


def diverted(world: World, hostname: str) -> World | None:
    block, host = others_block(world, hostname), world.host(hostname)
    default = next((one for one in host.routes if one.prefix.version == 4), None)
    if block is None or default is None or from_anybody(world):
        return None
    rule, route = Rule(1000, 77, destination=block.cidr), replace(default, table=77)
    return history.with_host(world, replace(host, rules=(rule,), routes=(*host.routes, route)))


def mesh_off(world: World, _hostname: str) -> World | None:
    by_bgp = not world.by_felix and any(one.vxlan == NEVER and used(world, one.cidr) for one in world.pools)
    alone = world.bgp.mesh and not world.bgp.peers
    return replace(world, bgp=replace(world.bgp, mesh=False)) if alone and by_bgp else None


def record_deleted(world: World, hostname: str) -> World | None:
    """With all that goes with it; its calico/node runs on, and confd leaves BIRD's configuration as it was.

    Where BGPPeers choose nodes by labels, no cure knows those that went with the record.
    """
    node = _own(world, hostname)
    if node is None or node.cluster_id is not None or (node.labels and not world.bgp.mesh):
        return None
    return history.with_host(history.delete_node(world, node.name), replace(world.host(hostname), known=world))


def claimed_twice(world: World, hostname: str) -> World | None:
    block, name = others_block(world, hostname), node_name(world, world.host(hostname))
    if block is None:
        return None
    return _with(world, block, replace(block, claims=(*block.claims, (name, CONFIRMED))))


def unclaimed(world: World, hostname: str) -> World | None:
    block = own_block(world, hostname)
    pool = world.pool_of(block.cidr) if block is not None else None
    if block is None or pool is None or pool.vxlan != NEVER or world.release.v2 or block.owner is None:
        return None
    if world.by_felix:
        return None
    return _with(world, block, replace(block, claims=((block.owner, PENDING),)))


def pool_deleted(world: World, hostname: str) -> World | None:
    block = own_block(world, hostname)
    pool = world.pool_of(block.cidr) if block is not None else None
    return history.change_pool(world, pool, None) if pool is not None else None


def not_exported(world: World, hostname: str) -> World | None:
    block = own_block(world, hostname)
    pool = world.pool_of(block.cidr) if block is not None else None
    if pool is None or world.release.v2 or pool.vxlan != NEVER or world.by_felix:
        return None
    return history.change_pool(world, pool, replace(pool, exported=False))


def same_tunnel_address(world: World, hostname: str) -> World | None:
    own = _own(world, hostname)
    other = next((one for one in world.nodes if one is not own and one.ipip is not None), None)
    if own is None or own.ipip is None or other is None or world.release.v2:
        return None
    if any(own.ipip in block.cidr and block.cidr.prefixlen == 32 for block in world.blocks):
        return None  # the address of before stays given to it, in a block that nobody can tell of then
    nodes = tuple(replace(one, ipip=other.ipip) if one is own else one for one in world.nodes)
    return replace(world, nodes=nodes)


def pod_elsewhere(world: World, hostname: str) -> World | None:
    """A pod was registered under another node's name."""
    host = world.host(hostname)
    other = next((one for one in world.hosts if one is not host), None)
    if not host.pods or other is None:
        return None
    pools = pools_for(world, node_name(world, other))
    world, address = assign(world, node_name(world, other), "k8s-pod-network.lost", pools, pod="lost")
    if address is None:
        return None
    pod = Pod("lost", "calilost", (address,), node_name(world, other))
    return history.with_host(world, replace(world.host(hostname), pods=(*host.pods, pod)))


def docker_over_wire(world: World, hostname: str) -> World | None:
    """Docker's new network is a part of the hosts' own. Of two machines with one address chance says which answers."""
    host, node = world.host(hostname), _own(world, hostname)
    if node is None or node.ipv4 is None or node.ipv4.network.prefixlen > 26:
        return None
    wire = node.ipv4.network
    near = [one.ipv4 for one in world.nodes if one is not node and one.ipv4 is not None and one.ipv4.ip in wire]
    parts = (ip_network((one.ip, length), strict=False) for length in (28, 30) for one in near)
    part = next((one for one in parts if node.ipv4.ip not in one and not _held(world, one.network_address + 1)), None)
    if part is None:
        return None
    network = DockerNetwork("mistake", "br-badbadbadbad", part)
    return history.with_host(world, replace(host, docker=(*host.docker, network)))


def _held(world: World, address: IPAddress) -> bool:
    return any(one.ip == address for host in world.hosts for link in host.links for one in link.addresses)


def docker_over_block(world: World, hostname: str) -> World | None:
    block, host = others_block(world, hostname), world.host(hostname)
    if block is None or block.cidr.prefixlen > 28:
        return None
    network = DockerNetwork("mistake", "br-badbadbadbad", block.cidr)
    return history.with_host(world, replace(host, docker=(*host.docker, network)))


def _with(world: World, before: Block, after: Block) -> World:
    return replace(world, blocks=tuple(after if one is before else one for one in world.blocks))
