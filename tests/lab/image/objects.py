"""Calico's records as objects of the Kubernetes API, as libcalico-go/lib/backend/k8s@v3.32.1 and recorded clusters have
them: custom resources of crd.projectcalico.org/v1, annotations of core Nodes, and Pods."""

import base64
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

from tests.lab.image.keys import (
    BLOCKS,
    ENDPOINTS,
    IPAM_CONFIG,
    NODES,
    RESOURCES,
    affinity_key,
    block_key,
    cidr_of,
    handle_key,
    resource_key,
)

Object = dict[str, Any]
_GROUP = "crd.projectcalico.org"
_CRDS = f"/apis/{_GROUP}/v1/"
_CALICO = "projectcalico.org/"
_CNI = "cni.projectcalico.org/"
_PLAIN = {
    "bgpconfigurations": "BGPConfiguration",
    "bgppeers": "BGPPeer",
    "clusterinformations": "ClusterInformation",
    "felixconfigurations": "FelixConfiguration",
    "ippools": "IPPool",
    "tiers": "Tier",
}
_IPAM = {
    "blockaffinities": "BlockAffinity",
    "ipamblocks": "IPAMBlock",
    "ipamconfigs": "IPAMConfig",
    "ipamhandles": "IPAMHandle",
}
KINDS = {**_PLAIN, **_IPAM}
"""The custom resources, by their plural."""

_IN_BGP = {
    "IPv4Address": "ipv4Address",
    "IPv6Address": "ipv6Address",
    "ASNumber": "asNumber",
    "RouteReflectorClusterID": "routeReflectorClusterID",
    "IPv4IPIPTunnelAddr": "ipv4IPIPTunnelAddr",
}
_IN_SPEC = {
    "IPv4VXLANTunnelAddr": "ipv4VXLANTunnelAddr",
    "IPv6VXLANTunnelAddr": "ipv6VXLANTunnelAddr",
    "VXLANTunnelMACAddr": "vxlanTunnelMACAddr",
}
_UP = {
    "type": "NetworkUnavailable",
    "status": "False",
    "reason": "CalicoIsUp",
    "message": "Calico is running on this node",
}
_SEPARATOR = re.compile(r"(?<!-)-(?!-)")


@dataclass(frozen=True, slots=True)
class Place:
    """Where an object is: the path of its kind, and its name."""

    path: str
    name: str

    @property
    def whole(self) -> str:
        return f"{self.path}/{self.name}"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of objects: where its keys begin, where the API has them, what one of them is as key and value.

    `followed`: who follows the cluster has to see its changes.
    """

    prefix: str
    path: str
    read: Callable[[Object], tuple[str, Any]]
    followed: bool = True


def kinds_below(prefix: str) -> Iterator[Kind]:
    """Those with keys that begin so."""
    return (kind for kind in ALL if kind.prefix.startswith(prefix) or prefix.startswith(kind.prefix))


def kind_of(key: str) -> Kind:
    """That of a key."""
    return next(kind for kind in ALL if key.startswith(kind.prefix))


def place_of(key: str) -> Place:
    """Where the object of a key is."""
    if key.startswith(NODES):
        return Place("/api/v1/nodes", key.removeprefix(NODES))
    if key.startswith(ENDPOINTS):
        namespace, _, name = key.removeprefix(ENDPOINTS).partition("/")
        pod = _SEPARATOR.split(name)[2].replace("--", "-")
        return Place(f"/api/v1/namespaces/{namespace}/pods", pod)
    if key.startswith(f"{RESOURCES}/"):
        plural, _, name = key.removeprefix(f"{RESOURCES}/").partition("/")
        return Place(f"{_CRDS}{plural}", name)
    if key.startswith(BLOCKS):
        return Place(f"{_CRDS}ipamblocks", _dashed(cidr_of(key)))
    if key.startswith(_HANDLES):
        return Place(f"{_CRDS}ipamhandles", key.removeprefix(_HANDLES).lower())
    if key.startswith(_HOSTS):
        node = key.removeprefix(_HOSTS).partition("/")[0]
        return Place(f"{_CRDS}blockaffinities", f"{node}-{_dashed(cidr_of(key))}")
    return Place(f"{_CRDS}ipamconfigs", "default")


def object_of(key: str, value: Any, before: Object | None) -> Object:
    """The object that says this value; what else an object of before says stays."""
    place = place_of(key)
    if key.startswith(NODES):
        assert before is not None
        return _node_with(before, value["spec"])
    if key.startswith(ENDPOINTS):
        return _pod(place, value["spec"])
    plural = place.path.removeprefix(_CRDS)
    metadata: Object = {"name": place.name}
    if plural == "blockaffinities":
        node, cidr = key.removeprefix(_HOSTS).partition("/")[0], cidr_of(key)
        spec = {"cidr": cidr, "deleted": "false", "node": node, "state": value["state"], "type": "host"}
        metadata["labels"] = _affinity_labels(node, cidr)
    elif plural == "ipamhandles":
        spec = {**value, "handleID": key.removeprefix(_HANDLES)}
    elif plural == "ipamconfigs":
        spec = {"autoAllocateBlocks": value["auto_allocate_blocks"], "strictAffinity": False}
    elif plural == "ipamblocks":
        spec = {**value, "strictAffinity": False}
    else:
        spec = value["spec"]
    if before is not None:
        metadata = {**before["metadata"], **metadata}
    return {"apiVersion": f"{_GROUP}/v1", "kind": KINDS[plural], "metadata": metadata, "spec": spec}


def link_of(namespace: str, pod: str) -> str:
    """The name of the host's end of a pod's link (libcalico-go/lib/backend/k8s/conversion)."""
    return f"cali{hashlib.sha1(f'{namespace}.{pod}'.encode(), usedforsecurity=False).hexdigest()[:11]}"


def endpoint_name(node: str, pod: str) -> str:
    """The last part of the key of a pod's endpoint."""
    return "-".join(part.replace("-", "--") for part in (node, "cni", pod, "eth0"))


def _read_node(found: Object) -> tuple[str, Any]:
    name = found["metadata"]["name"]
    said = found["metadata"].get("annotations") or {}
    bgp = {field: said[_CALICO + written] for written, field in _IN_BGP.items() if _CALICO + written in said}
    spec = {field: said[_CALICO + written] for written, field in _IN_SPEC.items() if _CALICO + written in said}
    if bgp:
        spec["bgp"] = bgp
    if interfaces := said.get(f"{_CALICO}Interfaces"):
        spec["interfaces"] = json.loads(interfaces)
    return NODES + name, {"kind": "Node", "metadata": {"name": name}, "spec": spec, "status": {}}


def _node_with(before: Object, spec: Object) -> Object:
    """What Calico registers is in annotations; the kubelet's part stays."""
    bgp = spec.get("bgp") or {}
    said = {written: bgp.get(field) for written, field in _IN_BGP.items()}
    said |= {written: spec.get(field) for written, field in _IN_SPEC.items()}
    said["Interfaces"] = json.dumps(spec["interfaces"], separators=(",", ":")) if spec.get("interfaces") else None
    annotations = dict(before["metadata"].get("annotations") or {})
    for written, value in said.items():
        annotations.pop(_CALICO + written, None)
        if value is not None:
            annotations[_CALICO + written] = str(value)
    status = before.get("status") or {}
    others = [one for one in status.get("conditions") or () if one["type"] != _UP["type"]]
    metadata = {**before["metadata"], "annotations": annotations}
    return {**before, "metadata": metadata, "status": {**status, "conditions": [*others, _UP]}}


def _read_pod(found: Object) -> tuple[str, Any]:
    metadata, node = found["metadata"], found["spec"].get("nodeName", "")
    namespace, pod = metadata["namespace"], metadata["name"]
    addresses = ((metadata.get("annotations") or {}).get(f"{_CNI}podIPs") or "").split(",")
    spec = {
        "orchestrator": "k8s",
        "node": node,
        "pod": pod,
        "endpoint": "eth0",
        "interfaceName": link_of(namespace, pod),
        "ipNetworks": [one for one in addresses if one],
    }
    key = f"{ENDPOINTS}{namespace}/{endpoint_name(node, pod)}"
    return key, {"kind": "WorkloadEndpoint", "metadata": {"name": pod, "namespace": namespace}, "spec": spec}


def _pod(place: Place, spec: Object) -> Object:
    """What the scheduler, the kubelet and the CNI plugin have made of a pod."""
    networks = spec["ipNetworks"]
    annotations = {
        f"{_CNI}containerID": hashlib.sha256(place.name.encode()).hexdigest(),
        f"{_CNI}podIP": networks[0],
        f"{_CNI}podIPs": ",".join(networks),
    }
    addresses = [network.partition("/")[0] for network in networks]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": place.name, "namespace": place.path.split("/")[4], "annotations": annotations},
        "spec": {"nodeName": spec["node"], "containers": [{"name": "c", "image": "registry.example/pause:1"}]},
        "status": {"phase": "Running", "podIP": addresses[0], "podIPs": [{"ip": one} for one in addresses]},
    }


def _read_block(found: Object) -> tuple[str, Any]:
    return block_key(ip_network(found["spec"]["cidr"])), found["spec"]


def _read_affinity(found: Object) -> tuple[str, Any]:
    spec = found["spec"]
    return affinity_key(spec["node"], ip_network(spec["cidr"])), {"state": spec["state"], "deleted": False}


def _read_handle(found: Object) -> tuple[str, Any]:
    spec = found["spec"]
    return handle_key(spec["handleID"]), {"block": spec["block"], "deleted": spec.get("deleted", False)}


def _read_config(found: Object) -> tuple[str, Any]:
    return IPAM_CONFIG, {"auto_allocate_blocks": found["spec"]["autoAllocateBlocks"]}


def _plain(plural: str) -> Kind:
    def read(found: Object) -> tuple[str, Any]:
        name = found["metadata"]["name"]
        return resource_key(plural, name), {**found, "apiVersion": "projectcalico.org/v3"}

    followed = plural in {"ippools", "bgpconfigurations", "bgppeers"}
    return Kind(f"{RESOURCES}/{plural}/", f"{_CRDS}{plural}", read, followed)


def _affinity_labels(node: str, cidr: str) -> dict[str, str]:
    digest = base64.b32encode(hashlib.sha3_256(node.encode()).digest()).decode().rstrip("=")
    said = {"affinity-type": "host", "hostname-hash": digest, "ip-version": str(ip_network(cidr).version)}
    return {_CALICO + name: value for name, value in said.items()}


def _dashed(cidr: str) -> str:
    return re.sub(r"[.:/]", "-", cidr)


_HOSTS, _HANDLES = "/calico/ipam/v2/host/", handle_key("")
ALL = (
    Kind(NODES, "/api/v1/nodes", _read_node),
    Kind(ENDPOINTS, "/api/v1/pods", _read_pod),
    Kind(BLOCKS, f"{_CRDS}ipamblocks", _read_block),
    Kind(_HOSTS, f"{_CRDS}blockaffinities", _read_affinity),
    Kind(_HANDLES, f"{_CRDS}ipamhandles", _read_handle, followed=False),
    Kind(IPAM_CONFIG, f"{_CRDS}ipamconfigs", _read_config, followed=False),
    *map(_plain, _PLAIN),
)
