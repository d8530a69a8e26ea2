"""This host's own end of the tunnels: the device that expected routes leave by, and its address.

Felix makes the devices and gives them the addresses that are in the node's record, and puts both right within seconds
(felix/dataplane/linux/{vxlan,ipip}_mgr.go@v3.28.5). Without the device no route can lead into it; when it loses its
address or is switched off, the kernel drops the routes that did, and Felix writes them again only at its next full
resync, up to 90 s later. With another network identifier, port or source than all nodes have, routes lead into it, and
no other node takes what comes out.
"""

from collections.abc import Iterator

from calico_agent.model.address import Family, IPAddress, Link
from calico_agent.model.finding import Finding, Writer
from calico_agent.model.kernel import Kernel
from calico_agent.verify.catalogue import finding
from calico_agent.verify.felix import where_told
from calico_agent.verify.routes.expected import Expectation
from calico_agent.verify.routes.table import expected_table
from calico_agent.verify.routes.ways import Encapsulation
from calico_agent.verify.view import View

_SWITCHES = {(Encapsulation.IPIP, Family.IPV4): "ipipEnabled", (Encapsulation.VXLAN, Family.IPV4): "vxlanEnabled"}


def find_tunnel_devices(view: View, kernel: Kernel, expectation: Expectation) -> Iterator[Finding]:
    """Each device that a route needs and that is not as it should be, once."""
    if not kernel.links or view.starting:
        return
    needed = {
        (way.device, way.encapsulation, Family(way.registered.version))
        for way in expected_table(expectation).ways
        if way.device
    }
    for device, encapsulation, family in sorted(needed):
        wanted = _address(view, encapsulation, family)
        link = kernel.link(device)
        if fault := _fault(link, wanted) or _other_end(view, link, family):
            told = _told_not_to(view, encapsulation, family)
            yield finding(
                "RT-TUNNEL-DEVICE",
                device,
                f"{device}, this host's end of the {encapsulation.value} tunnels, {fault}"
                f"{': Felix is told to make none' if told else ''}",
                why=told or "the kernel's links and addresses",
                effect=f"packets to the pods of other nodes do not get there through {device}",
                cure=f"take that setting away, or give the pools another mode than {encapsulation.value}"
                if told
                else "Felix puts it right within seconds, the routes within two minutes; docker logs calico-node says "
                "why if it does not, docker restart calico-node does it at once",
                node=view.me,
                writer=Writer.FELIX,
            )


def _told_not_to(view: View, encapsulation: Encapsulation, family: Family) -> str:
    """The setting by which Felix makes no such device, whatever the pools say.

    felix/config/{config_params,encapsulation_resolver}.go@v3.28.5: of VXLAN for IPv6 the pools alone decide.
    """
    switch = _SWITCHES.get((encapsulation, family), "")
    return where_told(view, switch, "false") if switch in view.local.felix.off else ""


def _fault(link: Link | None, wanted: IPAddress | None) -> str:
    if link is None:
        return "does not exist"
    if not link.up:
        return "is switched off"
    if wanted is not None and all(held.address != wanted for held in link.addresses):
        return f"does not have its address {wanted}"
    return ""


def _other_end(view: View, link: Link | None, family: Family) -> str:
    """In what a VXLAN device differs from those of the other nodes."""
    if link is None or link.vxlan is None or view.cluster is None:
        return ""
    felix, own, node = view.local.felix, view.local.registered(family), view.local.node
    found = link.vxlan
    if found.vni != felix.vxlan_vni:
        return f"has VNI {found.vni} instead of {felix.vxlan_vni}"
    if found.port != felix.vxlan_port:
        return f"uses UDP port {found.port} instead of {felix.vxlan_port}"
    if own is not None and found.local not in {None, own.ip}:
        return f"sends as {found.local} instead of {own.ip}"
    mac = node.vtep_mac(family) if node is not None else None
    if mac and link.mac.lower() != mac.lower():
        return f"has the hardware address {link.mac}, and the others send to {mac}"
    return ""


def _address(view: View, encapsulation: Encapsulation, family: Family) -> IPAddress | None:
    """What the record says; None where it says nothing, or where that is not read."""
    node = view.local.node
    if node is None:
        return None
    if encapsulation is Encapsulation.VXLAN:
        return node.vtep(family)
    return node.ipip_tunnel_address if encapsulation is Encapsulation.IPIP else None
