"""A recorded datastore written as another kind of store has it: etcd's records as objects of Kubernetes, and back."""

import json
from collections.abc import Iterable, Iterator
from ipaddress import ip_network
from typing import Any

from calico_agent.model.calico.node import Datastore
from calico_agent.sources.datastore.etcd3 import decode as etcd
from calico_agent.sources.datastore.etcd3.encode import encode_datastore
from calico_agent.sources.datastore.kubernetes import decode as kubernetes

_CALICO = "projectcalico.org/"


def as_objects(records: Iterable[tuple[str, bytes]]) -> Iterator[tuple[str, bytes]]:
    """etcd's records of Calico 3 as the API of Kubernetes would have them, in the group crd.projectcalico.org/v1."""
    for key, raw in records:
        value: dict[str, Any] = json.loads(raw)
        if key.startswith(etcd.BLOCKS):
            yield _object(kubernetes.block_key(ip_network(value["cidr"])), {**value, "deleted": False})
        elif key.startswith(etcd.AFFINITIES):
            node, family, _, network = key.removeprefix(etcd.AFFINITIES).split("/")
            cidr = "/".join(network.rsplit("-", 1))
            spec = {"node": node, "cidr": cidr, "state": value.get("state"), "type": "host", "deleted": "false"}
            yield _object(f"{kubernetes.AFFINITIES}{node}-{family}-{network}", spec)
        elif key.startswith(etcd.RESOURCES):
            plural, _, name = key.removeprefix(etcd.RESOURCES).partition("/")
            if plural == "nodes":
                yield _node(name, value)
            elif f"{plural}/" in kubernetes.PREFIXES:
                yield _object(f"{plural}/{name}", value["spec"])


def as_records(objects: Iterable[tuple[str, bytes]]) -> Iterator[tuple[str, bytes]]:
    """Objects of Kubernetes as etcd's v3 API would have them."""
    for key, raw in objects:
        plural, _, name = key.partition("/")
        spec = json.loads(raw).get("spec", {})
        if f"{plural}/" == kubernetes.NODES:
            found = kubernetes.decode_key(key, raw)
            assert isinstance(found, kubernetes.KubernetesNode)
            yield next(encode_datastore(Datastore(nodes=(found.node,))))
        elif f"{plural}/" == kubernetes.BLOCKS:
            yield etcd.block_key(ip_network(spec["cidr"])), json.dumps({**spec, "deleted": False}).encode()
        elif f"{plural}/" == kubernetes.AFFINITIES:
            tail = etcd.block_key(ip_network(spec["cidr"])).removeprefix(etcd.BLOCKS)
            yield f"{etcd.AFFINITIES}{spec['node']}/{tail}", json.dumps({"state": spec["state"]}).encode()
        elif f"{plural}/" in kubernetes.PREFIXES:
            yield f"{etcd.RESOURCES}{plural}/{name}", json.dumps({"spec": spec}).encode()


def _object(key: str, spec: object) -> tuple[str, bytes]:
    return key, json.dumps({"metadata": {"name": key.partition("/")[2]}, "spec": spec}).encode()


def _node(name: str, value: dict[str, Any]) -> tuple[str, bytes]:
    spec, status = value.get("spec", {}), value.get("status", {})
    bgp, wireguard = spec.get("bgp") or {}, spec.get("wireguard") or {}
    said = {
        "IPv4Address": bgp.get("ipv4Address"),
        "IPv6Address": bgp.get("ipv6Address"),
        "ASNumber": bgp.get("asNumber"),
        "RouteReflectorClusterID": bgp.get("routeReflectorClusterID"),
        "IPv4IPIPTunnelAddr": bgp.get("ipv4IPIPTunnelAddr"),
        "IPv4VXLANTunnelAddr": spec.get("ipv4VXLANTunnelAddr"),
        "IPv6VXLANTunnelAddr": spec.get("ipv6VXLANTunnelAddr"),
        "VXLANTunnelMACAddr": spec.get("vxlanTunnelMACAddr"),
        "VXLANTunnelMACAddrV6": spec.get("vxlanTunnelMACAddrV6"),
        "IPv4WireguardInterfaceAddr": wireguard.get("interfaceIPv4Address"),
        "IPv6WireguardInterfaceAddr": wireguard.get("interfaceIPv6Address"),
        "WireguardPublicKey": (status or {}).get("wireguardPublicKey"),
        "WireguardPublicKeyV6": (status or {}).get("wireguardPublicKeyV6"),
        "Interfaces": json.dumps(spec["interfaces"]) if spec.get("interfaces") else None,
    }
    annotations = {f"{_CALICO}{field}": str(found) for field, found in said.items() if found}
    labels = value.get("metadata", {}).get("labels") or {}
    metadata = {"name": name, "annotations": annotations, "labels": labels}
    return f"nodes/{name}", json.dumps({"metadata": metadata, "spec": {}}).encode()
