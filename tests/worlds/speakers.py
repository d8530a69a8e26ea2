"""How BGP is set up in a cluster: the mesh, reflectors, routers in their place or beside them, filters, services.

Each set-up is one that works with the pools of the cluster, whatever tunnels they have.
"""

from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

from hypothesis import strategies as st

from tests.worlds.model.peering import AGGREGATE, ALL, DEFAULT, NOTHING, Bgp, Filter, FilterRule, Peer, Router
from tests.worlds.model.routers import router_address
from tests.worlds.model.startup import node_name
from tests.worlds.model.values import NEVER, Node, World

Draw = Callable[[st.SearchStrategy[Any]], Any]

_SHAPES = st.sampled_from(("mesh",) * 6 + ("reflectors", "two reflectors", "routers", "routers beside the mesh") * 2)
_SCHEMES = st.sampled_from(("reflecting", "overriding", "allowed twice", "an AS for each node"))
_TELLS = st.sampled_from((ALL, AGGREGATE, DEFAULT, NOTHING))
_BESIDE = st.sampled_from((NOTHING, DEFAULT, AGGREGATE, ALL))
_HALF = st.booleans()
_RARELY = st.sampled_from((False, False, False, True))
_SELDOM = st.sampled_from((*[False] * 9, True))
_PORTS = st.sampled_from((179, 1790))
_PASSWORDS = st.sampled_from(("", "", "", "tor"))
_ROUTERS_AS = 65100
_BEYOND = (ip_network("10.200.0.0/16"), ip_network("203.0.113.0/24"), ip_network("fd00:beef::/48"))
_SERVICES = (ip_network("10.96.0.0/12"), ip_network("198.51.100.0/28"), ip_network("203.0.113.77/32"))


def set_up(draw: Draw, world: World) -> World:
    """One of them, on usual ports or on others."""
    world = _shaped(draw, world)
    if world.release.v2 or not draw(_SELDOM):
        return world
    ports = tuple((one.name, 1790 + number) for number, one in enumerate(world.nodes) if draw(_HALF))
    return replace(world, bgp=replace(world.bgp, port=draw(_PORTS), ports=ports))


def _shaped(draw: Draw, world: World) -> World:
    shape = draw(_SHAPES)
    if world.release.v2 and shape != "routers beside the mesh":
        return world
    if shape == "reflectors":
        return _reflectors(draw, world, 1)
    if shape == "two reflectors":
        return _reflectors(draw, world, 2)
    if shape == "routers":
        return _routers(draw, world)
    if shape == "routers beside the mesh":
        return _beside(draw, world)
    return replace(world, bgp=replace(world.bgp, services=_services(draw))) if not world.release.v2 else world


def tunnels_fit(world: World) -> bool:
    """Whether pools may get IPIP: its packets go to the next hop, which must be a node then."""
    own = all(one.as_number == world.bgp.as_number and not one.own_hop for one in world.routers)
    own = own and not _several_as(world)
    return own or (world.bgp.mesh and all(one.as_number != world.bgp.as_number for one in world.routers))


def _reflectors(draw: Draw, world: World, clusters: int) -> World:
    """Each cluster has one or two, its nodes have sessions with them, and they with each other."""
    count = min(1 + draw(_HALF), len(world.nodes) // clusters)
    nodes = []
    for number, node in enumerate(world.nodes):
        cluster = f"c{number % clusters}"
        reflects = number // clusters < count
        labels = (*node.labels, ("role", "reflector" if reflects else "node"), ("cluster", cluster))
        identifier = f"244.0.0.{1 + number % clusters}" if reflects else None
        nodes.append(replace(node, labels=labels, cluster_id=identifier))
    peers = [
        Peer(
            f"to-{number}",
            nodes=f"role != 'reflector' && cluster == 'c{number}'",
            peers=f"role == 'reflector' && cluster == 'c{number}'",
        )
        for number in range(clusters)
    ]
    peers.append(Peer("among", nodes="role == 'reflector'", peers="has(role) && role == 'reflector'"))
    return replace(world, nodes=tuple(nodes), bgp=replace(world.bgp, mesh=False, peers=tuple(peers)))


def _routers(draw: Draw, world: World) -> World:
    """In the place of the mesh: each node has a session with the router of its wire."""
    scheme, tells = draw(_SCHEMES), draw(_TELLS)
    if _tunnelled(world) and _several_as(world):
        return world  # each router would be the next hop
    if _tunnelled(world):
        scheme, tells = "reflecting", ALL
    if tells == DEFAULT and _far(world):
        tells = ALL
    number = world.bgp.as_number if scheme == "reflecting" else _ROUTERS_AS
    own_hop = scheme != "reflecting" and draw(_HALF)
    routers = tuple(
        Router(one.name, number, tells, override=scheme == "overriding", own_hop=own_hop) for one in world.segments
    )
    world = replace(world, nodes=tuple(_in_rack(world, one) for one in world.nodes), routers=routers)
    if scheme == "an AS for each node":
        own = {one.name: 65200 + number for number, one in enumerate(world.nodes)}
        hosts = tuple(replace(one, env=(*one.env, ("AS", str(own[node_name(world, one)])))) for one in world.hosts)
        nodes = tuple(replace(one, as_number=own[one.name]) for one in world.nodes)
        world = replace(world, hosts=hosts, nodes=nodes)
    world = _secured(draw, world)
    peers = _peers(world, allowed=2 if scheme == "allowed twice" else 0)
    if scheme in {"overriding", "allowed twice"} and world.release.interfaces and draw(_RARELY):
        peers = tuple(replace(one, local_as=65300) for one in peers)
    filters = _filters(draw, world, needed=True)
    peers = tuple(replace(one, filters=tuple(each.name for each in filters)) for one in peers)
    bgp = Bgp(False, world.bgp.as_number, peers=peers, filters=filters, services=_services(draw))
    return replace(world, bgp=bgp)


def _beside(draw: Draw, world: World) -> World:
    """Routers outside hear of the pods, and tell something or nothing."""
    number, tells = draw(st.sampled_from((world.bgp.as_number, _ROUTERS_AS))), draw(_BESIDE)
    if tells == DEFAULT and _far(world):
        tells = NOTHING
    beyond = _BEYOND if draw(_HALF) else ()
    own_hop = draw(_HALF) and not (_tunnelled(world) and number == world.bgp.as_number)
    routers = tuple(Router(one.name, number, tells, draw(_HALF), own_hop, beyond) for one in world.segments)
    nodes = world.nodes if world.release.v2 else tuple(_in_rack(world, one) for one in world.nodes)
    world = replace(world, nodes=nodes, routers=routers)
    if world.release.v2:
        return replace(world, bgp=replace(world.bgp, peers=_global_peers(world)))
    world = _secured(draw, world)
    filters = _filters(draw, world, needed=False)
    peers = _global_peers(world) if draw(_RARELY) else _peers(world)
    peers = tuple(replace(one, filters=tuple(each.name for each in filters)) for one in peers)
    return replace(world, bgp=replace(world.bgp, peers=peers, filters=filters, services=_services(draw)))


def _secured(draw: Draw, world: World) -> World:
    """With a password, or with routers on another port."""
    password, port = draw(_PASSWORDS), draw(_PORTS) if draw(_RARELY) else 179
    return replace(world, routers=tuple(replace(one, password=password, port=port) for one in world.routers))


def _in_rack(world: World, node: Node) -> Node:
    """A node with the label of its wire."""
    host = next(one for one in world.hosts if node_name(world, one) == node.name)
    wire = next(link.segment for link in host.links if link.segment)
    return replace(node, labels=(*node.labels, ("rack", wire)))


def _peers(world: World, allowed: int = 0) -> tuple[Peer, ...]:
    return tuple(
        Peer(
            f"{one.segment}-{version}",
            "",
            f"rack == '{one.segment}'",
            address,
            one.as_number,
            port=one.port if one.port != 179 else None,
            allowed=allowed,
            password=one.password,
        )
        for one in world.routers
        for version in world.versions
        if (address := router_address(world, one, version)) is not None
    )


def _global_peers(world: World) -> tuple[Peer, ...]:
    return tuple(replace(one, nodes="") for one in _peers(world))


def _filters(draw: Draw, world: World, *, needed: bool) -> tuple[Filter, ...]:
    """Some that hold back nothing that anybody needs. `needed`: what routers tell."""
    pools = tuple(FilterRule(True, one.cidr) for one in world.pools)
    lengths = tuple(FilterRule(True, one.cidr, lengths=(one.cidr.prefixlen, 32)) for one in world.pools[:1])
    nothing = FilterRule(False)
    choice = [
        (),
        (Filter("only-pods", exports=(*pools, nothing)),),
        (Filter("no-others", exports=(FilterRule(False, ip_network("0.0.0.0/1"), "Equal"),)),),
        (Filter("nothing-of-others", exports=(FilterRule(False, _BEYOND[0], remote=True),)), Filter("second")),
        (Filter("some", imports=(FilterRule(False, _BEYOND[0]), *lengths)),),
    ]
    if not needed:
        choice += [
            (Filter("nothing", imports=(nothing,)),),
            (Filter("tells-no-pods", imports=tuple(replace(one, accepts=False) for one in pools)),),
            (Filter("own-only", exports=(FilterRule(False, remote=True),)),),
        ]
    if not needed and not _far(world):  # else routers are on the way to nodes, and have to know their pods
        choice.append((Filter("hears-nothing", exports=(nothing,)),))
    found: tuple[Filter, ...] = draw(st.sampled_from(choice))
    return found


def _services(draw: Draw) -> tuple[Any, ...]:
    return _SERVICES[: draw(st.sampled_from((0, 0, 0, 1, 2, 3)))]


def _far(world: World) -> bool:
    """Whether next hops are found by the default route: BIRD takes none that it has from BGP itself for that."""
    return len(world.segments) > 1 or any(link.announced for host in world.hosts for link in host.links)


def _several_as(world: World) -> bool:
    return any(one.as_number not in {None, world.bgp.as_number} for one in world.nodes)


def _tunnelled(world: World) -> bool:
    return any(one.ipip != NEVER for one in world.pools)
