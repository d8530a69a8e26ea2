"""Routers that pass packets of pods on without a tunnel, and that nobody tells of the pods' networks.

Without encapsulation a router between nodes sees the addresses of pods. It knows their networks from a BGPPeer, or by
routes that somebody gave it. Else it drops them, as the network of a cloud does, which gives each node a /32 and a
gateway: sessions are up, every route is there, and pods reach no other node (projectcalico/calicoctl#716, calico#3626).
Which routes it has is not to be seen from here: a note, and no fault.
"""

from collections.abc import Iterable, Iterator

from calico_agent.checks.traffic_impact import shown
from calico_agent.expected.forwarding import Encapsulation, ForwardingPath
from calico_agent.expected.view import View
from calico_agent.faults.routes.underlay import RT_ROUTER
from calico_agent.model.finding import Finding, Severity
from calico_agent.model.network.address import IPNetwork
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.network.route import CALICO_PROTOCOLS, RouteAttributes
from calico_agent.text import counted, listed

_TUNNEL = "CrossSubnet (ipipMode or vxlanMode) in the pool"


def find_untold_routers(
    view: View, kernel: Kernel, ways: Iterable[tuple[ForwardingPath, IPNetwork]]
) -> Iterator[Finding]:
    """Yield each router by which packets for pods leave as they are, where no router is told of the pods by BGP.

    `ways` lead to their nodes, each with a prefix that takes it.
    """
    bgp = view.cluster.bgp if view.cluster is not None else None
    if bgp is None or len(bgp.peerings) < len(bgp.peers) or any(one.peers is None for one in bgp.peerings):
        return
    behind: dict[str, dict[str, str]] = {}
    for way, prefix in ways:
        if way.encapsulation is not Encapsulation.NONE or way.gateway is not None:
            continue  # a tunnel, or a node at hand
        path = next(iter(kernel.fib.paths(prefix)), None)
        if path is not None and path.protocol in CALICO_PROTOCOLS and (routers := _routers(view, kernel, way, path)):
            behind.setdefault(routers, {})[way.node] = f"{prefix} {shown(path)}"
    for routers, nodes in behind.items():
        yield _finding(routers, tuple(nodes), next(iter(nodes.values())))


def _routers(view: View, kernel: Kernel, way: ForwardingPath, path: RouteAttributes) -> str:
    """The next hops of a route, if they are no nodes, and are those to the node itself; empty otherwise."""
    holders = view.cluster.holders if view.cluster is not None else {}
    found = {hop.gateway for hop in path.next_hops}
    if any(one is None or one in holders for one in found):
        return ""
    beneath = kernel.route_to(way.registered)
    same = beneath is not None and found == {hop.gateway for hop in beneath.next_hops}
    return listed(tuple(sorted(map(str, found)))) if same else ""


def _finding(routers: str, nodes: tuple[str, ...], route: str) -> Finding:
    whose = f"node {nodes[0]}" if len(nodes) == 1 else f"{counted(len(nodes), 'node')} ({listed(nodes)})"
    return RT_ROUTER.finding(
        routers,
        f"packets for pods of {whose} leave by the router {routers} without a tunnel, and no BGPPeer tells it of pods",
        why=f"found: {route}",
        effect="they arrive only if that router has routes to the networks of these pods; a cloud's has none",
        cure=f"if pods do not reach each other: {_TUNNEL}, or a BGPPeer with the router; else nothing",
        severity=Severity.INFO,
    )
