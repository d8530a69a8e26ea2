"""The routers outside the cluster: each has the first address of its wire, all know each other, some speak BGP.

What they do with routes differs between makes; here it is what RFC 4271 says, with the usual settings.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from ipaddress import ip_network

from tests.worlds.model.confd import Configured
from tests.worlds.model.peering import AGGREGATE, ALL, DEFAULT, Router
from tests.worlds.model.told import Speaker, Told, Up, passed_on
from tests.worlds.model.values import IPAddress, IPNetwork, Node, World

_EVERYTHING = {4: ip_network("0.0.0.0/0"), 6: ip_network("::/0")}


def router_address(world: World, router: Router, version: int) -> IPAddress | None:
    """The address of a router on its wire."""
    wire = next(one for one in world.segments if one.name == router.segment)
    network = wire.network(version)
    return network.network_address + 1 if network is not None else None


def router_speakers(world: World, version: int, nodes: Mapping[str, Speaker]) -> Iterator[tuple[str, Speaker]]:
    """Each has a session with every node that has one with it, and with each other router."""
    addresses = {one: router_address(world, one, version) for one in world.routers}
    for router, own in addresses.items():
        if own is None:
            continue
        asked = [_mirrored(one, router) for node in nodes.values() for one in node.sessions if one.peer == own]
        others = ((other, there) for other, there in addresses.items() if other is not router and there is not None)
        asked += [_session(other.name, own, there, router.as_number, other.as_number) for other, there in others]
        node = Node(router.name, as_number=router.as_number)
        yield router.name, Speaker(router.name, node, version, sessions=tuple(asked), router=router, port=router.port)


def router_ups(speaker: Speaker, speakers: Mapping[str, Speaker], up: Mapping[str, Iterable[Up]]) -> Iterator[Up]:
    """The sessions of a router that are up: those that are at the other end, and those between routers."""
    for name, ups in up.items():
        yield from (Up(one.back, name, one.own) for one in ups if one.host == speaker.host)
    for one in speaker.sessions:
        other = speakers.get(one.name)
        if other is not None and other.router is not None:
            back = next(each for each in other.sessions if each.name == speaker.host)
            yield Up(one, other.host, back)


def made_by_router(world: World, speaker: Speaker) -> Iterator[Told]:
    """What a router tells nodes of its own."""
    router, version = speaker.router, speaker.version
    own = router_address(world, router, version) if router is not None else None
    if router is None or own is None:
        return
    prefixes = [one for one in router.beyond if one.version == version]
    if router.tells == AGGREGATE:
        prefixes += [pool.cidr for pool in world.pools if pool.cidr.version == version]
    if router.tells == DEFAULT:
        prefixes.append(_EVERYTHING[version])
    yield from (Told(prefix, own, speaker.host) for prefix in prefixes)


def told_by_router(
    world: World, speaker: Speaker, up: Up, made: Iterable[Told], best: Mapping[IPNetwork, Told]
) -> Iterator[Told]:
    """What a router tells one of its peers: of each prefix the best route, but not to whom it came from."""
    router = speaker.router
    assert router is not None
    to_router = up.host in {one.name for one in world.routers}
    if not to_router:
        yield from (passed_on(world, one, up, up.own.own) for one in made)
    for one in best.values() if router.tells == ALL or to_router else ():
        if one.session != up.own.name and not (to_router and one.session in {each.name for each in world.routers}):
            told = passed_on(world, one, up, _next_hop(world, router, one, up))
            yield replace(told, passed=_overridden(router, told.passed, up)) if router.override else told


def _next_hop(world: World, router: Router, one: Told, up: Up) -> IPAddress:
    """Kept within an AS, and where sender and receiver are on one wire with it (RFC 4271, 5.1.3)."""
    internal = up.own.own_as == up.own.peer_as
    wire = next(each for each in world.segments if each.name == router.segment)
    near = any(one.next_hop in network and up.own.peer in network for network in wire.networks)
    return one.next_hop if (internal or near) and not router.own_hop else up.own.own


def _overridden(router: Router, passed: tuple[int, ...], up: Up) -> tuple[int, ...]:
    return tuple(router.as_number if one == up.own.peer_as else one for one in passed)


def _mirrored(one: Configured, router: Router) -> Configured:
    reflect = one.own_as == router.as_number
    name = f"to {one.own}"
    return Configured(name, one.own, one.peer, router.as_number, one.own_as, reflect=reflect, password=router.password)


def _session(name: str, own: IPAddress, peer: IPAddress, own_as: int, peer_as: int) -> Configured:
    return Configured(name, peer, own, own_as, peer_as)
