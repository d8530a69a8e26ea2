"""A default route that leads into a pod of this host.

Programs that take each new link for an uplink write it, as DHCP clients and connman do. In IPv6 a pod can bring it
about itself: the kernel believes router advertisements from each link with accept_ra, which the CNI plugin switches off
for the links that it makes since CVE-2020-13597.
"""

from collections.abc import Iterator
from ipaddress import ip_network

from calico_agent.checks import cures
from calico_agent.checks.traffic_impact import shown
from calico_agent.expected.pods import leads_into_pod
from calico_agent.expected.view import View
from calico_agent.faults.routes.foreign import RT_FOREIGN
from calico_agent.model.finding import Finding
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.network.route import PROTOCOL_BIRD, PROTOCOL_RA, RouteAttributes

_DEFAULTS = (ip_network("0.0.0.0/0"), ip_network("::/0"))


def find_default_into_pod(view: View, kernel: Kernel) -> Iterator[Finding]:
    """Yield the default route of each family, where the best one leads into a pod. BIRD's is a pod's with a BGP
    session.
    """
    for prefix in _DEFAULTS:
        paths = tuple(path for path in kernel.fib.paths(prefix) if not path.dead)
        best = tuple(path for path in paths if path.metric == paths[0].metric)
        for path in best:
            if leads_into_pod(path) and path.protocol != PROTOCOL_BIRD:
                yield _finding(view, path, cures.delete(prefix, path), prefix.version)


def _finding(view: View, path: RouteAttributes, delete: str, version: int) -> Finding:
    device = path.next_hops[0].device
    advertised = path.protocol == PROTOCOL_RA
    family = " for IPv6" if version == 6 else ""
    return RT_FOREIGN.finding(
        f"default{' (IPv6)' if version == 6 else ''}",
        f"the default route of this host{family} leads into {device}, the link of a pod",
        why=f"found: default {shown(path)}" + ("; the pod advertised itself as a router" if advertised else ""),
        effect="what this host and its pods send to other networks goes into that pod, and to nodes behind routers",
        cure=(f"sysctl -w net.ipv6.conf.{device}.accept_ra=0; " if advertised else "")
        + f"{delete} on this host; "
        + (
            "look into the pod"
            if advertised
            else "then exclude cali* from the program that wrote it (a DHCP client, connman)"
        ),
        node=view.me,
        family=version,
    )
