"""Felix's share of the kernel: routes to local pods, and for VXLAN pools the device, the routes and the way
to each peer.

Rules: felix/dataplane/linux/{vxlan_mgr,route_mgr,endpoint_mgr}.go@v3.31.7; shapes as recorded. What is on our
devices or under our protocol number and is not wanted is removed, so a changed datastore leaves nothing
behind; what is right is not touched, so that a quiet cluster makes no netlink events.
"""

import hashlib
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from ipaddress import IPv4Interface
from pathlib import Path

from tests.lab.image import ipam, ipip, kernel, logs
from tests.lab.image.autodetect import read_links
from tests.lab.image.cluster import Address, Block, Cluster, Network
from tests.lab.image.kernel import FELIX_PROTOCOL, Route
from tests.lab.image.keys import NODES
from tests.lab.image.store import Store

DEVICE = "vxlan.calico"
_PROGRAM = "/usr/bin/calico-node"
_MTU = 1450
_GRACE_SECONDS = 10.0
"""routeCleanupGracePeriod in felix/dataplane/linux/int_dataplane.go@v3.31.7, from when a link is first seen."""


@dataclass(slots=True)
class NewLinks:
    """Pods' links whose routes are not removed yet: the CNI plugin writes them before the pod's record."""

    _first_seen: dict[str, float] = field(default_factory=dict)

    def look(self) -> frozenset[str]:
        """The names of those that were not there ten seconds ago."""
        now, links = time.monotonic(), [link.name for link in read_links() if link.name.startswith("cali")]
        self._first_seen = {name: self._first_seen.get(name, now) for name in links}
        return frozenset(name for name, since in self._first_seen.items() if now - since < _GRACE_SECONDS)


@dataclass(frozen=True, slots=True)
class _Peer:
    """A node as VXLAN sees it: its registered address, the address and MAC of its tunnel device."""

    address: Address
    tunnel: Address
    mac: str


@dataclass(frozen=True, slots=True)
class _Local:
    """This node: its address with its network, its tunnel address, and the interface below the tunnel."""

    node: str
    address: IPv4Interface
    tunnel: Address
    parent: str


def configure(*, ipv6: bool) -> None:
    """What Felix tells the kernel once, when it starts (int_dataplane.go)."""
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
    if ipv6:
        Path("/proc/sys/net/ipv6/conf/all/forwarding").write_text("1")


def show_process() -> None:
    """Have a process that is called as Felix's, as in the real image; what it does is done here."""
    environment = {**os.environ, "PYTHONHOME": sys.base_prefix}
    subprocess.Popen((_PROGRAM, "-Ss", "-c", "import signal; signal.pause()", "-felix"), env=environment)


def apply(store: Store, cluster: Cluster, node: str, new_links: NewLinks) -> None:
    """Make the kernel agree with the datastore."""
    wanted = _pod_routes(cluster, node)
    local = _local(store, cluster, node)
    if local is None:
        if kernel.ip_json("link", "show", "dev", DEVICE):
            kernel.change("ip", "link", "del", DEVICE)
    else:
        _ensure_device(local)
        peers = _peers(cluster, node)
        for block in cluster.blocks():
            wanted |= _block_routes(cluster, block, local, peers)
        _ensure_neighbours(tuple(peers.values()))
    ipip.apply(store, cluster, node)
    _ensure_routes(wanted, new_links)


def tunnel_mac(node: str) -> str:
    """The MAC of a node's VXLAN device: the letter f and the first five bytes of the SHA-1 of the node's name."""
    return ":".join(f"{byte:02x}" for byte in b"f" + hashlib.sha1(node.encode(), usedforsecurity=False).digest()[:5])


def _local(store: Store, cluster: Cluster, node: str) -> _Local | None:
    """None when no pool uses VXLAN, or no interface here carries our registered address."""
    address = cluster.address(node, 4)
    if address is None or not any(pool.vxlan != "Never" for pool in cluster.pools()):
        return None
    parent = next((link.name for link in read_links() if any(a.ip == address.ip for a in link.addresses)), None)
    if parent is None:
        logs.warning(
            "Failed to find parent device. Missing/conflicting local information? route programming is likely to fail.",
            error=f"unable to find parent interface with address {address.ip}",
        )
        return None
    try:
        tunnel = cluster.tunnel_address(node) or _assign_tunnel_address(store, node)
    except ipam.ExhaustedError as reason:
        logs.warning("Unable to autoassign an address - pools are likely exhausted.", error=reason)
        return None
    assert isinstance(address, IPv4Interface)
    return _Local(node, address, tunnel, parent)


def _assign_tunnel_address(store: Store, node: str) -> Address:
    attributes = {"node": node, "type": "vxlanTunnelAddress"}
    tunnel = ipam.assign(store, ipam.Claim(node, f"vxlan-tunnel-addr-{node}", attributes, mode="vxlanMode"))
    while stored := store.get(NODES + node):
        stored.value["spec"]["ipv4VXLANTunnelAddr"] = str(tunnel)
        if store.update(NODES + node, stored.value, stored.revision):
            break
    return tunnel


def _peers(cluster: Cluster, node: str) -> dict[str, _Peer]:
    peers = {}
    for other in cluster.node_names():
        theirs, tunnel = cluster.address(other, 4), cluster.tunnel_address(other)
        if other != node and theirs is not None and tunnel is not None:
            peers[other] = _Peer(theirs.ip, tunnel, tunnel_mac(other))
    return peers


def _pod_routes(cluster: Cluster, node: str) -> set[Route]:
    """With IPIP they have the metric that v3.32 gives them, as what was recorded of it is from that release."""
    present = {link.name for link in read_links()}
    return {
        Route(_text(pod), link, metric=1024 if pod.version == 6 or cluster.has_ipip else 0)
        for pod, link in cluster.pods(node).items()
        if link in present
    }


def _block_routes(cluster: Cluster, block: Block, local: _Local, peers: dict[str, _Peer]) -> set[Route]:
    """Routes for one block: to its owner, to whoever borrowed from it, or a blackhole if it is ours."""
    pool = cluster.pool_of(block.cidr)
    if pool is None or pool.vxlan == "Never":
        return set()
    wanted = set()
    if block.owner == local.node:
        wanted.add(Route(str(block.cidr), protocol=FELIX_PROTOCOL))
    elif owner := peers.get(block.owner):
        direct = pool.vxlan == "CrossSubnet" and owner.address in local.address.network
        wanted.add(_route(str(block.cidr), owner, local, direct=direct))
        tunnel = str(owner.tunnel)
        wanted.add(_route(tunnel, owner, local, direct=True) if direct else Route(tunnel, DEVICE, mtu=_MTU))
    for address, user in block.users.items():
        peer = peers.get(user)
        if peer is not None and user != block.owner and address != peer.tunnel:
            direct = pool.vxlan == "CrossSubnet" and peer.address in local.address.network
            wanted.add(_route(str(address), peer, local, direct=direct))
    return wanted


def _route(destination: str, peer: _Peer, local: _Local, *, direct: bool) -> Route:
    if direct:
        return Route(destination, local.parent, str(peer.address), FELIX_PROTOCOL, onlink=True)
    return Route(destination, DEVICE, str(peer.tunnel), onlink=True, mtu=_MTU)


def _ensure_device(local: _Local) -> None:
    found = kernel.ip_json("-details", "link", "show", "dev", DEVICE)
    data = found[0]["linkinfo"]["info_data"] if found else {}
    if (data.get("local"), data.get("link")) == (str(local.address.ip), local.parent):
        return
    if found:
        kernel.change("ip", "link", "del", DEVICE)
    device = f"{DEVICE} address {tunnel_mac(local.node)} mtu {_MTU} type vxlan id 4096 local {local.address.ip}"
    kernel.change("ip", *f"link add {device} dev {local.parent} dstport 4789 nolearning udpcsum".split())
    kernel.change("ip", "address", "add", f"{local.tunnel}/32", "dev", DEVICE)
    kernel.change("ip", "link", "set", DEVICE, "up")


def _ensure_neighbours(peers: tuple[_Peer, ...]) -> None:
    """A permanent neighbour entry for each tunnel address, a forwarding entry from its MAC to the node's address."""
    wanted = {(str(peer.tunnel), peer.mac) for peer in peers}
    entries = kernel.ip_json("neighbour", "show", "dev", DEVICE, "nud", "permanent")
    present = {(entry["dst"], entry["lladdr"]) for entry in entries if "lladdr" in entry}
    for tunnel, _ in sorted(present - wanted):
        kernel.change("ip", "neighbour", "del", tunnel, "dev", DEVICE)
    for tunnel, mac in sorted(wanted - present):
        kernel.change("ip", "neighbour", "replace", tunnel, "lladdr", mac, "dev", DEVICE, "nud", "permanent")
    forwarding = {(peer.mac, str(peer.address)) for peer in peers}
    known = {
        (entry["mac"], entry["dst"]) for entry in kernel.bridge_json("fdb", "show", "dev", DEVICE) if "dst" in entry
    }
    for mac, address in sorted(known - forwarding):
        kernel.change("bridge", "fdb", "del", mac, "dev", DEVICE, "dst", address)
    for mac, address in sorted(forwarding - known):
        kernel.change("bridge", "fdb", "append", mac, "dev", DEVICE, "dst", address, "self", "permanent")


def _ensure_routes(wanted: set[Route], new_links: NewLinks) -> None:
    present = {route for version in (4, 6) for route in kernel.routes(version) if _is_ours(route)}
    kept = new_links.look()
    for route in sorted(one for one in present - wanted if one.device not in kept):
        kernel.change("ip", "route", "del", *route.arguments().split())
    for route in sorted(wanted - present):
        kernel.change("ip", "route", "replace", *route.arguments().split())


def _is_ours(route: Route) -> bool:
    if route.protocol == FELIX_PROTOCOL:
        return True
    return route.protocol == "boot" and (route.device == DEVICE or route.device.startswith("cali"))


def _text(network: Network) -> str:
    """As the kernel prints it: a single address without its length."""
    return str(network.network_address) if network.prefixlen == network.max_prefixlen else str(network)
