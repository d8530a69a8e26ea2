"""Objects of the Kubernetes API become nodes, pools, blocks, affinities and BGP settings.

    nodes/<name>       core/v1 Nodes: what calico/node registered is in their annotations
    <plural>/<name>    Calico's own resources, all of them cluster-scoped: their spec is that of etcd's v3 values

Calico's resources are of the group crd.projectcalico.org/v1, or of projectcalico.org/v3 in clusters that were set up
so since v3.32; here they differ in one field. libcalico-go/lib/backend/k8s of projectcalico/calico@v3.32.1:
resources/{node,ipam_affinity,ipam_block}.go, and syncersv1/updateprocessors/bgpnodeprocessor.go for host-local IPAM.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from calico_agent.model.calico.bad_key import BadKey, ResourceKind
from calico_agent.model.calico.node import Affinity, AffinityState, Block, Datastore, Node
from calico_agent.model.network.address import IPNetwork
from calico_agent.sources import json_object
from calico_agent.sources.datastore.calico import assembly
from calico_agent.sources.datastore.calico.ipam import affinity_state, block_of
from calico_agent.sources.datastore.calico.resource import KINDS, resource_of
from calico_agent.sources.datastore.kubernetes.node_annotations import Metadata, node_of
from calico_agent.sources.decode_error import Malformed
from calico_agent.sources.json_object import JsonObject

NODES, BLOCKS, AFFINITIES = "nodes/", "ipamblocks/", "blockaffinities/"
PREFIXES = (
    NODES,
    "ippools/",
    BLOCKS,
    AFFINITIES,
    "bgpconfigurations/",
    "bgppeers/",
    "bgpfilters/",
    "clusterinformations/",
    "felixconfigurations/",
)

_KINDS = {**KINDS, "ipamblocks": ResourceKind.IPAM_BLOCK, "blockaffinities": ResourceKind.BLOCK_AFFINITY}
_Read = TypeVar("_Read")


@dataclass(frozen=True, slots=True)
class KubernetesNode:
    """A Node of Kubernetes: as Calico's, and the pod CIDRs that Kubernetes gave it."""

    node: Node
    pod_cidrs: tuple[IPNetwork, ...] = ()


Decoded = assembly.Decoded | KubernetesNode


class _Object(msgspec.Struct):
    """What is read of an object: of a Node no status, which is the most of it."""

    metadata: Metadata
    spec: dict[str, Any] | None = None


class _AffinitySpec(msgspec.Struct):
    node: str | None = None
    cidr: str | None = None
    state: str | None = None
    type: str | None = None
    deleted: str | bool | None = None


class _BlockAffinity(msgspec.Struct):
    """What is read of an affinity, of which there is one for each block of the cluster."""

    spec: _AffinitySpec


_objects = msgspec.json.Decoder(_Object)
_affinities = msgspec.json.Decoder(_BlockAffinity)
_OF_HOSTS = frozenset({None, "", "host"})


def decode_key(key: str, value: bytes) -> Decoded | BadKey | None:
    """What one object holds; None for one that is of no interest or marked as deleted. Never raises."""
    plural, _, name = key.partition("/")
    try:
        return _decode(plural, json_object.printable(name, "its name"), value)
    except Malformed as malformed:
        return assembly.bad_key(key, malformed, _KINDS.get(plural), _name_of(plural, name))


def block_key(cidr: IPNetwork) -> str:
    """Where the record of a block is (`CIDRToName`, libcalico-go/lib/names/cidr.go)."""
    return f"{BLOCKS}{str(cidr).translate(_DASHES)}"


def assemble(
    decoded: Mapping[str, Decoded | BadKey],
    *,
    revision: int,
    read_at: datetime | None,
    pod_cidrs: bool = False,
    follows_blocks: bool = True,
) -> Datastore:
    """The datastore made of what each object holds.

    `pod_cidrs`: IPAM is host-local, where each pod CIDR of a Node is a block of it, confirmed. Without `follows_blocks`
    the blocks are those that nodes have claimed for good: another claim does not tell whether there is such a block.
    """
    whole: dict[str, assembly.Decoded | BadKey] = {}
    for key, value in decoded.items():
        if not isinstance(value, KubernetesNode):
            whole[key] = value
            continue
        whole[key] = _with_own_tunnel(value) if pod_cidrs else value.node
        for cidr in value.pod_cidrs if pod_cidrs else ():
            whole[block_key(cidr)] = Block(cidr, value.node.name)
            whole[f"{AFFINITIES}{value.node.name}-{cidr}"] = Affinity(value.node.name, cidr)
    read = assembly.assemble(whole, revision=revision, read_at=read_at)
    if not follows_blocks:
        confirmed = (one for one in read.affinities if one.state is AffinityState.CONFIRMED)
        claimed = {one.cidr: Block(one.cidr, one.node) for one in confirmed}
        read = replace(read, blocks=tuple(claimed.values()))
    return replace(read, claimable=False, blocks_read=follows_blocks)


def _with_own_tunnel(found: KubernetesNode) -> Node:
    """The node with the address of its IPIP device: the first of its pod CIDR, whatever the annotation says."""
    first = next((cidr for cidr in found.pod_cidrs if cidr.version == 4), None)
    return found.node if first is None else replace(found.node, ipip_tunnel_address=first.network_address + 1)


_DASHES = str.maketrans(".:/", "---")


def _name_of(plural: str, name: str) -> str:
    """For people: a block is called by its network. A name tells that only here, where nothing else does."""
    if f"{plural}/" != BLOCKS:
        return name
    network, _, length = name.rpartition("-")
    parts = network.split("-")
    separator = "." if len(parts) == 4 and all(map(str.isdigit, parts)) else ":"
    return f"{separator.join(parts)}/{length}"


def _decode(plural: str, name: str, value: bytes) -> Decoded | None:
    if len(value) > json_object.MAX_VALUE:
        raise Malformed(f"it has {len(value)} bytes, more than the {json_object.MAX_VALUE} that are read")
    if f"{plural}/" == AFFINITIES:
        return _affinity(value)
    found = _parsed(_objects, value)
    spec = found.spec or {}
    if f"{plural}/" == NODES:
        return KubernetesNode(node_of(name, found.metadata), _pod_cidrs(spec))
    if _is_deleted(spec.get("deleted")):
        return None
    if f"{plural}/" == BLOCKS:
        return block_of(spec)
    return resource_of(plural, name, {"spec": spec})


def _parsed(decoder: msgspec.json.Decoder[_Read], value: bytes) -> _Read:
    try:
        return decoder.decode(value)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise Malformed(f"it is no object of Kubernetes: {str(error)[:200]}") from None


def _affinity(value: bytes) -> Affinity | None:
    """None where the owner is no host (the block itself names such an owner), and where it is marked as deleted."""
    spec = _parsed(_affinities, value).spec
    if _is_deleted(spec.deleted) or spec.type not in _OF_HOSTS:
        return None
    if not spec.node:
        raise Malformed("it names no node")
    node = json_object.printable(spec.node, "node")
    return Affinity(node, json_object.parse_network(spec.cidr, "cidr"), affinity_state(spec.state))


def _is_deleted(mark: object) -> bool:
    """A string in v1, a boolean in v3. Deleting takes two steps: to mark, and to remove."""
    return mark is True or mark == "true"


def _pod_cidrs(spec: JsonObject) -> tuple[IPNetwork, ...]:
    written = json_object.items(spec, "podCIDRs") or [one for one in (spec.get("podCIDR"),) if one]
    return tuple(json_object.parse_network(one, "podCIDRs") for one in written)
