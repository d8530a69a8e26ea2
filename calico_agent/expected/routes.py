"""Which routes this host should have: one for each block of another node, one for each borrowed address.

"Node X owns block Y" when the block's affinity is host:X and X's affinity key is confirmed; BIRD on X advertises by
that key, whatever became of the pool: one that is disabled or deleted since has left its blocks behind. Felix goes by
the block's own affinity (felix/calc/l3_route_resolver.go). Single addresses (borrowed ones) are advertised inside a
pool only. Nothing inside a pool with disableBGPExport is, not even where a smaller pool lies in it that is exported
(confd's bird_aggr.cfg.template and bird_ipam.cfg.template@v3.28.5). For which nodes a pool is meant (nodeSelector) and
for what (allowedUses) only decides where blocks are made.

What leads there follows from the pool, and is none outside all pools: `expected.forwarding`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from calico_agent.expected.block_ownership import AffinityConflict, claim_state, double_claim
from calico_agent.expected.cluster import Cluster
from calico_agent.expected.forwarding import BlockKind, ForwardingPath, ForwardingResolver
from calico_agent.expected.local_node import Local, Standpoint
from calico_agent.model.calico.node import AffinityState, Block, Borrowed, Pool
from calico_agent.model.last_value_cache import LastValueCache
from calico_agent.model.network.address import Family, IPNetwork
from calico_agent.model.network.prefix import FULL_LENGTH, Key
from calico_agent.model.network.route import host_prefix

_NO_POOL = ""  # stands for the pool of a block that is in none: without encapsulation, exported


@dataclass(frozen=True, slots=True)
class ExpectedRoute:
    """One route this host should have. `borrowed`: it is for a single address that its node borrowed.

    `ownerless`: nobody owns the block that it borrowed from, so that all addresses in it are advertised alone.
    `single`: it is for a block of one address, of which BIRD tells as long as there is the pod that has it.
    """

    prefix: IPNetwork
    way: ForwardingPath
    borrowed: bool = False
    ownerless: IPNetwork | None = None
    single: bool = False

    @property
    def may_have_leaked(self) -> bool:
        """True if it is for one address, which nobody tells of where IPAM has it for a pod that is gone."""
        return self.borrowed or self.single


@dataclass(frozen=True, slots=True)
class Unadvertised:
    """What is in use on a node and yet BIRD there tells nobody about.

    `block`: by the state of the node's claim on it, None for no claim. `pool`: all blocks of nodes in a pool that is
    not exported. `addresses` are those that lie in no pool, with the block that they are of. `ownerless` are blocks in
    no pool and of no node that do not say who uses them, as in Calico 2.x.
    """

    blocks: tuple[tuple[Block, AffinityState | None], ...] = ()
    pools: tuple[tuple[Pool, int], ...] = ()
    addresses: tuple[tuple[Borrowed, Block], ...] = ()
    ownerless: tuple[Block, ...] = ()


@dataclass(frozen=True, slots=True)
class LostBlock:
    """A block without a record of its own, and the node that claims it. `by_bgp`: BIRD brings its route."""

    block: IPNetwork
    node: str | None
    by_bgp: bool


@dataclass(frozen=True, slots=True)
class Expectation:
    """Everything expected of this host's table.

    `own_blocks` want a blackhole. `claimed` are prefixes that are somebody's, so that a route to them is not stale.
    `unreachable` counts the blocks of nodes to which nothing can lead: they have no record, or no address.
    `lost_blocks` have a route like others, and no record. `left_out` counts the blocks to which Felix is told to
    write no route.
    """

    routes: tuple[ExpectedRoute, ...] = ()
    own_blocks: tuple[IPNetwork, ...] = ()
    claimed: frozenset[Key] = frozenset()
    double_claims: tuple[AffinityConflict, ...] = ()
    unreachable: dict[str, int] = field(default_factory=dict)
    unadvertised: Unadvertised = field(default_factory=Unadvertised)
    lost_blocks: tuple[LostBlock, ...] = ()
    left_out: int = 0


def expect(cluster: Cluster, local: Local) -> Expectation:
    """Return what the datastore wants of this host: nothing, while it is not known which node it is."""
    return _expect(cluster, local.standpoint)


@LastValueCache
def _expect(cluster: Cluster, local: Standpoint) -> Expectation:
    if local.name is None:
        return Expectation()
    draft = _Draft(cluster, local)
    for key, block in cluster.blocks.items():
        kind = _kind(cluster, key, block)
        if not block.virtual and kind is not None:
            draft.add(key, block, kind)
    return draft.finished()


def is_kept_back(cluster: Cluster, block: Block, me: str | None) -> bool:
    """True if no route to a single address in a block can be expected: a route reflector owns it.

    What BIRD there tells anybody, of its own or not, goes by its own blocks (confd's bird_aggr.cfg.template@v3.28.5):
    it passes on no borrowed address in one, and leads packets for the whole block there itself.
    """
    owner = cluster.nodes.get(block.owner) if block.owner is not None and block.owner != me else None
    return owner is not None and owner.route_reflector_cluster_id is not None


def _is_silent(block: Block) -> bool:
    """Whether BIRD of the owner has nothing to tell of a block of one address.

    It puts no blackhole on such a block, so that it tells of the route to its pod or tunnel, as long as that is there.
    """
    alone = block.cidr.prefixlen == FULL_LENGTH[block.cidr.version]
    return alone and (not block.in_use or bool(block.borrowed))


def _kind(cluster: Cluster, key: Key, block: Block) -> BlockKind | None:
    """How a block is led to; None where its pool may be one that could not be read."""
    pool = cluster.pools.covering(key)
    if pool is not None:
        pool = _first_around(cluster, block, pool) if cluster.datastore.is_of_calico_2 else pool
        return BlockKind(pool, cluster.withheld.covering(key) is None)
    return BlockKind(Pool(_NO_POOL, block.cidr), exported=True) if cluster.pools_known else None


def _first_around(cluster: Cluster, block: Block, pool: Pool) -> Pool:
    """Return the pool by whose mode BIRD of Calico 2.x leads to a block: of pools inside each other the first by name.

    confd lists them so (bird_ipam.cfg.template of calico/node v1.3.0); later releases refuse such pools.
    """
    around = (one for one in cluster.datastore.pools if _is_around(one.cidr, block.cidr))
    return min(around, key=lambda one: str(one.cidr), default=pool)


def _is_around(outer: IPNetwork, inner: IPNetwork) -> bool:
    return outer.version == inner.version and outer.prefixlen <= inner.prefixlen and inner.network_address in outer


class _Draft:
    """An expectation in the making, block by block."""

    def __init__(self, cluster: Cluster, local: Standpoint) -> None:
        self._cluster = cluster
        self._local = local
        self._ways = ForwardingResolver(cluster, local)
        self._routes: list[ExpectedRoute] = []
        self._own_blocks: list[IPNetwork] = []
        self._double_claims: list[AffinityConflict] = []
        self._unreachable: dict[str, int] = {}
        self._unclaimed: list[tuple[Block, AffinityState | None]] = []
        self._withheld: dict[str, tuple[Pool, int]] = {}
        self._outside: list[tuple[Borrowed, Block]] = []
        self._ownerless: list[Block] = []
        self._lost_blocks: list[LostBlock] = []
        self._left_out = 0

    def add(self, key: Key, block: Block, kind: BlockKind) -> None:
        """What one block calls for."""
        if (double := double_claim(self._cluster, key, block)) is not None:
            self._double_claims.append(double)
        self._routes.extend(self._borrowed(block, kind))
        if block.owner is None:
            if block.in_use and not block.borrowed and kind.pool.name == _NO_POOL:
                self._ownerless.append(block)
            return
        state = claim_state(self._cluster, key, block)
        by_bgp = self._ways.by_bgp(kind.pool)
        if key in self._cluster.lost:
            self._lost_blocks.append(LostBlock(block.cidr, block.owner, by_bgp))
        if block.owner == self._local.name:
            short = block.cidr.prefixlen < FULL_LENGTH[block.cidr.version]
            if state not in {None, AffinityState.PENDING} and short and self._ways.blackholed(kind.pool):
                self._own_blocks.append(block.cidr)
        elif not by_bgp or (state is AffinityState.CONFIRMED and not _is_silent(block)):
            self._lead(block, block.owner, kind)
        if by_bgp and block.in_use and self._local.uses_bird:
            self._note_silence(block, state, kind)

    def _lead(self, block: Block, owner: str, kind: BlockKind) -> None:
        way = self._ways.to(owner, kind, Family(block.cidr.version))
        if way is not None:
            self._routes.append(ExpectedRoute(block.cidr, way, single=self._is_for_a_pod(block, owner, way)))
        elif not self._ways.known(owner):
            self._unreachable[owner] = self._unreachable.get(owner, 0) + 1
        else:
            self._left_out += not self._ways.by_bgp(kind.pool)

    def _is_for_a_pod(self, block: Block, owner: str, way: ForwardingPath) -> bool:
        """Whether a block is one address that BIRD leads to, and not that of the owner's tunnel device."""
        alone = block.cidr.prefixlen == FULL_LENGTH[block.cidr.version]
        return alone and way.by_bgp and not self._ways.is_tunnel_address(owner, block.cidr.network_address)

    def _note_silence(self, block: Block, state: AffinityState | None, kind: BlockKind) -> None:
        """A block whose owner tells nobody about it, although it is in use."""
        if not kind.exported:
            pool, number = self._withheld.get(kind.pool.name, (kind.pool, 0))
            self._withheld[kind.pool.name] = pool, number + 1
        elif state is not AffinityState.CONFIRMED:
            self._unclaimed.append((block, state))

    def _borrowed(self, block: Block, kind: BlockKind) -> Iterator[ExpectedRoute]:
        for borrowed in block.borrowed:
            if borrowed.node == block.owner:
                continue
            # A node's tunnel address may be borrowed too: see `checks.underlay.tunnel_addresses`.
            if borrowed.kind or self._ways.is_tunnel_address(borrowed.node, borrowed.address):
                continue
            if kind.pool.name == _NO_POOL:
                self._outside.append((borrowed, block))
                continue
            way = self._ways.to(borrowed.node, kind, Family(borrowed.address.version))
            if way is not None and way.by_bgp and is_kept_back(self._cluster, block, self._local.name):
                continue
            if way is not None and borrowed.node != self._local.name:
                ownerless = block.cidr if block.owner is None else None
                yield ExpectedRoute(host_prefix(borrowed.address), way, borrowed=True, ownerless=ownerless)

    def finished(self) -> Expectation:
        """Return all of it."""
        blocks = self._cluster.blocks
        claimed = frozenset(self._cluster.affinities) | {key for key, block in blocks.items() if block.owner}
        withheld = tuple(self._withheld.values())
        return Expectation(
            tuple(self._routes),
            tuple(self._own_blocks),
            claimed,
            tuple(self._double_claims),
            self._unreachable,
            Unadvertised(tuple(self._unclaimed), withheld, tuple(self._outside), tuple(self._ownerless)),
            tuple(self._lost_blocks),
            self._left_out,
        )
