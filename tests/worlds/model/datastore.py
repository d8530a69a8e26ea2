"""What is in etcd by Calico v3: keys and values of the v3 API (libcalico-go/lib/backend/model@v3.32.1)."""

import json
from collections.abc import Iterator
from typing import Any

from tests.worlds.model.ipam import address_of
from tests.worlds.model.values import Block, IPNetwork, Node, Peer, Pod, Pool, World

_RESOURCES = "/calico/resources/v3/projectcalico.org/"
_IPAM = "/calico/ipam/v2/"


def keys(world: World) -> Iterator[tuple[str, bytes]]:
    """Every key with its value."""
    for key, value in _values(world):
        yield key, json.dumps(value, separators=(",", ":")).encode()


def _values(world: World) -> Iterator[tuple[str, Any]]:
    yield _resource(
        "clusterinformations",
        "default",
        "ClusterInformation",
        {"clusterGUID": "ab" * 16, "datastoreReady": True, "calicoVersion": world.release.version},
    )
    yield _resource("bgpconfigurations", "default", "BGPConfiguration", _bgp(world))
    if world.by_felix:
        yield _resource("felixconfigurations", "default", "FelixConfiguration", {"programClusterRoutes": "Enabled"})
    for node in world.nodes:
        yield _resource("nodes", node.name, "Node", _node(node), dict(node.labels))
    for pool in world.pools:
        yield _resource("ippools", pool.name, "IPPool", _pool(pool))
    for peer in world.bgp.peers:
        yield _resource("bgppeers", peer.name, "BGPPeer", _peer(peer))
    for block in world.blocks:
        name = str(block.cidr).replace("/", "-")
        version = block.cidr.version
        yield f"{_IPAM}assignment/ipv{version}/block/{name}", block_value(block)
        for node_name, state in block.claims:
            yield _claim(node_name, block.cidr, state)
    for claim in world.claims:
        yield _claim(claim.node, claim.cidr, claim.state)
    yield from _handles(world)
    yield f"{_IPAM}config", {"auto_allocate_blocks": True, **({"strict_affinity": True} if world.strict else {})}
    for host in world.hosts:
        for pod in host.pods:
            yield _endpoint(pod)


def block_value(block: Block, *, v2: bool = False) -> dict[str, Any]:
    """The value of a block; up to 64 addresses of a larger one are told apart."""
    size = min(block.cidr.num_addresses, 4096)
    attributes = [_attributes(one.handle, one.node, one.kind, one.pod, v2=v2) for one in block.given]
    allocations: list[int | None] = [None] * size
    for index, one in enumerate(block.given):
        allocations[one.ordinal] = index
    free = [ordinal for ordinal, taken in enumerate(allocations) if taken is None]
    owner = f"host:{block.owner}" if block.owner is not None else None
    return {
        "cidr": str(block.cidr),
        "affinity": owner,
        "allocations": allocations,
        "unallocated": free[:4],
        "attributes": attributes,
    }


def _claim(node: str, cidr: IPNetwork, state: str) -> tuple[str, dict[str, Any]]:
    key = f"{_IPAM}host/{node}/ipv{cidr.version}/block/{str(cidr).replace('/', '-')}"
    return key, {"state": state, "deleted": False}


def _handles(world: World) -> Iterator[tuple[str, dict[str, Any]]]:
    """How many addresses of each block each handle has."""
    held: dict[str, dict[str, int]] = {}
    for block in world.blocks:
        for one in block.given:
            count = held.setdefault(one.handle, {})
            count[str(block.cidr)] = count.get(str(block.cidr), 0) + 1
    yield from ((f"{_IPAM}handle/{name}", {"block": count, "deleted": False}) for name, count in held.items())


def _attributes(handle: str, node: str, kind: str, pod: str, *, v2: bool) -> dict[str, Any]:
    if v2:
        return {"handle_id": None if kind else handle, "secondary": None}
    about = {"type": kind} if kind else {"namespace": "default", "pod": pod}
    return {"handle_id": handle, "secondary": {"node": node, **about}}


def _resource(plural: str, name: str, kind: str, spec: Any, labels: dict[str, str] | None = None) -> tuple[str, Any]:
    metadata: dict[str, Any] = {"name": name, "uid": "0", "creationTimestamp": "2026-11-23T00:00:00Z"}
    if labels:
        metadata["labels"] = labels
    value = {"kind": kind, "apiVersion": "projectcalico.org/v3", "metadata": metadata, "spec": spec}
    return f"{_RESOURCES}{plural}/{name}", value


def _bgp(world: World) -> dict[str, Any]:
    return {
        "nodeToNodeMeshEnabled": world.bgp.mesh,
        "asNumber": world.bgp.as_number,
        **({"programClusterRoutes": "Disabled"} if world.by_felix else {}),
        **({"listenPort": world.bgp.port} if world.bgp.port != 179 else {}),
    }


def _node(node: Node) -> dict[str, Any]:
    bgp = {
        "ipv4Address": node.ipv4,
        "ipv6Address": node.ipv6,
        "ipv4IPIPTunnelAddr": node.ipip,
        "routeReflectorClusterID": node.cluster_id,
    }
    written: dict[str, Any] = {name: str(value) for name, value in bgp.items() if value is not None}
    if node.as_number is not None:
        written["asNumber"] = node.as_number
    spec: dict[str, Any] = {"bgp": written}
    tunnels = {
        "ipv4VXLANTunnelAddr": node.vxlan,
        "ipv6VXLANTunnelAddr": node.vxlan6,
        "vxlanTunnelMACAddr": node.mac or None,
        "vxlanTunnelMACAddrV6": node.mac6 or None,
    }
    spec |= {name: str(value) for name, value in tunnels.items() if value is not None}
    if node.interfaces:
        spec["interfaces"] = [{"name": name, "addresses": [*map(str, held)]} for name, held in node.interfaces]
    return spec


def _pool(pool: Pool) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "cidr": str(pool.cidr),
        "ipipMode": pool.ipip,
        "vxlanMode": pool.vxlan,
        "natOutgoing": True,
        "blockSize": pool.block_size,
        "nodeSelector": "all()" if pool.nodes is None else f"zone == '{pool.nodes}'",
    }
    if pool.disabled:
        spec["disabled"] = True
    if not pool.exported:
        spec["disableBGPExport"] = True
    return spec


def _peer(peer: Peer) -> dict[str, Any]:
    spec: dict[str, Any] = {}
    if peer.node:
        spec["node"] = peer.node
    if peer.rack:
        spec["nodeSelector"] = f"rack == '{peer.rack}'"
    if peer.address is not None:
        spec |= {"peerIP": str(peer.address), "asNumber": peer.as_number}
    if peer.peers_rack:
        spec["peerSelector"] = f"rack == '{peer.peers_rack}'"
    return spec


def _endpoint(pod: Pod) -> tuple[str, Any]:
    name = f"{pod.node.replace('-', '--')}-cni-{pod.name.replace('-', '--')}-eth0"
    networks = [f"{one}/{one.max_prefixlen}" for one in pod.addresses]
    spec = {
        "orchestrator": "cni",
        "node": pod.node,
        "containerID": pod.name,
        "endpoint": "eth0",
        "ipNetworks": networks,
        "interfaceName": pod.link,
    }
    key, value = _resource("workloadendpoints", f"default/{name}", "WorkloadEndpoint", spec)
    return key, value


__all__ = ["address_of", "block_value", "keys"]
