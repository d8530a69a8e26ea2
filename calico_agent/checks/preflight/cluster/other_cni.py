"""Whether another network for pods is in Calico's way: most of what one left behind is not.

The runtime takes the first CNI configuration, so that files behind Calico's do nothing; that one is before it is told
where the first is judged. In canal, and where Calico has nothing but policy, pods have another network on purpose
(CALICO_NETWORKING_BACKEND=none).

Harm does an address inside the pool on a link of another: Calico gives it to a pod one day. And the kernel makes no
second VXLAN device with one VNI and UDP port, nor beside one that takes every VNI there, as Open vSwitch has it
(drivers/net/vxlan/vxlan_core.c of Linux: vxlan_vni_in_use, vxlan_find_sock).
"""

import re
from collections.abc import Iterator

from calico_agent.checks.preflight.known import known
from calico_agent.checks.preflight.uses import felix
from calico_agent.checks.underlay.overlaps import find_overlaps
from calico_agent.expected.cluster import Cluster
from calico_agent.expected.view import View
from calico_agent.faults.preflight.machine import HOST_OTHER_CNI
from calico_agent.model.calico.node import EncapsulationMode, Pool
from calico_agent.model.host.other_cni import OtherCni
from calico_agent.model.network.address import Family, Link
from calico_agent.model.network.tunnel import VXLAN_DEVICES
from calico_agent.model.observation import Unreadable
from calico_agent.model.preflight import Check, Verdict
from calico_agent.text import listed

_LINKS = re.compile(
    r"flannel[.-].*|cni0|cbr0|weave|vxlan-6784|cilium_(host|net|vxlan|geneve)|kube-bridge|antrea-(gw|tun)0|ovn-k8s-mp\d+|ovn0"
)
_OF_OPEN_VSWITCH = re.compile(r"vxlan_sys_(\d+)")
_DEVICE = VXLAN_DEVICES[Family.IPV4]


def check_other_cni(view: View) -> Iterator[Check]:
    """Yield one line for what is there, and one for each thing that is in the way."""
    not_read = "links, files and processes were not read"
    other = known(view.preparation.other_cni, not_read)
    container = view.local.container
    if container is not None and container.backend == "none":
        what = "other CNIs: Calico leaves the pods' network to one of them here (CALICO_NETWORKING_BACKEND=none)"
        yield Check(HOST_OTHER_CNI, Verdict.NOT_APPLICABLE, what)
        return
    if view.kernel is None or isinstance(other, Unreadable):
        reason = other.reason if isinstance(other, Unreadable) else not_read
        yield Check(HOST_OTHER_CNI, Verdict.UNKNOWN, f"other CNIs: {reason}")
        return
    links = tuple(link for link in view.kernel.links if _LINKS.fullmatch(link.name))
    harms = (*_clashes(view, view.kernel.links), *_addresses(view, links))
    yield from harms or (_harmless(links, other),)


def _harmless(links: tuple[Link, ...], other: OtherCni) -> Check:
    seen = (
        *other.files,
        *(link.name for link in links),
        *(f"{program}, which runs" for program in other.programs),
    )
    what = f"{listed(seen)} of another CNI: not in Calico's way" if seen else "no other CNI is, or was, on this host"
    return Check(HOST_OTHER_CNI, Verdict.OK, what)


def _clashes(view: View, links: tuple[Link, ...]) -> Iterator[Check]:
    """What keeps Felix from making its VXLAN device; nothing where it has made it."""
    told, pools = felix(view), view.cluster.datastore.pools if view.cluster is not None else ()
    wanted = any(pool.vxlan is not EncapsulationMode.NEVER and pool.cidr.version == 4 for pool in pools)
    if not wanted or "vxlanEnabled" in told.off or any(link.name == _DEVICE for link in links):
        return
    for link in links:
        taken, vxlan = _OF_OPEN_VSWITCH.fullmatch(link.name), link.vxlan
        same = vxlan is not None and (vxlan.vni, vxlan.port) == (told.vxlan_vni, told.vxlan_port)
        if vxlan is not None and vxlan.local is not None and vxlan.local.version == 6:
            continue
        if same or (taken is not None and int(taken[1]) == told.vxlan_port):
            what = f"VNI {told.vxlan_vni} and UDP port {told.vxlan_port}" if same else f"UDP port {told.vxlan_port}"
            yield Check(
                HOST_OTHER_CNI,
                Verdict.FAILURE,
                f"{link.name} has {what}, which {_DEVICE} needs",
                f"the kernel makes no second one: Felix gets no {_DEVICE}, and no packet reaches pods of other nodes",
                f"ip link del {link.name}, if nothing uses it any more; else vxlanVNI and vxlanPort of "
                "FelixConfiguration, the same on all nodes",
                link.name,
            )


def _addresses(view: View, links: tuple[Link, ...]) -> Iterator[Check]:
    told = {found.subject for found in find_overlaps(view)}
    for link in links:
        for held in link.addresses:
            pool = _pool_of(view.cluster, held.address) if str(held.network) not in told else None
            if pool is not None:
                yield Check(
                    HOST_OTHER_CNI,
                    Verdict.WARNING,
                    f"{link.name} of another CNI has {held.address}, an address of the pool {pool.name} ({pool.cidr})",
                    "Calico may give it to a pod or a tunnel of any node, and this host would keep the packets",
                    f"ip link del {link.name}, once no pod of the other CNI runs here",
                    link.name,
                )


def _pool_of(cluster: Cluster | None, address: object) -> Pool | None:
    pools = cluster.datastore.pools if cluster is not None else ()
    return next((pool for pool in pools if pool.gives_addresses and address in pool.cidr), None)
