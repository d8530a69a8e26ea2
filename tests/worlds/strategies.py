"""hypothesis makes whole clusters: the wires, the hosts on them, pools, starts, pods, and what happens later.

Everything is drawn simple first, so that a failure shrinks to the smallest world: one wire, two plain hosts, one pool.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from ipaddress import ip_network
from typing import Any

from hypothesis import assume
from hypothesis import strategies as st

from tests.worlds.faults import FAULTS, Fault
from tests.worlds.hosts import ZONES, Wires, make_host, names_of
from tests.worlds.model import history
from tests.worlds.model.ipam import address_of, give_services
from tests.worlds.model.peering import Bgp
from tests.worlds.model.releases import RELEASES, Release
from tests.worlds.model.startup import lacks_tunnel
from tests.worlds.model.values import ETCD, KUBERNETES, MANY_NODES, NEVER, Pool, Segment, World
from tests.worlds.speakers import set_up
from tests.worlds.steps import MODES, step


@dataclass(frozen=True, slots=True)
class Case:
    """A healthy history, and what is to be done to the world at its end."""

    walk: tuple[World, ...]
    fault: Fault
    hostname: str

    @property
    def world(self) -> World:
        return self.walk[-1]


Draw = Callable[[st.SearchStrategy[Any]], Any]

_COUNT = st.sampled_from((2, 2, 3, 3, 4, 5, 6, 8))
_VERSIONS = st.sampled_from(((4,), (4,), (4,), (4, 6), (6,)))
_VERSIONS_OLD = st.sampled_from(((4,), (4,), (4,), (4, 6)))
_POOLS6 = st.sampled_from((1, 1, 2))
_RELEASE = st.sampled_from(RELEASES)
_STORE = st.sampled_from((ETCD, ETCD, ETCD, KUBERNETES, MANY_NODES))
_WIRES = st.sampled_from((1, 1, 1, 2, 3))
_RARELY = st.sampled_from((False, False, False, True))
_SELDOM = st.sampled_from((*[False] * 9, True))
_HALF = st.booleans()
_NETWORKS = st.sampled_from(
    (
        ("10.77.{}.0/24", "fd00:77:{}::/64"),
        ("172.16.{}.0/22", "fd00:16:{}::/64"),
        ("192.0.{}.0/26", "2001:db8:{}::/64"),
        ("10.{}.0.0/16", "fd00:{}::/48"),
    )
)
_POOLS = st.sampled_from((1, 1, 2, 3))
_CIDRS = ("192.168.0.0/16", "100.64.0.0/18", "10.233.64.0/18", "198.18.5.0/24")
_NESTED = ("10.233.64.0/18", "10.233.96.0/20")
_CIDRS6 = ("fd80:24e2:f998:72d6::/64", "fd00:10:244::/56")
_FIRST_POOL = st.sampled_from((0, 0, 0, 1, 2, 3))
_MEANT = st.sampled_from(("", "", "zone", "disabled", "private"))
_SIZES = st.sampled_from((26, 26, 24, 28, 30, 32))
_SIZES6 = st.sampled_from((122, 122, 120, 128))
_PODS = st.sampled_from((1, 0, 2, 3))
_AS = st.sampled_from((64512, 65001, 4200000001))
_FAULT = st.sampled_from(FAULTS)
_STEPS = st.sampled_from((0, 0, 0, 1, 1, 2, 3, 4))


@st.composite
def walks(draw: Draw) -> tuple[World, ...]:
    """A healthy cluster, and what becomes of it step by step."""
    release = draw(_RELEASE)
    versions = draw(_VERSIONS) if not release.v2 else draw(_VERSIONS_OLD)
    wires = _wires(draw, versions)
    segments = tuple(wires.segments)
    world = World(release, segments, (), bgp=Bgp(as_number=draw(_AS)), strict=draw(_RARELY))
    world = replace(world, pools=tuple(_pools(draw, release, versions)))
    world = world if release.v2 else replace(world, store=draw(_STORE))
    if not release.v2 and draw(_SELDOM):
        world = replace(world, encrypted=world.versions[: draw(st.sampled_from((1, 2)))])
    world = _hosts(draw, world, wires)
    announced = any(link.announced for host in world.hosts for link in host.links)  # Felix wants a link that leads out
    by_felix = release.interfaces and not world.encrypted and len(segments) == 1 and not announced and draw(_RARELY)
    world = replace(world, by_felix=by_felix)
    world = set_up(draw, world)
    assume(not _lacks_tunnels(world))
    world = _pods(draw, world)
    assume(not _has_two_users(world))
    for pool in (one for one in world.pools if one.services):
        world = give_services(world, pool)
    walk = [world]
    for _ in range(draw(_STEPS)):
        after = step(draw, walk[-1])
        walk.append(walk[-1] if _lacks_tunnels(after) or _has_two_users(after) else after)
    return tuple(walk)


def _lacks_tunnels(world: World) -> bool:
    return any(lacks_tunnel(world, one.name) for one in world.nodes)


def _has_two_users(world: World) -> bool:
    """Whether IPAM gave away what a link of a host has: libvirt's network lies in Calico's usual pool."""
    held = {one.ip for host in world.hosts for link in host.links for one in link.addresses}
    return any(address_of(block, one) in held for block in world.blocks for one in block.given)


@st.composite
def cases(draw: Draw) -> Case:
    """A cluster, and a fault on one of its hosts."""
    walk = draw(walks())
    return Case(walk, draw(_FAULT), draw(st.sampled_from(walk[-1].hosts)).hostname)


def _wires(draw: Draw, versions: tuple[int, ...]) -> Wires:
    ipv4, ipv6 = draw(_NETWORKS)
    segments = []
    for number in range(draw(_WIRES)):
        networks = [ip_network(ipv4.format(4 * number if "/22" in ipv4 else number or 0))]
        networks += [ip_network(ipv6.format(number + 1))]
        segments.append(Segment(f"wire{number}", tuple(one for one in networks if one.version in versions)))
    return Wires(segments)


def _pools(draw: Draw, release: Release, versions: tuple[int, ...]) -> list[Pool]:
    found: list[Pool] = []
    for_services = release.interfaces and 4 in versions and draw(_RARELY)
    first = draw(_FIRST_POOL)
    cidrs = (*_CIDRS[first:], *_CIDRS[:first])
    if release.v2 and draw(_RARELY):  # later releases refuse a pool inside another one
        cidrs = (*_NESTED, *cidrs)
    for number, cidr in enumerate(cidrs[: draw(_POOLS) if 4 in versions else 0]):
        ipip, vxlan = draw(MODES)
        if release.v2:
            vxlan = NEVER
        network = ip_network(cidr)
        size = max(draw(_SIZES), network.prefixlen) if not release.v2 else 26
        found.append(_meant(draw, Pool(f"pool-{number}", network, ipip, vxlan, size), release, alone=not found))
    if for_services:
        found.append(Pool("services", ip_network("198.19.0.0/24"), block_size=28, services=True))
    for number, cidr in enumerate(_CIDRS6[: draw(_POOLS6)] if 6 in versions else ()):
        vxlan = draw(MODES)[1] if not release.v2 else NEVER
        size = draw(_SIZES6) if not release.v2 else 122
        found.append(Pool(f"pool6-{number}", ip_network(cidr), NEVER, vxlan, size))
    return found


def _meant(draw: Draw, pool: Pool, release: Release, *, alone: bool) -> Pool:
    """The same for some nodes, for no new pods, or without BGP; but not where nodes cannot reach each other then."""
    kind = draw(_MEANT) if not alone else ""
    if kind == "disabled":
        return replace(pool, disabled=True, exported=release.v2 or draw(_HALF))
    if kind == "zone" and pool.vxlan == NEVER and not release.v2:
        return replace(pool, nodes=draw(ZONES))
    return replace(pool, exported=False) if kind == "private" and pool.vxlan != NEVER else pool


def _hosts(draw: Draw, world: World, wires: Wires) -> World:
    names = names_of(draw, draw(_COUNT), world.release)
    for number, name in enumerate(names):
        host = make_host(draw, world, wires, name, number + 1)
        world = replace(world, hosts=(*world.hosts, host))
    apart = draw(_SELDOM)
    for number, host in enumerate(world.hosts):
        own = {"AS": str(world.bgp.as_number + number)} if apart else {}
        world = history.restart(world, host.hostname, **own)
    return world


def _pods(draw: Draw, world: World) -> World:
    for host in world.hosts:
        for number in range(draw(_PODS)):
            world = history.add_pod(world, host.hostname, f"web-{number}", world.versions)
    return world
