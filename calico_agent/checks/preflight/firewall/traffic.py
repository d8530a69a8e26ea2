"""The packets that must get through this host's firewall: BGP and tunnels between nodes, and those of pods.

The side of a mesh whose address is the greater one as text opens the session (confd's `passive on`,
confd/pkg/backends/calico/bgp_processor.go@v3.32.1); in Calico v2 both do.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from ipaddress import ip_network

from calico_agent.checks.preflight.firewall.felix_rules import Tunnels
from calico_agent.checks.preflight.firewall.packet import ACK, IPIP, SYN, TCP, UDP, Packet, addressed
from calico_agent.checks.preflight.firewall.passage import FORWARD, INPUT, OUTPUT
from calico_agent.checks.preflight.uses import felix
from calico_agent.expected.bgp_need import needs_bgp
from calico_agent.expected.cluster import Cluster
from calico_agent.expected.view import View
from calico_agent.model.calico.node import EncapsulationMode, Node, Pool
from calico_agent.model.last_value_cache import LastValueCache
from calico_agent.model.network.address import Family, IPAddress, IPNetwork
from calico_agent.model.network.firewall import Field
from calico_agent.model.network.tunnel import IPIP_DEVICE, VXLAN_DEVICES, WIREGUARD_DEVICES

_HIGH = 40000  # a port that nobody has
_SERVED = 8080  # a port of some pod
_MASQUERADE_MARK = 0x4000  # kube-proxy's for what it is to hide (--iptables-masquerade-bit 14)
_MOST_SOURCES = 4
_POD_LINK = "cali0123456789a"


@dataclass(frozen=True, slots=True)
class Traffic:
    """One kind of packet on one way. `name` is the kind, `way` how people say where it goes, `port` is 0 without one.

    `packet` has no address of the other node yet.
    """

    name: str
    way: str
    hooks: tuple[str, ...]
    packet: Packet
    protocol: int = 0
    port: int = 0

    @property
    def detail(self) -> str:
        """Return what a firewall knows it by: `tcp 179`, `protocol 4`; empty for what is of no single kind."""
        if self.port:
            return f"{'tcp' if self.protocol == TCP else 'udp'} {self.port}"
        return f"protocol {self.protocol}" if self.protocol == IPIP else ""


def own_address(view: View, family: Family) -> IPAddress | None:
    """Return the address that this host is registered with, else the one that it should have."""
    registered = view.local.registered(family)
    return registered.ip if registered is not None else None


def other_nodes(view: View, family: Family) -> Mapping[str, IPAddress]:
    """Return the registered addresses of the other nodes by their names."""
    return _OTHERS[family](view.cluster, view.local.name, family)


def _others(cluster: Cluster | None, own: str | None, family: Family) -> Mapping[str, IPAddress]:
    nodes: Mapping[str, Node] = cluster.nodes if cluster is not None else {}
    found = {name: node.registered(family) for name, node in nodes.items() if name != own}
    return {name: address.ip for name, address in found.items() if address is not None}


_OTHERS = {family: LastValueCache(_others) for family in Family}


def networks_of(view: View, family: Family, names: Collection[str]) -> list[IPNetwork]:
    """Return the addresses of some nodes, or the networks that they are in; nothing where a command cannot name them
    all.
    """
    nodes = view.cluster.nodes if view.cluster is not None else {}
    found = [registered for name in names if (node := nodes.get(name)) and (registered := node.registered(family))]
    singles = {ip_network(one.ip) for one in found}
    networks = singles if len(singles) <= _MOST_SOURCES else {one.network for one in found}
    return sorted(networks, key=str) if len(networks) <= _MOST_SOURCES else []


def host_link(view: View, family: Family) -> str | None:
    """Return the link by which packets between nodes come and go."""
    own = own_address(view, family)
    holder = view.kernel.holder(own) if own is not None and view.kernel is not None else None
    return holder[0].name if holder is not None else None


def tunnels_of(view: View, family: Family) -> Tunnels:
    """Return those that the pools ask for."""
    told, pools = felix(view), pools_of(view, family)
    by_vxlan = any(pool.vxlan is not EncapsulationMode.NEVER for pool in pools) and "vxlanEnabled" not in told.off
    by_ipip = any(pool.ipip is not EncapsulationMode.NEVER for pool in pools) and "ipipEnabled" not in told.off
    port = told.wireguard_port if family is Family.IPV4 else told.wireguard_port_v6
    return Tunnels(
        by_ipip and family is Family.IPV4,
        told.vxlan_port if by_vxlan else 0,
        port if family in told.wireguard else 0,
    )


def pools_of(view: View, family: Family) -> list[Pool]:
    """Return those for pods."""
    pools = view.cluster.datastore.pools if view.cluster is not None else ()
    return [pool for pool in pools if pool.cidr.version == family and pool.for_pods]


def between_nodes(view: View, family: Family) -> Iterator[Traffic]:
    """Yield what comes from other nodes, and what goes to them."""
    port = view.cluster.bgp.port_of(view.local.name or "") if view.cluster is not None else 179
    if (view.local.uses_bird or view.local.uses_gobgp) and needs_bgp(view, family):
        yield _tcp(view, family, "from", port)
        yield _tcp(view, family, "to", port)
    tunnels = tunnels_of(view, family)
    if tunnels.vxlan:
        yield from _both(view, family, "VXLAN", UDP, tunnels.vxlan)
    if tunnels.ipip:
        yield from _both(view, family, "IPIP", IPIP, 0)
    if tunnels.wireguard:
        yield from _both(view, family, "WireGuard", UDP, tunnels.wireguard)


def _tcp(view: View, family: Family, way: str, port: int) -> Traffic:
    packet = _own(view, family, way, {Field.PROTOCOL: TCP, Field.DESTINATION_PORT: port, Field.FLAGS: SYN})
    return Traffic("BGP", way, INPUT if way == "from" else OUTPUT, packet, TCP, port)


def answers_of_bgp(view: View, family: Family) -> Traffic:
    """Return what comes back on a session that this host opened."""
    numbers = {Field.PROTOCOL: TCP, Field.SOURCE_PORT: 179, Field.DESTINATION_PORT: _HIGH, Field.FLAGS: ACK}
    packet = replace(_own(view, family, "from", numbers), state=frozenset({"established"}))
    return Traffic("BGP", "from", INPUT, packet, TCP)


def _both(view: View, family: Family, name: str, protocol: int, port: int) -> Iterator[Traffic]:
    numbers = {Field.PROTOCOL: protocol, **({Field.DESTINATION_PORT: port} if port else {})}
    for way, hooks in (("from", INPUT), ("to", OUTPUT)):
        yield Traffic(name, way, hooks, _own(view, family, way, numbers), protocol, port)


def _own(view: View, family: Family, way: str, numbers: Mapping[Field, int]) -> Packet:
    """A packet whose one end is this host."""
    own, link = own_address(view, family), host_link(view, family)
    comes = way == "from"
    addresses = addressed(None, own, family) if comes else addressed(own, None, family)
    here, there = ("local", "unicast")
    words = {
        Field.SOURCE_TYPE: there if comes else here,
        Field.DESTINATION_TYPE: here if comes else there,
        Field.PACKET_TYPE: "unicast",
        (Field.OUT if comes else Field.IN): "",
        **({} if link is None else {(Field.IN if comes else Field.OUT): link}),
    }
    return Packet({Field.SOURCE_PORT: _HIGH, **addresses, **numbers}, words)


def with_node(packet: Packet, way: str, address: IPAddress | None) -> Packet:
    """Return the packet with the address of the other node."""
    if address is None:
        return packet
    end = Field.SOURCE if way == "from" else Field.DESTINATION
    return replace(packet, numbers={**packet.numbers, end: int(address)})


def of_pods(view: View, family: Family) -> Iterator[Traffic]:
    """Yield what pods of this host send to pods of other nodes, and what they get, by each device that leads there."""
    here, there = _pod_addresses(view, family)
    numbers = {Field.PROTOCOL: TCP, Field.SOURCE_PORT: _HIGH, Field.DESTINATION_PORT: _SERVED, Field.FLAGS: SYN}
    for device in _devices(view, family):
        by = f" by {device}" if device else ""
        link = {} if device is None else {Field.OUT: device}
        yield Traffic(
            "pods",
            f"from pods here to pods of other nodes{by}",
            FORWARD,
            _forwarded({**addressed(here, there, family), **numbers}, {Field.IN: _POD_LINK, **link}),
        )
        link = {} if device is None else {Field.IN: device}
        yield Traffic(
            "pods",
            f"from pods of other nodes to pods here{by}",
            FORWARD,
            _forwarded({**addressed(there, here, family), **numbers}, {Field.OUT: _POD_LINK, **link}),
        )


def of_services(view: View, family: Family) -> Iterator[Traffic]:
    """Yield what comes from outside to a port of a service and is sent on to a pod of another node, by kube-proxy's
    mark.
    """
    _, there = _pod_addresses(view, family)
    link = host_link(view, family)
    numbers = {Field.PROTOCOL: TCP, Field.SOURCE_PORT: _HIGH, Field.DESTINATION_PORT: _SERVED, Field.FLAGS: SYN}
    for device in _devices(view, family):
        words = {field: name for field, name in ((Field.IN, link), (Field.OUT, device)) if name is not None}
        packet = replace(
            _forwarded({**addressed(None, there, family), **numbers}, words),
            state=frozenset({"new", "dnat"}),
            mark=_MASQUERADE_MARK,
        )
        way = "from outside to node ports whose pods are on other nodes"
        yield Traffic("services", way, FORWARD, packet)


def _forwarded(numbers: Mapping[Field, int], words: Mapping[Field, str]) -> Packet:
    kinds = dict.fromkeys((Field.SOURCE_TYPE, Field.DESTINATION_TYPE, Field.PACKET_TYPE), "unicast")
    return Packet(numbers, {**kinds, **words})


def _devices(view: View, family: Family) -> tuple[str | None, ...]:
    """By which devices packets between pods of different nodes come and go."""
    tunnels, pools = tunnels_of(view, family), pools_of(view, family)
    used = (
        (tunnels.wireguard, WIREGUARD_DEVICES[family]),
        (tunnels.vxlan, VXLAN_DEVICES[family]),
        (tunnels.ipip, IPIP_DEVICE),
    )
    found = [device for is_used, device in used if is_used]
    plain = [pool for pool in pools if EncapsulationMode.ALWAYS not in {pool.ipip, pool.vxlan}]
    return (*found, host_link(view, family)) if plain or not found else tuple(found)


def _pod_addresses(view: View, family: Family) -> tuple[IPAddress | None, IPAddress | None]:
    """The address of some pod here, and of one elsewhere."""
    blocks = view.cluster.blocks.values() if view.cluster is not None else ()
    of_family = [block for block in blocks if block.cidr.version == family and not block.virtual]
    here = next((block.cidr for block in of_family if block.owner == view.local.name), None)
    there = next((block.cidr for block in of_family if block.owner not in {None, view.local.name}), None)
    pool = next((pool.cidr for pool in pools_of(view, family)), None)
    return tuple(  # type: ignore[return-value]
        None if network is None else network.network_address + offset % network.num_addresses
        for network, offset in ((here or pool, 2), (there or pool, 3))
    )
