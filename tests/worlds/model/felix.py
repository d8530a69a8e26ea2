"""What Felix makes of the datastore on a host: tunnel devices, routes to pods, routes and entries of VXLAN
(felix/dataplane/linux and felix/calc/l3_route_resolver.go of projectcalico/calico@v3.32.1)."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from ipaddress import ip_interface

from tests.worlds.model.ipam import address_of
from tests.worlds.model.kernel import BOOT, FELIX, LINK_SCOPE, Device, single
from tests.worlds.model.values import (
    ALWAYS,
    CROSS_SUBNET,
    NEVER,
    Block,
    Host,
    IPAddress,
    IPInterface,
    IPNetwork,
    KernelRoute,
    Node,
    Pool,
    World,
    network_of,
)

VXLAN = {4: "vxlan.calico", 6: "vxlan-v6.calico"}
IPIP = "tunl0"


@dataclass(frozen=True, slots=True)
class Entry:
    """A neighbour (`mac` behind an address), or where frames for a mac are sent (`host`)."""

    device: str
    address: IPAddress
    mac: str


def tunnel_devices(world: World, host: Host, node: Node | None) -> Iterator[Device]:
    """tunl0 and the VXLAN devices, as somebody may have changed or deleted them."""
    for one in _tunnel_devices(world, host, node):
        changed = {field: value for device, field, value in host.trouble.attributes if device == one.name}
        if one.name not in host.trouble.gone:
            yield replace(one, **changed)


def _tunnel_devices(world: World, host: Host, node: Node | None) -> Iterator[Device]:
    """tunl0 is there, down, on every kernel that has IPIP."""
    if host.ipip:
        up = _any(world, 4, "ipip") and IPIP not in host.down
        held = (_alone(node.ipip),) if node is not None and node.ipip is not None else ()
        yield Device(0, IPIP, "ipip", held, up, up, mac="", mtu=1480)
    for version, name in VXLAN.items():
        registered, vtep = (node.registered(version), node.vtep(version)) if node is not None else (None, None)
        if node is None or registered is None or vtep is None or not _any(world, version, "vxlan"):
            continue
        up = name not in host.down
        mac = node.mac if version == 4 else node.mac6
        held = (_alone(vtep),)
        yield Device(0, name, "vxlan", held, up, up, mac=mac, mtu=1450, local=registered.ip)


def felix_routes(
    world: World, host: Host, node: Node | None, name: str, parents: dict[int, str]
) -> Iterator[KernelRoute]:
    """All routes that Felix writes. `parents` are the links with the registered addresses, by family."""
    metric = world.release.metric
    for pod in host.pods:
        for address in pod.addresses if pod.node == name else ():
            most = metric if address.version == 4 else 1024
            scope = LINK_SCOPE if address.version == 4 else 0
            yield single(address, device=pod.link, protocol=BOOT, metric=most, scope=scope)
    if node is None:
        return
    for block in world.blocks:
        pool, registered = world.pool_of(block.cidr), node.registered(block.cidr.version)
        if pool is None or registered is None or (pool.vxlan == NEVER and not world.by_felix):
            continue
        yield from _of_block(world, block, pool, registered, name, parents)


def _of_block(
    world: World, block: Block, pool: Pool, registered: IPInterface, name: str, parents: dict[int, str]
) -> Iterator[KernelRoute]:
    version = block.cidr.version
    if block.owner == name:
        if block.cidr.prefixlen < block.cidr.max_prefixlen:
            yield KernelRoute(block.cidr, kind="blackhole", protocol=FELIX, metric=0 if version == 4 else 1024)
    elif block.owner is not None:
        yield from _to_node(world, block.cidr, block.owner, pool, registered, parents)
    for given in block.given:
        if given.node not in {block.owner, name} and not given.kind:
            yield from _to_node(world, network_of(address_of(block, given)), given.node, pool, registered, parents)
        elif given.node not in {block.owner, name} and "vxlan" in given.kind:
            yield KernelRoute(network_of(address_of(block, given)), device=VXLAN[version], scope=LINK_SCOPE)


def _to_node(
    world: World, prefix: IPNetwork, name: str, pool: Pool, own: IPInterface, parents: dict[int, str]
) -> Iterator[KernelRoute]:
    other = world.node(name)
    remote = other.registered(prefix.version) if other is not None else None
    if other is None or remote is None:
        return
    mode = pool.ipip if pool.vxlan == NEVER else pool.vxlan
    plain = mode == NEVER or (pool.ipip != NEVER and prefix.version == 6)  # whatever the subnet (noEncapRoute)
    if plain or (mode == CROSS_SUBNET and remote.ip in own.network):
        if prefix.version in parents:
            yield KernelRoute(prefix, remote.ip, parents[prefix.version], protocol=FELIX, onlink=True)
    elif pool.vxlan == NEVER:
        yield KernelRoute(prefix, remote.ip, IPIP, protocol=FELIX, onlink=True)
    elif (vtep := other.vtep(prefix.version)) is not None:
        yield KernelRoute(prefix, vtep, VXLAN[prefix.version], protocol=BOOT, onlink=True)


def vxlan_entries(world: World, node: Node | None) -> Iterator[tuple[Entry, Entry]]:
    """For each other VXLAN device its neighbour entry and its forwarding entry."""
    for other in world.nodes if node is not None else ():
        for version, device in VXLAN.items():
            vtep, remote = other.vtep(version), other.registered(version)
            mac = other.mac if version == 4 else other.mac6
            if node is None or other.name == node.name or vtep is None or remote is None or node.vtep(version) is None:
                continue
            yield Entry(device, vtep, mac), Entry(device, remote.ip, mac)


def _alone(address: IPAddress) -> IPInterface:
    return ip_interface((int(address), address.max_prefixlen))


def _any(world: World, version: int, mode: str) -> bool:
    return any(getattr(one, mode) in {ALWAYS, CROSS_SUBNET} for one in world.pools if one.cidr.version == version)
