"""What is in etcd by Calico v3: keys and values of the v3 API (libcalico-go/lib/backend/model@v3.32.1)."""

import json
from collections.abc import Iterator
from typing import Any

from tests.worlds.model.ipam import address_of
from tests.worlds.model.peering import Filter, FilterRule, Peer
from tests.worlds.model.values import Block, IPNetwork, Node, Pod, Pool, World

RESOURCES = "/calico/resources/v3/projectcalico.org/"
IPAM = "/calico/ipam/v2/"


def keys(world: World) -> Iterator[tuple[str, bytes]]:
    """Every key with its value."""
    written = {key: json.dumps(value, separators=(",", ":")).encode() for key, value in values(world)}
    yield from with_others(written, world)


def with_others(written: dict[str, bytes], world: World) -> Iterator[tuple[str, bytes]]:
    """Calico's keys, and what somebody else made of them."""
    for key, value in {**written, **dict(world.keys)}.items():
        if value is not None:
            yield key, value


def values(world: World) -> Iterator[tuple[str, Any]]:
    """All that Calico itself wrote."""
    yield _resource(
        "clusterinformations",
        "default",
        "ClusterInformation",
        {"clusterGUID": "ab" * 16, "datastoreReady": True, "calicoVersion": world.release.version},
    )
    yield from _bgp_settings(world)
    felix: dict[str, Any] = {"programClusterRoutes": "Enabled"} if world.by_felix else {}
    felix |= {"wireguardEnabled" if version == 4 else "wireguardEnabledV6": True for version in world.encrypted}
    if felix:
        yield _resource("felixconfigurations", "default", "FelixConfiguration", felix)
    for node in world.nodes:
        key, value = _resource("nodes", node.name, "Node", _node(node), dict(node.labels))
        status = {"wireguardPublicKey": node.key(4), "wireguardPublicKeyV6": node.key(6)}
        yield key, {**value, "status": {name: one for name, one in status.items() if one}}
    for pool in world.pools:
        yield _resource("ippools", pool.name, "IPPool", _pool(pool))
    for block in world.blocks:
        name = str(block.cidr).replace("/", "-")
        version = block.cidr.version
        yield f"{IPAM}assignment/ipv{version}/block/{name}", block_value(block)
        if block.virtual:
            key = f"{IPAM}virtual/{block.virtual}/ipv{version}/block/{name}"
            yield key, {"state": "confirmed", "deleted": False, "type": "virtual"}
        for node_name, state in block.claims:
            yield _claim(node_name, block.cidr, state)
    for claim in world.claims:
        yield _claim(claim.node, claim.cidr, claim.state)
    yield from _handles(world)
    yield f"{IPAM}config", {"auto_allocate_blocks": True, **({"strict_affinity": True} if world.strict else {})}
    for host in world.hosts:
        for pod in (one for one in host.pods if one.node):
            yield _endpoint(pod)


def _bgp_settings(world: World) -> Iterator[tuple[str, Any]]:
    yield _resource("bgpconfigurations", "default", "BGPConfiguration", _bgp(world))
    for name, port in world.bgp.ports:
        yield _resource("bgpconfigurations", f"node.{name}", "BGPConfiguration", {"listenPort": port})
    for peer in world.bgp.peers:
        yield _resource("bgppeers", peer.name, "BGPPeer", _peer(peer))
    for one in world.bgp.filters:
        yield _resource("bgpfilters", one.name, "BGPFilter", _filter(one))


def block_value(block: Block, *, v2: bool = False) -> dict[str, Any]:
    """The value of a block; up to 64 addresses of a larger one are told apart."""
    size = min(block.cidr.num_addresses, 4096)
    attributes = [_attributes(one.handle, one.node, one.kind, one.pod, v2=v2) for one in block.given]
    allocations: list[int | None] = [None] * size
    for index, one in enumerate(block.given):
        allocations[one.ordinal] = index
    free = [ordinal for ordinal, taken in enumerate(allocations) if taken is None]
    owner = f"host:{block.owner}" if block.owner is not None else None
    owner = f"virtual:{block.virtual}" if block.virtual else owner
    return {
        "cidr": str(block.cidr),
        "affinity": owner,
        "allocations": allocations,
        "unallocated": free[:4],
        "attributes": attributes,
    }


def _claim(node: str, cidr: IPNetwork, state: str) -> tuple[str, dict[str, Any]]:
    key = f"{IPAM}host/{node}/ipv{cidr.version}/block/{str(cidr).replace('/', '-')}"
    return key, {"state": state, "deleted": False}


def _handles(world: World) -> Iterator[tuple[str, dict[str, Any]]]:
    """How many addresses of each block each handle has."""
    held: dict[str, dict[str, int]] = {}
    for block in world.blocks:
        for one in block.given:
            count = held.setdefault(one.handle, {})
            count[str(block.cidr)] = count.get(str(block.cidr), 0) + 1
    yield from ((f"{IPAM}handle/{name}", {"block": count, "deleted": False}) for name, count in held.items())


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
    return f"{RESOURCES}{plural}/{name}", value


def _bgp(world: World) -> dict[str, Any]:
    return {
        "nodeToNodeMeshEnabled": world.bgp.mesh,
        "asNumber": world.bgp.as_number,
        **({"programClusterRoutes": "Disabled"} if world.by_felix else {}),
        **({"listenPort": world.bgp.port} if world.bgp.port != 179 else {}),
        **_services(world),
    }


def _services(world: World) -> dict[str, list[dict[str, str]]]:
    """Ranges of cluster addresses, and single external ones."""
    written: dict[str, list[dict[str, str]]] = {}
    for one in world.bgp.services:
        kind = "serviceClusterIPs" if one.prefixlen < one.max_prefixlen else "serviceExternalIPs"
        written.setdefault(kind, []).append({"cidr": str(one)})
    return written


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
    encrypting = {"interfaceIPv4Address": node.wireguard, "interfaceIPv6Address": node.wireguard6}
    if addresses := {name: str(one) for name, one in encrypting.items() if one is not None}:
        spec["wireguard"] = addresses
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
    if pool.services:
        spec["allowedUses"] = ["LoadBalancer"]
    return spec


def _peer(peer: Peer) -> dict[str, Any]:
    whole = f"[{peer.address}]" if peer.address is not None and peer.address.version == 6 else peer.address
    written = {
        "node": peer.node,
        "nodeSelector": peer.nodes,
        "peerIP": f"{whole}:{peer.port}" if peer.port else str(peer.address) if peer.address is not None else None,
        "asNumber": peer.as_number if peer.address is not None else None,
        "peerSelector": peer.peers,
        "localASNumber": peer.local_as,
        "nextHopMode": peer.next_hop,
        "numAllowedLocalASNumbers": peer.allowed,
        "filters": [*peer.filters],
        "password": {"secretKeyRef": {"name": "bgp", "key": peer.password}} if peer.password else None,
        "sourceAddress": "None" if peer.unbound else None,
    }
    return {name: value for name, value in written.items() if value}


def _filter(one: Filter) -> dict[str, Any]:
    return {
        f"{direction}V{version}": [_rule(rule) for rule in rules if rule.cidr is None or rule.cidr.version == version]
        for direction, rules in (("import", one.imports), ("export", one.exports))
        for version in (4, 6)
    }


def _rule(rule: FilterRule) -> dict[str, Any]:
    written: dict[str, Any] = {"action": "Accept" if rule.accepts else "Reject"}
    if rule.cidr is not None:
        written |= {"cidr": str(rule.cidr), "matchOperator": rule.operator}
    if rule.lengths is not None:
        written["prefixLength"] = {"min": rule.lengths[0], "max": rule.lengths[1]}
    if rule.remote:
        written["source"] = "RemotePeers"
    return written


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


__all__ = ["address_of", "block_value", "keys", "values", "with_others"]
