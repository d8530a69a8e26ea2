"""What happens to a healthy cluster in the course of time. After each step all is well again."""

from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

from hypothesis import strategies as st

from tests.worlds.hosts import another_network
from tests.worlds.model import history
from tests.worlds.model.startup import node_name
from tests.worlds.model.values import ALWAYS, CROSS_SUBNET, NEVER, Rule, World

Draw = Callable[[st.SearchStrategy[Any]], Any]
Step = Callable[[Draw, World, str], World]

MODES = st.sampled_from(
    ((NEVER, NEVER), (ALWAYS, NEVER), (CROSS_SUBNET, NEVER), (NEVER, ALWAYS), (NEVER, CROSS_SUBNET))
)


def step(draw: Draw, world: World) -> World:
    """One thing that happens, and after which all is well."""
    one: Step = draw(st.sampled_from(_STEPS))
    host = draw(st.sampled_from(world.hosts))
    return one(draw, world, host.hostname)


def _new_pod(_draw: Draw, world: World, hostname: str) -> World:
    numbers = [int(one.name.rpartition("-")[2]) for one in world.host(hostname).pods]
    return history.add_pod(world, hostname, f"web-{max(numbers, default=-1) + 1}", world.versions)


def _lost_pod(_draw: Draw, world: World, hostname: str) -> World:
    return history.remove_pod(world, hostname, 0) if world.host(hostname).pods else world


def _gone(_draw: Draw, world: World, hostname: str) -> World:
    node = world.node(node_name(world, world.host(hostname)))
    reflects = node is not None and node.cluster_id is not None
    return history.remove_host(world, hostname) if len(world.hosts) > 2 and not reflects else world


def _restarted(_draw: Draw, world: World, hostname: str) -> World:
    return history.restart(world, hostname)


def _switched(draw: Draw, world: World, _hostname: str) -> World:
    pool = draw(st.sampled_from(world.pools))
    ipip, vxlan = draw(MODES)
    if world.release.v2 or pool.cidr.version == 6:
        ipip, vxlan = (ipip, NEVER) if world.release.v2 and pool.cidr.version == 4 else (NEVER, NEVER)
    return history.change_pool(world, pool, replace(pool, ipip=ipip, vxlan=vxlan))


def _disabled(draw: Draw, world: World, _hostname: str) -> World:
    pool = draw(st.sampled_from(world.pools))
    return history.change_pool(world, pool, replace(pool, disabled=True))


def _docker_network(draw: Draw, world: World, hostname: str) -> World:
    host = world.host(hostname)
    return history.with_host(world, replace(host, docker=(*host.docker, another_network(draw, host))))


def _given_up(draw: Draw, world: World, _hostname: str) -> World:
    """A claim on a block goes, and its pods stay: nobody owns it then."""
    used = [one for one in world.blocks if one.owner is not None and all(not each.kind for each in one.given)]
    return history.release_block(world, draw(st.sampled_from(used))) if used and not world.release.v2 else world


def _ruled(_draw: Draw, world: World, hostname: str) -> World:
    """A table of its own for packets from another network of the host."""
    host = world.host(hostname)
    default = next(one for one in host.routes if one.prefix.version == 4)
    rule = Rule(32000, 100, source=ip_network("10.9.0.0/16"))
    routes = (*host.routes, replace(default, table=100))
    return world if host.rules else history.with_host(world, replace(host, rules=(rule,), routes=routes))


_STEPS = (_given_up, _ruled, _restarted, _new_pod, _lost_pod, _gone, _switched, _disabled, _docker_network)
