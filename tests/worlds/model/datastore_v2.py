"""What is in etcd by Calico 2.x: keys and values of the v2 API (lib/backend/model of libcalico-go@v1.3.0)."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from tests.worlds.model.datastore import block_value, with_others
from tests.worlds.model.values import ALWAYS, CROSS_SUBNET, NEVER, Node, Pool, World

_MODES = {NEVER: "", ALWAYS: "always", CROSS_SUBNET: "cross-subnet"}


def keys(world: World) -> Iterator[tuple[str, bytes]]:
    """Every key with its value."""
    yield from with_others(dict(_values(world)), world)


def _values(world: World) -> Iterator[tuple[str, bytes]]:
    yield "/calico/v1/Ready", b"true"
    yield "/calico/v1/config/ClusterGUID", b"ab" * 16
    yield "/calico/bgp/v1/global/as_num", str(world.bgp.as_number).encode()
    yield "/calico/bgp/v1/global/node_mesh", _json({"enabled": world.bgp.mesh})
    for node in world.nodes:
        yield from _node(node)
    for pool in world.pools:
        yield f"/calico/v1/ipam/v{pool.cidr.version}/pool/{str(pool.cidr).replace('/', '-')}", _json(_pool(pool))
    for block in world.blocks:
        name, version = str(block.cidr).replace("/", "-"), block.cidr.version
        yield f"/calico/ipam/v2/assignment/ipv{version}/block/{name}", _json(block_value(block, v2=True))
        for node_name, _ in block.claims:
            yield f"/calico/ipam/v2/host/{node_name}/ipv{version}/block/{name}", b"{}"
    for peer in world.bgp.peers:
        if peer.address is not None:
            whose = f"host/{peer.node}" if peer.node else "global"
            value = {"ip": str(peer.address), "as_num": str(peer.as_number or world.bgp.as_number)}
            yield f"/calico/bgp/v1/{whose}/peer_v{peer.address.version}/{peer.address}", _json(value)
    for host in world.hosts:
        for pod in (one for one in host.pods if one.node):
            nets = {
                f"ipv{v}_nets": [f"{one}/{one.max_prefixlen}" for one in pod.addresses if one.version == v]
                for v in (4, 6)
            }
            workload = quote(f"default.{pod.name}", safe="")
            key = f"/calico/v1/host/{pod.node}/workload/k8s/{workload}/endpoint/eth0"
            yield key, _json({"state": "active", "name": pod.link, "mac": "ee:ee:ee:ee:ee:ee", **nets})


def tree(pairs: list[tuple[str, bytes]]) -> bytes:
    """The answer to GET /v2/keys/calico?recursive=true."""
    nodes = [{"key": key, "value": value.decode(), "modifiedIndex": 7, "createdIndex": 7} for key, value in pairs]
    return _json({"action": "get", "node": {"key": "/calico", "dir": True, "nodes": nodes}})


def _node(node: Node) -> Iterator[tuple[str, bytes]]:
    host = f"/calico/bgp/v1/host/{node.name}"
    yield f"/calico/v1/host/{node.name}/metadata", b"{}"
    for version in (4, 6):
        registered = node.registered(version)
        yield f"{host}/ip_addr_v{version}", str(registered.ip).encode() if registered is not None else b""
        if registered is not None:
            yield f"{host}/network_v{version}", str(registered.network).encode()
    if node.as_number is not None:
        yield f"{host}/as_num", str(node.as_number).encode()
    if node.ipip is not None:
        yield f"/calico/v1/host/{node.name}/config/IpInIpTunnelAddr", str(node.ipip).encode()


def _pool(pool: Pool) -> dict[str, Any]:
    return {
        "cidr": str(pool.cidr),
        "ipip": "" if pool.ipip == NEVER else "tunl0",
        "ipip_mode": _MODES[pool.ipip],
        "masquerade": True,
        "ipam": not pool.disabled,
        "disabled": pool.disabled,
    }


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
