"""Hosts of every wiring: where the node's address is, what else is on the machine, how calico/node was started."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from ipaddress import ip_address, ip_interface, ip_network
from typing import Any

from hypothesis import strategies as st

from tests.worlds.model.releases import Release
from tests.worlds.model.startup import first_found
from tests.worlds.model.values import DockerNetwork, Host, IPAddress, IPInterface, KernelRoute, Link, Segment, World

Draw = Callable[[st.SearchStrategy[Any]], Any]

_EVERYWHERE = {4: ip_network("0.0.0.0/0"), 6: ip_network("::/0")}
_RARELY = st.sampled_from((False, False, False, True))
_NAMES = st.sampled_from(
    (
        "host{}",
        "node-{}.example.com",
        "1{}",
        "a{}",
        "w-{}-0-1.dc1.corp.internal",
        "ip-10-77-0-{}",
        "n{}" + "x" * 60,
    )
)
_OLD_NAMES = st.sampled_from(("host{}", "Node-C{}", "worker_{}", "WEB{}.Example.COM"))
_WIRINGS = st.sampled_from(
    (
        "plain",
        "vlan",
        "bond",
        "bridge",
        "vlan over bond",
        "two links",
        "management",
        "loopback",
        "dummy",
        "vrf",
        "macvlan",
        "ipvlan",
    )
)
_LINK_NAMES = st.sampled_from(("eth0", "ens3", "enp0s31f6", "eno1np0"))
_GIVEN = st.sampled_from(("full", "full", "bare", "empty"))
_EXTRA = st.sampled_from(("", "", "", "secondary", "floating", "labelled"))
ZONES = st.sampled_from(("a", "b"))
BESIDE = st.sampled_from(("", "", "", "gre", "sit", "wireguard", "tun", "dummy", "ipvlan", "virbr0", "vlan of a vrf"))
_DOCKER = st.sampled_from((1, 0, 2, 3))
_FIRST = 18  # on each wire: before it are the router, and room for a mistake
_SUBNETS = ("172.17.0.0/16", "172.18.0.0/16", "172.19.0.0/16", "10.200.0.0/24")


@dataclass
class Wires:
    """The wires with the addresses on them that nobody has yet. Routers have the first ones."""

    segments: list[Segment]
    _used: dict[str, int] = field(default_factory=dict)

    def address(self, segment: Segment, version: int) -> IPInterface | None:
        """The next free address."""
        network = segment.network(version)
        if network is None:
            return None
        number = self._used.get(f"{segment.name} {version}", _FIRST - 1) + 1
        self._used[f"{segment.name} {version}"] = number
        return ip_interface((network.network_address + number, network.prefixlen))

    def addresses(self, segment: Segment) -> tuple[IPInterface, ...]:
        found = (self.address(segment, version) for version in (4, 6))
        return tuple(one for one in found if one is not None)


def names_of(draw: Draw, count: int, release: Release) -> list[str]:
    """The names of all hosts, of one kind: some begin as others do."""
    kind = draw(_OLD_NAMES if release.v2 else _NAMES)
    return [kind.format(number)[:63] if "." not in kind else kind.format(number) for number in range(1, count + 1)]


def make_host(draw: Draw, world: World, wires: Wires, name: str, number: int) -> Host:
    """One host, not started yet."""
    segment = wires.segments[draw(st.integers(0, len(wires.segments) - 1))]
    base = draw(_LINK_NAMES)
    links, own = wire(draw(_WIRINGS), base, segment, wires, number)
    routes = tuple(_default_routes(links, segment, own))
    links = (*_with_more(draw(_EXTRA), links, segment, wires, own), *beside(draw(BESIDE), base, number, world))
    zone = draw(ZONES) if any(one.nodes is not None for one in world.pools) else ""
    host = Host(name, links, tuple(_docker_networks(draw)), routes=routes, machine=number, zone=zone)
    return replace(host, env=_environment(draw, world, host, own))


def wire(
    kind: str, base: str, segment: Segment, wires: Wires, number: int
) -> tuple[tuple[Link, ...], tuple[IPInterface, ...]]:
    """The links of a host, and the addresses that its node should have."""
    own, on = wires.addresses(segment), segment.name
    match kind:
        case "vlan":
            return (Link(base), Link(f"{base}.10", "vlan", on, own, over=base)), own
        case "bond":
            return (Link(base, master="bond0"), Link("eth9", master="bond0"), Link("bond0", "bond", on, own)), own
        case "bridge":
            return (Link(base, master="br0"), Link("br0", "bridge", on, own)), own
        case "vlan over bond":
            ports = (Link(base, master="bond0"), Link("eth9", master="bond0"))
            return (*ports, Link("bond0", "bond"), Link("bond0.7", "vlan", on, own, over="bond0")), own
        case "two links":
            return (Link(base, "", on, own), Link("eth9", "", "", (ip_interface(f"10.9.{number}.1/24"),))), own
        case "management":
            return (Link("aaa0", "", "", (ip_interface(f"10.9.0.{number}/24"),)), Link(base, "", on, own)), own
        case "loopback" | "dummy" if own[0].version == 4:
            alone = (ip_interface(f"10.250.0.{number}/32"),)
            upper = Link("lo", "", "", alone, announced=True)
            if kind == "dummy":
                upper = Link("loe0", "dummy", "", alone, announced=True)
            return (Link(base, "", on, own[1:]), upper), (*alone, *own[1:])
        case "vrf":
            vrf = (
                Link("mgmt", "vrf", table=10),
                Link("aaa0", "", "", (ip_interface(f"10.9.0.{number}/24"),), master="mgmt"),
            )
            return (*vrf, Link(base, "", on, own)), own
        case "macvlan" | "ipvlan":
            return (Link(base), Link(f"{kind[:2]}v0", kind, on, own, over=base)), own
        case _:
            return (Link(base, "", on, own),), own


def beside(kind: str, base: str, number: int, world: World) -> tuple[Link, ...]:
    """Links that lead elsewhere than to the other nodes: tunnels, a hypervisor's bridge, another tenant's VLAN."""
    alone = (ip_interface(f"10.99.{number}.1/30"),)
    match kind:
        case "":
            return ()
        case "gre" | "sit":  # with the device that the kernel makes beside the first tunnel
            return (Link(f"{kind}0", kind, up=False, carrier=False), Link(f"{kind}1", kind, "", alone))
        case "virbr0":
            # BIRD tells of this network where it lies in a pool; as large as a block, it would be in a block's way.
            if any(one.block_size <= 24 for one in world.pools if one.cidr.version == 4):
                return ()
            return (Link("virbr0", "bridge", "", (ip_interface("192.168.122.1/24"),), carrier=False),)
        case "vlan of a vrf":
            tenant = Link(f"{base}.99", "vlan", "", alone, master="tenant", over=base)
            return (Link("tenant", "vrf", table=99), tenant)
        case "ipvlan":
            return (Link("ipvl9", kind, "", alone, over=base),)
    return (Link(f"{kind}9", kind, "", alone),)


def another_network(draw: Draw, host: Host) -> DockerNetwork:
    """A network that Docker makes anew on a host."""
    number = len(host.docker) + 1
    taken = {str(one.subnet) for one in host.docker}
    subnet = draw(st.sampled_from([one for one in (*_SUBNETS, f"172.{20 + number}.0.0/16") if one not in taken]))
    return DockerNetwork(f"app{number}", f"br-{host.machine:02x}{number:02x}deadbeef", ip_network(subnet))


def _docker_networks(draw: Draw) -> Iterator[DockerNetwork]:
    for number in range(draw(_DOCKER)):
        bridge = "docker0" if number == 0 else f"br-{number:02x}cafe123456"
        yield DockerNetwork("bridge" if number == 0 else f"net{number}", bridge, ip_network(_SUBNETS[number]))


def _default_routes(links: tuple[Link, ...], segment: Segment, own: tuple[IPInterface, ...]) -> Iterator[KernelRoute]:
    device = next(one.name for one in links if one.segment == segment.name)
    for network in segment.networks:
        alone = next((one.ip for one in own if one.version == 4 and one.network.prefixlen == 32), None)
        source: IPAddress | None = alone if network.version == 4 else None
        metric = 0 if network.version == 4 else 1024
        gateway = network.network_address + 1
        yield KernelRoute(
            _EVERYWHERE[network.version], gateway, device, metric=metric, source=source, onlink=source is not None
        )


def _with_more(
    kind: str, links: tuple[Link, ...], segment: Segment, wires: Wires, own: tuple[IPInterface, ...]
) -> Iterator[Link]:
    """One more address beside the node's: of the same network, or a floating one."""
    for link in links:
        if link.segment != segment.name or not kind or own[0] not in link.addresses:
            yield link
            continue
        extra = wires.address(segment, own[0].version)
        if extra is not None and kind == "floating":
            extra = ip_interface(f"{extra.ip}/{extra.max_prefixlen}")
        yield replace(link, addresses=(*link.addresses, extra) if extra is not None else link.addresses)


def _environment(draw: Draw, world: World, host: Host, own: tuple[IPInterface, ...]) -> tuple[tuple[str, str], ...]:
    """How calico/node is started: with its address, or without where it finds the right one by itself."""
    ipv4, ipv6 = (next((one for one in own if one.version == version), None) for version in (4, 6))
    given = draw(_GIVEN)
    if given == "empty" and first_found(world, host, 4) != ipv4:
        given = "full"
    found = {"NODENAME": host.hostname if world.release.v2 else host.hostname.lower()}
    if ipv4 is not None:
        found["IP"] = {"full": str(ipv4), "bare": str(ipv4.ip), "empty": ""}[given]
    else:
        found |= {"IP": "none", "CALICO_ROUTER_ID": "hash"}
    if draw(_RARELY):
        del found["NODENAME"]
    if ipv6 is not None:
        found["IP6"] = str(ipv6)
    return tuple(found.items())


__all__ = ["Wires", "another_network", "ip_address", "make_host", "names_of"]
