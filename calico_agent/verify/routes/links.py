"""Whether the link that carries this node's address works: without it, this host is the one that is cut off.

The kernel notices at once that a carrier is lost. BIRD does not: its sessions last until the hold time is over, three
minutes or more, and routes keep their place with the flag `linkdown`, so that all the rest looks right.
"""

from collections.abc import Iterator

from calico_agent.model.address import Family
from calico_agent.model.finding import Finding
from calico_agent.model.identity import Candidate
from calico_agent.model.kernel import Kernel
from calico_agent.verify.catalogue import finding
from calico_agent.verify.local import is_bridge
from calico_agent.verify.view import View


def find_links(view: View, kernel: Kernel) -> Iterator[Finding]:
    """The links with a registered address of this host that are down, each once."""
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
            yield finding(
                "RT-LINK-DOWN",
                found.link,
                f"{found.link}, the link with this node's address {found.interface.ip}, {state}",
                why=f"the kernel's state of {found.link}; sessions and routes follow minutes later",
                effect="this host is cut off: packets to the pods of other nodes are lost, whatever the routes say",
                cure=cure,
                node=view.me,
            )


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
