"""A host's kernel: its links in order, its tables, and how it looks up a packet's way (net/ipv4/fib_trie.c)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from ipaddress import ip_address, ip_interface

from tests.worlds.model.values import Host, IPAddress, IPInterface, KernelRoute, Link, Rule, World, network_of

MAIN = 254
KERNEL, BOOT, BIRD, FELIX = 2, 3, 12, 80
LINK_SCOPE, NOWHERE = 253, 255
_LOCALHOST, _LINK_LOCAL = ip_interface("127.0.0.1/8"), int(ip_address("fe80::"))
_POD_MAC = "ee:ee:ee:ee:ee:ee"
# Their types of ARP hardware (include/uapi/linux/if_arp.h): such a link has no broadcasts and no hardware address.
TUNNELS = {"ipip": 768, "sit": 776, "gre": 778, "wireguard": 65534, "tun": 65534}


@dataclass(frozen=True, slots=True, eq=False)
class Device:
    """A link as the kernel has it. It equals itself alone, so that what is made of devices can be kept quickly."""

    index: int
    name: str
    kind: str = ""
    addresses: tuple[IPInterface, ...] = ()
    up: bool = True
    carrier: bool = True
    master: int = 0
    over: int = 0
    mac: str = ""
    mtu: int = 1500
    loopback: bool = False
    segment: str = ""
    table: int = MAIN
    local: IPAddress | None = None
    announced: bool = False
    vni: int = 4096
    port: int = 4789

    def secondary(self, address: IPInterface) -> bool:
        """Whether an address of the same network stands before it on this link."""
        before = self.addresses[: self.addresses.index(address)]
        return address.version == 4 and any(one.network == address.network for one in before)


@dataclass(frozen=True, slots=True)
class Tables:
    """The routes of all tables, the longest prefixes of each first, and the rules that lead to them."""

    routes: tuple[KernelRoute, ...]
    rules: tuple[Rule, ...] = ()
    _by_table: dict[tuple[int, int], list[tuple[int, int, KernelRoute]]] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        for route in sorted(self.routes, key=lambda one: (-one.prefix.prefixlen, one.metric)):
            rows = self._by_table.setdefault((route.table, route.prefix.version), [])
            rows.append((int(route.prefix.netmask), int(route.prefix.network_address), route))

    def look_up(self, address: IPAddress, source: IPAddress | None = None) -> KernelRoute | None:
        """The route of a packet without a mark."""
        for rule in (one for one in self.rules if not one.mark or one.inverted):
            if (rule.destination is None or address in rule.destination) and (
                rule.source is None or (source is not None and source in rule.source)
            ):
                found = self.in_table(address, rule.table)
                if found is not None and found.kind != "throw":
                    return found
        found = self.in_table(address, MAIN)
        return None if found is not None and found.kind == "throw" else found

    def in_table(self, address: IPAddress, table: int) -> KernelRoute | None:
        """The best route of one table."""
        number = int(address)
        rows = self._by_table.get((table, address.version), ())
        return next((route for mask, network, route in rows if number & mask == network), None)


def devices(world: World, host: Host, tunnels: Iterable[Device]) -> tuple[Device, ...]:
    """All links, in the order in which they were made: Calico's tunnels after Docker's bridges, pods last."""
    made = [Device(1, "lo", addresses=(_LOCALHOST,), loopback=True, mtu=65536)]
    for link in _all_links(host):
        if link.name == "lo":
            made[0] = Device(
                1, "lo", "", (*made[0].addresses, *link.addresses), loopback=True, mtu=65536, announced=True
            )
            continue
        made.append(_device(world, host, link, len(made) + 1))
    indexes = {one.name: one.index for one in made}
    said = {link.name: link for link in host.links}
    for number, one in enumerate(made):
        link = said.get(one.name, Link(one.name))
        if link.master or link.over:
            made[number] = replace(one, master=indexes.get(link.master, 0), over=indexes.get(link.over, 0))
    for one in tunnels:
        made.append(replace(one, index=len(made) + 1))
    for pod in host.pods:
        if pod.link in host.trouble.gone:
            continue
        made.append(Device(len(made) + 1, pod.link, "veth", mac=_POD_MAC))
    return tuple(made)


def connected(device: Device) -> Iterator[KernelRoute]:
    """The routes that the kernel itself makes of a link's addresses (fib_add_ifaddr, addrconf_prefix_route)."""
    if not device.up or device.loopback:
        return
    for address in device.addresses:
        single = address.network.prefixlen == address.max_prefixlen
        if (address.version == 4 and single) or device.secondary(address):
            continue
        source = address.ip if address.version == 4 else None
        metric = 0 if address.version == 4 else 256
        scope = LINK_SCOPE if address.version == 4 else 0
        yield KernelRoute(
            address.network, None, device.name, "unicast", KERNEL, metric, device.table, source, scope=scope
        )


def source_towards(owned: tuple[Device, ...], route: KernelRoute, address: IPAddress) -> IPAddress | None:
    """The source address of a packet that is not bound to one (inet_select_addr; ipv6_dev_get_saddr, simplified)."""
    if route.source is not None:
        return route.source
    aim = route.via or address
    here = [one for device in owned if device.name == route.device for one in device.addresses]
    elsewhere = [one for device in owned for one in device.addresses]
    usable = [one for one in (*here, *elsewhere) if one.version == address.version and not one.ip.is_loopback]
    plain = [one for one in usable if not one.ip.is_link_local]
    near = [one for one in here if one in plain and aim in one.network]
    return next((one.ip for one in (*near, *plain)), None)


def holder(owned: tuple[Device, ...], address: IPAddress) -> Device | None:
    """The link that has an address."""
    return _holders(owned).get(address)


@lru_cache(64)
def _holders(owned: tuple[Device, ...]) -> dict[IPAddress, Device]:
    held: dict[IPAddress, Device] = {}
    for device in owned:
        for one in device.addresses:
            held.setdefault(one.ip, device)
    return held


@lru_cache(64)
def indexes_of(owned: tuple[Device, ...]) -> dict[str, int]:
    """The number of each link."""
    return {one.name: one.index for one in owned}


def _all_links(host: Host) -> Iterator[Link]:
    yield from host.links
    for network in host.docker:
        gateway = ip_interface((network.subnet.network_address + 1, network.subnet.prefixlen))
        yield Link(network.bridge, "bridge", addresses=(gateway,), carrier=False)


def _device(world: World, host: Host, link: Link, index: int) -> Device:
    docker = any(network.bridge == link.name for network in host.docker)
    mac = f"02:42:{host.machine:02x}:00:00:{index:02x}" if docker else f"52:54:00:00:{host.machine:02x}:{index:02x}"
    vrf = next((one for one in host.links if one.kind == "vrf" and one.name == link.master), None)
    table = vrf.table if vrf is not None else link.table or MAIN
    addresses = link.addresses
    segment = next((one for one in world.segments if one.name == link.segment), None)
    if segment is not None and segment.network(6) is not None and link.addresses:
        addresses = (*addresses, ip_interface((_LINK_LOCAL + (host.machine << 16) + index, 64)))
    return Device(
        index,
        link.name,
        link.kind,
        addresses,
        link.up,
        link.carrier and link.up,
        mac=mac if link.kind not in TUNNELS else "",
        segment=link.segment,
        table=table,
        announced=link.announced,
    )


def single(address: IPAddress, **said: object) -> KernelRoute:
    """A route to one address."""
    return KernelRoute(network_of(address), **said)  # type: ignore[arg-type]
