"""Calico's resources in etcd v3: nodes, pools, BGP settings, the cluster itself.

The name comes from the key, the rest from the JSON value.
Fields: libcalico-go/lib/apis/internalapi/node.go and api/pkg/apis/projectcalico/v3 of projectcalico/calico@v3.32.1.
They are read leniently, as fields are added with every release; a known field of a wrong type is Malformed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from calico_agent.decode import json_object
from calico_agent.decode.errors import Malformed
from calico_agent.decode.json_object import JsonObject
from calico_agent.model.address import IPAddress
from calico_agent.model.node import EncapsulationMode, Node, Peering, Pool

_MAX_AS_NUMBER = 2**32 - 1


@dataclass(frozen=True, slots=True)
class BgpConfiguration:
    """A BGPConfiguration resource: `default`, or `node.<node>` whose listen port holds for that node alone."""

    name: str
    mesh: bool
    as_number: int | None
    listen_port: int | None


@dataclass(frozen=True, slots=True)
class BgpPeer:
    """A BGPPeer resource. `peering` is None where selectors decide between whom it is, as labels are not read."""

    name: str
    peering: Peering | None = None


@dataclass(frozen=True, slots=True)
class ClusterInformation:
    """A ClusterInformation resource (its only name is `default`): which cluster this is."""

    guid: str


Resource = Node | Pool | BgpConfiguration | BgpPeer | ClusterInformation


def decode_resource(plural_and_name: str, value: bytes) -> Resource | None:
    """The resource under `<plural>/<name>`; None for a plural of no interest. Raises Malformed."""
    plural, _, name = plural_and_name.partition("/")
    decode = _DECODERS.get(plural)
    if decode is None:
        return None
    if not name or "/" in name:
        raise Malformed("the key does not end in one name")
    return decode(json_object.printable(name, "the name in the key"), json_object.parse_object(value))


def _node(name: str, resource: JsonObject) -> Node:
    spec, status = json_object.section(resource, "spec"), json_object.section(resource, "status")
    bgp = json_object.section(spec, "bgp")
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
        interfaces=tuple(_link(link) for link in json_object.objects(spec, "interfaces")),
    )


def _link(link: JsonObject) -> tuple[str, tuple[IPAddress, ...]]:
    addresses = (json_object.parse_address(written, "addresses") for written in json_object.items(link, "addresses"))
    return json_object.text(link, "name") or "", tuple(addresses)


def as_number(fields: JsonObject) -> int | None:
    """A number, or text: "64512", or the dotted form "1.10" whose halves have 16 bits each."""
    written = fields.get("asNumber")
    if not isinstance(written, str):
        return json_object.number(fields, "asNumber", 0, _MAX_AS_NUMBER) or None
    high, dot, low = written.rpartition(".")
    halves = (high, low) if dot else ("0", low)
    # Ten digits hold every AS number; more would only make int() work hard.
    if not all(half.isascii() and half.isdigit() and len(half) <= 10 for half in halves):
        raise Malformed("asNumber is text that is no AS number")
    return json_object.between((int(halves[0]) << 16) + int(halves[1]), "asNumber", 0, _MAX_AS_NUMBER) or None


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
    )


def _bgp_peer(name: str, resource: JsonObject) -> BgpPeer:
    spec = json_object.section(resource, "spec")
    written = json_object.text(spec, "peerIP")
    selectors = ("nodeSelector", "peerSelector", "localWorkloadSelector")
    if not written or any(json_object.text(spec, selector) not in {None, ""} for selector in selectors):
        return BgpPeer(name)
    address = json_object.parse_address(_without_port(written), "peerIP")
    return BgpPeer(name, Peering(name, address, json_object.text(spec, "node") or ""))


def _without_port(written: str) -> str:
    """`10.0.0.254:1790` and `[fd00::1]:179` without the port."""
    if written.startswith("["):
        return written[1:].partition("]")[0]
    return written.partition(":")[0] if written.count(":") == 1 else written


def _cluster_information(_: str, resource: JsonObject) -> ClusterInformation:
    return ClusterInformation(json_object.text(json_object.section(resource, "spec"), "clusterGUID") or "")


_DECODERS: Mapping[str, Callable[[str, JsonObject], Resource]] = {
    "bgpconfigurations": _bgp_configuration,
    "bgppeers": _bgp_peer,
    "clusterinformations": _cluster_information,
    "ippools": _pool,
    "nodes": _node,
}
