"""WireGuard as Felix sets it up (felix/wireguard/wireguard.go of projectcalico/calico@v3.32.1): a device, a rule that
leads past the main table, and a table with a route to each node that has a key, and a `throw` for those without one and
for what is here."""

from collections.abc import Iterator
from ipaddress import ip_interface

from tests.worlds.model.ipam import address_of
from tests.worlds.model.kernel import FELIX, LINK_SCOPE, Device
from tests.worlds.model.values import Host, IPAddress, IPNetwork, KernelRoute, Node, Rule, World, network_of

DEVICES = {4: "wireguard.cali", 6: "wg-v6.cali"}
_TABLES = {4: 1, 6: 2}  # the first free ones of routeTableRanges
_MARK = 0x200000
_PRIORITY = 99


def wireguard_devices(host: Host, node: Node | None) -> Iterator[Device]:
    """One of each family for which the node has a key."""
    for version, name in DEVICES.items():
        if node is None or not node.key(version):
            continue
        address, up = node.encrypting(version), name not in host.down
        held = (ip_interface(network_of(address)),) if address is not None else ()
        yield Device(0, name, "wireguard", held, up, up, mtu=1440 if version == 4 else 1420)


def wireguard_rules(node: Node | None) -> Iterator[Rule]:
    """`99: not from all fwmark 0x200000/0x200000 lookup 1`: what WireGuard itself sends has the mark."""
    for version, table in _TABLES.items():
        if node is not None and node.key(version):
            yield Rule(_PRIORITY, table, mark=_MARK, inverted=True, version=version)


def wireguard_routes(world: World, node: Node | None) -> Iterator[KernelRoute]:
    """The tables of a node. What is written into a device that is down is not there."""
    for version, table in _TABLES.items():
        if node is None or not node.key(version):
            continue
        for other in world.nodes:
            for prefix in _networks(world, other, version):
                if not other.key(version) or other.name == node.name:
                    yield KernelRoute(prefix, kind="throw", protocol=FELIX, table=table)
                    continue
                scope = LINK_SCOPE if version == 4 else 0
                yield KernelRoute(prefix, None, DEVICES[version], protocol=FELIX, table=table, scope=scope)


def peer_of(world: World, address: IPAddress) -> Node | None:
    """The node among whose allowed addresses one is: the longest network decides."""
    version = address.version
    found = [
        (prefix.prefixlen, node)
        for node in world.nodes
        if node.key(version)
        for prefix in _networks(world, node, version)
        if address in prefix
    ]
    return max(found, key=lambda one: one[0])[1] if found else None


def _networks(world: World, node: Node, version: int) -> Iterator[IPNetwork]:
    """The blocks of a node, what it borrowed, and the address of its device."""
    own = node.encrypting(version)
    if node.registered(version) is None:
        return
    yield from (network_of(own),) if own is not None else ()
    for block in (one for one in world.blocks if one.cidr.version == version):
        if block.owner == node.name:
            yield block.cidr
        else:
            borrowed = (one for one in block.given if one.node == node.name)
            yield from (network_of(found) for one in borrowed if (found := address_of(block, one)) != own)
