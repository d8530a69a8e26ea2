"""The datastore's records, indexed for one pass.

A block does not say which pool it comes from: it is the pool with the longest prefix that contains the block. Blocks
outlive their pool.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from ipaddress import IPv4Network, IPv6Network
from typing import Generic, TypeVar

from calico_agent.model.address import IPAddress, IPNetwork
from calico_agent.model.node import Affinity, BgpSettings, Block, Datastore, Node, Pool
from calico_agent.model.unchanged import MadeOnce

Key = tuple[int, int, int]
"""A prefix as plain numbers (IP version, prefix length, network address): many times cheaper to compare and hash."""

Value = TypeVar("Value")
_BITS = {4: 32, 6: 128}


def key_of(prefix: IPNetwork) -> Key:
    """The numbers of a prefix."""
    return (prefix.version, prefix.prefixlen, int(prefix.network_address))


def prefix_of(key: Key) -> IPNetwork:
    """The prefix with these numbers."""
    version, length, network = key
    return IPv4Network((network, length)) if version == 4 else IPv6Network((network, length))


class PrefixIndex(Generic[Value]):
    """Prefixes with one value each, to find the longest that covers another prefix. It is not changed once made."""

    __slots__ = ("_lengths", "_values")

    def __init__(self, values: Mapping[Key, Value]) -> None:
        self._values = values
        self._lengths: dict[int, list[int]] = {}
        for version, length in sorted({(version, length) for version, length, _ in values}, reverse=True):
            self._lengths.setdefault(version, []).append(length)

    def covering(self, key: Key) -> Value | None:
        """The value of the longest prefix that contains or equals this one."""
        version, longest, network = key
        for length in self._lengths.get(version, ()):
            if length <= longest:
                shift = _BITS[version] - length
                found = self._values.get((version, length, network >> shift << shift))
                if found is not None:
                    return found
        return None


@dataclass(frozen=True, slots=True, eq=False)
class Cluster:
    """What the datastore says, by name, address and prefix, whatever its revision.

    `holders` are the nodes registered with an address, `withheld` the pools that are not exported by BGP. Equal records
    make the same object: it is compared by identity.
    """

    datastore: Datastore
    nodes: Mapping[str, Node]
    holders: Mapping[IPAddress, tuple[str, ...]]
    pools: PrefixIndex[Pool]
    withheld: PrefixIndex[Pool]
    affinities: Mapping[Key, tuple[Affinity, ...]]
    blocks: Mapping[Key, Block]
    block_index: PrefixIndex[Block]

    @property
    def pools_known(self) -> bool:
        """Whether all pools could be read."""
        return not any("/ippools/" in bad.key or "/v1/ipam/" in bad.key for bad in self.datastore.bad_keys)

    @property
    def bgp(self) -> BgpSettings:
        return self.datastore.bgp


def index(datastore: Datastore) -> Cluster:
    """One pass over everything, unless it is as it was. That etcd was heard again changes no record."""
    return _index(replace(datastore, revision=0, read_at=None))


@MadeOnce
def _index(datastore: Datastore) -> Cluster:
    holders: dict[IPAddress, list[str]] = {}
    for node in datastore.nodes:
        for registered in (node.ipv4, node.ipv6):
            if registered is not None:
                holders.setdefault(registered.ip, []).append(node.name)
    affinities: dict[Key, list[Affinity]] = {}
    for affinity in datastore.affinities:
        affinities.setdefault(key_of(affinity.cidr), []).append(affinity)
    blocks = {key_of(block.cidr): block for block in datastore.blocks}
    return Cluster(
        datastore=datastore,
        nodes={node.name: node for node in datastore.nodes},
        holders={address: tuple(names) for address, names in holders.items()},
        pools=PrefixIndex({key_of(pool.cidr): pool for pool in datastore.pools}),
        withheld=PrefixIndex({key_of(pool.cidr): pool for pool in datastore.pools if not pool.bgp_export}),
        affinities={key: tuple(found) for key, found in affinities.items()},
        blocks=blocks,
        block_index=PrefixIndex(blocks),
    )
