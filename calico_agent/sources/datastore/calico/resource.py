"""Calico's resources: nodes (as in etcd v3), pools, BGP settings, the cluster itself.

The name comes from the key, the rest from the JSON value.
Fields: libcalico-go/lib/apis/internalapi/node.go and api/pkg/apis/projectcalico/v3 of projectcalico/calico@v3.32.1.
They are read leniently, as fields are added with every release; a known field of a wrong type is Malformed.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from types import NoneType

from calico_agent.model.calico.bad_key import ResourceKind
from calico_agent.model.calico.bgp_filter import BgpFilter
from calico_agent.model.calico.felix import SETTINGS, ClusterRoutes, Said
from calico_agent.model.calico.node import EncapsulationMode, Node, Pool
from calico_agent.model.network.address import IPAddress, IPNetwork
from calico_agent.sources import json_object
from calico_agent.sources.datastore.calico.as_number import as_number
from calico_agent.sources.datastore.calico.bgp_filter import bgp_filter
from calico_agent.sources.datastore.calico.bgp_peer import BgpPeer, bgp_peer
from calico_agent.sources.decode_error import Malformed
from calico_agent.sources.json_object import JsonObject

SERVICES = ("serviceClusterIPs", "serviceExternalIPs", "serviceLoadBalancerIPs")
_LABEL_TYPES = frozenset({str, NoneType})  # Go reads null as an empty text
_FOR_PODS = frozenset({"Workload", "Tunnel"})  # IPPoolAllowedUse in api/pkg/apis/projectcalico/v3/ippool.go@v3.32.1


@dataclass(frozen=True, slots=True)
class BgpConfiguration:
    """A BGPConfiguration resource: `default`, or `node.<node>` whose listen port holds for that node alone."""

    name: str
    mesh: bool
    as_number: int | None
    listen_port: int | None
    binds_to_address: bool = False
    services: tuple[IPNetwork, ...] = ()


@dataclass(frozen=True, slots=True)
class ClusterInformation:
    """A ClusterInformation resource (its only name is `default`): which cluster this is, and Calico's version in it."""

    guid: str
    version: str = ""


@dataclass(frozen=True, slots=True)
class FelixConfiguration:
    """A FelixConfiguration resource: `default`, or `node.<node>`, which holds for that node alone."""

    name: str
    said: Said


Resource = Node | Pool | BgpConfiguration | BgpFilter | BgpPeer | ClusterInformation | FelixConfiguration


def decode_resource(plural_and_name: str, value: bytes) -> Resource | None:
    """The resource under `<plural>/<name>`; None for a plural of no interest. Raises Malformed."""
    plural, _, name = plural_and_name.partition("/")
    if plural not in _DECODERS:
        return None
    if not name or "/" in name:
        raise Malformed("the key does not end in one name")
    return resource_of(plural, json_object.printable(name, "the name in the key"), json_object.parse_object(value))


def resource_of(plural: str, name: str, resource: JsonObject) -> Resource | None:
    """The resource of this name, by its JSON; None for a plural of no interest. Raises Malformed."""
    decode = _DECODERS.get(plural)
    return None if decode is None else decode(name, resource)


def _node(name: str, resource: JsonObject) -> Node:
    spec, status = json_object.section(resource, "spec"), json_object.section(resource, "status")
    bgp, wireguard = json_object.section(spec, "bgp"), json_object.section(spec, "wireguard")
    return Node(
        name=name,
        ipv4=json_object.interface(bgp, "ipv4Address", 4),
        ipv6=json_object.interface(bgp, "ipv6Address", 6),
        as_number=as_number(bgp),
        route_reflector_cluster_id=json_object.text(bgp, "routeReflectorClusterID"),
        ipip_tunnel_address=json_object.address(bgp, "ipv4IPIPTunnelAddr", 4),
        vxlan_tunnel_address=json_object.address(spec, "ipv4VXLANTunnelAddr", 4),
        vxlan_tunnel_address_v6=json_object.address(spec, "ipv6VXLANTunnelAddr", 6),
        vxlan_tunnel_mac=json_object.text(spec, "vxlanTunnelMACAddr"),
        vxlan_tunnel_mac_v6=json_object.text(spec, "vxlanTunnelMACAddrV6"),
        wireguard_public_key=json_object.text(status, "wireguardPublicKey"),
        wireguard_public_key_v6=json_object.text(status, "wireguardPublicKeyV6"),
        wireguard_address=json_object.address(wireguard, "interfaceIPv4Address", 4),
        wireguard_address_v6=json_object.address(wireguard, "interfaceIPv6Address", 6),
        interfaces=tuple(_link(link) for link in json_object.objects(spec, "interfaces")),
        labels=_labels(json_object.section(resource, "metadata")),
    )


def _labels(metadata: JsonObject) -> tuple[tuple[str, str], ...]:
    labels = json_object.section(metadata, "labels")
    if not _LABEL_TYPES.issuperset(map(type, labels.values())):
        raise Malformed("labels holds values that are not text")
    return tuple(sorted(shared_label(name, value or "") for name, value in labels.items()))


# All but a few labels of a node (its name, its rack) are those of hundreds of others: one pair serves them all.
@lru_cache(maxsize=1 << 14)
def shared_label(name: str, value: str) -> tuple[str, str]:
    """The pair, one for all that have it."""
    return sys.intern(name), value


def _link(link: JsonObject) -> tuple[str, tuple[IPAddress, ...]]:
    addresses = (json_object.parse_address(written, "addresses") for written in json_object.items(link, "addresses"))
    return json_object.text(link, "name") or "", tuple(addresses)


def _pool(name: str, resource: JsonObject) -> Pool:
    spec = json_object.section(resource, "spec")
    return Pool(
        name=name,
        cidr=json_object.parse_network(spec.get("cidr"), "cidr"),
        ipip=_mode(spec, "ipipMode"),
        vxlan=_mode(spec, "vxlanMode"),
        disabled=json_object.flag(spec, "disabled"),
        bgp_export=not json_object.flag(spec, "disableBGPExport"),
        block_size=json_object.number(spec, "blockSize", 0, 128) or None,
        for_pods=not (uses := json_object.items(spec, "allowedUses")) or not _FOR_PODS.isdisjoint(map(str, uses)),
    )


def _mode(spec: JsonObject, name: str) -> EncapsulationMode:
    written = json_object.text(spec, name)
    try:
        return EncapsulationMode(written or EncapsulationMode.NEVER)
    except ValueError:
        raise Malformed(f"{name} is {written!a}, not Never, Always or CrossSubnet") from None


def _bgp_configuration(name: str, resource: JsonObject) -> BgpConfiguration:
    spec = json_object.section(resource, "spec")
    return BgpConfiguration(
        name=name,
        mesh=json_object.flag(spec, "nodeToNodeMeshEnabled", default=True),
        as_number=as_number(spec),
        listen_port=json_object.number(spec, "listenPort", 0, 65535) or None,
        binds_to_address=json_object.text(spec, "bindMode") == "NodeIP",
        services=tuple(network for kind in SERVICES for network in _networks(spec, kind)),
    )


def _networks(spec: JsonObject, name: str) -> Iterator[IPNetwork]:
    """Those that are networks: one that is none is advertised by nobody."""
    for entry in json_object.objects(spec, name):
        with suppress(Malformed):
            yield json_object.parse_network(entry.get("cidr"), "cidr")


def _cluster_information(_: str, resource: JsonObject) -> ClusterInformation:
    spec = json_object.section(resource, "spec")
    return ClusterInformation(
        json_object.text(spec, "clusterGUID") or "", json_object.text(spec, "calicoVersion") or ""
    )


def _felix_configuration(name: str, resource: JsonObject) -> FelixConfiguration | None:
    """None for one that holds nowhere, or says nothing of what is read: most of those of single nodes do not."""
    if name != "default" and not name.startswith("node."):
        return None
    spec = json_object.section(resource, "spec")
    said = ((setting, json_object.scalar(spec, setting)) for setting in SETTINGS)
    found = FelixConfiguration(name, tuple((setting, value) for setting, value in said if value is not None))
    routes = dict(found.said).get("programClusterRoutes")
    if routes is not None and routes not in {one.value for one in ClusterRoutes}:
        raise Malformed(f"programClusterRoutes is {routes!a}, which is not known")
    return found if found.said else None


_DECODERS: Mapping[str, Callable[[str, JsonObject], Resource | None]] = {
    "bgpconfigurations": _bgp_configuration,
    "bgpfilters": bgp_filter,
    "bgppeers": bgp_peer,
    "clusterinformations": _cluster_information,
    "felixconfigurations": _felix_configuration,
    "ippools": _pool,
    "nodes": _node,
}
KINDS = {plural: kind for kind in ResourceKind if (plural := f"{kind.value.lower()}s") in _DECODERS}
"""The kind of each plural."""
