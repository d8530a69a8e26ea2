"""Which routes come by BGP: without any, a session that is down cuts nobody off.

Felix writes the routes of pools with VXLAN, and since v3.31 others if it is told to (`ClusterRoutes`); the rest is
BIRD's (felix/dataplane/linux and confd's templates of projectcalico/calico@v3.32.1). Of a disabled pool only what it
has given away counts. What lies in no pool is BIRD's.
"""

from calico_agent.expected.cluster import Cluster
from calico_agent.expected.view import View
from calico_agent.model.calico.felix import ClusterRoutes
from calico_agent.model.calico.node import EncapsulationMode, Pool
from calico_agent.model.last_value_cache import LastValueCache
from calico_agent.model.network.address import Family


def is_by_bgp(pool: Pool, felix: ClusterRoutes) -> bool:
    """True if BIRD writes the routes to the blocks of a pool. `felix` is what Felix is told on this host."""
    if pool.vxlan is not EncapsulationMode.NEVER:
        return False
    return not (felix.plain if pool.ipip is EncapsulationMode.NEVER else felix.ipip)


def needs_bgp(view: View, family: Family) -> bool:
    """True if a route of this family comes by BGP, or may come where too little is known."""
    if view.cluster is None:
        return True
    return family in _families(view.cluster, view.local.felix.cluster_routes)


@LastValueCache
def _families(cluster: Cluster, felix: ClusterRoutes) -> frozenset[Family]:
    pools = cluster.datastore.pools
    if not cluster.pools_known:
        return frozenset(Family)
    unknown = {family for family in Family if not any(pool.cidr.version == family for pool in pools)}
    enabled = {Family(pool.cidr.version) for pool in pools if not pool.disabled and is_by_bgp(pool, felix)}
    if len(found := unknown | enabled) == len(Family):
        return frozenset(found)
    for key, block in cluster.blocks.items():
        pool = cluster.pools.covering(key)
        if pool is None or (pool.disabled and is_by_bgp(pool, felix)):
            found.add(Family(block.cidr.version))
    return frozenset(found)
