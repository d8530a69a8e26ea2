"""The way back: a datastore becomes keys and values of etcd v3, which the decoder reads as the same datastore.

It is how the last reading is kept on disk, also that of an etcd v2: the decoder that bounds and checks what comes from
etcd then does so for the file too. A value has only what the decoder takes from it, so a block's array of allocations
ends with the last borrowed address. Keys that could not be understood (`bad_keys`) have no value to go back to.
"""

import json
from collections.abc import Iterator

from calico_agent.model.calico.bgp_filter import BgpFilter, Direction, FilterRule
from calico_agent.model.calico.bgp_peer import Peering
from calico_agent.model.calico.felix import FelixSettings
from calico_agent.model.calico.node import Affinity, BgpSettings, Block, Datastore, Node, Pool
from calico_agent.model.network.address import Family, IPNetwork
from calico_agent.sources.datastore.etcd3.decode import AFFINITIES, RESOURCES, block_key


def encode_datastore(datastore: Datastore) -> Iterator[tuple[str, bytes]]:
    """Keys with their values, which are JSON on one line."""
    for node in datastore.nodes:
        yield f"{RESOURCES}nodes/{node.name}", _json(_node(node))
    for pool in datastore.pools:
        yield f"{RESOURCES}ippools/{pool.name}", _json(_pool(pool))
    for block in datastore.blocks:
        yield block_key(block.cidr), _json(_block(block))
    for affinity in datastore.affinities:
        yield f"{AFFINITIES}{affinity.node}/{_tail(affinity.cidr)}", _json(_affinity(affinity))
    yield from _bgp(datastore.bgp)
    yield f"{RESOURCES}felixconfigurations/default", _json({"spec": _felix(datastore.felix)})
    for name, said in datastore.felix_nodes:
        yield f"{RESOURCES}felixconfigurations/node.{name}", _json({"spec": dict(said)})
    if datastore.cluster_guid or datastore.calico_version:
        information = {"spec": {"clusterGUID": datastore.cluster_guid, "calicoVersion": datastore.calico_version}}
        yield f"{RESOURCES}clusterinformations/default", _json(information)


def _felix(settings: FelixSettings) -> object:
    return {
        "programClusterRoutes": settings.cluster_routes.value,
        "vxlanVNI": settings.vxlan_vni,
        "vxlanPort": settings.vxlan_port,
        "deviceRouteProtocol": settings.route_protocol,
        "routeSource": "WorkloadIPs" if settings.workload_routes else None,
        "routeSyncDisabled": not settings.syncs_routes,
        "removeExternalRoutes": settings.removes_foreign,
        "wireguardEnabled": Family.IPV4 in settings.wireguard,
        "wireguardEnabledV6": Family.IPV6 in settings.wireguard,
        "ipForwarding": "Enabled" if settings.enables_forwarding else "Disabled",
        "ignoreLooseRPF": settings.takes_loose_rpf,
        "healthEnabled": settings.health,
        "healthPort": settings.health_port,
        "prometheusMetricsEnabled": settings.metrics,
        "prometheusMetricsPort": settings.metrics_port,
        **dict(settings.mtus),
        "wireguardListeningPort": settings.wireguard_port,
        "wireguardListeningPortV6": settings.wireguard_port_v6,
        "bpfEnabled": settings.ebpf,
        "nftablesMode": settings.nftables or None,
        **dict.fromkeys(sorted(settings.off), False),
    }


def _node(node: Node) -> object:
    bgp = {
        "ipv4Address": _text(node.ipv4),
        "ipv6Address": _text(node.ipv6),
        "asNumber": node.as_number,
        "routeReflectorClusterID": node.route_reflector_cluster_id,
        "ipv4IPIPTunnelAddr": _text(node.ipip_tunnel_address),
    }
    spec = {
        "bgp": bgp,
        "ipv4VXLANTunnelAddr": _text(node.vxlan_tunnel_address),
        "ipv6VXLANTunnelAddr": _text(node.vxlan_tunnel_address_v6),
        "vxlanTunnelMACAddr": node.vxlan_tunnel_mac,
        "vxlanTunnelMACAddrV6": node.vxlan_tunnel_mac_v6,
        "wireguard": {
            "interfaceIPv4Address": _text(node.wireguard_address),
            "interfaceIPv6Address": _text(node.wireguard_address_v6),
        },
        "interfaces": [{"name": name, "addresses": list(map(str, found))} for name, found in node.interfaces] or None,
    }
    return {
        "metadata": {"labels": dict(node.labels)},
        "spec": spec,
        "status": {
            "wireguardPublicKey": node.wireguard_public_key,
            "wireguardPublicKeyV6": node.wireguard_public_key_v6,
        },
    }


def _pool(pool: Pool) -> object:
    return {
        "spec": {
            "cidr": str(pool.cidr),
            "ipipMode": pool.ipip.value,
            "vxlanMode": pool.vxlan.value,
            "disabled": pool.disabled,
            "disableBGPExport": not pool.bgp_export,
            "blockSize": pool.block_size,
            "allowedUses": None if pool.for_pods else ["LoadBalancer"],
        }
    }


def _block(block: Block) -> object:
    affinity = f"{'virtual' if block.virtual else 'host'}:{block.owner}" if block.owner is not None else None
    holders = {(borrowed.node, borrowed.kind): None for borrowed in block.borrowed}
    index = {holder: position for position, holder in enumerate(holders)}
    first = int(block.cidr.network_address)
    borrowed = {int(borrowed.address) - first: index[borrowed.node, borrowed.kind] for borrowed in block.borrowed}
    attributes = [{"secondary": {"node": node, **({"type": kind} if kind else {})}} for node, kind in holders]
    if block.in_use and not borrowed:
        borrowed, attributes = {0: 0}, [{}]
    return {
        "cidr": str(block.cidr),
        "affinity": affinity,
        "allocations": [borrowed.get(ordinal) for ordinal in range(max(borrowed, default=-1) + 1)] or None,
        "attributes": attributes or None,
    }


def _affinity(affinity: Affinity) -> object:
    return {"state": affinity.state.value}


def _bgp(bgp: BgpSettings) -> Iterator[tuple[str, bytes]]:
    default = {
        "nodeToNodeMeshEnabled": bgp.mesh,
        "asNumber": bgp.as_number,
        "listenPort": bgp.listen_port,
        "bindMode": "NodeIP" if bgp.binds_to_address else "None",
        "serviceClusterIPs": [{"cidr": str(network)} for network in bgp.services] or None,
    }
    yield f"{RESOURCES}bgpconfigurations/default", _json({"spec": default})
    for node, port in bgp.node_listen_ports:
        yield f"{RESOURCES}bgpconfigurations/node.{node}", _json({"spec": {"listenPort": port}})
    peerings = {peering.name: peering for peering in bgp.peerings}
    for peer in bgp.peers:
        yield f"{RESOURCES}bgppeers/{peer}", _json(_peer(peerings.get(peer)))
    for found in bgp.filters:
        yield f"{RESOURCES}bgpfilters/{found.name}", _json({"spec": _filter(found)})


def _peer(peering: Peering | None) -> object:
    if peering is None:
        return {}
    spec = {
        "node": peering.node or None,
        "nodeSelector": _text(peering.nodes),
        "peerIP": _end(peering),
        "asNumber": peering.as_number,
        "localASNumber": peering.local_as,
        "peerSelector": _text(peering.peers),
        "reversePeering": None if peering.mutual else "Manual",
        "nextHopMode": "Self" if peering.next_hop_self else None,
        "filters": list(peering.filters) or None,
    }
    return {"spec": spec}


def _filter(found: BgpFilter) -> object:
    return {
        f"{direction.value}V{version}": [_rule(rule) for rule in found.rules(direction, version)] or None
        for direction in Direction
        for version in (4, 6)
    }


def _rule(rule: FilterRule) -> object:
    lengths = dict(zip(("min", "max"), rule.lengths, strict=True)) if rule.lengths is not None else None
    return {
        "action": "Accept" if rule.accepts else "Reject",
        "matchOperator": rule.match.value if rule.match is not None else None,
        "cidr": _text(rule.cidr),
        "prefixLength": lengths,
        "source": "RemotePeers" if rule.remote else None,
        "interface": "*" if rule.conditional else None,  # stands for conditions of all kinds
    }


def _end(peering: Peering) -> str | None:
    address = peering.address
    if address is None or peering.port is None:
        return _text(address)
    return f"{address}:{peering.port}" if address.version == 4 else f"[{address}]:{peering.port}"


def _tail(cidr: IPNetwork) -> str:
    return f"ipv{cidr.version}/block/{cidr.network_address}-{cidr.prefixlen}"


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _json(value: object) -> bytes:
    return json.dumps(_without_nothing(value), separators=(",", ":")).encode()


def _without_nothing(value: object) -> object:
    """Without fields that are not set: to the decoder null and absent are the same, and disks are not endless."""
    if not isinstance(value, dict):
        return value
    fields = ((name, _without_nothing(field)) for name, field in value.items())
    return {name: field for name, field in fields if field is not None and field != {}}
