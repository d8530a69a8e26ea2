"""Whether the link that carries this node's address works: without it, this host is the one that is cut off.

An address that a routing protocol announces is on a loopback or dummy device, which is always up: then it is cut off
when no route leads to any other node.

The kernel notices at once that a carrier is lost. BIRD does not: its sessions last until the hold time is over, three
minutes or more, and routes keep their place with the flag `linkdown`, so that all the rest looks right.
"""

from collections.abc import Iterator

from calico_agent.expected.local_node import is_bridge
from calico_agent.expected.view import View
from calico_agent.faults.routes.links import RT_LINK_DOWN
from calico_agent.model.finding import Finding
from calico_agent.model.identity import Candidate
from calico_agent.model.network.address import Family, Link
from calico_agent.model.network.kernel import Kernel

_OUTWARD = frozenset({"", "vlan", "bond", "macvlan", "ipvlan"})


def find_links(view: View, kernel: Kernel) -> Iterator[Finding]:
    """Yield the links with a registered address of this host that are down, each once."""
    held = {
        found.link: found
        for family in Family
        if (own := view.local.registered(family)) is not None
        and (found := view.local.candidate(own.ip)) is not None
        and not is_bridge(found)  # a bridge without containers has no carrier; it is wrong for another reason
    }
    for found in held.values():
        state, cure = _state(kernel, found)
        if state:
            what = f"{found.link}, the link with this node's address {found.interface.ip}, {state}"
            why = f"the kernel's state of {found.link}; sessions and routes follow minutes later"
            yield _cut_off(view, found.link, what, why, cure)
        elif (lost := _uplink(view, kernel, found)) is not None:
            why = f"no route leads to any other node; {found.interface.ip}, this node's address, is on {found.link}"
            state = "has no carrier" if lost.up else "is switched off"
            cure = f"look at the cable or switch port of {lost.name}" if lost.up else f"ip link set {lost.name} up"
            yield _cut_off(view, lost.name, f"{lost.name}, a link that leads out of this host, {state}", why, cure)


def _cut_off(view: View, link: str, what: str, why: str, cure: str) -> Finding:
    effect = "this host is cut off: packets to the pods of other nodes are lost, whatever the routes say"
    return RT_LINK_DOWN.finding(link, what, why=why, effect=effect, cure=cure, node=view.me)


def _uplink(view: View, kernel: Kernel, found: Candidate) -> Link | None:
    """A link out of this host that is down, where no route leads to any other node and the address is announced."""
    link, family = kernel.link(found.link), Family(found.interface.version)
    others = [node.registered(family) for node in view.cluster.datastore.nodes] if view.cluster is not None else []
    far = [one.ip for one in others if one is not None and one.ip != found.interface.ip]
    announced = link is not None and (link.loopback or link.kind == "dummy")
    if not announced or not far or any(kernel.route_to(address) is not None for address in far):
        return None
    down = (one for one in kernel.links if one.kind in _OUTWARD and not one.loopback and not (one.up and one.running))
    return next(down, None)


def _state(kernel: Kernel, found: Candidate) -> tuple[str, str]:
    """What is wrong with a link, and the cure; empty when it works."""
    link = kernel.link(found.link)
    if link is not None and not link.up:
        return "is switched off", f"ip link set {found.link} up"
    hops = (hop for path in kernel.fib.paths(found.interface.network) for hop in path.next_hops)
    dark = any((hop.linkdown or hop.dead) and hop.device == found.link for hop in hops)
    if dark or (link is not None and not link.running):
        return (
            "has no carrier",
            f"look at the cable, the switch port or the virtual network card; ip link show {found.link}",
        )
    return "", ""
