"""Which registered addresses of other nodes cannot be true, as this host sees, and what theirs may be.

An address that this host carries itself, or one inside a container bridge's network here, cannot be another host's: a
packet to it never leaves this machine.
"""

from ipaddress import ip_interface

from calico_agent.checks.knocking import knocking
from calico_agent.expected.cluster import Cluster
from calico_agent.expected.local_node import is_bridge
from calico_agent.expected.view import View
from calico_agent.model.calico.node import Node
from calico_agent.model.identity import Candidate
from calico_agent.model.last_value_cache import LastValueCache
from calico_agent.model.network.address import Family, IPAddress, IPInterface, IPNetwork


@LastValueCache
def suspects(
    cluster: Cluster, here: frozenset[IPAddress], inside: tuple[IPNetwork, ...]
) -> tuple[tuple[Node, IPInterface], ...]:
    """Return the registered addresses that this host has something to say about: they are `here`, in a network that is
    `inside` this host, or several nodes'.
    """
    return tuple(
        (node, registered)
        for node in cluster.datastore.nodes
        for registered in (node.ipv4, node.ipv6)
        if registered is not None
        and (
            (address := registered.ip) in here
            or len(cluster.holders[address]) > 1
            or any(address in network for network in inside)
            or impossible(node, registered)
        )
    )


def impossible(node: Node, registered: IPInterface) -> str:
    """Return what the record alone says against an address: no other host can send there. Empty for nothing."""
    address, network = registered.ip, registered.network
    tunnel = next((kind for kind, one in node.tunnel_addresses() if one == address), "")
    if tunnel:
        return f"the address of its own {tunnel} tunnel"
    if address.is_loopback or address.is_unspecified:
        return "an address that every host has for itself"
    if address.is_link_local:
        return "a link-local address: valid on one link only"
    whole = address.version == 4 and network.num_addresses > 2 and address == network.network_address
    return f"the address of the network {network} itself" if whole else ""


def staying(view: View, family: Family) -> frozenset[str]:
    """Return the other nodes to whose registered address a packet would never leave this host, or get to no host."""
    if view.cluster is None:
        return frozenset()
    bridges = view.local.bridges()
    networks = tuple(found.interface.network for found in bridges)
    found = suspects(view.cluster, frozenset(view.local.addresses), networks)
    return frozenset(
        node.name
        for node, registered in found
        if registered.version == family
        and node.name != view.local.name
        and (_is_ours(view, registered) or bridge_around(registered, bridges, view) or impossible(node, registered))
    )


def _is_ours(view: View, registered: IPInterface) -> bool:
    """Whether a link of this host itself has the address; of a bridge of containers it may be the wrong one."""
    held = view.local.candidate(registered.ip)
    return held is not None and not is_bridge(held)


def bridge_around(registered: IPInterface, bridges: tuple[Candidate, ...], view: View) -> Candidate | None:
    """Return the container bridge in whose network another node's address lies, unless it is in this host's own one
    too.

    Where the bridge's network is the narrower one, the record's tells which was meant: a bridge that was made over a
    part of the hosts' network is wrong, and no record of a node there.
    """
    address = registered.ip
    bridge = next((found for found in bridges if address in found.interface.network), None)
    if bridge is None:
        return None
    around = [net for net in view.local.networks(Family(address.version)) if address in net]
    single = registered.network.num_addresses == 1 and address != bridge.interface.ip
    narrower = any(net.prefixlen >= bridge.interface.network.prefixlen for net in around)
    return None if narrower or (around and single) or registered.network in around else bridge


def true_address(view: View, node: Node, registered: IPInterface) -> tuple[IPAddress, str] | None:
    """Return the likely true address of a node with a wrong one, and what tells it; None when nothing or too much does.

    The list in a record lacks loopback and dummy links: the only address of it may be one that nobody reaches. One
    counts where hosts are: in a network of this host or of another node, or where somebody knocks from it.
    """
    knocks = knocking(view)
    recorded = {
        (address, f"its record lists it on {link}")
        for link, addresses in node.interfaces
        for address in addresses
        if address.version == registered.version and not address.is_link_local and _plausible(view, address)
        if address in knocks or _is_among_hosts(view, node, address)
    }
    strangers = {
        (address, "a host with that address tries to open a BGP session (calico/node's log here)")
        for address in knocks
        if address.version == registered.version and _plausible(view, address)
    }
    for found in (recorded, strangers):
        near = {pair for pair in found if any(pair[0] in net for net in view.local.networks(Family(pair[0].version)))}
        unique = near if len(near) == 1 else found
        if len(unique) == 1:
            return next(iter(unique))
    return None


def _is_among_hosts(view: View, node: Node, address: IPAddress) -> bool:
    """Whether an address lies in a network of this host, or in one with which another node is registered."""
    nodes = view.cluster.datastore.nodes if view.cluster is not None else ()
    held = (one.registered(Family(address.version)) for one in nodes if one.name != node.name)
    networks = (*view.local.networks(Family(address.version)), *(one.network for one in held if one is not None))
    return any(address in network for network in networks)


def _plausible(view: View, address: IPAddress) -> bool:
    """Whether an address can be the one of another node: free, and not inside this host."""
    taken = view.cluster is not None and address in view.cluster.holders
    here = (
        view.local.candidate(address) is not None
        or bridge_around(ip_interface(address), view.local.bridges(), view) is not None
    )
    return not taken and not here
