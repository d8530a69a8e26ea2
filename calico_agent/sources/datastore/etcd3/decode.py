"""Calico's keys and values in etcd v3 become nodes, pools, blocks, affinities and BGP settings.

    /calico/resources/v3/projectcalico.org/<plural>/<name>     nodes, pools, BGP settings: `calico.resource`
    /calico/ipam/v2/assignment/...                             blocks: `calico.ipam`
    /calico/ipam/v2/host/...                                   the nodes' claims on them: `calico.ipam`
    /calico-agent/v1/...                                       the agents' claims on node names: `calico.name_lease`

A key whose value cannot be understood becomes a `BadKey`, and the rest goes on. The claims of owners that are not hosts
(/calico/ipam/v2/virtual/...) are not read: the block itself names such an owner.
"""

from collections.abc import Iterable
from datetime import datetime

from calico_agent.model.calico.bad_key import BadKey, ResourceKind
from calico_agent.model.calico.node import Datastore
from calico_agent.model.name_lease import CLAIMS
from calico_agent.model.network.address import IPNetwork
from calico_agent.sources.datastore.calico.assembly import Decoded, assemble, bad_key
from calico_agent.sources.datastore.calico.ipam import decode_affinity, decode_block
from calico_agent.sources.datastore.calico.name_lease import decode_claim
from calico_agent.sources.datastore.calico.resource import (
    KINDS,
    decode_resource,
)
from calico_agent.sources.decode_error import Malformed

RESOURCES = "/calico/resources/v3/projectcalico.org/"
BLOCKS = "/calico/ipam/v2/assignment/"
AFFINITIES = "/calico/ipam/v2/host/"
# Only what is needed: workload endpoints and handles change with every pod and would wake every host of the cluster.
PREFIXES = (
    BLOCKS,
    AFFINITIES,
    f"{RESOURCES}bgpconfigurations/",
    f"{RESOURCES}bgpfilters/",
    f"{RESOURCES}bgppeers/",
    f"{RESOURCES}clusterinformations/",
    f"{RESOURCES}felixconfigurations/",
    f"{RESOURCES}ippools/",
    f"{RESOURCES}nodes/",
)


def block_key(cidr: IPNetwork) -> str:
    """Where the record of a block is, in both APIs."""
    return f"{BLOCKS}ipv{cidr.version}/block/{cidr.network_address}-{cidr.prefixlen}"


def decode_key(key: str, value: bytes) -> Decoded | BadKey | None:
    """What one key holds; None for a key that is of no interest or marked as deleted. Never raises."""
    try:
        if key.startswith(BLOCKS):
            return decode_block(key.removeprefix(BLOCKS), value)
        if key.startswith(AFFINITIES):
            return decode_affinity(key.removeprefix(AFFINITIES), value)
        if key.startswith(RESOURCES):
            return decode_resource(key.removeprefix(RESOURCES), value)
        if key.startswith(CLAIMS):
            return decode_claim(key, value)
    except Malformed as malformed:
        return bad_key(key, malformed, *_resource_of(key))
    return None


def _resource_of(key: str) -> tuple[ResourceKind | None, str]:
    """The kind and the name of the resource that is under a key."""
    if key.startswith(RESOURCES):
        plural, _, name = key.removeprefix(RESOURCES).partition("/")
        return KINDS.get(plural), name
    if key.startswith(CLAIMS):
        return None, key.removeprefix(CLAIMS)
    network = "/".join(key.rpartition("/")[2].rsplit("-", 1))
    if key.startswith(BLOCKS):
        return ResourceKind.IPAM_BLOCK, network
    return ResourceKind.BLOCK_AFFINITY, f"{key.removeprefix(AFFINITIES).partition('/')[0]} {network}"


def decode_datastore(items: Iterable[tuple[str, bytes]], *, revision: int, read_at: datetime | None) -> Datastore:
    """All keys and values of one revision."""
    decoded = {key: decode_key(key, value) for key, value in items}
    known = {key: found for key, found in decoded.items() if found is not None}
    return assemble(known, revision=revision, read_at=read_at)
