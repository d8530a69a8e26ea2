"""What happens to a machine under a running calico/node: its name, its addresses, its disk, its power."""

from dataclasses import replace
from ipaddress import ip_interface

from tests.worlds.model.history import add_pod, remove_pod, restart, with_host
from tests.worlds.model.startup import node_name
from tests.worlds.model.values import Host, IPInterface, KernelRoute, Link, Segment, World

_FIRST = 18  # on each wire: before it are the router, and room for a mistake


def rename(world: World, hostname: str, new: str) -> World:
    """`hostnamectl set-hostname`; calico/node runs on."""
    hosts = (replace(one, hostname=new) if one.hostname == hostname else one for one in world.hosts)
    return replace(world, hosts=tuple(hosts))


def free_address(world: World, segment: Segment, version: int) -> IPInterface | None:
    """An address of a wire after all those that anybody has or had as a node."""
    network = segment.network(version)
    if network is None:
        return None
    held = [one for host in world.hosts for link in host.links for one in link.addresses]
    held += [one for node in world.nodes for one in (node.ipv4, node.ipv6) if one is not None]
    taken = {int(one.ip) - int(network.network_address) for one in held if one.ip in network}
    number = max((_FIRST - 1, *taken)) + 1
    return ip_interface((network.network_address + number, network.prefixlen)) if number < 60 else None


def readdress(world: World, hostname: str, segment: Segment) -> World | None:
    """A host gets other addresses, on its wire or on another one, and calico/node is made anew with them."""
    host, node = world.host(hostname), world.node(node_name(world, world.host(hostname)))
    registered = [one.ip for one in (node.ipv4, node.ipv6) if one is not None] if node is not None else []
    own = next((link for link in host.links if {*registered} <= {one.ip for one in link.addresses}), None)
    if own is None or not own.segment:
        return None
    found = {version: free_address(world, segment, version) for version in world.versions}
    new = {version: one for version, one in found.items() if one is not None}
    if {one.version for one in registered} - new.keys():
        return None
    held = tuple(new[one.version] if one.ip in registered else one for one in own.addresses)
    if segment.name != own.segment:
        held = tuple(one for one in held if one in new.values())
    links = tuple(replace(one, addresses=held, segment=segment.name) if one is own else one for one in host.links)
    routes = tuple(_by_router(one, segment) if one.device == own.name else one for one in host.routes)
    given = {"IP": str(new[4])} if 4 in new else {}
    given |= {"IP6": str(new[6])} if 6 in new else {}
    return restart(with_host(world, replace(host, links=links, routes=routes)), hostname, **given)


def reboot(world: World, hostname: str) -> World:
    """All that was not written down is gone; pods are made anew, and Docker's networks in another order."""
    pods = world.host(hostname).pods
    for _ in pods:
        world = remove_pod(world, hostname, 0)
    host = world.host(hostname)
    lasting = tuple(one for one in host.routes if one.table == 254)
    host = replace(host, boots=host.boots + 1, docker=host.docker[::-1], rules=(), routes=lasting)
    world = restart(with_host(world, host), hostname)
    for pod in pods:
        world = add_pod(world, hostname, pod.name, tuple(one.version for one in pod.addresses))
    return world


def clone(world: World, hostname: str, new: str, own: dict[str, str]) -> World | None:
    """A machine made of a copy of a disk gets a name and an address of its own before calico/node starts there.

    `own` is what its calico/node is given beside them.
    """
    host = world.host(hostname)
    link = next((one for one in host.links if one.segment and one.addresses), None)
    wire = next((one for one in world.segments if link is not None and one.name == link.segment), None)
    if link is None or wire is None or any(one.announced for one in host.links):
        return None
    found = {version: free_address(world, wire, version) for version in world.versions}
    held = {version: one for version, one in found.items() if one is not None}
    if held.keys() != found.keys():
        return None
    machine = max(one.machine for one in world.hosts) + 1
    links = tuple(_copied(one, link, tuple(held.values()), machine) for one in host.links)
    env = {"NODENAME": new, "IP": str(held[4]) if 4 in held else "none", **own}
    env |= {"IP6": str(held[6])} if 6 in held else {}
    copy = Host(
        new,
        links,
        host.docker,
        tuple(env.items()),
        routes=tuple(one for one in host.routes if one.table == 254),
        nodename_file=host.nodename_file,
        machine=machine,
        disk=host.disk or host.machine,
        ipip=host.ipip,
    )
    return restart(replace(world, hosts=(*world.hosts, copy)), new)


def _copied(one: Link, own: Link, held: tuple[IPInterface, ...], machine: int) -> Link:
    if one is own:
        return replace(one, addresses=held)
    # What else is configured there is a network of the host alone, or one on which each host has its number.
    moved = (
        ip_interface((each.network.network_address + 100 + machine, each.network.prefixlen)) for each in one.addresses
    )
    return replace(one, addresses=tuple(moved))


def float_to(world: World, address: IPInterface, hostname: str, *, first: bool = False) -> World:
    """A virtual address goes to the link with the wire of a host, and from all others that have it."""
    hosts = []
    for host in world.hosts:
        links = []
        for link in host.links:
            held = tuple(one for one in link.addresses if one.ip != address.ip)
            if host.hostname == hostname and link.addresses and _wire_has(world, link.segment, address):
                held = (address, *held) if first else (*held, address)
            links.append(replace(link, addresses=held))
        hosts.append(replace(host, links=tuple(links)))
    return replace(world, hosts=tuple(hosts))


def _wire_has(world: World, segment: str, address: IPInterface) -> bool:
    wire = next((one for one in world.segments if one.name == segment), None)
    return wire is not None and any(address.ip in one for one in wire.networks)


def _by_router(route: KernelRoute, segment: Segment) -> KernelRoute:
    network = segment.network(route.prefix.version)
    if route.via is None or network is None:
        return route
    return replace(route, via=network.network_address + 1)
