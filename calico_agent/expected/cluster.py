"""The datastore's records, indexed for one pass.

A block does not say which pool it comes from: it is the pool with the longest prefix that contains the block. Blocks
outlive their pool.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from calico_agent.model.calico.bad_key import ResourceKind
from calico_agent.model.calico.node import Affinity, AffinityState, BgpSettings, Block, Borrowed, Datastore, Node, Pool
from calico_agent.model.last_value_cache import LastValueCache
from calico_agent.model.network.address import IPAddress
from calico_agent.model.network.prefix import Key, PrefixIndex, key_of


@dataclass(frozen=True, slots=True)
class TunnelEnd:
    """A node whose record has an address as that of one of its tunnel devices. `kind` is the tunnel's name."""

    node: str
    kind: str


@dataclass(frozen=True, slots=True, eq=False)
class Cluster:
    """What the datastore says, by name, address and prefix, whatever its revision.

    `holders` are the nodes registered with an address, `tunnels` those that have it on a tunnel device, `borrowers`
    who has an address of another node's block. `withheld` are the pools that are not exported by BGP. `lost` are those
    of `blocks` that have no record of their own and stand for a node's confirmed claim. Equal records make the same
    object: it is compared by identity.
    """

    datastore: Datastore
    nodes: Mapping[str, Node]
    holders: Mapping[IPAddress, tuple[str, ...]]
    tunnels: Mapping[IPAddress, tuple[TunnelEnd, ...]]
    borrowers: Mapping[IPAddress, Borrowed]
    pools: PrefixIndex[Pool]
    withheld: PrefixIndex[Pool]
    affinities: Mapping[Key, tuple[Affinity, ...]]
    blocks: Mapping[Key, Block]
    lost: frozenset[Key]
    block_index: PrefixIndex[Block]

    @property
    def pools_known(self) -> bool:
        """True if all pools could be read."""
        return not self.datastore.bad(ResourceKind.IP_POOL)

    @property
    def bgp(self) -> BgpSettings:
        """Return the BGP settings of the cluster."""
        return self.datastore.bgp


def index(datastore: Datastore) -> Cluster:
    """Return one pass over everything, unless it is as it was. That etcd was heard again changes no record."""
    return _index(replace(datastore, revision=0, read_at=None))


@LastValueCache
def _index(datastore: Datastore) -> Cluster:
    holders: dict[IPAddress, list[str]] = {}
    tunnels: dict[IPAddress, list[TunnelEnd]] = {}
    for node in datastore.nodes:
        for kind, address in node.tunnel_addresses():
            tunnels.setdefault(address, []).append(TunnelEnd(node.name, kind))
        for registered in (node.ipv4, node.ipv6):
            if registered is not None:
                holders.setdefault(registered.ip, []).append(node.name)
    affinities: dict[Key, list[Affinity]] = {}
    for affinity in datastore.affinities:
        affinities.setdefault(key_of(affinity.cidr), []).append(affinity)
    recorded = {key_of(block.cidr): block for block in datastore.blocks}
    lost = _lost(datastore, recorded)
    blocks = {**recorded, **lost}
    return Cluster(
        datastore=datastore,
        nodes={node.name: node for node in datastore.nodes},
        holders={address: tuple(names) for address, names in holders.items()},
        tunnels={address: tuple(ends) for address, ends in tunnels.items()},
        borrowers={one.address: one for block in datastore.blocks for one in block.borrowed},
        pools=PrefixIndex({key_of(pool.cidr): pool for pool in datastore.pools}),
        withheld=PrefixIndex({key_of(pool.cidr): pool for pool in datastore.pools if not pool.bgp_export}),
        affinities={key: tuple(found) for key, found in affinities.items()},
        blocks=blocks,
        lost=frozenset(lost),
        block_index=PrefixIndex(blocks),
    )


def _lost(datastore: Datastore, recorded: Mapping[Key, Block]) -> Mapping[Key, Block]:
    """A block for each confirmed claim on one that has no record; one that cannot be read has a record."""
    unreadable = {bad.name for bad in datastore.bad(ResourceKind.IPAM_BLOCK)}
    claimed = ((key_of(claim.cidr), claim) for claim in datastore.affinities)
    return {
        key: Block(claim.cidr, claim.node)
        for key, claim in claimed
        if key not in recorded and claim.state is AffinityState.CONFIRMED and str(claim.cidr) not in unreadable
    }
