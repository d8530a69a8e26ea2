"""The addresses of the nodes' tunnel devices: each is one node's alone, and leads to that node.

What a node itself sends through a tunnel carries the address of its tunnel device, and is answered there. As a rule
that is an address of one of the node's own blocks, so that the route to the block leads to it. Where it had to be
borrowed, it needs a route of its own: of IPIP, BIRD advertises it, as it lies in no block of the node; of VXLAN, Felix
writes one since v3.30. A node record that was copied with a disk has the address of another node: Felix puts it on the
device, BIRD advertises it, and nobody notices before calico/node starts again there
(node/pkg/allocateip/allocateip.go@v3.32.1).
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from calico_agent.checks.commands import restart_on, restart_on_each
from calico_agent.checks.route_verifier import verdict_alone
from calico_agent.checks.traffic_impact import shown
from calico_agent.checks.underlay.tunnel_devices import recorded_address
from calico_agent.expected.address_owners import standing_of
from calico_agent.expected.agents import is_this_host
from calico_agent.expected.cluster import Cluster, TunnelEnd
from calico_agent.expected.forwarding import BlockKind, Encapsulation, ForwardingPath, ForwardingResolver
from calico_agent.expected.local_node import Standpoint
from calico_agent.expected.routes import is_kept_back
from calico_agent.expected.view import View
from calico_agent.faults.routes.host_routes import RT_TUNNEL_ADDRESS
from calico_agent.faults.routes.pods import RT_ADDRESS_TWICE
from calico_agent.model.calico.node import EncapsulationMode, Pool
from calico_agent.model.finding import Finding, Severity
from calico_agent.model.last_value_cache import LastValueCache
from calico_agent.model.network.address import Family, IPAddress, Link
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.network.prefix import FULL_LENGTH, key_of
from calico_agent.model.network.route import Route, RouteAttributes, RouteType, host_prefix
from calico_agent.model.network.tunnel import IPIP_DEVICE, TUNNEL_DEVICES
from calico_agent.text import listed


class TunnelRoutes(NamedTuple):
    """How the tunnel addresses of other nodes are reached: by version and number, and those with no block of theirs."""

    ways: Mapping[int, dict[int, tuple[IPAddress, TunnelEnd, ForwardingPath]]]
    alone: tuple[IPAddress, ...]


def tunnel_routes(cluster: Cluster, local: Standpoint) -> TunnelRoutes:
    """Return the ways to all of them."""
    return _tunnel_routes(cluster, local)


@LastValueCache
def _tunnel_routes(cluster: Cluster, local: Standpoint) -> TunnelRoutes:
    ways, found = ForwardingResolver(cluster, local), TunnelRoutes({4: {}, 6: {}}, ())
    alone: list[IPAddress] = []
    for address, ends in cluster.tunnels.items():
        key = key_of(host_prefix(address))
        pool, block = cluster.pools.covering(key), cluster.block_index.covering(key)
        borrowed = cluster.borrowers.get(address)
        rightful = borrowed.node if borrowed is not None else block.owner if block is not None else None
        end = next((one for one in ends if one.node == rightful), ends[0])
        if pool is None or end.node == local.name or not _used(pool, end):
            continue
        kind = BlockKind(pool, cluster.withheld.covering(key) is None)
        way = ways.to(end.node, kind, Family(address.version))
        if way is None or way.encapsulation is Encapsulation.WIREGUARD:
            continue
        found.ways[address.version][int(address)] = address, end, way
        kept_back = block is not None and way.by_bgp and is_kept_back(cluster, block, local.name)
        if block is None or (block.owner != end.node and not kept_back):
            alone.append(address)
    return found._replace(alone=tuple(alone))


@LastValueCache
def _shared_addresses(cluster: Cluster) -> Mapping[IPAddress, tuple[TunnelEnd, ...]]:
    """Those that several nodes have, with these."""
    return {address: ends for address, ends in cluster.tunnels.items() if len({end.node for end in ends}) > 1}


def _used(pool: Pool, end: TunnelEnd) -> bool:
    """Whether the pool is one of those that the tunnel is for; an address may outlive its use."""
    modes = {"IPIP": pool.ipip, "VXLAN": pool.vxlan}
    return modes.get(end.kind, EncapsulationMode.NEVER) is not EncapsulationMode.NEVER


def find_tunnel_addresses(view: View, cluster: Cluster, kernel: Kernel) -> Iterator[Finding]:
    """Yield addresses of several nodes, those of other nodes on links here, and those that lead elsewhere."""
    if view.local.name is None or view.starting:
        return
    shared = _shared_addresses(cluster)
    for address, ends in shared.items():
        yield _shared(view, cluster, kernel, address, ends)
    bridges = {one.link for one in view.local.bridges()}  # whose networks are told with the pool that they share
    for link in kernel.links:
        for held in link.addresses if link.name not in bridges else ():
            ends = cluster.tunnels.get(held.address, ())
            foreign = held.address not in shared and bool(ends) and ends[0].node != view.local.name
            if foreign and not is_this_host(view, ends[0].node):
                yield _carried(view, link, held.address, ends[0])
    routes = tunnel_routes(cluster, view.local.standpoint)
    for address, end, way in _routed_elsewhere(routes, kernel):
        if address not in shared and (fault := astray(view, cluster, kernel, address)):
            yield _astray(address, end, way, fault)
    for address in routes.alone:
        _, end, way = routes.ways[address.version][int(address)]
        by_block = address not in shared and not kernel.fib.paths(host_prefix(address))
        if by_block and (fault := astray(view, cluster, kernel, address)):
            yield _astray(address, end, way, fault)


def way_to(view: View, cluster: Cluster, address: IPAddress) -> ForwardingPath | None:
    """Return how a tunnel address of another node is reached, None where that is not known."""
    known = tunnel_routes(cluster, view.local.standpoint).ways[address.version].get(int(address))
    return known[2] if known is not None else None


def _routed_elsewhere(routes: TunnelRoutes, kernel: Kernel) -> Iterator[tuple[IPAddress, TunnelEnd, ForwardingPath]]:
    """Those with a route of their own, but the thousands that lead into a VXLAN device: they share one path."""
    onlink: dict[int, bool] = {}
    for version, ways in routes.ways.items():
        routed = kernel.fib.index.get(version, {}).get(FULL_LENGTH[version], {})
        for number in ways.keys() & routed.keys():
            path = routed[number][0]
            if id(path) not in onlink:
                onlink[id(path)] = _onlink(path)
            if ways[number][1].kind != "VXLAN" or not onlink[id(path)]:
                yield ways[number]


class Astray(NamedTuple):
    """Where packets to a tunnel address go instead of to its node, by what route, and what is to be done."""

    where: str
    found: str
    cure: str


def astray(view: View, cluster: Cluster, kernel: Kernel, address: IPAddress) -> Astray | None:
    """Return where packets to a tunnel address of another node go; None where that is right, or not known."""
    known = tunnel_routes(cluster, view.local.standpoint).ways[address.version].get(int(address))
    if known is None:
        return None
    _, end, way = known
    route = kernel.fib.lookup(address)
    found = f"{route.prefix if route.prefix != host_prefix(address) else address} {shown(route.path)}" if route else ""
    around = cluster.block_index.covering(key_of(host_prefix(address)))
    alone = route is not None and route.prefix == host_prefix(address)
    if not alone and around is not None and around.owner == end.node:
        return None  # it follows the route to its own block, which is judged itself
    if route is None:
        return Astray("nowhere", "", _another(view, address, end))
    if _fits(view, way, route.path, end):
        return None
    if not alone:
        return Astray(_borrowed_from(route, around.owner if around else None), found, _another(view, address, end))
    if route.type is not RouteType.UNICAST:
        return Astray("nowhere", found, f"ip route del {address} on this host")
    hop = route.next_hops[0]
    if hop.gateway is None:
        return Astray(f"into {hop.device} of this host", found, f"ip route get {address} on this host")
    others = [name for name in cluster.holders.get(hop.gateway, ()) if name != end.node]
    cure = f"on {others[0]}: ip addr del {address}/{address.max_prefixlen} dev {_device(way)}" if others else ""
    return Astray(f"to node {others[0]}", found, f"{cure}, where ip addr show has it") if others else None


def _borrowed_from(route: Route, owner: str | None) -> str:
    if route.type is not RouteType.UNICAST:
        return f"nowhere, as it is borrowed from {f'a block of {owner}' if owner else 'a block that nobody owns'}"
    return f"to node {owner}, from whose block it is borrowed" if owner else "nowhere, as nobody owns its block"


def _another(view: View, address: IPAddress, end: TunnelEnd) -> str:
    """How a node gets a tunnel address of its own block: allocateip takes one where the old one is not given to it."""
    late = "; Calico v3.30 and later write a route of its own" if end.kind == "VXLAN" else ""
    return (
        f"calicoctl ipam release --ip={address}, then {restart_on(view, end.node)}; it takes an address "
        f"of a block of its own, if one is free there{late}"
    )


def _device(way: ForwardingPath) -> str:
    return way.device or IPIP_DEVICE


def _fits(view: View, way: ForwardingPath, path: RouteAttributes, end: TunnelEnd) -> bool:
    """Whether a path leads to the node. A VXLAN device finds it by its neighbour entry, without a next hop."""
    return (end.kind == "VXLAN" and _onlink(path)) or not verdict_alone(view, way, (path,))


def _onlink(path: RouteAttributes) -> bool:
    """Whether it leads into a tunnel device, without a next hop."""
    into = any(hop.gateway is None and hop.device in TUNNEL_DEVICES for hop in path.next_hops)
    return path.type is RouteType.UNICAST and into


def _astray(address: IPAddress, end: TunnelEnd, way: ForwardingPath, fault: Astray) -> Finding:
    return RT_TUNNEL_ADDRESS.finding(
        str(address),
        f"packets to {address}, the {end.kind} tunnel address of node {end.node}, go {fault.where}",
        why=f"wanted: {address} {way}" + (f"; found: {fault.found}" if fault.found else ""),
        effect=f"what {end.node} itself sends through the tunnel to this host and its pods is not answered there; the "
        f"pods of {end.node} are not affected",
        cure=fault.cure,
        node=end.node,
        prefix=host_prefix(address),
        writer=way.writer,
    )


def _shared(view: View, cluster: Cluster, kernel: Kernel, address: IPAddress, ends: tuple[TunnelEnd, ...]) -> Finding:
    rightful = standing_of(view, cluster, kernel, address).tunnel or ends[0]
    nodes = tuple(dict.fromkeys(end.node for end in ends))
    wrong = tuple(name for name in nodes if name != rightful.node)
    others, names = listed(wrong), listed(nodes)
    route = kernel.fib.lookup(address)
    found = f"; found: {route.prefix} {shown(route.path)}" if route is not None else ""
    return RT_ADDRESS_TWICE.finding(
        str(address),
        f"{'node' if len(wrong) == 1 else 'nodes'} {others} {'has' if len(wrong) == 1 else 'have'} the {rightful.kind} "
        f"tunnel address of node {rightful.node}, {address}",
        why=f"the node records of {names} say {address}, and it was given to {rightful.node}{found}",
        effect="packets to the pods of all but one of them are lost: VXLAN knows a node by this address"
        if rightful.kind == "VXLAN"
        else f"what {rightful.node} itself sends through the tunnel is answered to {others} where a route of its own "
        "leads there; pods are not affected",
        cure=f"{restart_on_each(view, wrong)}; it then takes an address of its own",
        node=wrong[0],
        prefix=host_prefix(address),
        severity=Severity.ERROR
        if rightful.kind == "VXLAN" or view.local.name in nodes or astray(view, cluster, kernel, address)
        else Severity.WARNING,
    )


def _carried(view: View, link: Link, address: IPAddress, end: TunnelEnd) -> Finding:
    own = recorded_address(view, link.name, Family(address.version))
    lacks = own is not None and all(held.address != own for held in link.addresses)
    add = f"ip addr add {own}/{FULL_LENGTH[address.version]} dev {link.name}; " if lacks else ""
    return RT_ADDRESS_TWICE.finding(
        str(address),
        f"{link.name} of this host has {address}, the {end.kind} tunnel address of node {end.node}",
        why=f"the record of {end.node} says {address}, and so does ip addr show {link.name} here",
        effect=f"what {end.node} itself sends through the tunnel is answered to this host where the route leads here, "
        "and this host does not reach it",
        cure=f"{add}ip addr del {address}/{FULL_LENGTH[address.version]} dev {link.name} on this host",
        node=view.me,
        prefix=host_prefix(address),
    )
