"""Nodes whose own addresses lie in a pool or in the network of a bridge here: packets to them go elsewhere.

Felix and BIRD write routes to blocks, and Felix one to each address of a node that lies in a VXLAN pool
(projectcalico/calico#12847): what this host sends to that node, packets of the tunnel included, goes into the tunnel
again. The owner of such a block drops what it has for the nodes in it. And Docker makes networks of which it knows only
that no link has the same: one inside the hosts' network takes the nodes in it away from this host.

A pool of the hosts' own networks, which exempts them from NAT, has BIRD advertise them, too. Where such a network is
reached by a router, its route by BGP hides the way to the very nodes that tell it, and BIRD finds no next hop for it
(projectcalico/calico#1761).
"""

from collections.abc import Iterator

from calico_agent.checks.identity.suspects import staying
from calico_agent.checks.sentences import in_family, owner_of
from calico_agent.expected.forwarding import ForwardingPath
from calico_agent.expected.view import View
from calico_agent.faults.routes.foreign import RT_OVERLAP
from calico_agent.model.finding import Finding, Severity
from calico_agent.model.identity import Candidate
from calico_agent.model.network.address import Family, IPAddress, IPNetwork
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.network.route import CALICO_PROTOCOLS, Route, RouteType
from calico_agent.model.network.tunnel import TUNNEL_DEVICES, WIREGUARD_DEVICES

_NEW_POOL = "make a pool that contains no address of a node, disable this one (calicoctl), and start its pods anew"


def find_hidden(view: View, kernel: Kernel, way: ForwardingPath) -> Finding | None:
    """Return a node to which packets go as to a pod. WireGuard may have those to nodes as well."""
    if view.cluster is None or way.registered in view.cluster.tunnels:
        return None  # a node that is registered with a tunnel's address: its record is wrong
    key = way.registered.version, way.registered.max_prefixlen, int(way.registered)
    pool, block = view.cluster.pools.covering(key), view.cluster.block_index.covering(key)
    around = f"pool {pool.name} ({pool.cidr})" if pool else f"block {block.cidr}" if block else ""
    route = kernel.route_to(way.registered) if around else None
    if route is None:
        return None
    tunnels = [hop.device for hop in route.next_hops if hop.device in TUNNEL_DEVICES - set(WIREGUARD_DEVICES.values())]
    if tunnels:
        return _finding(way.node, way.registered, f"go into {tunnels[0]}, as those to pods", around, route, _NEW_POOL)
    if route.type is RouteType.BLACKHOLE and route.protocol in CALICO_PROTOCOLS:
        return _finding(
            way.node, way.registered, "are dropped, as those to a block of this host", around, route, _NEW_POOL
        )
    if pool is not None and route.type is RouteType.UNREACHABLE and route.protocol in CALICO_PROTOCOLS:
        fate = f"are refused: {route.prefix}, the way there, came by BGP itself, and BIRD finds no next hop for it"
        cure = (
            f"""calicoctl patch ippool {pool.name} -p '{{"spec":{{"disableBGPExport":true}}}}' (from Calico 3.21 on)"""
        )
        return _finding(way.node, way.registered, fate, around, route, cure)
    return None


def find_bridged(view: View, kernel: Kernel) -> Iterator[Finding]:
    """Yield nodes in the network of a bridge of containers that is a part of the one this host shares with them."""
    for bridge in view.local.bridges() if view.cluster is not None and view.local.name is not None else ():
        network = bridge.interface.network
        family = Family(network.version)
        around = next((one for one in view.local.networks(family) if _is_part(network, one)), None)
        if around is not None:
            for name, address in _others_in(view, network, family):
                yield from _bridged(kernel, name, address, bridge, around)


def _others_in(view: View, network: IPNetwork, family: Family) -> Iterator[tuple[str, IPAddress]]:
    """The other nodes with a registered address in a network, but those whose records are wrong."""
    for node in view.cluster.datastore.nodes if view.cluster is not None else ():
        registered = node.registered(family)
        wrong = node.name in staying(view, family) or node.name == view.local.name
        if registered is not None and registered.ip in network and not wrong:
            yield node.name, registered.ip


def _is_part(network: IPNetwork, whole: IPNetwork) -> bool:
    return network.prefixlen > whole.prefixlen and network.network_address in whole


def _bridged(
    kernel: Kernel, name: str, registered: IPAddress, bridge: Candidate, around: IPNetwork
) -> Iterator[Finding]:
    route = kernel.route_to(registered)
    if route is None or not any(hop.device == bridge.link for hop in route.next_hops):
        return
    change = "docker network rm, docker network create --subnet=...; for docker0 bip in /etc/docker/daemon.json"
    cure = f"on this host: give {owner_of(bridge)} another network ({change})"
    where = f"{bridge.interface.network}, the network of {owner_of(bridge)} on this host, a part of {around}"
    yield _finding(name, registered, f"go into {bridge.link}, as those to containers", where, route, cure)


def _finding(name: str, registered: IPAddress, fate: str, around: str, route: Route, cure: str) -> Finding:
    return RT_OVERLAP.finding(
        in_family(name, registered.version),
        f"packets to node {name} itself ({registered}) {fate}",
        why=f"the node's address lies in {around}; found: {route}",
        effect=f"this host does not reach node {name}, nor its pods",
        cure=cure,
        node=name,
        family=registered.version,
        prefix=route.prefix,
        severity=Severity.ERROR,
    )
