"""Routes inside the pools that nothing calls for: stale ones of Calico's, and foreign ones that shadow a block.

Inside a pool one finds, rightly: routes to blocks, blackholes of own blocks, host routes to local workloads and tunnel
devices, host routes to borrowed addresses. Host routes of BIRD's are never called stale: pods may have addresses that
IPAM does not know (ipAddrsNoIpam), services and load balancers too.

BIRD learns each route that leads on from here and is not its own (`learn` in its configuration), and exports what lies
in a pool: it becomes a route of Calico's on every other host.
"""

from collections.abc import Iterator

from calico_agent.checks import cures
from calico_agent.checks.bgp.rib import Rib
from calico_agent.checks.traffic_impact import fate_with, protocol, shown
from calico_agent.checks.workloads.services import find_services
from calico_agent.expected.cluster import Cluster
from calico_agent.expected.route_table import Paths, expected_table
from calico_agent.expected.routes import Expectation
from calico_agent.expected.view import View
from calico_agent.faults.routes.foreign import RT_FOREIGN, RT_SHADOWED
from calico_agent.faults.routes.table import RT_STALE
from calico_agent.model.calico.bird import Bird
from calico_agent.model.calico.node import Block, EncapsulationMode, Pool
from calico_agent.model.finding import Finding, Severity
from calico_agent.model.network.address import Family, IPAddress, IPNetwork
from calico_agent.model.network.prefix import FULL_LENGTH, Key, prefix_of
from calico_agent.model.network.route import RouteAttributes, RouteType, host_prefix
from calico_agent.model.network.tunnel import TUNNEL_DEVICES

_BLOCK_LENGTH = {4: 26, 6: 122}  # where the pool does not say


def find_unexpected(view: View, expectation: Expectation, rib: Rib, key: Key, paths: Paths) -> Iterator[Finding]:
    """Yield what is said of one prefix to which no route is expected."""
    expected = expected_table(expectation)
    if view.cluster is None or view.local.name is None or key in expected.own:
        return
    pool, path = view.cluster.pools.covering(key), paths[0]
    if pool is None and view.cluster.block_index.covering(key) is None:
        yield from find_services(view, prefix_of(key), path)
    if pool is None or pool.cidr.prefixlen == key[1]:
        return
    felix = view.local.felix
    if path.protocol in felix.protocols or (felix.removes_foreign and _leads_into_tunnel(key, path)):
        if (block := _taken_from(view.cluster, expectation, key, path)) is not None:
            source, via = _advertised(prefix_of(key), path, rib)
            if key[1] == FULL_LENGTH[key[0]] and _is_of_a_pod_there(view, block, source, via):
                return
            yield _learned_finding(prefix_of(key), path, block, rib)
        elif _stale(view.cluster, expectation, key, pool):
            yield _stale_finding(prefix_of(key), path, rib, is_block=key[1] >= _block_length(pool, key))
    elif _local_workload(view, key, path):
        return
    elif (shadowed := expected.blocks.covering(key)) is not None:
        node = shadowed.way.node
        yield _shadow_finding(prefix_of(key), path, node, f"{shadowed.prefix}, pods of node {node}")
    elif (around := view.cluster.block_index.covering(key)) is not None and around.owner == view.local.name:
        yield _shadow_finding(prefix_of(key), path, view.me, f"{around.cidr}, a block of this host")
    elif view.local.uses_bird and pool.vxlan is EncapsulationMode.NEVER and any(hop.gateway for hop in path.next_hops):
        yield _foreign_finding(prefix_of(key), path, pool)


def _taken_from(cluster: Cluster, expectation: Expectation, key: Key, path: RouteAttributes) -> Block | None:
    """The block of a node from which a route of BIRD's takes a part, as another host had it from somebody else.

    Nothing of Calico's is longer than a block but a host route. To the host route of an address that IPAM does not know
    the node leads that has it; where no node is the next hop, somebody else put it there.
    """
    around = cluster.block_index.covering(key)
    hops = [hop.gateway for hop in path.next_hops if hop.gateway is not None]
    if around is None or around.virtual or not around.owner or not hops or key in expectation.claimed:
        return None
    if around.cidr.prefixlen == key[1] or any(hop.version != key[0] for hop in hops):
        return None
    if key[1] < FULL_LENGTH[key[0]]:
        return around
    return (
        None if cluster.bgp.peers or any(hop in cluster.holders or hop in cluster.tunnels for hop in hops) else around
    )


def _is_of_a_pod_there(view: View, block: Block, source: str, via: IPAddress | None) -> bool:
    """True if the node that advertises a host route may have the pod itself.

    Its owner does where the block is not told as a whole. Any other node has borrowed the address where Calico's blocks
    do not say so (2.x), as long as the next hop is the way to that node. Without BIRD nobody knows who advertises it.
    """
    if not isinstance(dict(view.daemons()).get(Family(block.cidr.version)), Bird):
        return True
    if source == block.owner or view.cluster is None or view.kernel is None or via is None:
        return source == block.owner
    registered = view.cluster.nodes[source].registered(Family(via.version)) if source in view.cluster.nodes else None
    way = view.kernel.fib.covering(host_prefix(registered.ip)) if registered is not None else None
    return way is not None and any(hop.gateway == via for hop in way.next_hops)


def _leads_into_tunnel(key: Key, path: RouteAttributes) -> bool:
    """Felix's VXLAN route to a block, which has protocol `boot`; host routes to tunnel addresses have no gateway."""
    full = key[1] == FULL_LENGTH[key[0]]
    return not full and any(hop.device in TUNNEL_DEVICES for hop in path.next_hops)


def _local_workload(view: View, key: Key, path: RouteAttributes) -> bool:
    """A host route to a pod or a tunnel device of this host. No pod lives in one of the networks of its own links."""
    if key[1] != FULL_LENGTH[key[0]] or not path.next_hops:
        return False
    networks = {found.link for found in view.local.candidates if not found.interface.ip.is_link_local} - TUNNEL_DEVICES
    return all(hop.gateway is None and hop.device not in networks for hop in path.next_hops)


def _stale(cluster: Cluster, expectation: Expectation, key: Key, pool: Pool) -> bool:
    """Whether a route of Calico's is to a block that nobody owns.

    With peers beyond the mesh, aggregates that are no blocks may come from routers: only what is as long as a block of
    its pool is judged then. Where not all blocks are read, a host route may lead to a pod in a block of one address
    that nobody claims any more.
    """
    version, length, _ = key
    if key in expectation.claimed or (length == FULL_LENGTH[version] and not cluster.datastore.blocks_read):
        return False
    around = cluster.block_index.covering(key)
    if around is not None:
        return around.cidr.prefixlen == length and not around.virtual and not around.owner
    block_length = _block_length(pool, key)
    if cluster.bgp.peers or not cluster.bgp.mesh:
        return length == block_length
    return length < FULL_LENGTH[version] or block_length == length


def _block_length(pool: Pool, key: Key) -> int:
    return pool.block_size or _BLOCK_LENGTH[key[0]]


def _advertised(prefix: IPNetwork, path: RouteAttributes, rib: Rib) -> tuple[str, IPAddress | None]:
    """The node that advertises such a route, by which of its next hops; "" and None where none does."""
    hops = (hop.gateway for hop in path.next_hops)
    return next(((name, hop) for hop in hops if hop and (name := rib.advertiser(prefix, hop))), ("", None))


def _stale_finding(prefix: IPNetwork, path: RouteAttributes, rib: Rib, *, is_block: bool) -> Finding:
    """What is shorter than a block is a network of the host that advertises it, and in no block's way."""
    drops = "a blackhole" if path.type is RouteType.BLACKHOLE else "a route"
    what = "a block that nobody owns" if is_block else "a part of a pool that is no block"
    source, via = _advertised(prefix, path, rib)
    return RT_STALE.finding(
        str(prefix),
        f"there is {drops} for {prefix}, {what}{f': {source} advertises it' if source else ''}",
        why=f"found: {prefix} {shown(path)}",
        effect=fate_with(path),
        cure=cures.of_advertised(source, prefix, via)
        if via is not None
        else f"it should go by itself within minutes; else {cures.delete(prefix, path)} on this host",
        prefix=prefix,
        severity=None if is_block else Severity.INFO,
    )


def _learned_finding(prefix: IPNetwork, path: RouteAttributes, shadowed: Block, rib: Rib) -> Finding:
    source, via = _advertised(prefix, path, rib)
    by = f": {source} advertises it" if source else ""
    return RT_SHADOWED.finding(
        str(prefix),
        f"a route to {prefix} takes over a part of {shadowed.cidr}, pods of node {shadowed.owner}{by}",
        why=f"found: {prefix} {shown(path)}, longer than the block: none of Calico's is but to a single address",
        effect=fate_with(path),
        cure=cures.of_advertised(source, prefix, via)
        if via is not None
        else f"look on the other hosts for the route that BIRD learned (ip route show {prefix}), and delete it there",
        node=shadowed.owner or "",
        prefix=prefix,
    )


def _foreign_finding(prefix: IPNetwork, path: RouteAttributes, pool: Pool) -> Finding:
    return RT_FOREIGN.finding(
        str(prefix),
        f"a route that is not Calico's ({protocol(path)}) leads to {prefix}, inside pool {pool.name} ({pool.cidr})",
        why=f"found: {prefix} {shown(path)}; no block lies there",
        effect="BIRD learns it and advertises it: the other nodes send packets for these addresses to the same place",
        cure=f"{cures.delete(prefix, path)} on this host; a network of this host must not overlap the pools",
        prefix=prefix,
        severity=Severity.WARNING,
    )


def _shadow_finding(prefix: IPNetwork, path: RouteAttributes, node: str, whose: str) -> Finding:
    return RT_SHADOWED.finding(
        str(prefix),
        f"a route to {prefix} takes over a part of {whose}",
        why=f"found: {prefix} {shown(path)}, longer than the block",
        effect=fate_with(path),
        cure=f"{cures.delete(prefix, path)} on this host; a network of this host must not overlap the pools",
        node=node,
        prefix=prefix,
    )
