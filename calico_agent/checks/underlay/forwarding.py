"""Whether this host forwards packets at all: with the right routes and without that, its pods are cut off all the same.

Felix switches it on for all links once, when it starts, and for a pod's link when it makes that
(felix/dataplane/linux/{int_dataplane,endpoint_mgr}.go@v3.28.5); whatever switches it off afterwards, as a sysctl.d file
that is applied again, stays. IPv4 asks the link by which a packet came in, IPv6 what is set for all
(net/ipv4/route.c and net/ipv6/ip6_output.c@v6.12).
"""

from collections.abc import Iterator

from calico_agent.expected.route_table import expected_table
from calico_agent.expected.routes import Expectation
from calico_agent.expected.view import View
from calico_agent.faults.routes.links import RT_NO_FORWARDING
from calico_agent.model.finding import Finding
from calico_agent.model.network.address import Family
from calico_agent.model.network.kernel import ALL_LINKS, Kernel


def find_no_forwarding(view: View, kernel: Kernel, expectation: Expectation) -> Iterator[Finding]:
    """Yield one finding for each family of which pods may live here."""
    if view.starting:
        return
    for family in sorted({Family(block.version) for block in expectation.own_blocks}):
        forwards = kernel.ip_forward.get(family, {})
        if family is Family.IPV6 and not forwards.get(ALL_LINKS, True):
            yield _finding(view, family, "net.ipv6.conf.all.forwarding")
        elif family is Family.IPV4 and forwards and not any(forwards.values()):
            yield _finding(view, family, "net.ipv4.ip_forward")
        elif family is Family.IPV4:
            for device in sorted(_inward(view, kernel, expectation)):
                if not forwards.get(device, True):
                    yield _finding(view, family, f"net/ipv4/conf/{device}/forwarding", device)


def _inward(view: View, kernel: Kernel, expectation: Expectation) -> set[str]:
    """The links by which IPv4 packets for pods here come in from other nodes."""
    registered = view.local.registered(Family.IPV4)
    holder = kernel.holder(registered.ip) if registered is not None else None
    tunnels = {way.device for way in expected_table(expectation).ways if Family(way.registered.version) is Family.IPV4}
    return {*tunnels, *(() if holder is None else (holder[0].name,))} - {""}


def _finding(view: View, family: Family, setting: str, device: str = "") -> Finding:
    where = f" that come in by {device}" if device else ""
    lost = "packets from other hosts to the pods here are dropped"
    return RT_NO_FORWARDING.finding(
        setting,
        f"this host forwards no IPv{family} packets{where}: {setting} is 0",
        why="the kernel's settings of its links; Felix sets it to 1 when it starts",
        effect=lost if device else f"{lost}, and so is all that they send",
        cure=(
            f"sysctl -w {setting}=1 on this host; find what switched it off: "
            "grep -rs forward /etc/sysctl* /run/sysctl.d /usr/lib/sysctl.d"
        ),
        node=view.me,
        family=family,
    )
