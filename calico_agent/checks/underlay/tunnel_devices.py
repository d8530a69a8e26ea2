"""This host's own end of the tunnels: the device that expected routes leave by, and its address.

Felix makes the devices and gives them the addresses that are in the node's record, and puts both right within seconds
(felix/dataplane/linux/{vxlan,ipip}_mgr.go@v3.28.5). tunl0 is the kernel's own: it is in every namespace as soon as the
module ipip is loaded, and in none without it. Without the device no route can lead into it; when it is switched off, or
loses its last address, the kernel drops the routes that did, whoever wrote them. BIRD writes its own again within two
seconds, Felix at its next full resync, up to 90 s later. With another network identifier, port or source than all nodes
have, routes lead into it, and no other node takes what comes out.

Felix makes no VXLAN device where the record has no address for it: IPAM had none to give, or no enabled pool with VXLAN
is for the node (node/pkg/allocateip/allocateip.go@v3.32.1).

An address that is missing or another one changes nothing for pods while the routes are there: their packets carry their
own. What this host itself sends there carries another source.
"""

from collections.abc import Iterator
from typing import NamedTuple

from calico_agent.checks.commands import restart_here
from calico_agent.checks.felix import where_told
from calico_agent.checks.sentences import ip_tool
from calico_agent.expected.forwarding import Encapsulation
from calico_agent.expected.route_table import expected_table
from calico_agent.expected.routes import Expectation
from calico_agent.expected.view import View
from calico_agent.faults.routes.underlay import RT_TUNNEL_DEVICE
from calico_agent.model.finding import Finding, Severity, Writer
from calico_agent.model.network.address import Family, IPAddress, IPNetwork, Link
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.network.tunnel import IPIP_DEVICE, VXLAN_DEVICES

_SWITCHES = {(Encapsulation.IPIP, Family.IPV4): "ipipEnabled", (Encapsulation.VXLAN, Family.IPV4): "vxlanEnabled"}
_MODULES = {Encapsulation.IPIP: "ipip", Encapsulation.WIREGUARD: "wireguard"}


class _End(NamedTuple):
    """This host's end of one kind of tunnels, with the prefixes of which one should lead there for each node."""

    device: str
    encapsulation: Encapsulation
    family: Family
    prefixes: tuple[IPNetwork, ...]


class _Fault(NamedTuple):
    """What is wrong with an end, and the cure. `cuts`: packets do not get through it."""

    what: str
    cure: str
    cuts: bool = True


def find_tunnel_devices(view: View, kernel: Kernel, expectation: Expectation) -> Iterator[Finding]:
    """Yield each device that a route needs and that is not as it should be, once."""
    if not kernel.links:
        return
    for end in _ends(expectation):
        link, told = kernel.link(end.device), _told_not_to(view, end)
        if fault := _absent(view, end, link) or (None if view.starting else _unlike(view, end, link)):
            lost = fault.cuts or any(not kernel.fib.paths(prefix) for prefix in end.prefixes)
            yield RT_TUNNEL_DEVICE.finding(
                end.device,
                f"{end.device}, this host's end of the {end.encapsulation.value} tunnels, {fault.what}"
                f"{': Felix is told to make none' if told else ''}",
                why=told or _seen(view, end, link),
                effect=f"packets to the pods of other nodes do not get there through {end.device}"
                if lost
                else "what this host itself sends to pods of other nodes carries another source address; "
                "packets between pods do not",
                cure=f"take that setting away, or give the pools another mode than {end.encapsulation.value}"
                if told
                else fault.cure,
                node=view.me,
                severity=Severity.ERROR if lost else Severity.WARNING,
                writer=Writer.FELIX,
                device=end.device,
                early=view.starting,
            )


def recorded_address(view: View, device: str, family: Family) -> IPAddress | None:
    """What this node's record says of a device; None where it says nothing, or where that is not read."""
    node = view.local.node
    if node is None:
        return None
    if device == VXLAN_DEVICES[family]:
        return node.vtep(family)
    return node.ipip_tunnel_address if device == IPIP_DEVICE else None


def _ends(expectation: Expectation) -> Iterator[_End]:
    ends: dict[tuple[str, Encapsulation, Family], list[IPNetwork]] = {}
    for way, prefix in expected_table(expectation).ways.items():
        if way.device:
            ends.setdefault((way.device, way.encapsulation, Family(way.registered.version)), []).append(prefix)
    yield from (_End(*key, tuple(ends[key])) for key in sorted(ends))


def _told_not_to(view: View, end: _End) -> str:
    """The setting by which Felix makes no such device, whatever the pools say.

    felix/config/{config_params,encapsulation_resolver}.go@v3.28.5: of VXLAN for IPv6 the pools alone decide.
    """
    switch = _SWITCHES.get((end.encapsulation, end.family), "")
    return where_told(view, switch, "false") if switch in view.local.felix.off else ""


def _absent(view: View, end: _End, link: Link | None) -> _Fault | None:
    """Whether nothing can leave by it."""
    restart = restart_here(view)
    back = "the routes come back within two minutes"
    if link is not None:
        return None if link.up else _Fault("is switched off", f"ip link set {end.device} up on this host; {back}")
    if module := _MODULES.get(end.encapsulation):
        load = f"modprobe {module} on this host: without that module the kernel has no such tunnels"
        return _Fault("does not exist", f"{load}; {back}, {restart} makes it quicker")
    if view.local.node is not None and recorded_address(view, end.device, end.family) is None:
        return _Fault(
            f"does not exist: the record of node {view.local.node.name} has no address for it",
            "calicoctl ipam show --show-blocks: this node needs a free block in an enabled pool with VXLAN; make one "
            f"more pool with VXLAN, then {restart}",
        )
    same = "another VXLAN device with its VNI or port is in its way: ip -d link show type vxlan"
    return _Fault("does not exist", f"Felix makes it within seconds, unless {same}; {restart} makes it try again")


def _seen(view: View, end: _End, link: Link | None) -> str:
    """What shows it: Felix's own words where it has some."""
    container = view.local.container
    failed = "Failed configure IPIP tunnel device"  # felix/dataplane/linux/ipip_mgr.go@v3.28.5; as in 2.3.0
    lost = link is None and end.encapsulation is Encapsulation.IPIP and container is not None
    said = any(failed in line for line in container.log_tail) if lost and container is not None else False
    return f"the kernel's links and addresses; Felix says: {failed}" if said else "the kernel's links and addresses"


def _unlike(view: View, end: _End, link: Link | None) -> _Fault | None:
    """In what it differs from what the record says, and from the devices of other nodes."""
    if link is None:
        return None
    wanted, restart = recorded_address(view, end.device, end.family), restart_here(view)
    if differs := _other_end(view, link, end.family):
        return _Fault(differs, f"ip link del {end.device} on this host: Felix makes it anew; or {restart}")
    if wanted is None or any(held.address == wanted for held in link.addresses):
        return None
    add = f"{ip_tool(wanted.version)} addr add {wanted}/{wanted.max_prefixlen} dev {end.device}"
    others = [held for held in link.addresses if held.family is end.family and held.scope != "link"]
    drop = "".join(f"; ip addr del {held.interface} dev {end.device}" for held in others)
    what = f"does not have its address {wanted}{_instead(view, others[0].address) if others else ''}"
    return _Fault(what, f"on this host: {add}{drop}; Felix does it by itself where it runs well", cuts=False)


def _instead(view: View, found: IPAddress) -> str:
    """Another address that it has, and whose that is."""
    ends = view.cluster.tunnels.get(found, ()) if view.cluster is not None else ()
    holder = next((end.node for end in ends if end.node != view.local.name), "")
    return f", and has {found}{f', that of node {holder}' if holder else ''}"


def _other_end(view: View, link: Link, family: Family) -> str:
    """In what a VXLAN device differs from those of the other nodes."""
    if link.vxlan is None or view.cluster is None:
        return ""
    felix, own, node = view.local.felix, view.local.registered(family), view.local.node
    found = link.vxlan
    if found.vni != felix.vxlan_vni:
        return f"has VNI {found.vni} instead of {felix.vxlan_vni}"
    if found.port != felix.vxlan_port:
        return f"uses UDP port {found.port} instead of {felix.vxlan_port}"
    chosen = view.identity.addresses
    mistaken = own is not None and own.ip not in chosen and found.local in chosen  # the record is wrong, not the device
    if own is not None and found.local not in {None, own.ip} and not mistaken:
        return f"sends as {found.local} instead of {own.ip}"
    mac = node.vtep_mac(family) if node is not None else None
    if mac and link.mac.lower() != mac.lower():
        return f"has the hardware address {link.mac}, and the others send to {mac}"
    return ""
