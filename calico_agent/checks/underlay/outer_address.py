"""Which address the packets carry that this host puts around those of its pods.

tunl0 and WireGuard's socket are bound to none: the kernel takes the one of the route to the other node, as for all that
this host sends there. Felix there lets IPIP in from the registered addresses of nodes only (felix/rules/static.go of
projectcalico/calico@v3.28.5, the set all-hosts-net), and a WireGuard peer answers to where the last packet came from.
BIRD binds its sessions to the registered address and Felix its VXLAN devices, so neither shows it. Without a tunnel
packets carry the addresses of pods.
"""

from collections.abc import Mapping

from calico_agent.checks.sentences import in_family, ip_tool
from calico_agent.expected.forwarding import Encapsulation, ForwardingPath
from calico_agent.expected.view import View
from calico_agent.faults.routes.underlay import RT_SOURCE
from calico_agent.model.finding import Finding
from calico_agent.model.last_value_cache import LastValueCache
from calico_agent.model.network.address import IPAddress
from calico_agent.model.network.kernel import Kernel, RouteLookup
from calico_agent.model.network.policy_rule import table_name
from calico_agent.model.network.route import TABLE_MAIN, NextHop, Route, RouteType

_EFFECTS = {
    Encapsulation.IPIP: "Felix on {node} drops IPIP packets from addresses that no node is registered with: "
    "packets of pods here do not reach the pods there",
    Encapsulation.WIREGUARD: "{node} answers to that address: encrypted packets for the pods here go there, if it is "
    "reachable from there at all",
}


def find_wrong_source(view: View, kernel: Kernel, way: ForwardingPath) -> Finding | None:
    """Return packets through the tunnel to a node that carry another address of this host than the registered one."""
    effect = _EFFECTS.get(way.encapsulation)
    own = view.local.registered(way.family) if effect is not None else None
    if effect is None or own is None:
        return None
    route, found = kernel.route_to(way.registered), _answers(kernel.lookups).get(way.registered)
    source = found.address if found is not None else route.source if route is not None else None
    if source is None or source == own.ip or route is None or route.type is not RouteType.UNICAST:
        return None
    if kernel.holder(own.ip) is None or kernel.holder(way.registered) is not None:
        return None
    if any(one in found.interface.network for found in view.local.bridges() for one in (own.ip, way.registered)):
        return None  # one of both is registered with a wrong address: that comes first
    return RT_SOURCE.finding(
        in_family(way.node, way.registered.version),
        f"{way.encapsulation.value} packets to node {way.node} leave as {source} and not as {own.ip}, with which this "
        "node is registered",
        why=f"the kernel's route to {way.registered} is {route}, and gives that source",
        effect=effect.format(node=way.node),
        cure=f"{_cure(view, kernel, way, route, own.ip)} on this host, and the same in its network configuration; or "
        f"register this node with {source}, if all nodes reach it by that",
        node=view.me,
        family=way.registered.version,
        device=way.device,
    )


def _cure(view: View, kernel: Kernel, way: ForwardingPath, route: Route, own: IPAddress) -> str:
    """A route to the node's network by the same next hop, with the right source; to the node alone where it is near."""
    hop = _preferred(kernel, route, own)
    record = view.cluster.nodes.get(way.node) if view.cluster is not None else None
    registered = record.registered(way.family) if record is not None else None
    far = hop.gateway is not None and registered is not None and own not in registered.network
    alone = f"{way.registered}/{way.registered.max_prefixlen}"
    prefix = registered.network if far and registered is not None else alone
    table = f" table {table_name(route.table)}" if route.table != TABLE_MAIN else ""
    return f"{ip_tool(way.registered.version)} route replace {prefix} {hop} src {own}{table}"


def _preferred(kernel: Kernel, route: Route, own: IPAddress) -> NextHop:
    """Of several next hops the one on the link with the registered address."""
    holder = kernel.holder(own)
    near = (hop for hop in route.next_hops if holder is not None and hop.device == holder[0].name)
    return next(near, route.next_hops[0])


@LastValueCache
def _answers(sources: tuple[RouteLookup, ...]) -> Mapping[IPAddress, RouteLookup]:
    return {source.destination: source for source in sources}
