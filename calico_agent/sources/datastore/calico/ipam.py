"""Calico's IPAM records: blocks, and the claims of nodes on them (affinities).

    /calico/ipam/v2/assignment/ipv4/block/10.233.64.0-26       a block; the last "-" stands for the "/" of the network
    /calico/ipam/v2/host/<node>/ipv4/block/10.233.64.0-26      a node's claim on it

libcalico-go/lib/backend/model/{block,block_affinity}.go of projectcalico/calico@v3.32.1. The address of the n-th
allocation is the first address of the block plus n; what is not null there is an index into the attributes.
"""

from typing import Any

from calico_agent.model.calico.node import Affinity, AffinityState, Block, Borrowed
from calico_agent.model.network.address import IPNetwork
from calico_agent.sources import json_object
from calico_agent.sources.decode_error import Malformed
from calico_agent.sources.json_object import JsonObject

_STATES = {state.value: state for state in AffinityState}
_IP_VERSIONS = {"ipv4": 4, "ipv6": 6}


def decode_affinity(tail: str, value: bytes) -> Affinity | None:
    """The claim under `<node>/ipv4/block/<network>`; None when marked as deleted. Raises Malformed."""
    node, _, rest = tail.partition("/")
    if not node:
        raise Malformed("the key names no node")
    cidr = _cidr_in_key(rest)
    fields = json_object.parse_object(value) if value else {}
    if json_object.flag(fields, "deleted"):
        return None
    return Affinity(
        json_object.printable(node, "the node in the key"), cidr, affinity_state(json_object.text(fields, "state"))
    )


def decode_block(tail: str, value: bytes) -> Block | None:
    """The block under `ipv4/block/<network>`; None when marked as deleted. Raises Malformed."""
    in_key = _cidr_in_key(tail)
    fields = json_object.parse_object(value)
    if json_object.flag(fields, "deleted"):
        return None
    block = block_of(fields)
    if block.cidr != in_key:
        raise Malformed(f"the key says {in_key}, the value says {block.cidr}")
    return block


def affinity_state(written: str | None) -> AffinityState:
    """The state of a claim. One written before states existed (Calico v3.0 and older) has none, and is good."""
    try:
        return _STATES[written or AffinityState.CONFIRMED.value]
    except KeyError:
        raise Malformed(f"state is {written!a}, not confirmed, pending or pendingDeletion") from None


def block_of(fields: JsonObject) -> Block:
    """The block that these fields are of. Raises Malformed."""
    cidr = json_object.parse_network(fields.get("cidr"), "cidr")
    owner, virtual = _owner(fields)
    allocations = json_object.items(fields, "allocations")
    borrowed, at_home = ((), 0) if virtual else _given(allocations, fields, cidr, owner)
    return Block(cidr, owner, virtual, borrowed, any(index is not None for index in allocations), at_home)


def _owner(fields: JsonObject) -> tuple[str | None, bool]:
    """Who owns a block, and whether that is something else than a host. `hostAffinity` is the oldest form."""
    affinity = json_object.text(fields, "affinity")
    if affinity is None:
        return json_object.text(fields, "hostAffinity"), False
    kind, colon, owner = affinity.partition(":")
    if not colon or not owner:
        raise Malformed(f"affinity is {affinity!a}, not host:<node>")
    return owner, kind != "host"


def _given(
    allocations: list[Any], fields: JsonObject, cidr: IPNetwork, owner: str | None
) -> tuple[tuple[Borrowed, ...], int]:
    """The addresses in use on other nodes, and those of the owner's pods as bits.

    In a block without an owner the former are all addresses in use on any node.
    """
    attributes = json_object.objects(fields, "attributes")
    if len(allocations) > cidr.num_addresses:
        raise Malformed(f"{len(allocations)} allocations in a block of {cidr.num_addresses} addresses")
    holders = [_holder(each, owner) for each in attributes]
    kinds = ["" if holder == owner else _kind(each) for holder, each in zip(holders, attributes, strict=True)]
    pods = [holder == owner and _is_pod(each) for holder, each in zip(holders, attributes, strict=True)]
    borrowed: list[Borrowed] = []
    at_home = 0
    for ordinal, index in enumerate(allocations):
        if index is None:
            continue
        if type(index) is not int or not 0 <= index < len(holders):
            raise Malformed(f"the allocation of address {ordinal} points to no attribute")
        holder = holders[index]
        if pods[index]:
            at_home |= 1 << ordinal
        elif holder is not None and holder != owner:
            borrowed.append(Borrowed(cidr.network_address + ordinal, holder, kinds[index]))
    return tuple(borrowed), at_home


def _holder(attribute: JsonObject, owner: str | None) -> str | None:
    """The node on which an address is in use."""
    secondary = attribute.get("secondary")
    # Mostly the owner: compared before anything is checked, as a cluster has a million of these.
    if type(secondary) is dict and secondary.get("node") == owner:
        return owner
    return json_object.text(json_object.section(attribute, "secondary"), "node")


def _kind(attribute: JsonObject) -> str:
    """What an address is for, where it is no pod's."""
    return json_object.text(json_object.section(attribute, "secondary"), "type") or ""


def _is_pod(attribute: JsonObject) -> bool:
    """Whether an address is certainly a pod's of that node.

    Those of tunnel devices have a type; a virtual machine that moves has another owner in waiting.
    """
    secondary = attribute.get("secondary")
    return type(secondary) is dict and not secondary.get("type") and not attribute.get("alternateOwnerAttrs")


def _cidr_in_key(written: str) -> IPNetwork:
    """`ipv4/block/10.233.64.0-26`, the end of block and affinity keys."""
    family, _, rest = written.partition("/")
    middle, _, last = rest.partition("/")
    network, dash, length = last.rpartition("-")
    version = _IP_VERSIONS.get(family)
    if version is None or middle != "block" or not dash:
        raise Malformed("the key does not end in ipv4/block/<network>-<length> or ipv6/block/<network>-<length>")
    return json_object.parse_network(f"{network}/{length}", "the network in the key", version)
