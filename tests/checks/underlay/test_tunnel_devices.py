"""This host's end of the VXLAN tunnels."""

from collections.abc import Iterable
from dataclasses import replace
from ipaddress import ip_address, ip_interface

import pytest

from calico_agent.model.calico.felix import FelixSettings
from calico_agent.model.network.address import Link, LinkAddress, Vxlan
from calico_agent.model.observation import Observation
from tests.checks.case import Case, check
from tests.checks.cluster import AT, contained, stored
from tests.checks.vxlan import VTEPS, VXLAN, without

TO2, TO3 = "192.168.2.0/26", "192.168.3.0/26"
FELIX_OFF = stored(VXLAN, felix=FelixSettings(off=frozenset({"vxlanEnabled"})))
RECORDED_MAC = stored(VXLAN, nodes=(replace(VTEPS[0], vxlan_tunnel_mac="66:00:00:00:00:01"), *VTEPS[1:]))
RIGHT = Link(
    7,
    "vxlan.calico",
    "vxlan",
    mac="66:00:00:00:00:0f",
    addresses=(LinkAddress(ip_interface("192.168.1.1/32")),),
    vxlan=Vxlan(4096, 4789, ip_address("10.77.0.11")),
)


def device(*links: Link, gone: Iterable[str] = (), observation: Observation = VXLAN) -> Observation:
    """The VXLAN host with eth0 and these links, perhaps without some routes."""
    return replace(observation, kernel=replace(without(gone, observation), links=(Link(2, "eth0"), *links)))


def end(vni: int = 4096, port: int = 4789, local: str = "10.77.0.11") -> Link:
    """The right device but for this."""
    return replace(RIGHT, vxlan=Vxlan(vni, port, ip_address(local)))


CASES = {
    "it is gone, and Felix's routes with it": Case(
        device(gone=[TO3, TO2]),
        {"RT-TUNNEL-DEVICE vxlan.calico": {f"RT-MISSING {TO2}", f"RT-MISSING {TO3}"}},
        says=("vxlan.calico, this host's end of the VXLAN tunnels, does not exist",),
    ),
    "it is switched off": Case(
        device(Link(7, "vxlan.calico", "vxlan", up=False)),
        {"RT-TUNNEL-DEVICE vxlan.calico": set()},
        says=("is switched off",),
    ),
    "it was switched off while calico/node starts": Case(
        contained(device(Link(7, "vxlan.calico", "vxlan", up=False), gone=[TO3, TO2]), started_at=AT),
        {"RT-TUNNEL-DEVICE vxlan.calico": {f"RT-MISSING {TO2}", f"RT-MISSING {TO3}"}},
        says=("ip link set vxlan.calico up on this host",),
    ),
    "it has another address than the record says": Case(
        device(Link(7, "vxlan.calico", "vxlan", addresses=(LinkAddress(ip_interface("192.168.9.9/32")),))),
        {"RT-TUNNEL-DEVICE vxlan.calico": set()},
        says=("does not have its address 192.168.1.1",),
    ),
    "Felix is told to make none": Case(
        replace(FELIX_OFF, kernel=device(gone=[TO3, TO2]).kernel),
        {"RT-TUNNEL-DEVICE vxlan.calico": {f"RT-MISSING {TO2}", f"RT-MISSING {TO3}"}},
        says=("does not exist: Felix is told to make none", "vxlanEnabled is false in FelixConfiguration default"),
    ),
    "Felix is told so by its environment": Case(
        contained(device(gone=[TO3, TO2]), env=(("FELIX_VXLANENABLED", "false"),)),
        {"RT-TUNNEL-DEVICE vxlan.calico": {f"RT-MISSING {TO2}", f"RT-MISSING {TO3}"}},
        says=("FELIX_VXLANENABLED=false in calico-node",),
    ),
    "Felix's environment has the last word": Case(
        contained(
            replace(FELIX_OFF, kernel=device(gone=[TO3, TO2]).kernel),
            env=(("FELIX_VXLANENABLED", "true"),),
        ),
        {"RT-TUNNEL-DEVICE vxlan.calico": {f"RT-MISSING {TO2}", f"RT-MISSING {TO3}"}},
        says=("does not exist", "Felix makes it within seconds"),
    ),
    "it is as it should be": Case(device(RIGHT), {}),
    "it has another VNI": Case(
        device(end(vni=4097)), {"RT-TUNNEL-DEVICE vxlan.calico": set()}, says=("has VNI 4097 instead of 4096",)
    ),
    "it uses another port": Case(
        device(end(port=8472)), {"RT-TUNNEL-DEVICE vxlan.calico": set()}, says=("uses UDP port 8472 instead of 4789",)
    ),
    "it sends as somebody else": Case(
        device(end(local="172.17.0.1")),
        {"RT-TUNNEL-DEVICE vxlan.calico": set()},
        says=("sends as 172.17.0.1 instead of 10.77.0.11",),
    ),
    "it has another hardware address than the record says": Case(
        device(
            RIGHT,
            observation=stored(VXLAN, nodes=(replace(VTEPS[0], vxlan_tunnel_mac="66:00:00:00:00:01"), *VTEPS[1:])),
        ),
        {"RT-TUNNEL-DEVICE vxlan.calico": set()},
        says=("has the hardware address 66:00:00:00:00:0f, and the others send to 66:00:00:00:00:01",),
    ),
    "the cluster has another VNI and port": Case(
        device(end(4097, 8472), observation=stored(VXLAN, felix=FelixSettings(vxlan_vni=4097, vxlan_port=8472))), {}
    ),
    "Felix is told of another VNI and port by its environment": Case(
        contained(device(end(4097, 8472)), env=(("FELIX_VXLANVNI", "4097"), ("FELIX_VXLANPORT", "8472"))), {}
    ),
    "it sends as this host, which is registered with a wrong address": Case(
        device(
            RIGHT, observation=stored(VXLAN, nodes=(replace(VTEPS[0], ipv4=ip_interface("10.77.0.100/32")), *VTEPS[1:]))
        ),
        {"IP-NOT-LOCAL host1": set()},
    ),
    "one in flow-based mode": Case(device(replace(RIGHT, vxlan=None)), {}),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_the_end_of_the_tunnels(case: Case) -> None:
    check(case)
