"""Which routes this host should have: one for each block of another node, one for each borrowed address.

"Node X owns block Y" when the block's affinity is host:X and X's affinity key is confirmed; BIRD on X advertises by
that key, whatever became of the pool: one that is disabled or deleted since has left its blocks behind. Single
addresses (borrowed ones) are advertised inside a pool only. Nothing inside a pool with disableBGPExport is, not even
where a smaller pool lies in it that is exported, unless VXLAN (Felix) carries it (confd's bird_aggr.cfg.template and
bird_ipam.cfg.template@v3.28.5). For which nodes a pool is meant (nodeSelector) and for what (allowedUses) only decides
where blocks are made.

What leads there follows from the pool's encapsulation, which is none outside all pools (felix/dataplane/linux and
confd's templates of projectcalico/calico@v3.32.1):

    none                    via the owner's registered address when it is in a connected network, else via whatever
                            BIRD resolved it to; a device of the host
    IPIP                    via the owner's registered address, dev tunl0
    VXLAN                   via the owner's tunnel address, dev vxlan.calico (vxlan-v6.calico)
    CrossSubnet             as none when the owner's address is inside this node's registered network, else the tunnel

Protocol and metric differ between versions and are not judged. Where BIRD brings the route, the next hop is judged only
if it is certain by the sessions through which it comes (`verify.bgp.plan`), else that there is one.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from calico_agent.model.address import Family, IPAddress, IPInterface, IPNetwork
from calico_agent.model.node import AffinityState, Block, EncapsulationMode, Node, Pool
from calico_agent.model.route import host_prefix
from calico_agent.model.unchanged import MadeOnce
from calico_agent.verify.bgp.plan import bgp_plan
from calico_agent.verify.cluster import Cluster, Key
from calico_agent.verify.local import Local, Standpoint
from calico_agent.verify.routes.claims import DoubleClaim, claim_state, double_claim

TUNNEL_DEVICES = frozenset({"tunl0", "vxlan.calico", "vxlan-v6.calico", "wireguard.cali", "wg-v6.cali"})
_FULL_LENGTH = {4: 32, 6: 128}
_NO_POOL = ""  # stands for the pool of a block that is in none: without encapsulation, exported


class Encapsulation(Enum):
    """How packets to a block travel. WireGuard's routes are in a table of their own."""

    NONE = "none"
    IPIP = "IPIP"
    VXLAN = "VXLAN"
    WIREGUARD = "WireGuard"


@dataclass(frozen=True, slots=True, eq=False)
class Way:
    """How one node is reached; all its blocks of one pool share it.

    `gateway` None means any next hop, `device` empty any device of the host that is no tunnel. `judged` is False where
    nothing but the presence of a route can be asked for. `by_bgp`: BIRD brings the routes, and not Felix.
    """

    node: str
    registered: IPAddress
    encapsulation: Encapsulation
    gateway: IPAddress | None
    device: str
    judged: bool = True
    by_bgp: bool = True

    def __str__(self) -> str:
        via = f"via {self.gateway}" if self.gateway else f"via the way to {self.registered}"
        return f"{via} dev {self.device}" if self.device else via


@dataclass(frozen=True, slots=True)
class ExpectedRoute:
    """One route this host should have. `borrowed`: it is for a single address that its node borrowed."""

    prefix: IPNetwork
    way: Way
    borrowed: bool = False


@dataclass(frozen=True, slots=True)
class Expectation:
    """Everything expected of this host's table.

    `own_blocks` want a blackhole. `claimed` are prefixes that are somebody's, so that a route to them is not stale.
    `unreachable` counts the blocks of nodes to which nothing can lead: they have no record, or no address.
    """

    routes: tuple[ExpectedRoute, ...] = ()
    own_blocks: tuple[IPNetwork, ...] = ()
    claimed: frozenset[Key] = frozenset()
    double_claims: tuple[DoubleClaim, ...] = ()
    unreachable: dict[str, int] = field(default_factory=dict)


class Lane(NamedTuple):
    """What the ways to all blocks of one kind have in common: the pool, and whether BIRD advertises what is in it."""

    pool: Pool
    exported: bool


def expect(cluster: Cluster, local: Local) -> Expectation:
    """What the datastore wants of this host: nothing, while it is not known which node it is."""
    return _expect(cluster, local.standpoint)


@MadeOnce
def _expect(cluster: Cluster, local: Standpoint) -> Expectation:
    if local.name is None:
        return Expectation()
    ways = _Ways(cluster, local)
    routes: list[ExpectedRoute] = []
    own_blocks: list[IPNetwork] = []
    double_claims: list[DoubleClaim] = []
    unreachable: dict[str, int] = {}
    for key, block in cluster.blocks.items():
        lane = _lane(cluster, key, block)
        if block.virtual or lane is None:
            continue
        if (double := double_claim(cluster, key, block)) is not None:
            double_claims.append(double)
        routes.extend(_borrowed(block, lane, ways, local))
        state = claim_state(cluster, key, block)
        if block.owner is None or state in {None, AffinityState.PENDING}:
            continue
        if block.owner == local.name:
            if block.cidr.prefixlen < _FULL_LENGTH[block.cidr.version] and ways.blackholed(lane.pool):
                own_blocks.append(block.cidr)
        elif state is AffinityState.CONFIRMED:
            way = ways.to(block.owner, lane, Family(block.cidr.version))
            if way is not None:
                routes.append(ExpectedRoute(block.cidr, way))
            elif not ways.known(block.owner):
                unreachable[block.owner] = unreachable.get(block.owner, 0) + 1
    claimed = frozenset(cluster.affinities) | {key for key, block in cluster.blocks.items() if block.owner}
    return Expectation(tuple(routes), tuple(own_blocks), claimed, tuple(double_claims), unreachable)


def _lane(cluster: Cluster, key: Key, block: Block) -> Lane | None:
    """How a block is led to; None where its pool may be one that could not be read."""
    pool = cluster.pools.covering(key)
    if pool is not None:
        return Lane(pool, cluster.withheld.covering(key) is None)
    return Lane(Pool(_NO_POOL, block.cidr), exported=True) if cluster.pools_known else None


def _borrowed(block: Block, lane: Lane, ways: "_Ways", local: Standpoint) -> Iterator[ExpectedRoute]:
    for borrowed in block.borrowed if lane.pool.name != _NO_POOL else ():
        # A node's tunnel address may be borrowed too; it is reached by the tunnel itself.
        if borrowed.node in {local.name, block.owner} or ways.is_tunnel_address(borrowed.node, borrowed.address):
            continue
        way = ways.to(borrowed.node, lane, Family(borrowed.address.version))
        if way is not None:
            yield ExpectedRoute(host_prefix(borrowed.address), way, borrowed=True)


class _Ways:
    """The way to each node for each pool, made once: thousands of blocks share a few hundred."""

    def __init__(self, cluster: Cluster, local: Standpoint) -> None:
        self._cluster = cluster
        self._local = local
        self._ways: dict[tuple[str, str, bool, Family], Way | None] = {}
        self._plan = bgp_plan(cluster, local.name or "", local.node, local.registered)

    def known(self, node: str) -> bool:
        """Whether the node has a record with an address of some family."""
        record = self._cluster.nodes.get(node)
        return record is not None and (record.ipv4 is not None or record.ipv6 is not None)

    def blackholed(self, pool: Pool) -> bool:
        """Whether a program of calico/node puts a blackhole on own blocks of this pool."""
        return self._local.uses_bird or pool.vxlan is not EncapsulationMode.NEVER

    def is_tunnel_address(self, node: str, address: IPAddress) -> bool:
        """Whether `address` is that of a tunnel device of this node."""
        record = self._cluster.nodes.get(node)
        if record is None:
            return False
        return address in {record.ipip_tunnel_address, record.vxlan_tunnel_address, record.vxlan_tunnel_address_v6}

    def to(self, node: str, lane: Lane, family: Family) -> Way | None:
        """The way to a node's addresses in this lane, None when none is to be expected."""
        key = (node, lane.pool.name, lane.exported, family)
        if key not in self._ways:
            self._ways[key] = self._make(node, lane, family)
        return self._ways[key]

    def _make(self, node: str, lane: Lane, family: Family) -> Way | None:
        record = self._cluster.nodes.get(node)
        own = self._local.registered[family]
        registered = record.registered(family) if record else None
        if record is None or registered is None or own is None:
            return None
        encapsulation = _encapsulation(lane.pool, registered, own)
        by_bgp = lane.pool.vxlan is EncapsulationMode.NEVER
        if by_bgp and not (self._local.uses_bird and lane.exported):
            return None
        if record.wireguard_public_key and self._local.node and self._local.node.wireguard_public_key:
            return Way(node, registered.ip, Encapsulation.WIREGUARD, None, "", judged=False, by_bgp=by_bgp)
        if encapsulation is Encapsulation.VXLAN:
            device = "vxlan.calico" if family is Family.IPV4 else "vxlan-v6.calico"
            return Way(node, registered.ip, encapsulation, record.vtep(family), device, by_bgp=False)
        judged = not by_bgp or self._keeps_next_hop(record, family)
        if encapsulation is Encapsulation.IPIP:
            return Way(node, registered.ip, encapsulation, registered.ip, "tunl0", judged)
        near = not by_bgp or any(registered.ip in network for network in self._local.networks[family])
        return Way(node, registered.ip, encapsulation, registered.ip if near else None, "", judged, by_bgp)

    def _keeps_next_hop(self, record: Node, family: Family) -> bool:
        """Whether BIRD certainly has a node's own routes with its registered address as next hop."""
        plan = self._plan[family]
        alike = (record.as_number or self._cluster.bgp.as_number) == plan.as_number
        return plan.steady and alike and record.name in plan.reached


def _encapsulation(pool: Pool, remote: IPInterface, own: IPInterface) -> Encapsulation:
    """The tunnel between two nodes; CrossSubnet asks whether the remote address is inside our registered network."""
    for mode, encapsulation in ((pool.ipip, Encapsulation.IPIP), (pool.vxlan, Encapsulation.VXLAN)):
        if encapsulation is Encapsulation.IPIP and remote.version == 6:
            continue  # Calico has no IPIP for IPv6
        far = mode is EncapsulationMode.CROSS_SUBNET and remote.ip not in own.network
        if far or mode is EncapsulationMode.ALWAYS:
            return encapsulation
    return Encapsulation.NONE
