"""Nodes whose own addresses lie in a pool or in the network of a bridge here: packets to them go elsewhere.

Felix and BIRD write routes to blocks, and Felix one to each address of a node that lies in a VXLAN pool
(projectcalico/calico#12847): what this host sends to that node, packets of the tunnel included, goes into the tunnel
again. The owner of such a block drops what it has for the nodes in it. And Docker makes networks of which it knows only
that no link has the same: one inside the hosts' network takes the nodes in it away from this host.
"""

from calico_agent.checks.identity.suspects import staying
from calico_agent.checks.words import in_family, owner_of
from calico_agent.expected.forwarding import ForwardingPath
from calico_agent.expected.view import View
from calico_agent.faults.catalogue import finding
from calico_agent.model.finding import Finding, Severity
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.network.route import CALICO_PROTOCOLS, Route, RouteType
from calico_agent.model.network.tunnel import TUNNEL_DEVICES, WIREGUARD_DEVICES

_NEW_POOL = "make a pool that contains no address of a node, disable this one (calicoctl), and start its pods anew"


def find_hidden(view: View, kernel: Kernel, way: ForwardingPath) -> Finding | None:
    """A node to which packets go as to a pod or a container. WireGuard may have those to nodes as well."""
    if view.cluster is None or way.registered in view.cluster.tunnels:
        return None  # a node that is registered with a tunnel's address: its record is wrong
    bridged = _bridged(view, kernel, way)
    if bridged is not None:
        return bridged
    key = way.registered.version, way.registered.max_prefixlen, int(way.registered)
    pool, block = view.cluster.pools.covering(key), view.cluster.block_index.covering(key)
    around = f"pool {pool.name} ({pool.cidr})" if pool else f"block {block.cidr}" if block else ""
    route = kernel.route_to(way.registered) if around else None
    if route is None:
        return None
    tunnels = [hop.device for hop in route.next_hops if hop.device in TUNNEL_DEVICES - set(WIREGUARD_DEVICES.values())]
    if tunnels:
        return _finding(way, f"go into {tunnels[0]}, as those to pods", around, route, _NEW_POOL)
    if route.type is RouteType.BLACKHOLE and route.protocol in CALICO_PROTOCOLS:
        return _finding(way, "are dropped, as those to a block of this host", around, route, _NEW_POOL)
    return None


def _bridged(view: View, kernel: Kernel, way: ForwardingPath) -> Finding | None:
    """A bridge of containers whose network is a part of the one that this host shares with the node."""
    around = [found for found in view.local.bridges() if way.registered in found.interface.network]
    own = [network for network in view.local.networks(way.family) if way.registered in network] if around else []
    route = kernel.route_to(way.registered) if around and own else None
    bridge = next((one for one in around if route and any(hop.device == one.link for hop in route.next_hops)), None)
    if route is None or bridge is None or way.node in staying(view, way.family):
        return None  # or the record is wrong
    change = "docker network rm, docker network create --subnet=...; for docker0 bip in /etc/docker/daemon.json"
    cure = f"on this host: give {owner_of(bridge)} another network ({change})"
    where = f"{bridge.interface.network}, the network of {owner_of(bridge)} on this host, a part of {own[0]}"
    return _finding(way, f"go into {bridge.link}, as those to containers", where, route, cure)


def _finding(way: ForwardingPath, fate: str, around: str, route: Route, cure: str) -> Finding:
    return finding(
        "RT-OVERLAP",
        in_family(way.node, way.registered.version),
        f"packets to node {way.node} itself ({way.registered}) {fate}",
        why=f"the node's address lies in {around}; found: {route}",
        effect=f"this host does not reach node {way.node}, nor its pods",
        cure=cure,
        node=way.node,
        severity=Severity.ERROR,
    )
