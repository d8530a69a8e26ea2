"""Objects of the Kubernetes API become nodes, pools, blocks, affinities and BGP settings.

    nodes/<name>       core/v1 Nodes: what calico/node registered is in their annotations
    <plural>/<name>    Calico's own resources, all of them cluster-scoped: their spec is that of etcd's v3 values

Calico's resources are of the group crd.projectcalico.org/v1, or of projectcalico.org/v3 in clusters that were set up
so since v3.32; here they differ in one field. libcalico-go/lib/backend/k8s of projectcalico/calico@v3.32.1:
resources/{node,ipam_affinity,ipam_block}.go, and syncersv1/updateprocessors/bgpnodeprocessor.go for host-local IPAM.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from calico_agent.model.calico.bad_key import BadKey, ResourceKind
from calico_agent.model.calico.node import Affinity, AffinityState, Block, Datastore, Node
from calico_agent.model.network.address import IPAddress, IPNetwork
from calico_agent.sources import json_object
from calico_agent.sources.datastore.calico import assembly
from calico_agent.sources.datastore.calico.as_number import as_number
from calico_agent.sources.datastore.calico.ipam import affinity_state, block_of
from calico_agent.sources.datastore.calico.resource import KINDS, resource_of
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

_CALICO = "projectcalico.org/"
_KINDS = {**KINDS, "ipamblocks": ResourceKind.IPAM_BLOCK, "blockaffinities": ResourceKind.BLOCK_AFFINITY}
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class KubernetesNode:
    """A Node of Kubernetes: as Calico's, and the pod CIDRs that Kubernetes gave it."""

    node: Node
    pod_cidrs: tuple[IPNetwork, ...] = ()


Decoded = assembly.Decoded | KubernetesNode


class _Metadata(msgspec.Struct):
    """What is read of an object's metadata."""

    annotations: dict[str, str] | None = None
    labels: dict[str, str | None] | None = None


class _Object(msgspec.Struct):
    """What is read of an object: of a Node no status, which is the most of it."""

    metadata: _Metadata
    spec: dict[str, Any] | None = None


_decoder = msgspec.json.Decoder(_Object)


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
    if not follows_blocks:
        whole |= dict(_claimed(whole))
    read = assembly.assemble(whole, revision=revision, read_at=read_at)
    return replace(read, claimable=False, blocks_read=follows_blocks)


def _claimed(records: Mapping[str, assembly.Decoded | BadKey]) -> Iterator[tuple[str, Block]]:
    for value in records.values():
        if isinstance(value, Affinity) and value.state is AffinityState.CONFIRMED:
            yield block_key(value.cidr), Block(value.cidr, value.node)


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
    try:
        found = _decoder.decode(value)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise Malformed(f"it is no object of Kubernetes: {str(error)[:200]}") from None
    spec = found.spec or {}
    if f"{plural}/" == NODES:
        return KubernetesNode(_node(name, found.metadata), _pod_cidrs(spec))
    # A string in v1, a boolean in v3. Deleting takes two steps: to mark, and to remove.
    if str(spec.get("deleted")).lower() == "true":
        return None
    if f"{plural}/" == BLOCKS:
        return block_of(spec)
    if f"{plural}/" == AFFINITIES:
        return _affinity(spec)
    return resource_of(plural, name, {"spec": spec})


def _affinity(spec: JsonObject) -> Affinity | None:
    """None where the owner is no host: the block itself names such an owner."""
    if (json_object.text(spec, "type") or "host") != "host":
        return None
    node = json_object.text(spec, "node")
    if node is None:
        raise Malformed("it names no node")
    return Affinity(node, json_object.parse_network(spec.get("cidr"), "cidr"), affinity_state(spec))


def _pod_cidrs(spec: JsonObject) -> tuple[IPNetwork, ...]:
    written = json_object.items(spec, "podCIDRs") or [one for one in (spec.get("podCIDR"),) if one]
    return tuple(json_object.parse_network(one, "podCIDRs") for one in written)


def _node(name: str, metadata: _Metadata) -> Node:
    """A node by its annotations. Calico ignores one that cannot be understood, as if it were not there."""
    said = {
        key.removeprefix(_CALICO): value
        for key, value in (metadata.annotations or {}).items()
        if key.startswith(_CALICO)
    }

    def address(written: str, version: int) -> IPAddress | None:
        return _lenient(lambda: json_object.address(said, written, version))

    return Node(
        name=name,
        ipv4=_lenient(lambda: json_object.interface(said, "IPv4Address", 4)),
        ipv6=_lenient(lambda: json_object.interface(said, "IPv6Address", 6)),
        as_number=_lenient(lambda: as_number(said, "ASNumber") if said.get("ASNumber") else None),
        route_reflector_cluster_id=_lenient(lambda: json_object.text(said, "RouteReflectorClusterID")),
        ipip_tunnel_address=address("IPv4IPIPTunnelAddr", 4),
        vxlan_tunnel_address=address("IPv4VXLANTunnelAddr", 4),
        vxlan_tunnel_address_v6=address("IPv6VXLANTunnelAddr", 6),
        vxlan_tunnel_mac=_lenient(lambda: json_object.text(said, "VXLANTunnelMACAddr")),
        vxlan_tunnel_mac_v6=_lenient(lambda: json_object.text(said, "VXLANTunnelMACAddrV6")),
        wireguard_public_key=_lenient(lambda: json_object.text(said, "WireguardPublicKey")),
        wireguard_public_key_v6=_lenient(lambda: json_object.text(said, "WireguardPublicKeyV6")),
        wireguard_address=address("IPv4WireguardInterfaceAddr", 4),
        wireguard_address_v6=address("IPv6WireguardInterfaceAddr", 6),
        interfaces=_lenient(lambda: _interfaces(said)) or (),
        labels=_labels(metadata, said),
    )


def _lenient(read: Callable[[], _Value]) -> _Value | None:
    try:
        return read()
    except Malformed:
        return None


def _interfaces(said: Mapping[str, str]) -> tuple[tuple[str, tuple[IPAddress, ...]], ...]:
    written = {"interfaces": _json(said.get("Interfaces") or "[]")}
    return tuple(
        (
            json_object.text(link, "name") or "",
            tuple(json_object.parse_address(one, "addresses") for one in json_object.items(link, "addresses")),
        )
        for link in json_object.objects(written, "interfaces")
    )


def _labels(metadata: _Metadata, said: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Those of Kubernetes, and those that were given through Calico where Kubernetes has none of that name."""
    given = _lenient(lambda: json_object.section({"labels": _json(said.get("labels") or "{}")}, "labels")) or {}
    own = {name: value or "" for name, value in (metadata.labels or {}).items()}
    return tuple(sorted({**{name: value for name, value in given.items() if isinstance(value, str)}, **own}.items()))


def _json(written: str) -> Any:  # noqa: ANN401 - whatever somebody wrote there
    try:
        return msgspec.json.decode(written)
    except (msgspec.DecodeError, RecursionError):
        raise Malformed("the annotation is not JSON") from None
