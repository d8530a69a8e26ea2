"""What a crash, a bug or a shortage leaves behind in IPAM, and what works all the same."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from tests.worlds.model import history
from tests.worlds.model.ipam import give, unclaimed, with_block
from tests.worlds.model.startup import node_name
from tests.worlds.model.values import CONFIRMED, PENDING, PENDING_DELETION, Claim, Pod, World

Draw = Callable[[st.SearchStrategy[Any]], Any]

_HALF = st.booleans()


def pending_claim(draw: Draw, world: World, hostname: str) -> World:
    """A node died between its claim on a block and the block; another one may have taken it since."""
    if world.release.v2:
        return world
    name = node_name(world, world.host(hostname))
    others = [one for one in world.blocks if one.owner != name and one.claim(name) is None]
    if others and draw(_HALF):
        block = draw(st.sampled_from(others))
        return with_block(world, block, replace(block, claims=(*block.claims, (name, PENDING))))
    return _with_claim(world, name, PENDING)


def _with_claim(world: World, name: str, state: str) -> World:
    pool = next((one for one in world.pools if not one.disabled), None)
    cidr = unclaimed(world, pool, f"{name} crashed") if pool is not None else None
    return replace(world, claims=(*world.claims, Claim(name, cidr, state))) if cidr is not None else world


def released_claim(_draw: Draw, world: World, hostname: str) -> World:
    """A node died after it had deleted an empty block, before its claim."""
    name = node_name(world, world.host(hostname))
    return _with_claim(world, name, PENDING_DELETION) if not world.release.v2 else world


def borrowed(draw: Draw, world: World, hostname: str) -> World:
    """A pod got an address of another node's block, when there was no other."""
    if world.strict or world.release.v2:
        return world
    host, name = world.host(hostname), node_name(world, world.host(hostname))
    claimed = [one for one in world.blocks if one.owner not in {None, name} and one.claim(one.owner or "") == CONFIRMED]
    free = [one for one in claimed if len(one.given) < min(one.cidr.num_addresses, 64)]
    lenders = [one for one in free if world.pool_of(one.cidr) is not None]
    if not lenders:
        return world
    pod = f"guest-{len(host.pods)}"
    world, address = give(world, draw(st.sampled_from(lenders)), name, f"k8s-pod-network.{name}.{pod}", pod)
    made = Pod(pod, history.link_of(name, pod), (address,), name)
    return history.with_host(world, replace(host, pods=(*host.pods, made)))


def leaked(draw: Draw, world: World, hostname: str) -> World:
    """A pod is gone, and its address was not given back."""
    host = world.host(hostname)
    if not host.pods:
        return world
    pod = draw(st.sampled_from(host.pods))
    return history.with_host(world, replace(host, pods=tuple(one for one in host.pods if one is not pod)))


def forgotten(_draw: Draw, world: World, hostname: str) -> World:
    """A host is gone for good, and only its record was deleted."""
    node = world.node(node_name(world, world.host(hostname)))
    reflects = node is not None and node.cluster_id is not None
    return history.forget_node(world, hostname) if len(world.hosts) > 2 and not reflects else world


STEPS = (pending_claim, released_claim, borrowed, leaked, forgotten)
