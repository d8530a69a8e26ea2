"""Calico's IPAM: blocks are claimed by nodes, addresses are given out (libcalico-go/lib/ipam/ipam.go@v3.32.1)."""

import zlib
from dataclasses import replace
from ipaddress import ip_network

from tests.worlds.model.values import CONFIRMED, NEVER, Block, Given, IPAddress, IPNetwork, Pool, World, within

_MOST_TRIES = 64


def pools_for(world: World, node: str, kind: str = "", version: int = 4) -> tuple[Pool, ...]:
    """The pools out of which a node gets addresses for pods, or for a tunnel of a kind."""
    version = 6 if "V6" in kind else 4 if kind else version
    record = world.node(node)
    zone = dict(record.labels).get("zone") if record is not None else None
    usable = (one for one in world.pools if one.cidr.version == version and not one.disabled and not one.services)
    if kind and "wireguard" not in kind:
        usable = (one for one in usable if (one.ipip if kind == "ipipTunnelAddress" else one.vxlan) != NEVER)
    return tuple(one for one in usable if one.nodes in {None, zone})


def assign(
    world: World, node: str, handle: str, pools: tuple[Pool, ...], *, kind: str = "", pod: str = ""
) -> tuple[World, IPAddress | None]:
    """Give an address to a node: out of a block of its own, of a new one, or, unless that is forbidden, of others'."""
    own = [one for one in world.blocks if one.owner == node and one.claim(node) == CONFIRMED and _in(one, pools)]
    for block in own:
        if (ordinal := _free(block)) is not None:
            return _give(world, block, Given(ordinal, node, handle, kind, pod))
    for pool in pools:
        if (cidr := unclaimed(world, pool, node)) is not None:
            return _give_new(world, cidr, Given(0, node, handle, kind, pod))
    if world.release.interfaces:
        for block in world.blocks:
            if not block.given and _in(block, pools):
                return _give_new(with_block(world, block, None), block.cidr, Given(0, node, handle, kind, pod))
    if not world.strict:
        for block in world.blocks:
            if _in(block, pools) and (ordinal := _free(block)) is not None:
                return _give(world, block, Given(ordinal, node, handle, kind, pod))
    return world, None


def give_services(world: World, pool: Pool) -> World:
    """A pool for services gets a block, of which two have addresses."""
    cidr = unclaimed(world, pool, "load-balancer")
    given = tuple(Given(number, "", f"lb-service-{number}", "loadBalancer") for number in range(2))
    block = Block(cidr, None, given=given, virtual="load-balancer") if cidr is not None else None
    return replace(world, blocks=(*world.blocks, block)) if block is not None else world


def give(world: World, block: Block, node: str, handle: str, pod: str) -> tuple[World, IPAddress]:
    """Give the next address of one block to a pod of a node. It must have one."""
    ordinal = _free(block)
    assert ordinal is not None
    return _give(world, block, Given(ordinal, node, handle, "", pod))


def is_given(world: World, address: IPAddress, node: str | None = None, kind: str | None = None) -> bool:
    """Whether an address was given away: to this node, and for this use, where they are asked for."""
    return any(
        address_of(block, one) == address and node in {None, one.node} and kind in {None, one.kind}
        for block in world.blocks
        if address.version == block.cidr.version and address in block.cidr
        for one in block.given
    )


def release_kind(world: World, node: str, kind: str) -> World:
    """Give a node's tunnel addresses of one kind back."""
    blocks = tuple(
        replace(block, given=tuple(one for one in block.given if (one.node, one.kind) != (node, kind)))
        for block in world.blocks
    )
    return replace(world, blocks=blocks)


def with_block(world: World, before: Block, after: Block | None) -> World:
    """The same with another block in the place of one."""
    blocks = (after if one is before else one for one in world.blocks)
    return replace(world, blocks=tuple(one for one in blocks if one is not None))


def address_of(block: Block, given: Given) -> IPAddress:
    return block.cidr.network_address + given.ordinal


def _in(block: Block, pools: tuple[Pool, ...]) -> bool:
    return any(within(block.cidr, pool.cidr) for pool in pools)


def _free(block: Block) -> int | None:
    taken = {one.ordinal for one in block.given}
    return next((ordinal for ordinal in range(min(block.cidr.num_addresses, 64)) if ordinal not in taken), None)


def unclaimed(world: World, pool: Pool, node: str) -> IPNetwork | None:
    """A block of the pool that nobody has, and that lies in no smaller pool. Where to begin, chance says."""
    number = 1 << (pool.block_size - pool.cidr.prefixlen)
    size = 1 << (pool.cidr.max_prefixlen - pool.block_size)
    begin = zlib.crc32(f"{node} {pool.name}".encode()) % number
    taken = {one.cidr for one in world.blocks}
    for step in range(min(number, _MOST_TRIES)):
        first = pool.cidr.network_address + ((begin + step) % number) * size
        cidr = ip_network((first, pool.block_size))
        if (
            cidr not in taken
            and world.pool_of(cidr) is pool
            and not any(within(one, cidr) or within(cidr, one) for one in taken if one.version == cidr.version)
        ):
            return cidr
    return None


def _give(world: World, block: Block, given: Given) -> tuple[World, IPAddress]:
    return with_block(world, block, replace(block, given=(*block.given, given))), address_of(block, given)


def _give_new(world: World, cidr: IPNetwork, given: Given) -> tuple[World, IPAddress]:
    block = Block(cidr, given.node, ((given.node, CONFIRMED),))
    return _give(replace(world, blocks=(*world.blocks, block)), block, given)
