"""Faults of what lies beneath the routes: links, tunnels, neighbours, switches of the kernel, Docker's networks."""

import json
from dataclasses import replace
from ipaddress import ip_address, ip_interface
from typing import Any

from tests.worlds import mistakes
from tests.worlds.faults.kind import Done, Fault, ailing, codes, others, own_node, troubled, uplink
from tests.worlds.model import history
from tests.worlds.model.kernel import devices
from tests.worlds.model.values import ALWAYS, ETCD, KernelRoute, World, network_of

_FAR = "what is wrong with the other host is not known here"
_FAILED, _PERMANENT = 0x20, 0x80


def changed(device: str, field: str, value: Any) -> Done:
    """Somebody changed an attribute of a tunnel device. Which address tunl0 should have is not read of Calico 2.x."""
    do = _on(device, ailing(attributes=((device, field, value),)))
    return lambda world, hostname: None if world.release.v2 and field == "addresses" else do(world, hostname)


def _on(device: str, done: Done) -> Done:
    def do(world: World, hostname: str) -> World | None:
        return done(world, hostname) if mistakes.tunnels(world, device) else None

    return do


def entry_deleted(world: World, hostname: str) -> World | None:
    """Of three nodes one is not found any more through the tunnel."""
    far = [one.vxlan for _, one in others(world, hostname) if one.vxlan is not None]
    if len(far) < 2 or not mistakes.tunnels(world, "vxlan.calico"):
        return None
    return troubled(world, hostname, alone=frozenset(far[:1]))


def silent(world: World, hostname: str) -> World | None:
    """The host of a node near by was switched off a moment ago: the kernel gets no answer, BIRD does not know."""
    return _neighbour(world, hostname, "", _FAILED)


def wrong_card(world: World, hostname: str) -> World | None:
    """Somebody wrote the hardware address of another node by hand; an agent there says which cards it has."""
    found = _neighbour(world, hostname, "02:00:00:00:66:66", _PERMANENT)
    near = _near(world, hostname)
    if found is None or near is None or world.release.v2 or world.store != ETCD:
        return None
    host, node = near
    said = {"machine_id": f"{host.machine:032x}", "boot_id": f"boot-{host.machine}", "hostname": host.hostname}
    cards = [one.mac for one in devices(world, host, ()) if one.mac]
    sign = json.dumps({**said, "macs": cards, "address": str(node.ipv4.ip)}).encode()
    names = (f"/calico-agent/v1/{kind}/{node.name}" for kind in ("names", "alive"))
    return replace(found, keys=(*found.keys, *((name, sign) for name in names)))


def _near(world: World, hostname: str) -> Any:
    own = own_node(world, hostname)
    if own is None or own.ipv4 is None or own.ipv4.network.prefixlen == 32:
        return None
    return next(
        ((host, one) for host, one in others(world, hostname) if one.ipv4 and one.ipv4.ip in own.ipv4.network), None
    )


def _neighbour(world: World, hostname: str, mac: str, state: int) -> World | None:
    link, near = uplink(world, hostname), _near(world, hostname)
    if link is None or near is None:
        return None
    entry = (link.name, near[1].ipv4.ip, mac, state)
    return troubled(world, hostname, neighbours=(entry,))


def no_forwarding(world: World, hostname: str) -> World | None:
    return troubled(world, hostname, forwarding=False) if mistakes.own_block(world, hostname) is not None else None


def unencrypted(world: World, hostname: str) -> World | None:
    """WireGuard is asked for, and the kernel of one host has none: its packets travel in the clear."""
    host = replace(world.host(hostname), wireguard=False)
    if world.release.v2 or world.by_felix or len(world.segments) > 1 or world.encrypted or 4 not in world.versions:
        return None
    if world.bgp.peers or any(one.announced for each in world.hosts for one in each.links):
        return None
    asked = replace(history.with_host(world, host), encrypted=(4,))
    for one in asked.hosts:
        asked = history.restart(asked, one.hostname)
    return asked


def another_source(world: World, hostname: str) -> World | None:
    """The way to another node begins at a second address of this host."""
    host, link, own = world.host(hostname), uplink(world, hostname), own_node(world, hostname)
    near = _near(world, hostname)
    if link is None or near is None or own is None or own.ipv4 is None or not mistakes.tunnels(world, "tunl0"):
        return None
    if not any(one.ipip == ALWAYS and mistakes.used(world, one.cidr) for one in world.pools):
        return None
    second = ip_interface(f"10.88.{host.machine}.1/24")
    links = tuple(
        replace(one, addresses=(*one.addresses, second)) if one.name == link.name else one for one in host.links
    )
    route = KernelRoute(network_of(near[1].ipv4.ip), None, link.name, source=second.ip, scope=253)
    return history.with_host(world, replace(host, links=links, routes=(*host.routes, route)))


FAULTS = (
    Fault("the link is switched off", mistakes.link_down, codes("RT-LINK-DOWN")),
    Fault("tunl0 is switched off", mistakes.tunnel_down, codes("RT-TUNNEL-DEVICE")),
    Fault("the kernel has no ipip", _on("tunl0", ailing(gone=frozenset({"tunl0"}))), codes("RT-TUNNEL-DEVICE")),
    Fault("tunl0 has no address", changed("tunl0", "addresses", ()), codes("RT-TUNNEL-DEVICE")),
    Fault(
        "tunl0 has another address",
        changed("tunl0", "addresses", (ip_interface("10.66.6.6/32"),)),
        codes("RT-TUNNEL-DEVICE"),
    ),
    Fault(
        "vxlan.calico is deleted",
        _on("vxlan.calico", ailing(gone=frozenset({"vxlan.calico"}))),
        codes("RT-TUNNEL-DEVICE"),
    ),
    Fault("vxlan.calico has another VNI", changed("vxlan.calico", "vni", 77), codes("RT-TUNNEL-DEVICE")),
    Fault("vxlan.calico has another port", changed("vxlan.calico", "port", 8472), codes("RT-TUNNEL-DEVICE")),
    Fault(
        "vxlan.calico sends as another",
        changed("vxlan.calico", "local", ip_address("10.66.6.6")),
        codes("RT-TUNNEL-DEVICE"),
    ),
    Fault(
        "vxlan.calico has another hardware address",
        changed("vxlan.calico", "mac", "66:66:66:66:66:66"),
        codes("RT-TUNNEL-DEVICE"),
    ),
    Fault("vxlan.calico has no address", changed("vxlan.calico", "addresses", ()), codes("RT-TUNNEL-DEVICE")),
    Fault("a forwarding entry of vxlan.calico is deleted", entry_deleted, codes("RT-TUNNEL")),
    Fault("another host does not answer", silent, codes("RT-NEXTHOP-DEAD"), incurable=_FAR),
    Fault("a hardware address was written by hand", wrong_card, codes("RT-NEIGHBOUR")),
    Fault("forwarding is switched off", no_forwarding, codes("RT-NO-FORWARDING")),
    Fault("WireGuard is asked for and not there", unencrypted, codes("RT-WIREGUARD")),
    Fault("tunnelled packets carry another source", another_source, codes("RT-SOURCE")),
    Fault("a Docker network is a part of the hosts' network", mistakes.docker_over_wire, codes("RT-OVERLAP")),
    Fault("a Docker network covers a block", mistakes.docker_over_block, codes("RT-OVERLAP")),
)
