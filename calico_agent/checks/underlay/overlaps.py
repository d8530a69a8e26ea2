"""Pools that overlap a network of this host: one address, two places.

The kernel takes the longest prefix. A block in the overlap takes its addresses away from the hosts of that network, and
where no block is yet, packets for pods to come go out into it. Tunnel devices have a lone address (/32, /128) of the
pool, which is right. The network of a bridge for containers or virtual machines, such as libvirt's 192.168.122.0/24 in
Calico's usual pool 192.168.0.0/16, is this host's own affair until a block lies in it. A disabled pool, and one for
services only, gives no addresses to pods: it may cover the hosts' own networks, to exempt them from NAT (Calico's
manual, "Configure outgoing NAT"), as long as no block that was given before lies there.
"""

from collections.abc import Iterator

from calico_agent.expected.cluster import Cluster
from calico_agent.expected.local_node import is_bridge
from calico_agent.expected.view import View
from calico_agent.faults.routes.foreign import RT_OVERLAP
from calico_agent.model.calico.node import Pool
from calico_agent.model.finding import Finding, Severity
from calico_agent.model.identity import Candidate
from calico_agent.model.network.address import IPNetwork
from calico_agent.model.network.prefix import key_of
from calico_agent.model.network.tunnel import TUNNEL_DEVICES


def find_overlaps(view: View) -> Iterator[Finding]:
    """Yield each network of this host that shares addresses with a pool."""
    if view.cluster is None:
        return
    networks = {
        (found.link, found.interface.network): found
        for found in view.local.candidates
        if found.link not in TUNNEL_DEVICES and found.interface.network.num_addresses > 1
    }
    for (_, network), found in networks.items():
        for pool in view.cluster.datastore.pools:
            if pool.cidr.version != network.version or not pool.cidr.overlaps(network):
                continue
            wanted = pool.gives_addresses and not _leads_nowhere(found)
            if wanted or _has_block(view.cluster, _narrower(network, pool.cidr)):
                yield _overlap(view, found, network, pool)


def _leads_nowhere(found: Candidate) -> bool:
    """Whether only containers and virtual machines of this host are on the link, named so or by where it leads."""
    return is_bridge(found) or (found.reason == "calico-pool" and not found.accepted)


def _narrower(one: IPNetwork, other: IPNetwork) -> IPNetwork:
    """What two networks that overlap share."""
    return max(one, other, key=lambda network: network.prefixlen)


def _has_block(cluster: Cluster, network: IPNetwork) -> bool:
    """Whether a block of a host shares addresses with a network."""
    version, length, number = key_of(network)
    shift = network.max_prefixlen - length
    inside = (
        key[0] == version and key[1] >= length and key[2] >> shift == number >> shift and not block.virtual
        for key, block in cluster.blocks.items()
    )
    around = cluster.block_index.covering((version, length, number))
    return (around is not None and not around.virtual) or any(inside)


def _overlap(view: View, found: Candidate, network: IPNetwork, pool: Pool) -> Finding:
    narrower = _narrower(network, pool.cidr)
    return RT_OVERLAP.finding(
        str(network),
        f"the network {network} of {found.link} and the pool {pool.name} ({pool.cidr}) share {narrower}",
        why=f"{found.interface} is on {found.link}",
        effect=f"packets for pods in {narrower} go out by {found.link} where no block has a route, "
        f"and packets for hosts of {network} go to pods where one has",
        cure=f"move one of them: a new pool and this one disabled (calicoctl), or another network on {found.link}"
        if pool.gives_addresses
        else f"make the pods anew whose blocks lie in {narrower}: they get addresses of another pool",
        node=view.me,
        prefix=narrower,
        severity=Severity.ERROR if _takes_packets(view, found, network) else None,
    )


def _takes_packets(view: View, found: Candidate, network: IPNetwork) -> bool:
    """Whether the network takes packets for pods that are there already: it is a block, or a part of one."""
    around = view.cluster.block_index.covering(key_of(network)) if view.cluster is not None else None
    paths = view.kernel.fib.paths(network) if view.kernel is not None else ()
    return (
        around is not None
        and not around.virtual
        and any(hop.device == found.link for path in paths[:1] for hop in path.next_hops)
    )
