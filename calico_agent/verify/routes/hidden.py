"""Nodes whose own addresses lie in a pool, so that packets to them are taken for packets to pods.

Felix and BIRD write routes to blocks, and Felix one to each address of a node that lies in a VXLAN pool
(projectcalico/calico#12847): what this host sends to that node, packets of the tunnel included, goes into the tunnel
again. The owner of such a block drops what it has for the nodes in it.
"""

from calico_agent.model.finding import Finding, Severity
from calico_agent.model.kernel import Kernel
from calico_agent.model.prefix import key_of
from calico_agent.model.route import CALICO_PROTOCOLS, RouteType, host_prefix
from calico_agent.verify.catalogue import finding
from calico_agent.verify.routes.ways import TUNNEL_DEVICES, WIREGUARD_DEVICES, Way
from calico_agent.verify.view import View
from calico_agent.verify.words import in_family


def find_hidden(view: View, kernel: Kernel, way: Way) -> Finding | None:
    """A node to which packets go as to a pod. WireGuard may have those to nodes as well."""
    if view.cluster is None or way.registered in view.cluster.tunnels:
        return None  # a node that is registered with a tunnel's address: its record is wrong
    key = key_of(host_prefix(way.registered))
    pool, block = view.cluster.pools.covering(key), view.cluster.block_index.covering(key)
    around = f"pool {pool.name} ({pool.cidr})" if pool else f"block {block.cidr}" if block else ""
    route = kernel.route_to(way.registered) if around else None
    if route is None:
        return None
    tunnels = [hop.device for hop in route.next_hops if hop.device in TUNNEL_DEVICES - WIREGUARD_DEVICES]
    drops = route.type is RouteType.BLACKHOLE and route.protocol in CALICO_PROTOCOLS
    if not tunnels and not drops:
        return None
    fate = f"go into {tunnels[0]}, as those to pods" if tunnels else "are dropped, as those to a block of this host"
    return finding(
        "RT-OVERLAP",
        in_family(way.node, way.registered.version),
        f"packets to node {way.node} itself ({way.registered}) {fate}",
        why=f"the node's address lies in {around}; found: {route}",
        effect=f"this host does not reach node {way.node}, nor its pods",
        cure="make a pool that contains no address of a node, disable this one (calicoctl), and start its pods anew",
        node=way.node,
        severity=Severity.ERROR,
    )
