"""The smallest world that works, for cases that are written down: equal hosts on one wire, one pool, a pod on each."""

from dataclasses import replace
from ipaddress import ip_address, ip_interface, ip_network

from tests.worlds.model import history
from tests.worlds.model.peering import ALL, Filter, Peer, Router
from tests.worlds.model.releases import V3_31, Release
from tests.worlds.model.values import DockerNetwork, Host, KernelRoute, Link, Pool, Segment, World

POOL = Pool("pool", ip_network("192.168.0.0/16"))
DOCKER0 = DockerNetwork("bridge", "docker0", ip_network("172.17.0.0/16"))


def plain(*pools: Pool, release: Release = V3_31, hosts: int = 3) -> World:
    """host1, host2, ... with 10.77.0.11, .12, ..., started, each with a pod web-0."""
    segment = Segment("wire", (ip_network("10.77.0.0/24"),))
    machines = tuple(map(host, range(1, hosts + 1)))
    world = World(release, (segment,), machines, pools=pools or (POOL,))
    for one in machines:
        world = history.restart(world, one.hostname)
    for one in machines:
        world = history.add_pod(world, one.hostname, "web-0", (4,))
    return world


def apart(*pools: Pool, release: Release = V3_31) -> World:
    """The same three hosts, of which host3 is behind a router: 10.77.1.13."""
    world = plain(*pools, release=release)
    far, third = Segment("far", (ip_network("10.77.1.0/24"),)), world.host("host3")
    link = Link("eth0", "", "far", (ip_interface("10.77.1.13/24"),))
    route = replace(third.routes[0], via=ip_address("10.77.1.1"))
    moved = replace(third, links=(link,), routes=(route,))
    world = history.with_host(replace(world, segments=(*world.segments, far)), moved)
    return history.restart(world, "host3", IP="10.77.1.13/24")


def over_ipv6() -> World:
    """The same three hosts without an IPv4 address on the wire: fd00:77::11, ::12, ::13."""
    wire = Segment("wire", (ip_network("fd00:77::/64"),))
    world = World(V3_31, (wire,), (), pools=(Pool("pool", ip_network("fd00:10:244::/64"), block_size=122),))
    for one in map(host, range(1, 4)):
        address = ip_interface(f"fd00:77::{10 + one.machine}/64")
        route = KernelRoute(ip_network("::/0"), ip_address("fd00:77::1"), "eth0", metric=1024)
        env = {"NODENAME": one.hostname, "IP": "none", "IP6": str(address), "CALICO_ROUTER_ID": "hash"}
        links = (Link("eth0", "", "wire", (address,)),)
        machine = replace(one, links=links, routes=(route,), env=tuple(env.items()))
        world = history.restart(replace(world, hosts=(*world.hosts, machine)), one.hostname)
        world = history.add_pod(world, one.hostname, "web-0", (6,))
    return world


def reflected() -> World:
    """Four hosts, of which host1 is the route reflector of the others."""
    world = plain(hosts=4)
    nodes = tuple(
        replace(one, labels=(("rack", "reflector" if one.name == "host1" else "node"),)) for one in world.nodes
    )
    nodes = (replace(nodes[0], cluster_id="244.0.0.1"), *nodes[1:])
    peers = (Peer("to-reflectors", nodes="rack == 'node'", peers="rack == 'reflector'"),)
    return replace(world, nodes=nodes, bgp=replace(world.bgp, mesh=False, peers=peers))


def beside(world: World, tells: str, *filters: Filter, override: bool = False, own_hop: bool = False) -> World:
    """The mesh, and the router 10.77.0.1 of another AS with which every node has a session."""
    peer = Peer("tor", address=ip_address("10.77.0.1"), as_number=65100, filters=tuple(one.name for one in filters))
    routers = (Router("wire", 65100, tells, override, own_hop),)
    return replace(world, routers=routers, bgp=replace(world.bgp, peers=(peer,), filters=filters))


def routed() -> World:
    """Hosts that know each other's pods through a router alone."""
    world = beside(plain(), ALL, override=True)
    return replace(world, bgp=replace(world.bgp, mesh=False))


def host(number: int) -> Host:
    """One of them, not started."""
    address = f"10.77.0.{10 + number}/24"
    default = KernelRoute(ip_network("0.0.0.0/0"), ip_address("10.77.0.1"), "eth0")
    return Host(
        f"host{number}",
        (Link("eth0", "", "wire", (ip_interface(address),)),),
        (DOCKER0,),
        (("NODENAME", f"host{number}"), ("IP", address)),
        routes=(default,),
        machine=number,
    )


def of_size(length: int) -> Pool:
    """The pool with blocks of another size."""
    return replace(POOL, block_size=length)
