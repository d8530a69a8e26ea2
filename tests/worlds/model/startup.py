"""calico/node's start-up: the name it runs under, the record it writes (node/pkg/lifecycle/startup@v3.32.1, and
calico_node/startup/startup.go@v1.3.0), and the addresses for its tunnels (node/pkg/allocateip)."""

import re
from dataclasses import replace
from ipaddress import ip_interface

from tests.worlds.model.ipam import assign, is_given, pools_for, release_kind
from tests.worlds.model.kernel import BIRD, devices
from tests.worlds.model.values import Host, IPAddress, IPInterface, Node, Pool, World

_EXCLUDED = re.compile(
    r"^docker.*|^cbr.*|^dummy.*|^podman.*|^virbr.*|^lxcbr.*|^veth.*|^lo|^br-.*|^cali.*|^tunl.*|^flannel.*"
    r"|^kube-ipvs.*|^cni.*|^vxlan\.calico.*|^vxlan-v6\.calico.*|^wireguard\.cali.*|^wg-v6\.cali.*|^nodelocaldns.*"
)
_TUNNELS = {
    "ipipTunnelAddress": "ipip",
    "vxlanTunnelAddress": "vxlan",
    "vxlanV6TunnelAddress": "vxlan6",
    "wireguardTunnelAddress": "wireguard",
    "wireguardV6TunnelAddress": "wireguard6",
}
_MACS = {"vxlan": "mac", "vxlan6": "mac6"}
_EXCLUDED_OLD = re.compile(r"docker.*|cbr.*|dummy.*|virbr.*|lxcbr.*|veth.*|lo|cali.*|tunl.*|flannel.*")


def node_name(world: World, host: Host) -> str:
    """The name that calico/node takes: NODENAME, the file of before, HOSTNAME, the host's own."""
    if given := host.given("NODENAME").strip():
        return given
    if host.nodename_file is not None and not world.release.v2:
        return host.nodename_file
    name = host.given("HOSTNAME").strip() or host.hostname
    return name if world.release.v2 else name.lower()


def start(world: World, hostname: str) -> World:
    """calico/node is started on a host: its record is as its environment says, unless another node has the address."""
    host = world.host(hostname)
    name = node_name(world, host)
    before = world.node(name) or Node(name)
    ipv4 = _address(world, host, host.given("IP"), before.ipv4, 4)
    ipv6 = _address(world, host, host.given("IP6"), before.ipv6, 6) if host.given("IP6") else before.ipv6
    others = [one for one in world.nodes if one.name != name]
    changed = (ipv4, ipv6) != (before.ipv4, before.ipv6)
    taken = {one.ip for node in others for one in (node.ipv4, node.ipv6) if one is not None}
    if changed and any(one is not None and one.ip in taken for one in (ipv4, ipv6)):
        return _with_host(_given_up(world, before, host), replace(host, stopped=host.stopped | {"calico"}))
    as_number = int(host.given("AS")) if host.given("AS") else before.as_number
    labels = {**dict(before.labels), **({"zone": host.zone} if host.zone else {})}
    node = replace(before, ipv4=ipv4, ipv6=ipv6, as_number=as_number, interfaces=_listed(world, host))
    keys = world.encrypted if host.wireguard else ()
    node = replace(node, labels=tuple(labels.items()), keys=keys)
    world = replace(world, nodes=tuple(sorted((*others, node), key=lambda one: one.name)))
    if not world.release.v2:
        host = replace(host, nodename_file=name)
    # BIRD takes away what is its own and leads nowhere; one with the right next hop it keeps, whatever its device.
    routes = tuple(one for one in host.routes if one.protocol != BIRD or one.kind == "unicast")
    host = replace(host, routes=routes)
    host = replace(host, stopped=frozenset(), known=None, trouble=host.trouble.started_anew())
    world = allocate_tunnels(_with_host(world, host), name)
    return _with_host(world, replace(host, stopped=frozenset({"calico"}))) if lacks_tunnel(world, name) else world


def _given_up(world: World, node: Node, host: Host) -> World:
    """The record after a start that failed: an address that was to be found anew is erased from it (since v3)."""
    found_anew = [version for version, name in ((4, "IP"), (6, "IP6")) if host.given(name) == "autodetect"]
    if world.release.v2 or node not in world.nodes or not found_anew:
        return world
    ipv4, ipv6 = (None if version in found_anew else one for version, one in ((4, node.ipv4), (6, node.ipv6)))
    return _with_node(world, replace(node, ipv4=ipv4, ipv6=ipv6, interfaces=_listed(world, host)))


def lacks_tunnel(world: World, name: str) -> bool:
    """Whether IPAM has no address for a tunnel of a node. Its start-up ends with that; where it runs, it goes on."""
    node = world.node(name)
    return node is not None and any(
        getattr(node, field) is None and _tunnel_pools(world, node, kind) for kind, field in _TUNNELS.items()
    )


def allocate_tunnels(world: World, name: str) -> World:
    """The tunnel addresses of a node: one for each encapsulation that an enabled pool for it has, none without."""
    for kind, field in _TUNNELS.items():
        node = world.node(name)
        if node is None:
            continue
        pools = _tunnel_pools(world, node, kind)
        held: IPAddress | None = getattr(node, field)
        if held is not None and any(held in one.cidr for one in pools) and _is_own(world, held, name, kind):
            continue
        if held is None or not pools or _is_own(world, held, name, kind) or not is_given(world, held):
            world = release_kind(world, name, kind)
        world, given = assign(world, name, f"{field}-tunnel-addr-{name}", pools, kind=kind) if pools else (world, None)
        world = _with_tunnel(world, node, field, given)
    return world


def _tunnel_pools(world: World, node: Node, kind: str) -> tuple[Pool, ...]:
    keyless = "wireguard" in kind and not node.key(6 if "V6" in kind else 4)
    return () if keyless else pools_for(world, node.name, kind)


def _is_own(world: World, held: IPAddress, name: str, kind: str) -> bool:
    """Whether an address was given to this node for this tunnel; blocks of v2 do not tell, and nobody asks them."""
    return world.release.v2 or is_given(world, held, name, kind)


def _with_tunnel(world: World, node: Node, field: str, given: IPAddress | None) -> World:
    mac = _MACS.get(field, "")
    if mac and given is not None and not getattr(node, mac):
        machine = 1 + [one.name for one in world.nodes].index(node.name)
        node = replace(node, **{mac: f"66:00:00:00:0{given.version}:{machine:02x}"})  # type: ignore[arg-type]
    return _with_node(world, replace(node, **{field: given}))  # type: ignore[arg-type]


def _address(world: World, host: Host, given: str, stored: IPInterface | None, version: int) -> IPInterface | None:
    if given == "none":
        return stored
    if given == "" and stored is not None:
        return stored
    if given in {"", "autodetect"}:
        return first_found(world, host, version) or stored
    if "/" in given:
        return ip_interface(given)
    alone = ip_interface(given)
    if world.release.v2 or version == 6:
        return alone
    held = (one for device in devices(world, host, ()) for one in device.addresses)
    return next((one for one in held if one.ip == alone.ip), alone)


def first_found(world: World, host: Host, version: int) -> IPInterface | None:
    """What calico/node finds by itself: the newest link whose name it does not know, its first address."""
    excluded = _EXCLUDED_OLD.search if world.release.v2 else _EXCLUDED.match
    for device in reversed(devices(world, host, ())):
        if excluded(device.name):
            continue
        for address in device.addresses:
            if address.version == version and not (address.ip.is_loopback or address.ip.is_link_local):
                return address
    return None


def _listed(world: World, host: Host) -> tuple[tuple[str, tuple[IPAddress, ...]], ...]:
    if not world.release.interfaces or not host.given("IP"):
        return ()
    found = (
        (one.name, tuple(held.ip for held in one.addresses))
        for one in devices(world, host, ())
        if not _EXCLUDED.match(one.name)
    )
    return tuple(sorted((name, held) for name, held in found if held))


def _with_host(world: World, host: Host) -> World:
    hosts = tuple(host if one.hostname == host.hostname else one for one in world.hosts)
    return replace(world, hosts=hosts)


def _with_node(world: World, node: Node) -> World:
    return replace(world, nodes=tuple(node if one.name == node.name else one for one in world.nodes))
