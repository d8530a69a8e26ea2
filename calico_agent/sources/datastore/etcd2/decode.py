"""Calico's keys and values in the etcd v2 API (Calico 2.x) become the same nodes, pools, blocks and settings as v3's.

    /calico/bgp/v1/host/<node>/{ip_addr_v4,network_v4,as_num,...}   a node, one key for each field
    /calico/bgp/v1/global/{as_num,node_mesh,peer_v4/<ip>,...}       BGP settings
    /calico/v1/ipam/v4/pool/192.168.0.0-16                          pools
    /calico/ipam/v2/{assignment,host}/...                           blocks and claims, as in v3: `calico.ipam`

lib/backend/model and lib/backend/compat/compat.go of projectcalico/libcalico-go@v1.3.0. An address and its network are
two keys, written one after the other: until the second is there the address stands alone. ip_addr_v4 is always written,
and empty for a node without an IPv4 address. The keys of workloads share a folder with the rest of a node's
(/calico/v1/host) and change with every pod, so that folder is not read, and the address of a node's tunl0 not known.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from ipaddress import ip_interface

from calico_agent.model.calico.bad_key import BadKey, ResourceKind
from calico_agent.model.calico.node import Datastore, EncapsulationMode, Node, Pool
from calico_agent.model.network.address import IPAddress, IPInterface, IPNetwork
from calico_agent.sources import json_object
from calico_agent.sources.datastore.calico import assembly
from calico_agent.sources.datastore.calico.as_number import as_number
from calico_agent.sources.datastore.calico.bgp_peer import BgpPeer, bgp_peer_v2
from calico_agent.sources.datastore.calico.resource import BgpConfiguration, ClusterInformation
from calico_agent.sources.datastore.etcd3 import decode as etcd
from calico_agent.sources.decode_error import Malformed

_BGP = "/calico/bgp/v1/"
_POOLS = "/calico/v1/ipam/"
_CLUSTER = "/calico/v1/config/ClusterGUID"
PREFIXES = (_BGP, _POOLS, etcd.BLOCKS, etcd.AFFINITIES, _CLUSTER)

_MODES = {
    "": EncapsulationMode.ALWAYS,
    "always": EncapsulationMode.ALWAYS,
    "cross-subnet": EncapsulationMode.CROSS_SUBNET,
}


@dataclass(frozen=True, slots=True)
class NodeField:
    """One field of a node: its address, its network, or its AS number."""

    node: str
    name: str
    value: IPAddress | IPNetwork | int | None


@dataclass(frozen=True, slots=True)
class GlobalField:
    """One field of the BGP settings of all nodes."""

    name: str
    value: int | bool | None


Decoded = assembly.Decoded | NodeField | GlobalField


def decode_key(key: str, value: bytes) -> Decoded | BadKey | None:
    """What one key holds; None for a key that is of no interest. Never raises."""
    if key.startswith((etcd.BLOCKS, etcd.AFFINITIES)):
        return etcd.decode_key(key, value)
    try:
        if key.startswith(_BGP):
            return _bgp(key.removeprefix(_BGP).split("/"), value)
        if key.startswith(_POOLS):
            return _pool(key.removeprefix(_POOLS), value)
        if key == _CLUSTER:
            return ClusterInformation(_text(value))
    except Malformed as malformed:
        return assembly.bad_key(key, malformed, *_resource_of(key))
    return None


def _resource_of(key: str) -> tuple[ResourceKind, str]:
    """The resource of v3 that the value of a key would be a part of, by kind and name."""
    if key == _CLUSTER:
        return ResourceKind.CLUSTER_INFORMATION, "default"
    if key.startswith(_POOLS):
        return ResourceKind.IP_POOL, key.rpartition("/")[2]
    match key.removeprefix(_BGP).split("/"):
        case ["host", node, _]:
            return ResourceKind.NODE, node
        case [*_, "peer_v4" | "peer_v6", peer]:
            return ResourceKind.BGP_PEER, peer
    return ResourceKind.BGP_CONFIGURATION, "default"


def assemble(decoded: Mapping[str, Decoded | BadKey], *, revision: int, read_at: datetime | None) -> Datastore:
    """The datastore made of what each key holds."""
    whole: dict[str, assembly.Decoded | BadKey] = {}
    fields: defaultdict[str, dict[str, IPAddress | IPNetwork | int | None]] = defaultdict(dict)
    settings: dict[str, int | bool | None] = {}
    for key, value in decoded.items():
        if isinstance(value, NodeField):
            fields[value.node][value.name] = value.value
        elif isinstance(value, GlobalField):
            settings[value.name] = value.value
        else:
            whole[key] = value
    whole |= {f"{_BGP}host/{name}": _node(name, found) for name, found in fields.items() if _is_node(found)}
    number = settings.get("as_num")
    mesh = settings.get("node_mesh")
    whole[f"{_BGP}global"] = BgpConfiguration("default", mesh is not False, number or None, None)
    return replace(assembly.assemble(whole, revision=revision, read_at=read_at), claimable=False, is_of_calico_2=True)


def _bgp(path: list[str], value: bytes) -> NodeField | GlobalField | BgpPeer | None:
    match path:
        case ["global", "as_num"]:
            return GlobalField("as_num", _number(value))
        case ["global", "node_mesh"]:
            return GlobalField("node_mesh", json_object.flag(json_object.parse_object(value), "enabled", default=True))
        case ["global", "peer_v4" | "peer_v6", peer]:
            return bgp_peer_v2("", peer, value)
        case ["host", node, "peer_v4" | "peer_v6", peer]:
            return bgp_peer_v2(node, peer, value)
        case ["host", node, field] if field in _NODE_FIELDS:
            name = json_object.printable(node, "the node in the key")
            return NodeField(name, field, _NODE_FIELDS[field](value))
        case _:
            return None


def _address(version: int, value: bytes) -> IPAddress | None:
    written = _text(value)
    return json_object.parse_address(written, f"ip_addr_v{version}", version) if written else None


def _network(version: int, value: bytes) -> IPNetwork | None:
    written = _text(value)
    return json_object.parse_network(written, f"network_v{version}", version) if written else None


def _number(value: bytes) -> int | None:
    return as_number({"as_num": _text(value)}, "as_num") if value else None


_NODE_FIELDS = {
    "ip_addr_v4": lambda value: _address(4, value),
    "ip_addr_v6": lambda value: _address(6, value),
    "network_v4": lambda value: _network(4, value),
    "network_v6": lambda value: _network(6, value),
    "as_num": _number,
}


def _is_node(fields: Mapping[str, object]) -> bool:
    """A node's own keys are always there. What is left of a deleted one (an AS number, a peer) makes no node."""
    return "ip_addr_v4" in fields or "ip_addr_v6" in fields


def _node(name: str, fields: Mapping[str, IPAddress | IPNetwork | int | None]) -> Node:
    number = fields.get("as_num")
    ipv4 = _interface(fields.get("ip_addr_v4"), fields.get("network_v4"))
    ipv6 = _interface(fields.get("ip_addr_v6"), fields.get("network_v6"))
    return Node(name, ipv4=ipv4, ipv6=ipv6, as_number=number if isinstance(number, int) else None)


def _interface(address: object, network: object) -> IPInterface | None:
    if address is None:
        return None
    length = getattr(network, "prefixlen", None)
    return ip_interface(f"{address}/{length}" if length is not None else str(address))


def _pool(tail: str, value: bytes) -> Pool | None:
    family, _, rest = tail.partition("/")
    kind, _, name = rest.partition("/")
    if kind != "pool":
        return None
    fields = json_object.parse_object(value)
    tunnel = json_object.text(fields, "ipip")
    mode = json_object.text(fields, "ipip_mode") or ""
    if mode not in _MODES:
        raise Malformed(f"ipip_mode is {mode!a}, not always or cross-subnet")
    return Pool(
        name=json_object.printable(name, "the pool in the key"),
        cidr=json_object.parse_network(fields.get("cidr"), "cidr", {"v4": 4, "v6": 6}.get(family)),
        ipip=_MODES[mode] if tunnel else EncapsulationMode.NEVER,
        disabled=json_object.flag(fields, "disabled"),
    )


def _text(value: bytes) -> str:
    if len(value) > json_object.MAX_TEXT:
        raise Malformed(f"the value has {len(value)} bytes")
    try:
        return json_object.printable(value.decode().strip(), "the value")
    except UnicodeDecodeError:
        raise Malformed("the value is no text") from None
