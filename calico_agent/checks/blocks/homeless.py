"""Addresses of pods of this host that no block has: whoever deleted the block took the claim on it away, too.

Each address that IPAM gives out is one of a block (libcalico-go/lib/ipam@v3.28.5). Without the block nobody knows that
the address is in use; of that of its tunnel calico/node makes sure when it starts (node/pkg/allocateip@v3.28.5). BIRD
tells of each pod alone where a pool is around it; Felix leads to blocks, so that with VXLAN no other node reaches these
pods, and none of them can know: their host alone can tell.

In a pool without any block, another IPAM than Calico's gives addresses away: nothing is missed there.

An address outside all pools may have been chosen by hand (`cni.projectcalico.org/ipAddrsNoIpam`). It is told only where
not all blocks are read, so that nobody else tells of a pool that was deleted.
"""

from collections import defaultdict
from collections.abc import Iterator

from calico_agent.checks.commands import restart_here
from calico_agent.expected.cluster import Cluster
from calico_agent.expected.forwarding import ForwardingResolver
from calico_agent.expected.pods import HostRoute, homeless, would_be_block
from calico_agent.expected.view import View
from calico_agent.faults.routes.blocks import RT_BLOCK_GONE, RT_POOL_GONE
from calico_agent.model.calico.node import Pool
from calico_agent.model.finding import Finding, Severity, Writer
from calico_agent.model.network.address import IPNetwork
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.network.prefix import key_of
from calico_agent.text import counted, listed


def find_homeless(view: View, kernel: Kernel) -> Iterator[Finding]:
    """Yield a finding for each block that is missed, and one for the addresses outside all pools."""
    cluster = view.cluster
    if cluster is None or not cluster.pools_known or view.local.name is None:
        return
    by_block: defaultdict[IPNetwork, list[HostRoute]] = defaultdict(list)
    pools: dict[IPNetwork, Pool] = {}
    outside: list[HostRoute] = []
    for route, pool in homeless(cluster, kernel):
        if pool is None:
            outside.append(route)
        elif cluster.datastore.blocks_read and _has_blocks(cluster, pool):
            block = would_be_block(route.address, pool)
            by_block[block].append(route)
            pools[block] = pool
    for block, routes in by_block.items():
        yield _without_block(view, cluster, block, pools[block], routes)
    if outside and not cluster.datastore.blocks_read:
        yield _without_pool(view, outside)


def _has_blocks(cluster: Cluster, pool: Pool) -> bool:
    return any(
        pool.cidr == around.cidr
        for one in cluster.datastore.blocks
        if (around := cluster.pools.covering(key_of(one.cidr)))
    )


def _without_block(view: View, cluster: Cluster, block: IPNetwork, pool: Pool, routes: list[HostRoute]) -> Finding:
    by_bgp = ForwardingResolver(cluster, view.local.standpoint).by_bgp(pool)
    return RT_BLOCK_GONE.finding(
        str(block),
        f"no block has the address of {counted(len(routes), 'pod')} of this host: {_addresses(routes)}",
        why=f"it is of pool {pool.name} ({pool.cidr}), and there is neither a block around it nor a claim on one",
        effect="IPAM gives it away again, though a pod has it"
        + ("" if by_bgp else "; Felix on other nodes has no route to it"),
        cure=f"{_other_tunnel(view, cluster, block)}{_anew(routes)}",
        node=view.me,
        prefix=block,
        severity=Severity.WARNING if by_bgp else Severity.ERROR,
        writer=Writer.BIRD if by_bgp else Writer.FELIX,
    )


def _without_pool(view: View, routes: list[HostRoute]) -> Finding:
    return RT_POOL_GONE.finding(
        str(routes[0].address),
        f"the address of {counted(len(routes), 'pod')} of this host lies in no pool: {_addresses(routes)}",
        why=f"no pool and no claim of a node on a block is around {routes[0].address}",
        effect="no node advertises it: no route leads there from any other node, unless it was chosen by hand",
        cure=f"create the pool again (calicoctl apply): each address is then advertised alone; or {_anew(routes)}",
        node=view.me,
        severity=Severity.WARNING,
        family=routes[0].address.version,
    )


def _other_tunnel(view: View, cluster: Cluster, block: IPNetwork) -> str:
    """What comes first where the node's tunnel has an address of the block: else a pod would get it."""
    node = cluster.nodes.get(view.local.name or "")
    tunnels = node.tunnel_addresses() if node is not None else ()
    ours = any(address.version == block.version and address in block for _, address in tunnels)
    return f"{restart_here(view)}, for another tunnel address; then " if ours else ""


def _addresses(routes: list[HostRoute]) -> str:
    return listed(tuple(str(one.address) for one in routes))


def _anew(routes: list[HostRoute]) -> str:
    return f"start these pods anew; ip -d link show {routes[0].device} shows the network namespace of one (link-netns)"
