"""What is in the Kubernetes API: objects by `<plural>/<name>` (libcalico-go/lib/backend/k8s@v3.32.1).

Nodes are Kubernetes' own, with annotations; pods stand in for workload endpoints; all else has the spec that it has in
etcd. The group is crd.projectcalico.org/v1, from v3.32 on projectcalico.org/v3.
"""

import json
from collections.abc import Iterator
from typing import Any

from tests.worlds.model.datastore import IPAM, RESOURCES, values, with_others
from tests.worlds.model.history import unique
from tests.worlds.model.values import MANY_NODES, Node, Pod, World

_CALICO, _CNI = "projectcalico.org/", "cni.projectcalico.org/"
_KINDS = ("bgpconfigurations", "bgpfilters", "bgppeers", "clusterinformations", "felixconfigurations", "ippools")


def keys(world: World) -> Iterator[tuple[str, bytes]]:
    """Every object that is followed, by its key; without the blocks where there are too many nodes for that."""
    written = {key: json.dumps(value, separators=(",", ":")).encode() for key, value in _objects(world)}
    found = with_others(written, world)
    yield from (one for one in found if world.store != MANY_NODES or not one[0].startswith("ipamblocks/"))


def blocks(world: World) -> dict[str, bytes]:
    """All blocks, for who asks for one by its key."""
    written = {key: json.dumps(value).encode() for key, value in _objects(world) if key.startswith("ipamblocks/")}
    return dict(with_others(written, world))


def pods(world: World) -> Iterator[bytes]:
    """Every pod that the API knows."""
    for host in world.hosts:
        for pod in (one for one in host.pods if one.node):
            yield json.dumps(_pod(pod)).encode()


def _objects(world: World) -> Iterator[tuple[str, Any]]:
    for node in world.nodes:
        yield f"nodes/{node.name}", _node(node)
    for key, value in values(world):
        kind, name = key.removeprefix(RESOURCES).partition("/")[::2]
        if kind in _KINDS:
            yield f"{kind}/{name}", _object(name, value["spec"])
        elif key.startswith(f"{IPAM}assignment/"):
            yield f"ipamblocks/{named(value['cidr'])}", _object(named(value["cidr"]), {**value, "deleted": False})
        elif key.startswith((f"{IPAM}host/", f"{IPAM}virtual/")):
            spec = _affinity(key, value["state"], world)
            name = f"{spec['node']}-{named(spec['cidr'])}"
            yield f"blockaffinities/{name}", _object(name, spec)


def named(cidr: str) -> str:
    """A network as the name of an object (`CIDRToName`, libcalico-go/lib/names/cidr.go)."""
    return cidr.translate(str.maketrans(".:/", "---"))


def _object(name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"name": name, "uid": "0", "resourceVersion": "7"}, "spec": spec}


def _affinity(key: str, state: str, world: World) -> dict[str, Any]:
    kind, node, _, _, network = key.removeprefix(IPAM).split("/")
    v3 = world.release.metric > 0
    cidr = "/".join(network.rsplit("-", 1))
    return {"node": node, "cidr": cidr, "state": state, "type": kind, "deleted": False if v3 else "false"}


def _node(node: Node) -> dict[str, Any]:
    said = {
        "IPv4Address": node.ipv4,
        "IPv6Address": node.ipv6,
        "ASNumber": node.as_number,
        "RouteReflectorClusterID": node.cluster_id,
        "IPv4IPIPTunnelAddr": node.ipip,
        "IPv4VXLANTunnelAddr": node.vxlan,
        "IPv6VXLANTunnelAddr": node.vxlan6,
        "VXLANTunnelMACAddr": node.mac or None,
        "VXLANTunnelMACAddrV6": node.mac6 or None,
        "IPv4WireguardInterfaceAddr": node.wireguard,
        "IPv6WireguardInterfaceAddr": node.wireguard6,
        "WireguardPublicKey": node.key(4) or None,
        "WireguardPublicKeyV6": node.key(6) or None,
        "Interfaces": _interfaces(node) or None,
    }
    annotations = {f"{_CALICO}{name}": str(one) for name, one in said.items() if one is not None}
    metadata = {"name": node.name, "annotations": annotations, "labels": dict(node.labels)}
    return {"metadata": metadata, "spec": {}, "status": {"nodeInfo": {"kubeletVersion": "v1.31.0"}}}


def _interfaces(node: Node) -> str:
    found = [{"name": name, "addresses": [*map(str, held)]} for name, held in node.interfaces]
    return json.dumps(found) if found else ""


def _pod(pod: Pod) -> dict[str, Any]:
    held = [str(one) for one in pod.addresses]
    annotations = {f"{_CNI}podIPs": ",".join(f"{one}/{one.max_prefixlen}" for one in pod.addresses)}
    return {
        "metadata": {"namespace": "default", "name": unique(pod.node, pod.name), "annotations": annotations},
        "spec": {"nodeName": pod.node},
        "status": {"phase": "Running", "podIP": held[0], "podIPs": [{"ip": one} for one in held]},
    }
