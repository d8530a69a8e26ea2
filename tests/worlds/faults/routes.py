"""Faults of the kernel's tables: what somebody wrote there, took away, or leads past them."""

from dataclasses import replace
from ipaddress import ip_network

from tests.worlds import mistakes
from tests.worlds.faults.kind import Done, Fault, codes, others, own_node, troubled, uplink
from tests.worlds.mistakes import foreign_route, from_anybody, others_block, own_block
from tests.worlds.model import history
from tests.worlds.model.ipam import address_of
from tests.worlds.model.kernel import BIRD
from tests.worlds.model.values import ALWAYS, NEVER, KernelRoute, World, network_of

_AWAY = "what deletes the route again and again is no part of the model"


def of_kind(kind: str, protocol: int = 4) -> Done:
    """A route that leads nowhere on a block of another node. By its metric it may hide the right one."""

    def do(world: World, hostname: str) -> World | None:
        block, host = others_block(world, hostname), world.host(hostname)
        if block is None or from_anybody(world):
            return None
        route = KernelRoute(block.cidr, kind=kind, protocol=protocol)
        return history.with_host(world, replace(host, routes=(*host.routes, route)))

    return do


def inside(world: World, hostname: str) -> World | None:
    """A part of another node's block goes to the router."""
    block, host = others_block(world, hostname), world.host(hostname)
    default = next((one for one in host.routes if one.prefix.version == 4), None)
    if block is None or block.cidr.prefixlen > 28 or default is None or from_anybody(world):
        return None
    part = ip_network((block.cidr.network_address, block.cidr.prefixlen + 1))
    route = replace(default, prefix=part, protocol=4)
    return history.with_host(world, replace(host, routes=(*host.routes, route)))


def deleted(world: World, hostname: str) -> World | None:
    """Something deletes the route to another node's block again and again."""
    block = others_block(world, hostname)
    return troubled(world, hostname, lost=frozenset({block.cidr})) if block is not None else None


def blackhole_deleted(world: World, hostname: str) -> World | None:
    block = own_block(world, hostname)
    if block is None or block.cidr.prefixlen == 32:
        return None
    return troubled(world, hostname, lost=frozenset({block.cidr}))


def kept_device(world: World, hostname: str) -> World | None:
    """The pool was switched to IPIP while BIRD was down: it keeps a route of which only the device is another."""
    block, link = others_block(world, hostname), uplink(world, hostname)
    pool = world.pool_of(block.cidr) if block is not None else None
    if block is None or pool is None or pool.ipip != ALWAYS or world.by_felix or link is None or from_anybody(world):
        return None
    owner = world.node(block.owner or "")
    if owner is None or owner.ipv4 is None:
        return None
    host, metric = world.host(hostname), world.release.metric
    route = KernelRoute(block.cidr, owner.ipv4.ip, link.name, protocol=BIRD, metric=metric)
    return history.with_host(world, replace(host, routes=(*host.routes, route)))


def left_behind(world: World, hostname: str) -> World | None:
    """A route of BIRD's to a block that was given back."""
    pool = next((one for one in world.pools if one.cidr.version == 4 and one.vxlan == NEVER), None)
    host = world.host(hostname)
    default = next((one for one in host.routes if one.prefix.version == 4), None)
    if pool is None or default is None or not world.bgp.mesh or pool.block_size > 30:
        return None
    last = ip_network((pool.cidr.broadcast_address, 32)).supernet(new_prefix=pool.block_size)
    if any(one.cidr.overlaps(last) for one in world.blocks if one.cidr.version == 4) or world.pool_of(last) is not pool:
        return None
    route = replace(default, prefix=last, protocol=BIRD, metric=world.release.metric)
    return history.with_host(world, replace(host, routes=(*host.routes, route)))


def services(world: World, _hostname: str) -> World | None:
    """Nodes advertise a single service address, and BIRD drops what the hosts themselves send there."""
    single = any(one.prefixlen == one.max_prefixlen for one in world.bgp.services)
    if world.release.v2 or single or 4 not in world.versions:
        return None
    services = (*world.bgp.services, ip_network("203.0.113.99/32"))
    return replace(world, bgp=replace(world.bgp, services=services))


def no_default(world: World, hostname: str) -> World | None:
    """The default route is gone, and other nodes are behind it."""
    host = world.host(hostname)
    near = [held.network for link in host.links for held in link.addresses]
    far = [one for one in world.nodes if one.ipv4 is not None and not any(one.ipv4.ip in network for network in near)]
    if not far or not any(one.owner == each.name and mistakes.pod_in(one) for one in world.blocks for each in far):
        return None
    return history.with_host(world, replace(host, routes=()))


def pod_route_deleted(world: World, hostname: str) -> World | None:
    """NetworkManager takes the route to a pod away.

    With Calico 2.x, whose blocks do not say who uses them, a pod that has another one is not missed.
    """
    pods = world.host(hostname).pods
    if world.release.v2 and pods and len(pods[0].addresses) > 1:
        return None
    return troubled(world, hostname, lost=frozenset({network_of(pods[0].addresses[0])})) if pods else None


def tunnel_address_dropped(world: World, hostname: str) -> World | None:
    """Somebody wrote a blackhole on the tunnel address of another node. Of Calico 2.x these are not read."""
    far = next((one.ipip for _, one in others(world, hostname) if one.ipip is not None), None)
    if far is None or world.release.v2 or not mistakes.tunnels(world, "tunl0"):
        return None
    host, route = world.host(hostname), KernelRoute(network_of(far), kind="blackhole", protocol=4)
    return history.with_host(world, replace(host, routes=(*host.routes, route)))


def borrowed_route_deleted(world: World, hostname: str) -> World | None:
    """The route to an address that another node has borrowed."""
    own = own_node(world, hostname)
    for block in world.blocks:
        for one in block.given:
            if block.owner is not None and one.node not in {block.owner, own.name if own else ""} and not one.kind:
                return troubled(world, hostname, lost=frozenset({network_of(address_of(block, one))}))
    return None


def advertised(world: World, hostname: str) -> World | None:
    """A foreign route of which a third host hears, over the mesh; behind a router both ways would look alike."""
    block, own = others_block(world, hostname), own_node(world, hostname)
    near = [one for one in world.nodes if own and own.ipv4 and one.ipv4 and one.ipv4.ip in own.ipv4.network]
    pool = world.pool_of(block.cidr) if block is not None else None
    if pool is None or pool.vxlan != NEVER or world.by_felix or not world.bgp.mesh or world.bgp.peers:
        return None
    return foreign_route(world, hostname) if len(near) > 2 else None


def _by_place(name: str, done: Done, code: str) -> tuple[Fault, Fault]:
    """Two faults: where BIRD would write a route of the same metric it leaves the one that is there alone, and there is
    no right one; else the one that was written comes before the right one."""

    def only(*, alone: bool) -> Done:
        def do(world: World, hostname: str) -> World | None:
            block = others_block(world, hostname)
            pool = world.pool_of(block.cidr) if block is not None else None
            by_bird = pool is not None and pool.vxlan == NEVER and not world.by_felix
            return done(world, hostname) if (by_bird and world.release.metric == 0) is alone else None

        return do

    before = Fault(f"{name}, before the right one", only(alone=False), codes("RT-SHADOWED"))
    return Fault(name, only(alone=True), codes(code)), before


FAULTS = (
    *_by_place("somebody wrote a route to a block", foreign_route, "RT-FOREIGN"),
    *_by_place("somebody wrote a blackhole on a block", of_kind("blackhole"), "RT-BLACKHOLE"),
    *_by_place("a blackhole of BIRD's is left on a block", of_kind("blackhole", BIRD), "RT-BLACKHOLE"),
    *_by_place("somebody wrote `unreachable` on a block", of_kind("unreachable"), "RT-UNREACHABLE"),
    *_by_place("somebody prohibits a block", of_kind("prohibit"), "RT-PROHIBIT"),
    Fault(
        "somebody wrote a route to a block, as another host sees it",
        advertised,
        # Both ways are equally good, or the foreign one is better by its metric; with IPIP its device alone is another.
        codes("RT-ECMP RT-WRONG-NEXTHOP RT-WRONG-DEVICE"),
        here=False,
    ),
    Fault("somebody wrote a route to a part of a block", inside, codes("RT-SHADOWED")),
    Fault("a policy rule leads packets to a block away", mistakes.diverted, codes("RT-DIVERTED")),
    Fault("the route to a block is deleted again and again", deleted, codes("RT-MISSING"), incurable=_AWAY),
    Fault("the blackhole of a block is deleted", blackhole_deleted, codes("RT-BLACKHOLE-MISSING"), incurable=_AWAY),
    Fault("the route to a pod is deleted", pod_route_deleted, codes("RT-WORKLOAD-MISSING"), incurable=_AWAY),
    Fault(
        "the route to a borrowed address is deleted",
        borrowed_route_deleted,
        codes("RT-BORROWED-MISSING"),
        incurable=_AWAY,
    ),
    Fault("BIRD kept a route with the wrong device", kept_device, codes("RT-WRONG-DEVICE")),
    Fault("a route to a block that was given back is left", left_behind, codes("RT-STALE")),
    Fault(
        "a tunnel address is dropped",
        tunnel_address_dropped,
        codes("RT-SHADOWED"),
        follows=codes("RT-TUNNEL-ADDRESS"),
    ),
    Fault("BIRD drops the service addresses", services, codes("RT-SERVICES"), everywhere=True),
    Fault(
        "the default route is gone",
        no_default,
        codes("BGP-DOWN RT-NEXTHOP-DEAD"),  # the latter where packets leave in a tunnel that Felix makes
        incurable="the router's address is told nowhere",
    ),
)
