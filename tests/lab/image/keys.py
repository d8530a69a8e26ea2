"""Where Calico keeps what in etcd v3, and the frame of its resources.

libcalico-go/lib/backend/model/{resource,block,block_affinity,ipam_handle,ipam_config}.go@v3.31.7
"""

import uuid
from datetime import UTC, datetime
from ipaddress import IPv4Network, IPv6Network
from typing import Any

RESOURCES = "/calico/resources/v3/projectcalico.org"
NODES = f"{RESOURCES}/nodes/"
POOLS = f"{RESOURCES}/ippools/"
ENDPOINTS = f"{RESOURCES}/workloadendpoints/"
PEERS = f"{RESOURCES}/bgppeers/"
BGP_DEFAULT = f"{RESOURCES}/bgpconfigurations/default"
BLOCKS = "/calico/ipam/v2/assignment/"
IPAM_CONFIG = "/calico/ipam/v2/config"

_CLASS_OF = {
    "clusterinformations": "ClusterInformation",
    "felixconfigurations": "FelixConfiguration",
    "ippools": "IPPool",
    "nodes": "Node",
    "profiles": "Profile",
    "tiers": "Tier",
    "workloadendpoints": "WorkloadEndpoint",
}

Network = IPv4Network | IPv6Network


def resource_key(plural: str, name: str) -> str:
    """Key of a resource; `name` is `namespace/name` for a namespaced one."""
    return f"{RESOURCES}/{plural}/{name}"


def new_resource(plural: str, name: str, spec: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    """A resource as it is written the first time."""
    return {
        "kind": _CLASS_OF[plural],
        "apiVersion": "projectcalico.org/v3",
        "metadata": {
            "name": name,
            "uid": str(uuid.uuid4()),
            "creationTimestamp": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            **metadata,
        },
        "spec": spec,
    }


def block_key(block: Network) -> str:
    """Key of an IPAM block: the slash of its CIDR becomes a dash."""
    return f"{BLOCKS}ipv{block.version}/block/{block.network_address}-{block.prefixlen}"


def affinities_of(node: str) -> str:
    """Prefix of a node's block affinities, both families."""
    return f"/calico/ipam/v2/host/{node}/"


def affinity_key(node: str, block: Network) -> str:
    """Key of the claim of a node on a block."""
    return f"{affinities_of(node)}ipv{block.version}/block/{block.network_address}-{block.prefixlen}"


def handle_key(handle: str) -> str:
    """Key of the record of what belongs to one owner."""
    return f"/calico/ipam/v2/handle/{handle}"


def cidr_of(key: str) -> str:
    """The CIDR that the last part of a block's or an affinity's key says."""
    address, _, length = key.rpartition("/")[2].rpartition("-")
    return f"{address}/{length}"
