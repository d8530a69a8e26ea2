"""What the commands in printed cures do to a host's kernel: links, routes, rules, neighbours, tunnels."""

from dataclasses import replace
from ipaddress import ip_address, ip_network

from tests.worlds.model import history
from tests.worlds.model.values import KernelRoute, World
from tests.worlds.remedies import Words, mended, with_host, without


def link_up(world: World, where: str, found: Words) -> World:
    host = world.host(where)
    links = tuple(replace(one, up=True, carrier=True) if one.name == found[1] else one for one in host.links)
    return with_host(world, host, links=links, down=host.down - {found[1]})


def route_deleted(world: World, where: str, found: Words) -> World:
    host, prefix = world.host(where), ip_network(found[1])
    return with_host(world, host, routes=without(host.routes, lambda one: one.prefix == prefix))


def route_or_network_deleted(world: World, where: str, found: Words) -> World:
    """The route is somebody's, or it is that of a bridge, whose network is given another subnet."""
    prefix = ip_network(found[1])
    world = route_deleted(world, where, found)
    host = world.host(where)
    return with_host(world, host, docker=without(host.docker, lambda one: one.subnet == prefix))


def route_replaced(world: World, where: str, found: Words) -> World:
    host, prefix = world.host(where), ip_network(found[1])
    via = ip_address(found[2]) if found[2] else None
    route = KernelRoute(prefix, via, found[3], source=ip_address(found[4]), scope=0 if via else 253)
    return with_host(world, host, routes=(*without(host.routes, lambda one: one.prefix == prefix), route))


def rule_deleted(world: World, where: str, found: Words) -> World:
    host = world.host(where)
    return with_host(world, host, rules=without(host.rules, lambda one: one.priority == int(found[1])))


def device_made_anew(world: World, where: str, found: Words) -> World:
    """Felix makes it again, with all that belongs to it; so it does what somebody corrects by hand."""
    host = world.host(where)
    attributes = without(host.trouble.attributes, lambda one: one[0] == found[1])
    return mended(world, where, attributes=attributes, gone=host.trouble.gone - {found[1]})


def module_loaded(world: World, where: str, _found: Words) -> World:
    host = world.host(where)
    return mended(with_host(world, host, ipip=True), where, gone=host.trouble.gone - {"tunl0"})


def wireguard_loaded(world: World, where: str, _found: Words) -> World:
    return history.restart(with_host(world, world.host(where), wireguard=True), where)


def network_removed(world: World, where: str, found: Words) -> World:
    host = world.host(where)
    return with_host(world, host, docker=without(host.docker, lambda one: one.bridge == found[1]))


def neighbour_deleted(world: World, where: str, found: Words) -> World:
    entries = without(world.host(where).trouble.neighbours, lambda one: str(one[1]) == found[1])
    return mended(world, where, neighbours=entries)
