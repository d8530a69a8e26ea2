"""Whether a node's record knows the subnet that its link is in: CrossSubnet goes by the record.

calico/node takes the prefix length that it is given; a bare address has the full one where its link is not looked at:
of IPv6 always, of IPv4 before v3.18 (node/pkg/lifecycle/startup/startup.go of projectcalico/calico@v3.28.5). BIRD and
Felix ask whether another node's address is inside the registered network of their own node, so that with /32 every node
is in another subnet, and all packets are tunnelled: one way only where one node alone is registered so.
"""

from collections.abc import Iterator

from calico_agent.checks.commands import started_anew_on
from calico_agent.checks.sentences import cure_here, env_of, in_family
from calico_agent.expected.cluster import Cluster
from calico_agent.expected.view import View
from calico_agent.faults.node.addresses import IP_PREFIX
from calico_agent.model.calico.node import EncapsulationMode, Pool
from calico_agent.model.finding import Finding
from calico_agent.model.last_value_cache import LastValueCache
from calico_agent.model.network.address import Family, IPInterface, IPNetwork


def find_subnets(view: View) -> Iterator[Finding]:
    """Yield nodes whose record has another prefix length than their link, where CrossSubnet depends on it."""
    cluster, node = view.cluster, view.local.node
    if cluster is None or node is None:
        return
    for family in _across_subnets(cluster):
        own = node.registered(family)
        held = {one.interface for one in view.local.candidates if own is not None and one.interface.ip == own.ip}
        link = min(held, key=lambda one: one.network.prefixlen, default=None)
        if own is None or link is None or _is_lone(link):
            continue
        if own not in held:
            yield _own(view, own, link)
        for name, bare in _bare(cluster, family):
            if name != node.name and bare.ip in link.network:
                yield _other(view, name, bare, link.network)


@LastValueCache
def _across_subnets(cluster: Cluster) -> tuple[Family, ...]:
    """The families with a pool in use that encapsulates between subnets only."""
    modes = EncapsulationMode.CROSS_SUBNET
    pools = [pool for pool in cluster.datastore.pools if modes in {pool.vxlan, pool.ipip} and _is_used(cluster, pool)]
    return tuple(sorted({Family(pool.cidr.version) for pool in pools if pool.vxlan is modes or pool.cidr.version == 4}))


def _is_used(cluster: Cluster, pool: Pool) -> bool:
    return not pool.disabled or any(cluster.pools.covering(key) is pool for key in cluster.blocks)


def _bare(cluster: Cluster, family: Family) -> tuple[tuple[str, IPInterface], ...]:
    return tuple(one for one in _all_bare(cluster) if one[1].version == family)


@LastValueCache
def _all_bare(cluster: Cluster) -> tuple[tuple[str, IPInterface], ...]:
    """The nodes that are registered with a full prefix length."""
    registered = ((node.name, one) for node in cluster.datastore.nodes for one in (node.ipv4, node.ipv6))
    return tuple((name, one) for name, one in registered if one is not None and _is_lone(one))


def _is_lone(interface: IPInterface) -> bool:
    return interface.network.num_addresses == 1


def _own(view: View, own: IPInterface, link: IPInterface) -> Finding:
    narrow = own.network.prefixlen > link.network.prefixlen
    return IP_PREFIX.finding(
        in_family(view.me, own.version),
        f"this node is registered with {own}, and its link has {link}",
        why="pools with CrossSubnet go by the registered prefix length",
        effect=_tunnelled(link.network)
        if narrow
        else f"packets to nodes in {own.network} go without a tunnel, also to those that are not in {link.network}: "
        "routers do not know the way to their pods",
        cure=cure_here(view, env_of(link)),
        node=view.me,
        family=own.version,
    )


def _other(view: View, name: str, bare: IPInterface, network: IPNetwork) -> Finding:
    return IP_PREFIX.finding(
        in_family(name, bare.version),
        f"node {name} is registered with {bare}, and is in {network} like this host",
        why="pools with CrossSubnet go by the registered prefix length",
        effect=f"on {name}, {_tunnelled(network)}; what comes back does not",
        cure=started_anew_on(view, name, f"{'IP' if bare.version == 4 else 'IP6'}={bare.ip}/{network.prefixlen}"),
        node=name,
        family=bare.version,
    )


def _tunnelled(network: IPNetwork) -> str:
    return f"every node counts as one of another subnet: packets to nodes in {network} go through a tunnel too"
