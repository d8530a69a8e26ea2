"""What is asked about pods: which links are theirs, and which addresses and records must be looked up to judge them.

Blocks change with every pod, and so do the pods' own records: both are looked up for what a pass finds unexplained, and
for nothing else.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import chain
from typing import NamedTuple

from calico_agent.expected.bgp_sessions import host_plan
from calico_agent.expected.cluster import Cluster
from calico_agent.expected.view import View
from calico_agent.model.calico.node import AffinityState, Block, Borrowed, Datastore, Pool
from calico_agent.model.last_value_cache import LastValueCache
from calico_agent.model.network.address import Family, IPAddress, IPNetwork, Link
from calico_agent.model.network.fib import Fib
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.network.prefix import FULL_LENGTH, Key, key_of, prefix_of
from calico_agent.model.network.route import CALICO_PROTOCOLS, RouteAttributes, host_prefix
from calico_agent.model.observation import Unreadable

# Felix takes every link of such a name for a pod's (interfacePrefix; in Kubernetes eleven digits follow). Bridges,
# dummies and links with an address of their own are none, whatever their names.
_PREFIX = "cali"
_MOST_NAMES = 4
_USUAL_LENGTH = {4: 26, 6: 122}

MOST_ASKED = 64
"""Blocks are asked for one by one. A host with more such routes leaves the others unjudged."""


class HostRoute(NamedTuple):
    """A route to one address: into the link of a pod here (`device`), or `gateway`'s way."""

    address: IPAddress
    device: str
    gateway: IPAddress | None


class LedAway(NamedTuple):
    """A route of this host to one address, which leads to another node than the owner of the block around it."""

    address: IPAddress
    block: IPNetwork
    node: str


def unled_links(kernel: Kernel | Unreadable) -> tuple[Link, ...]:
    """Return the links of pods into which no host route leads, the oldest first."""
    if isinstance(kernel, Unreadable):
        return ()
    pods = [link for link in kernel.links if link.kind == "veth" and link.name.startswith(_PREFIX)]
    led_into = _devices(kernel.fib) if pods else frozenset()
    found = (link for link in pods if link.name not in led_into and not _has_address(link))
    return tuple(sorted(found, key=lambda link: link.index))


def is_lost(kernel: Kernel, address: IPAddress) -> bool:
    """True if this host neither has an address itself nor a route to a pod with it."""
    hops = (hop for path in kernel.fib.paths(host_prefix(address)) for hop in path.next_hops)
    return kernel.holder(address) is None and not any(hop.device.startswith(_PREFIX) for hop in hops)


def lost_addresses(view: View, kernel: Kernel) -> tuple[IPAddress, ...]:
    """Return those that Calico gave to pods of this host, and that lead nowhere here."""
    held = view.observation.held or ()
    return tuple(sorted((one for one in held if is_lost(kernel, one)), key=lambda one: (one.version, int(one))))


def host_routes(kernel: Kernel) -> Iterator[HostRoute]:
    """Yield the routes to single addresses that lead into pods of this host, or by Calico to another one."""
    for version, length in FULL_LENGTH.items():
        for network, paths in kernel.fib.index.get(version, {}).get(length, {}).items():
            if (device := pod_link(paths[0])) is not None:
                yield HostRoute(prefix_of((version, length, network))[0], device, None)
            elif paths[0].protocol in CALICO_PROTOCOLS and paths[0].next_hops and paths[0].next_hops[0].gateway:
                hop = paths[0].next_hops[0]
                yield HostRoute(prefix_of((version, length, network))[0], hop.device, hop.gateway)


def contested(view: View, cluster: Cluster, kernel: Kernel) -> Iterator[tuple[HostRoute, IPNetwork]]:
    """Yield host routes that lead away from the owner of the block around them, though nobody borrowed; with that
    block.
    """
    for route in host_routes(kernel):
        block = cluster.block_index.covering(_key(route.address))
        if block is None or block.virtual or block.owner is None or route.address in cluster.borrowers:
            continue
        users = (view.local.name,) if route.gateway is None else cluster.holders.get(route.gateway, ())
        if users and block.owner not in users and (route.gateway is None or _has_own_next_hop(view, cluster, block)):
            yield route, block.cidr


def _has_own_next_hop(view: View, cluster: Cluster, block: Block) -> bool:
    """Whether the next hop of a route to the owner's pods is the owner itself: with several AS it may be any node."""
    plan, owner = host_plan(view)[Family(block.cidr.version)], cluster.nodes.get(block.owner or "")
    number = (owner.as_number if owner is not None else None) or cluster.bgp.as_number
    return plan.steady and number == plan.as_number


def former_names(view: View, cluster: Cluster) -> tuple[str, ...]:
    """Return nodes that this host may have been: those with an address of it, and those with blocks and no record."""
    own = [one.interface.ip for one in view.local.candidates if one.accepted]  # not those of Docker's bridges
    found = [name for address in own for name in cluster.holders.get(address, ())]
    without = [name for name in _owners(cluster) if name not in cluster.nodes]
    return tuple(name for name in dict.fromkeys((*found, *without)) if name != view.local.name)[:_MOST_NAMES]


@LastValueCache
def own_blocks(cluster: Cluster, node: str) -> frozenset[IPNetwork]:
    """Return the blocks that a node owns or has borrowed from."""
    return frozenset(
        block.cidr
        for block in cluster.datastore.blocks
        if block.owner == node or any(one.node == node for one in block.borrowed)
    )


@LastValueCache
def _owners(cluster: Cluster) -> tuple[str, ...]:
    owners = (block.owner for block in cluster.datastore.blocks if not block.virtual and block.in_use)
    return tuple(dict.fromkeys(owner for owner in owners if owner is not None))


def _key(address: IPAddress) -> Key:
    return address.version, FULL_LENGTH[address.version], int(address)


def pod_link(path: RouteAttributes) -> str | None:
    """Return the pod's link of this host into which a route leads."""
    names = [hop.device for hop in path.next_hops if hop.gateway is None and hop.device.startswith(_PREFIX)]
    return names[0] if names else None


def leads_into_pod(path: RouteAttributes) -> bool:
    """True if a route has a next hop behind the link of a pod, with an address of its own or without."""
    return any(hop.device.startswith(_PREFIX) for hop in path.next_hops)


def _has_address(link: Link) -> bool:
    return any(held.scope == "global" for held in link.addresses)


def _devices(fib: Fib) -> frozenset[str]:
    """The links into which host routes lead."""
    buckets = (fib.index.get(version, {}).get(length, {}) for version, length in FULL_LENGTH.items())
    paths = chain.from_iterable(found for bucket in buckets for found in bucket.values())
    return frozenset(hop.device for path in paths for hop in path.next_hops)


def away_from_owners(cluster: Cluster, kernel: Kernel) -> tuple[LedAway, ...]:
    """Return those of this host; none where all blocks were read, and it is known who borrowed."""
    return () if cluster.datastore.blocks_read else tuple(_away(cluster, kernel))


def _away(cluster: Cluster, kernel: Kernel) -> Iterator[LedAway]:
    """Whoever wrote them: Felix's routes into tunnels are of a protocol that people use, too."""
    for version, length in FULL_LENGTH.items():
        for network, paths in kernel.fib.index.get(version, {}).get(length, {}).items():
            address = prefix_of((version, length, network))[0]
            block = cluster.block_index.covering((version, length, network))
            gateways = [hop.gateway for hop in paths[0].next_hops if hop.gateway is not None]
            if not gateways or block is None or block.virtual or block.owner is None:
                continue
            ends = cluster.tunnels.get(gateways[0], ())
            users = (*cluster.holders.get(gateways[0], ()), *(end.node for end in ends))
            if users and block.owner not in users:
                yield LedAway(address, block.cidr, users[0])


def homeless(cluster: Cluster, kernel: Kernel) -> Iterator[tuple[HostRoute, Pool | None]]:
    """Yield the routes into pods of this host whose address is in no block, with the pool around it."""
    for route in host_routes(kernel):
        key = _key(route.address)
        if route.gateway is None and cluster.block_index.covering(key) is None:
            yield route, cluster.pools.covering(key)


def would_be_block(address: IPAddress, pool: Pool) -> IPNetwork:
    """Return the block that an address of a pool is of, if there is one: a pool's blocks keep their size for ever."""
    network = host_prefix(address)
    return network.supernet(new_prefix=pool.block_size or _USUAL_LENGTH[network.version])


def unclaimed_blocks(cluster: Cluster, kernel: Kernel) -> frozenset[IPNetwork]:
    """Return blocks that nobody may claim for good; none where all blocks were read.

    They have a claim that a crash left half made or half deleted, or are those of pods here that are in no block. Whose
    they are, and whether there are such blocks at all, only their own records tell.
    """
    if cluster.datastore.blocks_read:
        return frozenset()
    claims = (one for one in cluster.datastore.affinities if one.state is not AffinityState.CONFIRMED)
    ours = (would_be_block(route.address, pool) for route, pool in homeless(cluster, kernel) if pool is not None)
    return frozenset((*(one.cidr for one in claims), *ours))


def with_asked(datastore: Datastore, away: tuple[LedAway, ...], asked: Mapping[IPNetwork, Block]) -> Datastore:
    """Return the same with the blocks that were asked for, also those that nobody has claimed for good.

    Of one that was not given (nobody may read it, or the time was over) it is not known whether the address was
    borrowed: it counts as borrowed by whom the route leads to, as only a route that is known to be wrong is called so.
    """
    unknown: dict[IPNetwork, list[Borrowed]] = {}
    for one in away:
        if one.block not in asked:
            unknown.setdefault(one.block, []).append(Borrowed(one.address, one.node))

    def known(block: Block) -> Block:
        if block.cidr in asked:
            return asked[block.cidr]
        return replace(block, borrowed=tuple(unknown[block.cidr])) if block.cidr in unknown else block

    if not asked and not unknown:
        return datastore
    there = {block.cidr for block in datastore.blocks}
    more = (asked[cidr] for cidr in sorted(asked.keys() - there, key=key_of))
    return replace(datastore, blocks=(*map(known, datastore.blocks), *more))
