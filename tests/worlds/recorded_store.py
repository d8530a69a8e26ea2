"""The recorded etcd of a cluster as the records of a World, without any decoder of calico_agent."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address, ip_interface, ip_network
from pathlib import Path
from typing import Any

from tests.worlds.model.peering import Bgp, Peer
from tests.worlds.model.values import (
    ALWAYS,
    CONFIRMED,
    CROSS_SUBNET,
    NEVER,
    Block,
    Given,
    IPInterface,
    Node,
    Pod,
    Pool,
)

_RESOURCES = "/calico/resources/v3/projectcalico.org/"
_MODES = {"": ALWAYS, "always": ALWAYS, "cross-subnet": CROSS_SUBNET}


@dataclass(frozen=True, slots=True)
class Store:
    """All that is used of it."""

    nodes: tuple[Node, ...]
    pools: tuple[Pool, ...]
    blocks: tuple[Block, ...]
    bgp: Bgp
    pods: tuple[Pod, ...]
    by_felix: bool = False


def read_store(capture: Path) -> Store:
    """Of either API."""
    tree = capture / "etcd-v2.json"
    if tree.exists():
        keys = dict(_leaves(json.loads(tree.read_text())["node"]))
        nodes, pools, bgp = tuple(_nodes_v2(keys)), tuple(_pools_v2(keys)), _bgp_v2(keys)
        pods = tuple(_pods_v2(keys))
    else:
        rows = [json.loads(line) for line in (capture / "etcd.jsonl").read_text().splitlines() if line.strip()]
        keys = {row["key"]: row["value"] for row in rows}
        nodes = tuple(_node(value) for value in _resources(keys, "nodes"))
        pools = tuple(_pool(value) for value in _resources(keys, "ippools"))
        peers = tuple(_peer(value) for value in _resources(keys, "bgppeers"))
        default: Any = next(iter(_resources(keys, "bgpconfigurations")), {"spec": {}})["spec"]
        bgp = Bgp(default.get("nodeToNodeMeshEnabled", True), default.get("asNumber", 64512), peers=peers)
        pods = tuple(_pod(value["spec"]) for value in _resources(keys, "workloadendpoints"))
    felix = [value["spec"].get("programClusterRoutes") for value in _resources(keys, "felixconfigurations")]
    return Store(nodes, pools, tuple(_blocks(keys)), bgp, pods, "Enabled" in felix)


def _leaves(node: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    if node.get("dir"):
        for below in node.get("nodes", ()):
            yield from _leaves(below)
    else:
        yield node["key"], node.get("value", "")


def _resources(keys: dict[str, Any], plural: str) -> Iterator[Any]:
    yield from (value for key, value in keys.items() if key.startswith(f"{_RESOURCES}{plural}/"))


def _node(value: Any) -> Node:
    spec = value["spec"]
    bgp = spec.get("bgp") or {}

    def address(where: dict[str, Any], name: str) -> Any:
        return ip_address(where[name]) if where.get(name) else None

    return Node(
        value["metadata"]["name"],
        ip_interface(bgp["ipv4Address"]) if bgp.get("ipv4Address") else None,
        ip_interface(bgp["ipv6Address"]) if bgp.get("ipv6Address") else None,
        bgp.get("asNumber"),
        bgp.get("routeReflectorClusterID"),
        address(bgp, "ipv4IPIPTunnelAddr"),
        address(spec, "ipv4VXLANTunnelAddr"),
        address(spec, "ipv6VXLANTunnelAddr"),
        spec.get("vxlanTunnelMACAddr", ""),
        spec.get("vxlanTunnelMACAddrV6", ""),
        interfaces=tuple(
            (one["name"], tuple(map(ip_address, one["addresses"]))) for one in spec.get("interfaces") or ()
        ),
    )


def _pool(value: Any) -> Pool:
    spec = value["spec"]
    modes = spec.get("ipipMode") or NEVER, spec.get("vxlanMode") or NEVER
    return Pool(value["metadata"]["name"], ip_network(spec["cidr"]), *modes, spec.get("blockSize", 26))


def _peer(value: Any) -> Peer:
    spec = value["spec"]
    address = ip_address(spec["peerIP"]) if spec.get("peerIP") else None
    return Peer(
        value["metadata"]["name"],
        spec.get("node", ""),
        spec.get("nodeSelector", ""),
        address,
        spec.get("asNumber"),
        spec.get("peerSelector", ""),
    )


def _pod(spec: Any) -> Pod:
    name = spec.get("pod") or spec.get("containerID") or ""
    return Pod(name, spec["interfaceName"], tuple(ip_network(one)[0] for one in spec["ipNetworks"]), spec["node"])


def _blocks(keys: dict[str, Any]) -> Iterator[Block]:
    claims: dict[str, list[tuple[str, str]]] = {}
    for key, value in keys.items():
        if key.startswith("/calico/ipam/v2/host/"):
            node, cidr = key.split("/")[5], key.rpartition("/")[2]
            state = value.get("state", CONFIRMED) if isinstance(value, dict) else CONFIRMED
            claims.setdefault(cidr, []).append((node, state))
    for key, value in keys.items():
        if key.startswith("/calico/ipam/v2/assignment/"):
            block = value if isinstance(value, dict) else json.loads(value)
            owner = (block.get("affinity") or "").removeprefix("host:") or None
            found = tuple(claims.get(key.rpartition("/")[2], ()))
            yield Block(ip_network(block["cidr"]), owner, found, tuple(_given(block, owner or "")))


def _given(block: Any, owner: str) -> Iterator[Given]:
    for ordinal, index in enumerate(block["allocations"]):
        if index is not None:
            about = block["attributes"][index]
            secondary = about.get("secondary") or {}
            kind = secondary.get("type", "")
            yield Given(
                ordinal, secondary.get("node", owner), about.get("handle_id") or "", kind, secondary.get("pod", "")
            )


def _nodes_v2(keys: dict[str, Any]) -> Iterator[Node]:
    for name in sorted({key.split("/")[5] for key in keys if key.startswith("/calico/bgp/v1/host/")}):
        host = f"/calico/bgp/v1/host/{name}"
        if f"{host}/ip_addr_v4" not in keys:
            continue
        ipv4, ipv6 = (_registered_v2(keys, host, version) for version in (4, 6))
        number, tunnel = keys.get(f"{host}/as_num"), keys.get(f"/calico/v1/host/{name}/config/IpInIpTunnelAddr")
        yield Node(name, ipv4, ipv6, int(number) if number else None, ipip=ip_address(tunnel) if tunnel else None)


def _registered_v2(keys: dict[str, Any], host: str, version: int) -> IPInterface | None:
    length = keys.get(f"{host}/network_v{version}", "/32" if version == 4 else "/128").rpartition("/")[2]
    address = keys.get(f"{host}/ip_addr_v{version}")
    return ip_interface(f"{address}/{length}") if address else None


def _pools_v2(keys: dict[str, Any]) -> Iterator[Pool]:
    for key, value in keys.items():
        if key.startswith("/calico/v1/ipam/v"):
            pool = json.loads(value)
            mode = _MODES[pool.get("ipip_mode", "")] if pool.get("ipip") else NEVER
            yield Pool(key.rpartition("/")[2], ip_network(pool["cidr"]), mode, disabled=pool.get("disabled", False))


def _bgp_v2(keys: dict[str, Any]) -> Bgp:
    peers = []
    for key, value in keys.items():
        if "/peer_v" in key:
            parts, peer = key.split("/"), json.loads(value)
            node = parts[5] if parts[4] == "host" else ""
            peers.append(Peer(key, node, "", ip_address(peer["ip"]), int(peer["as_num"])))
    mesh = json.loads(keys.get("/calico/bgp/v1/global/node_mesh", "{}")).get("enabled", True)
    return Bgp(mesh, int(keys.get("/calico/bgp/v1/global/as_num") or 64512), peers=tuple(peers))


def _pods_v2(keys: dict[str, Any]) -> Iterator[Pod]:
    for key, value in keys.items():
        if "/workload/" in key:
            record = json.loads(value)
            networks = [*record.get("ipv4_nets", ()), *record.get("ipv6_nets", ())]
            node = key.split("/")[4]
            yield Pod(key, record["name"], tuple(ip_network(one)[0] for one in networks), node)
