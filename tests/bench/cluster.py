"""A made-up cluster of any size, as etcd holds it and as the kernel of one of its hosts should show it.

The host is `me`, 10.64.0.1; the other nodes are 10.64.0.2 and up, and own the blocks in turn.
"""

import json
import random
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Address, IPv4Network
from itertools import islice

from tests.etcd_server import EtcdServer

ME = "me"
NETWORK = IPv4Network("10.64.0.0/16")
POOL = IPv4Network("160.0.0.0/8")
BLOCK_SIZE = 26
_KEYS_AT_ONCE = 100  # etcd takes up to 128 in one transaction

_RESOURCES = "/calico/resources/v3/projectcalico.org"
_IPAM = "/calico/ipam/v2"


@dataclass(frozen=True)
class BigCluster:
    """`nodes` other nodes, which own `blocks` blocks."""

    nodes: int
    blocks: int

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The other nodes."""
        return tuple(f"node-{number:05}" for number in range(self.nodes))

    def address(self, node: int) -> IPv4Address:
        """The registered address of a node."""
        return NETWORK.network_address + 2 + node

    def owner(self, block: int) -> int:
        """Which node owns a block."""
        return block % self.nodes

    def block(self, number: int) -> IPv4Network:
        """One block."""
        return IPv4Network((int(POOL.network_address) + (number << (32 - BLOCK_SIZE)), BLOCK_SIZE))

    def blocks_of(self, node: int) -> tuple[IPv4Network, ...]:
        """All blocks of a node."""
        return tuple(self.block(number) for number in range(node, self.blocks, self.nodes))

    def records(self) -> Iterator[tuple[str, dict[str, object]]]:
        """Every key that Calico would have written, with its value."""
        pool: dict[str, object] = {"cidr": str(POOL), "blockSize": BLOCK_SIZE}
        yield f"{_RESOURCES}/ippools/default", _resource("IPPool", "default", pool)
        yield _node(ME, NETWORK.network_address + 1)
        for number, name in enumerate(self.names):
            yield _node(name, self.address(number))
        for number in range(self.blocks):
            cidr, owner = self.block(number), self.names[self.owner(number)]
            key = str(cidr).replace("/", "-")
            yield f"{_IPAM}/host/{owner}/ipv4/block/{key}", {"state": "confirmed", "deleted": False}
            yield f"{_IPAM}/assignment/ipv4/block/{key}", block_value(cidr, owner)

    def fill(self, etcd: EtcdServer) -> None:
        """Write all of it, many keys in one transaction."""
        records = self.records()
        while chunk := list(islice(records, _KEYS_AT_ONCE)):
            puts = [{"requestPut": {"key": _base64(key), "value": _base64(json.dumps(value))}} for key, value in chunk]
            request = urllib.request.Request(f"{etcd.url}/v3/kv/txn", json.dumps({"success": puts}).encode())
            urllib.request.urlopen(request, timeout=60).close()

    def rewrite_block(self, etcd: EtcdServer, number: int) -> None:
        """Write a block as IPAM does when a pod comes or goes: other addresses in use, the same owner."""
        cidr, owner = self.block(number), self.names[self.owner(number)]
        block = block_value(cidr, owner) | {"sequenceNumber": random.randrange(10**6)}
        etcd.put(f"{_IPAM}/assignment/ipv4/block/{str(cidr).replace('/', '-')}", json.dumps(block))


def _resource(kind: str, name: str, spec: dict[str, object]) -> dict[str, object]:
    metadata = {"name": name, "creationTimestamp": "2026-11-23T00:00:00Z"}
    return {"kind": kind, "apiVersion": "projectcalico.org/v3", "metadata": metadata, "spec": spec}


def _node(name: str, address: IPv4Address) -> tuple[str, dict[str, object]]:
    spec: dict[str, object] = {"bgp": {"ipv4Address": f"{address}/{NETWORK.prefixlen}"}}
    return f"{_RESOURCES}/nodes/{name}", _resource("Node", name, spec)


def block_value(cidr: IPv4Network, owner: str) -> dict[str, object]:
    """As large as a real one: what is in use and what is free is written out."""
    return {
        "cidr": str(cidr),
        "affinity": f"host:{owner}",
        "allocations": [0, *[None] * (cidr.num_addresses - 1)],
        "unallocated": list(range(1, cidr.num_addresses)),
        "attributes": [{"handle_id": f"k8s-pod-network.{owner}", "secondary": {"node": owner, "namespace": "default"}}],
        "deleted": False,
    }


def _base64(text: str) -> str:
    return b64encode(text.encode()).decode()
