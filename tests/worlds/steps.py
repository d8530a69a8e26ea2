"""What happens to a healthy cluster in the course of time. After each step all is well again."""

from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_interface, ip_network
from typing import Any

from hypothesis import strategies as st

from tests.worlds import leftovers
from tests.worlds.hosts import BESIDE, another_network, beside
from tests.worlds.model import history, moves
from tests.worlds.model.startup import node_name
from tests.worlds.model.values import ALWAYS, CROSS_SUBNET, NEVER, Block, Pool, Rule, World
from tests.worlds.speakers import tunnels_fit

Draw = Callable[[st.SearchStrategy[Any]], Any]
Step = Callable[[Draw, World, str], World]

MODES = st.sampled_from(
    ((NEVER, NEVER), (ALWAYS, NEVER), (CROSS_SUBNET, NEVER), (NEVER, ALWAYS), (NEVER, CROSS_SUBNET))
)
_HALF = st.booleans()
_FLOATING = st.integers(8, 10)  # the numbers of virtual addresses on a wire


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
    if vxlan == NEVER and not pool.exported:
        return world  # BGP would have to bring its routes
    if world.routers:  # they may be the next hop, and take nothing out of a tunnel
        ipip = NEVER
    ipip = ipip if tunnels_fit(world) else NEVER
    if world.release.v2 or pool.cidr.version == 6:
        ipip, vxlan = (ipip, NEVER) if world.release.v2 and pool.cidr.version == 4 else (NEVER, NEVER)
    return history.change_pool(world, pool, replace(pool, ipip=ipip, vxlan=vxlan))


def _disabled(draw: Draw, world: World, _hostname: str) -> World:
    """A pool is switched off, or on again. Nodes give their VXLAN addresses back where no such pool is left to them."""
    pool = draw(st.sampled_from(world.pools))
    others = (one for one in world.pools if one is not pool and one.cidr.version == pool.cidr.version)
    tunnels = any(one.vxlan != NEVER and not one.disabled for one in others)
    if not pool.disabled and pool.vxlan != NEVER and _blocks_of(world, pool) and not tunnels:
        return world
    return history.change_pool(world, pool, replace(pool, disabled=not pool.disabled))


def _pool_deleted(draw: Draw, world: World, _hostname: str) -> World:
    """A pool that no pod uses any more is deleted, with the claims on its empty blocks."""
    pool = draw(st.sampled_from(world.pools))
    used = any(not one.kind for block in _blocks_of(world, pool) for one in block.given)
    same = [one for one in world.pools if one.cidr.version == pool.cidr.version]
    return history.change_pool(world, pool, None) if not used and len(same) > 1 else world


def _pool_made(draw: Draw, world: World, _hostname: str) -> World:
    """One more pool, perhaps for some nodes only."""
    cidr, number = ip_network("10.130.0.0/20"), len(world.pools)
    filtered = bool(world.bgp.filters or world.routers)  # these let pass the pools that they were told of
    if any(one.cidr == cidr for one in world.pools) or 4 not in world.versions or filtered:
        return world
    ipip, vxlan = draw(MODES) if not world.release.v2 else (NEVER, NEVER)
    pool = Pool(f"late-{number}", cidr, ipip, vxlan)
    return history.add_pool(world, pool)


def _blocks_of(world: World, pool: Pool) -> list[Block]:
    return [one for one in world.blocks if world.pool_of(one.cidr) is pool]


def _docker_network(draw: Draw, world: World, hostname: str) -> World:
    host = world.host(hostname)
    return history.with_host(world, replace(host, docker=(*host.docker, another_network(draw, host))))


def _linked(draw: Draw, world: World, hostname: str) -> World:
    """A link is made later, which Calico's own way of choosing would prefer."""
    host = world.host(hostname)
    base = next(one.name for one in host.links if one.name != "lo" and not one.kind)
    made = beside(draw(BESIDE), base, host.machine, world)
    there = {one.name for one in host.links} & {one.name for one in made}
    return world if there else history.with_host(world, replace(host, links=(*host.links, *made)))


def _given_up(draw: Draw, world: World, _hostname: str) -> World:
    """A claim on a block goes, and its pods stay: nobody owns it then."""
    used = [one for one in world.blocks if one.owner is not None and all(not each.kind for each in one.given)]
    return history.release_block(world, draw(st.sampled_from(used))) if used and not world.release.v2 else world


def _ruled(_draw: Draw, world: World, hostname: str) -> World:
    """A table of its own for packets from another network of the host."""
    host = world.host(hostname)
    default = host.routes[0]
    elsewhere = ip_network("10.9.0.0/16" if default.prefix.version == 4 else "fd00:9::/32")
    rule = Rule(32000, 100, source=elsewhere)
    routes = (*host.routes, replace(default, table=100))
    return world if host.rules else history.with_host(world, replace(host, rules=(rule,), routes=routes))


def _renamed(draw: Draw, world: World, hostname: str) -> World:
    """The host name changes, to a longer or shorter form or to quite another one; calico/node keeps the node's."""
    host = world.host(hostname)
    short, _, domain = hostname.partition(".")
    new = draw(st.sampled_from((f"edge-{host.machine}", short if domain else f"{hostname}.corp.example")))
    taken = {one.hostname for one in world.hosts} | {one.name for one in world.nodes}
    stays = host.given("NODENAME") or (host.nodename_file and not world.release.v2)
    return moves.rename(world, hostname, new) if stays and new not in taken else world


def _readdressed(draw: Draw, world: World, hostname: str) -> World:
    """On its wire, or on another one where the routers are no peers of the nodes on theirs."""
    on = {link.segment for link in world.host(hostname).links}
    wires = [one for one in world.segments if not world.routers or one.name in on]
    return moves.readdress(world, hostname, draw(st.sampled_from(wires))) or world


def _rebooted(_draw: Draw, world: World, hostname: str) -> World:
    return moves.reboot(world, hostname)


def _cloned(_draw: Draw, world: World, hostname: str) -> World:
    host = world.host(hostname)
    if len(world.hosts) > 8 or not world.bgp.mesh:
        return world
    own = {"AS": host.given("AS")} if host.given("AS") else {}
    return moves.clone(world, hostname, f"clone-{max(one.machine for one in world.hosts) + 1}", own) or world


def _floated(draw: Draw, world: World, hostname: str) -> World:
    """A virtual address moves to a host: as a single one, or beside the host's own in its network, even before it."""
    wires = {link.segment for link in world.host(hostname).links if link.segment}
    wire = next(one for one in world.segments if one.name in wires)
    network = wire.network(draw(st.sampled_from(world.versions)))
    if network is None:
        return world
    # Packets begin at the address that was there first: Felix at the other end of IPIP takes none from a virtual one.
    tunnels = any(one.ipip != NEVER for one in world.pools)
    routed = any(link.announced for link in world.host(hostname).links)
    alone = (tunnels and routed) or draw(_HALF)
    length = network.max_prefixlen if alone else network.prefixlen
    address = ip_interface((network.network_address + draw(_FLOATING), length))
    return moves.float_to(world, address, hostname, first=not alone and not tunnels and draw(_HALF))


_STEPS = (
    _given_up,
    _ruled,
    _restarted,
    _new_pod,
    _lost_pod,
    _gone,
    _switched,
    _disabled,
    _docker_network,
    _linked,
    _renamed,
    _readdressed,
    _rebooted,
    _cloned,
    _floated,
    _pool_deleted,
    _pool_made,
    *leftovers.STEPS,
)
