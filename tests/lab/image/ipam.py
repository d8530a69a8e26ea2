"""Calico's IPAM: blocks of a pool belong to nodes, addresses come out of the node's own blocks first.

libcalico-go/lib/ipam@v3.31.7: claim a block (affinity pending, block, affinity confirmed), raise the handle's
count, take the first free address of the block; when no block is free any more, borrow an address from a
block of another node. Each write compares the revision that was read, so that two hosts may do this at the
same time.
"""

import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Any

from tests.lab.image.keys import (
    BLOCKS,
    IPAM_CONFIG,
    POOLS,
    affinities_of,
    affinity_key,
    block_key,
    cidr_of,
    handle_key,
)
from tests.lab.image.store import Store

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


class ExhaustedError(Exception):
    """There is no free address."""


@dataclass(frozen=True, slots=True)
class Claim:
    """For whom an address is: the handle is its record, the attributes are written beside it in the block.

    `mode` is the field of a pool that must say more than Never: a tunnel's address comes from a pool that uses it.
    """

    node: str
    handle: str
    attributes: dict[str, str]
    version: int = 4
    mode: str = ""


def assign(store: Store, claim: Claim) -> Address:
    """Give out one address.

    Raises:
        ExhaustedError: every address of every pool is taken.
    """
    store.create(IPAM_CONFIG, {"auto_allocate_blocks": True})
    pools = _pools(store, claim)
    for source in (_own_blocks, _new_blocks, _blocks_of_others):
        for block in source(store, claim, pools):
            address = _take(store, claim, block)
            if address is not None:
                return address
    raise ExhaustedError(
        f"no free IPv{claim.version} address in {', '.join(str(cidr) for cidr, _ in pools) or 'any pool'}"
    )


def release(store: Store, handle: str, address: Address) -> None:
    """Take an address back; it is the last to be given out again."""
    for key in store.list(f"{BLOCKS}ipv{address.version}/block/").items:
        cidr = ip_network(cidr_of(key))
        while address in cidr and (stored := store.get(key)):
            block: dict[str, Any] = stored.value
            ordinal = int(address) - int(cidr.network_address)
            gone = block["allocations"][ordinal]
            if gone is None:
                return
            block["allocations"][ordinal] = None
            block["allocations"] = [
                index - 1 if index is not None and index > gone else index for index in block["allocations"]
            ]
            block["unallocated"].append(ordinal)
            del block["attributes"][gone]
            block["sequenceNumberForAllocation"].pop(str(ordinal), None)
            block["sequenceNumber"] += 1
            if store.update(key, block, stored.revision):
                _count_handle(store, handle, cidr, by=-1)
                return


def handle_of(store: Store, address: Address) -> str | None:
    """For whom an address was given out; None if it is free."""
    return next((handle for given, handle in _given(store, address.version) if given == address), None)


def addresses_of(store: Store, handle: str) -> list[Address]:
    """The IPv4 addresses that were given out for a handle."""
    return [address for address, given_to in _given(store, 4) if given_to == handle]


def _given(store: Store, version: int) -> Iterator[tuple[Address, str]]:
    for key, block in store.list(f"{BLOCKS}ipv{version}/block/").items.items():
        for ordinal, index in enumerate(block["allocations"]):
            if index is not None:
                yield ip_network(cidr_of(key))[ordinal], block["attributes"][index]["handle_id"]


def _pools(store: Store, claim: Claim) -> list[tuple[Network, int]]:
    found = []
    for value in store.list(POOLS).items.values():
        spec: dict[str, Any] = value["spec"]
        cidr = ip_network(spec["cidr"])
        if spec.get("disabled") or cidr.version != claim.version:
            continue
        if claim.mode and spec.get(claim.mode, "Never") == "Never":
            continue
        found.append((cidr, int(spec.get("blockSize") or (26 if cidr.version == 4 else 122))))
    return found


def _own_blocks(store: Store, claim: Claim, pools: list[tuple[Network, int]]) -> Iterator[Network]:
    for key in store.list(f"{affinities_of(claim.node)}ipv{claim.version}/block/").items:
        block = ip_network(cidr_of(key))
        if any(_is_in(block, pool) for pool, _ in pools):
            yield block


def _new_blocks(store: Store, claim: Claim, pools: list[tuple[Network, int]]) -> Iterator[Network]:
    """Claim blocks that nobody has, beginning at a place that depends on the node's name."""
    for pool, length in pools:
        count = 1 << (length - pool.prefixlen)
        first = zlib.crc32(claim.node.encode()) % count
        taken = set(store.list(f"{BLOCKS}ipv{claim.version}/block/").items)
        for offset in range(count):
            base = pool.network_address + ((first + offset) % count << (pool.max_prefixlen - length))
            block = ip_network(f"{base}/{length}")
            if block_key(block) not in taken and _claim_block(store, claim.node, block):
                yield block


def _blocks_of_others(store: Store, claim: Claim, pools: list[tuple[Network, int]]) -> Iterator[Network]:
    for key in store.list(f"{BLOCKS}ipv{claim.version}/block/").items:
        block = ip_network(cidr_of(key))
        if any(_is_in(block, pool) for pool, _ in pools):
            yield block


def _claim_block(store: Store, node: str, block: Network) -> bool:
    store.put(affinity_key(node, block), {"state": "pending", "deleted": False})
    size = block.num_addresses
    created = store.create(
        block_key(block),
        {
            "cidr": str(block),
            "affinity": f"host:{node}",
            "allocations": [None] * size,
            "unallocated": list(range(size)),
            "attributes": [],
            "sequenceNumber": time.time_ns(),
            "sequenceNumberForAllocation": {},
            "deleted": False,
        },
    )
    if not created:
        store.delete(affinity_key(node, block))
        return False
    store.put(affinity_key(node, block), {"state": "confirmed", "deleted": False})
    return True


def _take(store: Store, claim: Claim, cidr: Network) -> Address | None:
    while True:
        stored = store.get(block_key(cidr))
        if stored is None or not stored.value["unallocated"]:
            return None
        _count_handle(store, claim.handle, cidr)
        block: dict[str, Any] = stored.value
        block["attributes"] = block["attributes"] or []  # Calico writes null into a block that it has just made
        ordinal = block["unallocated"].pop(0)
        block["allocations"][ordinal] = len(block["attributes"])
        block["attributes"].append({"handle_id": claim.handle, "secondary": claim.attributes})
        block["sequenceNumberForAllocation"][str(ordinal)] = block["sequenceNumber"]
        block["sequenceNumber"] += 1
        if store.update(block_key(cidr), block, stored.revision):
            return cidr[ordinal]
        _count_handle(store, claim.handle, cidr, by=-1)


def _count_handle(store: Store, handle: str, block: Network, by: int = 1) -> None:
    while True:
        stored = store.get(handle_key(handle))
        counts: dict[str, int] = dict(stored.value["block"]) if stored else {}
        counts[str(block)] = counts.get(str(block), 0) + by
        if not counts[str(block)]:
            del counts[str(block)]
        if not counts:
            store.delete(handle_key(handle))
            return
        value = {"block": counts, "deleted": False}
        if store.update(handle_key(handle), value, stored.revision if stored else 0):
            return


def _is_in(inner: Network, outer: Network) -> bool:
    if isinstance(inner, IPv4Network) and isinstance(outer, IPv4Network):
        return inner.subnet_of(outer)
    return isinstance(inner, IPv6Network) and isinstance(outer, IPv6Network) and inner.subnet_of(outer)
