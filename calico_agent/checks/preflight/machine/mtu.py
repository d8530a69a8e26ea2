"""Whether packets of tunnels and pods fit into what the host's link carries.

A tunnel adds 20 bytes (IPIP), 50 (VXLAN over IPv4), 70 (VXLAN over IPv6), 60 or 80 (WireGuard over IPv4, IPv6): Felix
takes as much off the smallest link that it knows (felix/dataplane/linux/int_dataplane.go@v3.32.1), and older releases
off 1460 or 1500, whatever the links are. A pod whose link takes more than the tunnel is told so by this host (ICMP);
that is how Calico 2.x comes, and no fault.
"""

from collections.abc import Iterator
from typing import NamedTuple

from calico_agent.checks.preflight.uses import felix, tunnels
from calico_agent.expected.local_node import chosen
from calico_agent.expected.view import View
from calico_agent.faults.preflight.kernel import HOST_MTU
from calico_agent.model.calico.felix import variable
from calico_agent.model.network.address import Family, Link
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.network.tunnel import IPIP_DEVICE, VXLAN_DEVICES, WIREGUARD_DEVICES
from calico_agent.model.observation import Unreadable
from calico_agent.model.preflight import Check, Verdict
from calico_agent.text import counted


class _Tunnel(NamedTuple):
    """A tunnel device, what asks for it, the setting of its MTU, and what it adds to a packet."""

    device: str
    kind: str
    setting: str
    overhead: int
    family: Family


_TUNNELS = (
    _Tunnel(IPIP_DEVICE, "ipip", "ipipMTU", 20, Family.IPV4),
    _Tunnel(VXLAN_DEVICES[Family.IPV4], "vxlan", "vxlanMTU", 50, Family.IPV4),
    _Tunnel(VXLAN_DEVICES[Family.IPV6], "vxlan", "vxlanMTUV6", 70, Family.IPV6),
    _Tunnel(WIREGUARD_DEVICES[Family.IPV4], "wireguard", "wireguardMTU", 60, Family.IPV4),
    _Tunnel(WIREGUARD_DEVICES[Family.IPV6], "wireguard", "wireguardMTUV6", 80, Family.IPV6),
)


def check_mtu(view: View) -> Iterator[Check]:
    """Yield one line for each tunnel that is used here, one for the links of pods."""
    kernel, link = view.kernel, None
    if kernel is not None:
        link = _way_out(view, kernel, Family.IPV4) or _way_out(view, kernel, Family.IPV6)
    if kernel is None or link is None:
        why = "packets that do not fit are fragmented, or lost where ICMP is dropped"
        what = "MTUs: which link of this host leads to the other nodes is not known"
        yield Check(HOST_MTU, Verdict.UNKNOWN, what, why, "ip link")
        return
    used = tunnels(view)
    for tunnel in _TUNNELS:
        if used[tunnel.kind]:
            yield from _tunnel(view, kernel, _way_out(view, kernel, tunnel.family) or link, tunnel)
    yield _pods(view, kernel, link)


def _way_out(view: View, kernel: Kernel, family: Family) -> Link | None:
    """The link with the address that this node is registered with, or should be; none where that leads nowhere."""
    address = view.local.registered(family) or chosen(view.identity, family)
    held = kernel.holder(address.ip) if address is not None else None
    return held[0] if held is not None and not held[0].loopback and held[0].kind != "dummy" else None


def _tunnel(view: View, kernel: Kernel, link: Link, tunnel: _Tunnel) -> Iterator[Check]:
    """The device that is there, else what Felix is told to make; nothing where it derives that from the link."""
    device, room = kernel.link(tunnel.device), link.mtu - tunnel.overhead
    told = dict(felix(view).mtus).get(tunnel.setting, 0)
    where = f"{variable(tunnel.setting)} ({tunnel.setting} in FelixConfiguration)"
    if device is not None and device.up:
        mtu, what = device.mtu, f"{tunnel.device} has MTU {device.mtu}"
    elif told:
        mtu, what = told, f"{tunnel.device} is to have MTU {told} by {where}"
    else:
        return
    if mtu <= room:
        fits = f"{what}, which fits into {link.name} ({link.mtu} less {tunnel.overhead})"
        yield Check(HOST_MTU, Verdict.OK, fits, subject=tunnel.device)
        return
    yield Check(
        HOST_MTU,
        Verdict.WARNING,
        f"{what}, and {link.name} carries {link.mtu} less {tunnel.overhead}, which is {room}",
        "large packets between pods of different nodes are fragmented or refused, and lost where a firewall drops "
        "fragments or ICMP",
        f"set {where} to {room} or less on all nodes; for now: ip link set {tunnel.device} mtu {room}",
        tunnel.device,
    )


def _pods(view: View, kernel: Kernel, link: Link) -> Check:
    """The links of pods, and what CNI would make."""
    pods = [one for one in kernel.links if one.name.startswith("cali")]
    large = sorted((one for one in pods if one.mtu > link.mtu), key=lambda one: -one.mtu)
    why = "packets that large never get out of this host: connections hang after their first small packets"
    host = view.observation.host
    plugins = () if isinstance(host, Unreadable) else host.cni
    plugin = next((one for one in plugins if one.mtu and not one.behind), None)
    carries = f"{link.name} carries {link.mtu}"
    subject = "pods"
    if plugin is not None and plugin.mtu > link.mtu:
        what = f"{plugin.file} gives pods an MTU of {plugin.mtu}, and {carries}"
        cure = f"set mtu to {link.mtu} or less there (with a tunnel: less what that adds), and start the pods anew"
        return Check(HOST_MTU, Verdict.WARNING, what, why, cure, subject)
    if large:
        what = f"{counted(len(large), 'link')} of pods have a larger MTU than {link.name}, for example {large[0].name}"
        cure = f"start the pods anew with an mtu of {link.mtu} or less in the CNI configuration"
        return Check(HOST_MTU, Verdict.WARNING, f"{what} ({large[0].mtu}, {carries})", why, cure, subject)
    if not pods and plugin is None:
        return Check(HOST_MTU, Verdict.NOT_APPLICABLE, "no pod has a link here yet", subject=subject)
    greatest = max([one.mtu for one in pods] + ([plugin.mtu] if plugin is not None else []))
    return Check(
        HOST_MTU, Verdict.OK, f"links of pods have an MTU of {greatest} at most, and {carries}", subject=subject
    )
