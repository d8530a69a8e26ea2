"""Faults of pools, blocks, and single addresses in the datastore."""

from dataclasses import replace

from tests.worlds import mistakes
from tests.worlds.faults.kind import Fault, codes, own_node, troubled, with_node
from tests.worlds.mistakes import own_block
from tests.worlds.model import history
from tests.worlds.model.datastore_kubernetes import named
from tests.worlds.model.values import ETCD, MANY_NODES, World

_PODS = "its pods are started anew"


def block_gone(world: World, hostname: str) -> World | None:
    """The record of a block is deleted, the claim on it stays. Where nobody reads all blocks nobody misses one."""
    block = own_block(world, hostname)
    if block is None or world.release.v2 or world.store == MANY_NODES:
        return None
    name = f"/calico/ipam/v2/assignment/ipv4/block/{str(block.cidr).replace('/', '-')}"
    name = name if world.store == ETCD else f"ipamblocks/{named(str(block.cidr))}"
    return replace(world, keys=(*world.keys, (name, None)))


def block_forgotten(world: World, hostname: str) -> World | None:
    """The same with the claim on it: nothing is left of the block."""
    block, node = own_block(world, hostname), own_node(world, hostname)
    if block is None or (world.store == MANY_NODES and world.pool_of(block.cidr) is not None):
        return None  # of those that nobody claims there, one that cannot be read looks like one that is gone
    if world.release.v2 and node is not None and node.ipip is not None and node.ipip in block.cidr:
        return None  # calico/node keeps it for ever, and IPAM gives it to each first pod
    return replace(world, blocks=tuple(one for one in world.blocks if one is not block))


def link_gone(world: World, hostname: str) -> World | None:
    """The host was started anew: the record of a pod is there, its link is not."""
    pods = world.host(hostname).pods
    return troubled(world, hostname, gone=frozenset({pods[0].link})) if pods and not world.release.v2 else None


def renamed(world: World, hostname: str) -> World | None:
    """The record of the node is deleted by hand, and calico/node started under another name."""
    node, host = own_node(world, hostname), world.host(hostname)
    if node is None or node.ipv4 is None or not host.pods or node.cluster_id or world.release.v2:
        return None
    if world.store != ETCD:  # pods go with the node that they are on
        return None
    left = replace(world, nodes=tuple(one for one in world.nodes if one is not node))
    started = history.restart(left, hostname, NODENAME="newname", IP=str(node.ipv4))
    fresh = started.node("newname")
    return with_node(started, fresh, labels=node.labels) if fresh is not None else None


FAULTS = (
    Fault("a block is claimed by two nodes", mistakes.claimed_twice, codes("RT-DUPLICATE-AFFINITY")),
    Fault("the claim on a block in use is pending", mistakes.unclaimed, codes("RT-UNCLAIMED")),
    Fault("a pool is deleted in use", mistakes.pool_deleted, codes("RT-POOL-GONE")),
    Fault("a pool is not exported", mistakes.not_exported, codes("RT-NOT-EXPORTED")),
    Fault("two nodes have one tunnel address", mistakes.same_tunnel_address, codes("RT-ADDRESS-TWICE")),
    Fault("a pod is recorded for another node", mistakes.pod_elsewhere, codes("RT-WORKLOAD-UNKNOWN"), everywhere=True),
    Fault("the record of a block is deleted", block_gone, codes("RT-BLOCK-GONE"), everywhere=True),
    Fault("a block is deleted with the claim on it", block_forgotten, codes("RT-BLOCK-GONE"), everywhere=True),
    Fault("the link of a pod is gone", link_gone, codes("RT-WORKLOAD-GONE"), incurable=_PODS),
    Fault("the node was renamed, with its pods", renamed, codes("RT-WORKLOAD-ELSEWHERE"), incurable=_PODS),
)
