"""The device tunl0 and its address: what Felix does (felix/dataplane/linux/ipip_mgr.go@v3.31.7), and the allocator of
tunnel addresses beside it (node/pkg/allocateip). The routes into it are BIRD's.

The address is the first free one of the node's own block. When the last pool leaves IPIP it is given back, and tunl0
stays up without; when a pool comes to it again there is a new one. Seen with v3.32.1: an address that somebody takes
out of the node's record stays on the device, and one that somebody writes into it is taken, whosever it is. Only when
calico/node starts does the allocator look whether Calico gave that one to this node, and takes another one if not.
"""

from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

from tests.lab.image import ipam, kernel, logs
from tests.lab.image.cluster import Address, Cluster
from tests.lab.image.keys import NODES
from tests.lab.image.store import Store

DEVICE = "tunl0"
_MTU = 1480
_FIELD = "ipv4IPIPTunnelAddr"


def apply(store: Store, cluster: Cluster, node: str) -> None:
    """Make the device agree with the datastore."""
    recorded = cluster.ipip_address(node)
    if cluster.has_ipip:
        _ensure_device()
        present = _present()
        address = recorded or next(iter(present), None) or _assign(store, node)
        if address is not None:
            _ensure_address(present, address)
    elif recorded is not None:
        for address in _present():
            kernel.change("ip", "address", "del", f"{address}/32", "dev", DEVICE)
        ipam.release(store, _handle(node), recorded)
        _change(store, node, lambda bgp: bgp.pop(_FIELD, None))


def check_address(store: Store, cluster: Cluster, node: str) -> None:
    """Give back what was given to this node, and let it have another address, if the recorded one is another node's."""
    recorded = cluster.ipip_address(node)
    if recorded is None or ipam.handle_of(store, recorded) == _handle(node):
        return
    logs.info("Current address is occupied, assign a new one", currentAddr=recorded)
    for address in ipam.addresses_of(store, _handle(node)):
        ipam.release(store, _handle(node), address)
    _change(store, node, lambda bgp: bgp.pop(_FIELD, None))
    for present in _present():
        kernel.change("ip", "address", "del", f"{present}/32", "dev", DEVICE)


def _ensure_device() -> None:
    """It is the kernel's own, in every namespace, as soon as the module is loaded: asking for it does that."""
    found = kernel.ip_json("link", "show", "dev", DEVICE)
    if not found:
        kernel.change("ip", "tunnel", "add", DEVICE, "mode", "ipip")
    elif found[0]["mtu"] != _MTU or "UP" not in found[0]["flags"]:
        kernel.change("ip", "link", "set", DEVICE, "mtu", str(_MTU), "up")


def _present() -> list[Address]:
    found = kernel.ip_json("-4", "address", "show", "dev", DEVICE)
    return [ip_address(entry["local"]) for link in found for entry in link.get("addr_info", ())]


def _ensure_address(present: list[Address], wanted: Address) -> None:
    for address in present:
        if address != wanted:
            kernel.change("ip", "address", "del", f"{address}/32", "dev", DEVICE)
    if wanted not in present:
        kernel.change("ip", "address", "add", f"{wanted}/32", "dev", DEVICE)


def _assign(store: Store, node: str) -> Address | None:
    attributes = {"node": node, "type": "ipipTunnelAddress"}
    try:
        address = ipam.assign(store, ipam.Claim(node, _handle(node), attributes, mode="ipipMode"))
    except ipam.ExhaustedError as reason:
        logs.warning("Unable to autoassign an address - pools are likely exhausted.", error=reason)
        return None
    _change(store, node, lambda bgp: bgp.update({_FIELD: str(address)}))
    return address


def _change(store: Store, node: str, change: Callable[[dict[str, Any]], object]) -> None:
    while stored := store.get(NODES + node):
        change(stored.value["spec"].setdefault("bgp", {}))
        if store.update(NODES + node, stored.value, stored.revision):
            return


def _handle(node: str) -> str:
    return f"ipip-tunnel-addr-{node}"
