"""What happens to a cluster: each step takes a world and gives the one after it, when all has settled."""

import hashlib
from dataclasses import replace

from tests.worlds.model.ipam import assign, pools_for, with_block
from tests.worlds.model.startup import allocate_tunnels, node_name, start
from tests.worlds.model.values import Block, Host, IPAddress, Pod, Pool, World


def with_host(world: World, host: Host) -> World:
    """The same with another state of a host."""
    return replace(world, hosts=tuple(host if one.hostname == host.hostname else one for one in world.hosts))


def restart(world: World, hostname: str, **env: str) -> World:
    """calico/node is made anew on a host, with other variables."""
    host = world.host(hostname)
    given = {**dict(host.env), **env}
    return start(with_host(world, replace(host, env=tuple(given.items()))), hostname)


def add_pod(world: World, hostname: str, name: str, versions: tuple[int, ...]) -> World:
    """A pod is made: an address of each family, a link, a record. Nothing without an address."""
    host = world.host(hostname)
    node = node_name(world, host)
    addresses: list[IPAddress] = []
    for version in versions:
        pools = pools_for(world, node, version=version)
        world, given = assign(world, node, f"k8s-pod-network.{node}.{name}", pools, pod=name)
        addresses += [given] if given is not None else []
    if not addresses:
        return world
    pod = Pod(name, link_of(node, name), tuple(addresses), node)
    return with_host(world, replace(host, pods=(*host.pods, pod)))


def remove_pod(world: World, hostname: str, index: int) -> World:
    """A pod goes: its link, its record and its addresses. The block stays with the node."""
    host = world.host(hostname)
    pod = host.pods[index]
    handle = f"k8s-pod-network.{pod.node}.{pod.name}"
    blocks = tuple(
        replace(block, given=tuple(one for one in block.given if one.handle != handle)) for block in world.blocks
    )
    return with_host(
        replace(world, blocks=blocks), replace(host, pods=tuple(one for one in host.pods if one is not pod))
    )


def delete_node(world: World, name: str) -> World:
    """`calicoctl delete node`: its record, its addresses, its claims and its pods' records; empty blocks go."""
    for block in world.blocks:
        kept = tuple(one for one in block.given if one.node != name)
        owner = None if block.owner == name else block.owner
        claims = tuple(one for one in block.claims if one[0] != name)
        gone = owner is None and not kept
        world = with_block(world, block, None if gone else replace(block, given=kept, owner=owner, claims=claims))
    nodes = tuple(one for one in world.nodes if one.name != name)
    hosts = tuple(replace(one, pods=tuple(_unrecorded(pod, name) for pod in one.pods)) for one in world.hosts)
    return replace(world, hosts=hosts, nodes=nodes, claims=tuple(one for one in world.claims if one.node != name))


def _unrecorded(pod: Pod, name: str) -> Pod:
    return replace(pod, node="") if pod.node == name else pod


def forget_node(world: World, hostname: str) -> World:
    """A host is taken away, and nothing but its record deleted: what IPAM has of it stays."""
    name = node_name(world, world.host(hostname))
    hosts = tuple(one for one in world.hosts if one.hostname != hostname)
    return replace(world, hosts=hosts, nodes=tuple(one for one in world.nodes if one.name != name))


def remove_host(world: World, hostname: str) -> World:
    """A host is taken away for good, and its node deleted."""
    name = node_name(world, world.host(hostname))
    left = replace(world, hosts=tuple(one for one in world.hosts if one.hostname != hostname))
    return delete_node(left, name)


def change_pool(world: World, before: Pool, after: Pool | None) -> World:
    """A pool is changed, or deleted with all claims on its blocks; nodes get and give back tunnel addresses."""
    for block in world.blocks if after is None else ():
        if world.pool_of(block.cidr) is before:
            world = release_block(world, block)
    pools = (after if one is before else one for one in world.pools)
    return _with_tunnels(replace(world, pools=tuple(one for one in pools if one is not None)))


def add_pool(world: World, pool: Pool) -> World:
    """A pool is made; nodes get addresses for its tunnels."""
    return _with_tunnels(replace(world, pools=(*world.pools, pool)))


def _with_tunnels(world: World) -> World:
    for node in world.nodes:
        world = allocate_tunnels(world, node.name)
    return world


def release_block(world: World, block: Block) -> World:
    """Its node gives a block up: an empty one goes, of another one nobody is the owner."""
    return with_block(world, block, replace(block, owner=None, claims=()) if block.given else None)


def link_of(node: str, pod: str) -> str:
    """The name of the host's end of a pod's link (VethNameForWorkload, libcalico-go/lib/backend/k8s/conversion)."""
    named = f"default.{unique(node, pod)}"
    return f"cali{hashlib.sha1(named.encode(), usedforsecurity=False).hexdigest()[:11]}"


def unique(node: str, pod: str) -> str:
    """The name of a pod in the whole cluster."""
    return f"{pod}.{node}"
