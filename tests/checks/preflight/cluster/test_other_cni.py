"""What other CNIs left."""

from dataclasses import replace
from ipaddress import ip_interface

import pytest

from calico_agent.checks.preflight.cluster.other_cni import check_other_cni
from calico_agent.model.calico.node import EncapsulationMode
from calico_agent.model.host.other_cni import OtherCni
from calico_agent.model.network.address import Link, LinkAddress, Vxlan
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.observation import Observation, Unreadable
from calico_agent.model.preflight import Verdict
from tests.checks.cluster import HEALTHY, POOL, contained, stored
from tests.checks.preflight.case import CheckCase, check, prepared

OK, WARNING, FAILURE = Verdict.OK, Verdict.WARNING, Verdict.FAILURE
VXLAN_POOL = replace(POOL, vxlan=EncapsulationMode.ALWAYS)


def link(name: str, kind: str = "", address: str = "", vxlan: Vxlan | None = None) -> Link:
    held = (LinkAddress(ip_interface(address)),) if address else ()
    return Link(9, name, kind=kind, addresses=held, vxlan=vxlan)


def host(*links: Link, of: Observation = HEALTHY, programs: tuple[str, ...] = ()) -> Observation:
    return prepared(replace(of, kernel=Kernel(links=links)), other_cni=OtherCni(programs))


def on_vxlan(*links: Link) -> Observation:
    return host(*links, of=stored(pools=(VXLAN_POOL,)))


FLANNEL = link("flannel.1", "vxlan", "10.244.0.0/32", Vxlan(1, 8472))
CNI0 = link("cni0", "bridge", "10.244.0.1/24")
IN_POOL = link("flannel.1", "vxlan", "192.168.9.0/32", Vxlan(1, 8472))
CLASH = link("flannel.1", "vxlan", "10.244.0.0/32", Vxlan(4096, 4789))
OURS = link("vxlan.calico", "vxlan", "192.168.1.1/32", Vxlan(4096, 4789))
LINE = "HOST-OTHER-CNI"
CASES = {
    "nothing": CheckCase(host(), {LINE: OK}, ("no other CNI is, or was, on this host",)),
    "flannel's links in a network of their own, and its daemon": CheckCase(
        host(FLANNEL, CNI0, programs=("flanneld",)),
        {LINE: OK},
        ("flannel.1, cni0 and flanneld, which runs of another CNI: not in Calico's way",),
    ),
    "files that flannel left behind Calico's": CheckCase(
        prepared(HEALTHY, other_cni=OtherCni(files=("/etc/cni/net.d/10-flannel.conflist",))),
        {LINE: OK},
        ("/etc/cni/net.d/10-flannel.conflist of another CNI: not in Calico's way",),
    ),
    "Calico's own devices, Docker's bridges and wires of pods are nobody's else": CheckCase(
        host(OURS, link("docker0", "bridge", "172.17.0.1/16"), link("cali12345", "veth"), link("tunl0", "ipip")),
        {LINE: OK},
        ("no other CNI",),
    ),
    "flannel's device has an address of the pool": CheckCase(
        host(IN_POOL), {f"{LINE} flannel.1": WARNING}, ("192.168.9.0, an address of the pool default", "ip link del")
    ),
    "canal": CheckCase(
        host(IN_POOL, CNI0, of=contained(env=(("CALICO_NETWORKING_BACKEND", "none"),)), programs=("flanneld",)),
        {LINE: Verdict.NOT_APPLICABLE},
    ),
    "a VXLAN device with Calico's number and port": CheckCase(
        on_vxlan(CLASH),
        {f"{LINE} flannel.1": FAILURE},
        ("flannel.1 has VNI 4096 and UDP port 4789, which vxlan.calico needs",),
    ),
    "the same where Calico uses no VXLAN": CheckCase(host(CLASH), {LINE: OK}),
    "another VXLAN device beside Calico's": CheckCase(on_vxlan(FLANNEL, OURS), {LINE: OK}),
    "one of the same number beside Calico's: the kernel took both": CheckCase(on_vxlan(CLASH, OURS), {LINE: OK}),
    "one of the same number on IPv6": CheckCase(
        on_vxlan(link("vx6", "vxlan", vxlan=Vxlan(4096, 4789, ip_interface("fd00::1").ip))), {LINE: OK}
    ),
    "a network with the same port and another number": CheckCase(
        on_vxlan(link("vx7", "vxlan", vxlan=Vxlan(7, 4789))), {LINE: OK}
    ),
    "Open vSwitch takes the port for all numbers": CheckCase(
        on_vxlan(link("vxlan_sys_4789", "vxlan")), {f"{LINE} vxlan_sys_4789": FAILURE}, ("has UDP port 4789",)
    ),
    "Open vSwitch on another port": CheckCase(on_vxlan(link("vxlan_sys_8472", "vxlan")), {LINE: OK}),
    "Felix is told to use no VXLAN": CheckCase(
        replace(
            on_vxlan(CLASH),
            docker=contained(env=(("FELIX_VXLANENABLED", "false"),)).docker,
        ),
        {LINE: OK},
    ),
    "nothing was read": CheckCase(prepared(), {LINE: Verdict.UNKNOWN}),
    "the kernel cannot be read": CheckCase(
        prepared(replace(HEALTHY, kernel=Unreadable("kernel", "no")), other_cni=OtherCni()), {LINE: Verdict.UNKNOWN}
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_other_cni(case: CheckCase) -> None:
    check(case, check_other_cni)
