"""Tunnels and pods' links against the host's link."""

from dataclasses import replace
from ipaddress import ip_interface

import pytest

from calico_agent.checks.preflight.machine.mtu import check_mtu
from calico_agent.model.calico.node import EncapsulationMode
from calico_agent.model.host.machine import CniPlugin, Host
from calico_agent.model.network.address import Link, LinkAddress
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.observation import Observation, Unreadable
from calico_agent.model.preflight import Verdict
from tests.checks.cluster import CONTAINER, HEALTHY, POOL, contained, stored
from tests.checks.preflight.case import CheckCase, check, prepared

TUNL0, VXLAN, PODS = "HOST-MTU tunl0", "HOST-MTU vxlan.calico", "HOST-MTU pods"
PLAIN = HEALTHY
WITH_IPIP, WITH_VXLAN = (
    stored(pools=(pool,))
    for pool in (replace(POOL, ipip=EncapsulationMode.ALWAYS), replace(POOL, vxlan=EncapsulationMode.ALWAYS))
)


def linked(observation: Observation, eth0: int, **others: int) -> Observation:
    """A host whose eth0 and other links have these MTUs; `_` stands for a full stop."""
    assert isinstance(observation.kernel, Kernel)
    address = LinkAddress(ip_interface("10.77.0.11/24"))
    links = [Link(2, "eth0", mtu=eth0, addresses=(address,))]
    links += [Link(3 + index, name.replace("_", "."), mtu=mtu) for index, (name, mtu) in enumerate(others.items())]
    return prepared(replace(observation, kernel=replace(observation.kernel, links=tuple(links))))


def with_cni(observation: Observation, *plugins: CniPlugin) -> Observation:
    assert isinstance(observation.host, Host)
    return replace(observation, host=replace(observation.host, cni=plugins))


def down(observation: Observation, name: str) -> Observation:
    assert isinstance(observation.kernel, Kernel)
    links = tuple(replace(link, up=link.name != name) for link in observation.kernel.links)
    return replace(observation, kernel=replace(observation.kernel, links=links))


def on_loopback(observation: Observation) -> Observation:
    assert isinstance(observation.kernel, Kernel)
    links = tuple(replace(link, loopback=link.name == "eth0") for link in observation.kernel.links)
    return replace(observation, kernel=replace(observation.kernel, links=links))


def told(observation: Observation, **env: str) -> Observation:
    return replace(observation, docker=contained(env=(*CONTAINER.env, *env.items())).docker)


CASES = {
    "no tunnel, as large as the link": CheckCase(linked(PLAIN, 1500, cali1=1500), {PODS: Verdict.OK}),
    "no tunnel, pods larger than the link": CheckCase(
        linked(PLAIN, 1450, cali1=1450, cali2=1500), {PODS: Verdict.WARNING}, says=("1 link of pods", "cali2 (1500")
    ),
    "IPIP as Felix makes it": CheckCase(
        linked(WITH_IPIP, 1500, tunl0=1480, cali1=1480), {TUNL0: Verdict.OK, PODS: Verdict.OK}
    ),
    "IPIP as Calico 2.3 makes it, with pods of 1500": CheckCase(
        linked(WITH_IPIP, 1500, tunl0=1440, cali1=1500), {TUNL0: Verdict.OK, PODS: Verdict.OK}
    ),
    "IPIP of 1440 on a link of 1450": CheckCase(
        linked(WITH_IPIP, 1450, tunl0=1440, cali1=1440),
        {TUNL0: Verdict.WARNING, PODS: Verdict.OK},
        says=("eth0 carries 1450 less 20, which is 1430", "FELIX_IPINIPMTU", "ip link set tunl0 mtu 1430"),
    ),
    "tunl0 of a pool without IPIP counts for nothing": CheckCase(
        linked(PLAIN, 1400, tunl0=1480, cali1=1400), {PODS: Verdict.OK}
    ),
    "tunl0 that is down counts for nothing": CheckCase(
        down(linked(WITH_IPIP, 1400, tunl0=1480, cali1=1400), "tunl0"), {PODS: Verdict.OK}
    ),
    "VXLAN as Felix makes it": CheckCase(
        linked(WITH_VXLAN, 1500, vxlan_calico=1450, cali1=1450), {VXLAN: Verdict.OK, PODS: Verdict.OK}
    ),
    "VXLAN as large as the link": CheckCase(
        linked(WITH_VXLAN, 1500, vxlan_calico=1500, cali1=1500), {VXLAN: Verdict.WARNING, PODS: Verdict.OK}
    ),
    "VXLAN on a link with large frames": CheckCase(
        linked(WITH_VXLAN, 9000, vxlan_calico=8950, cali1=8950), {VXLAN: Verdict.OK, PODS: Verdict.OK}
    ),
    "the device is not there yet, and Felix is told too much": CheckCase(
        told(linked(WITH_VXLAN, 1450), FELIX_VXLANMTU="1450"),
        {VXLAN: Verdict.WARNING, PODS: Verdict.NOT_APPLICABLE},
        says=("vxlan.calico is to have MTU 1450",),
    ),
    "the device is not there yet, and Felix is told enough": CheckCase(
        told(linked(WITH_VXLAN, 1500), FELIX_VXLANMTU="1410"), {VXLAN: Verdict.OK, PODS: Verdict.NOT_APPLICABLE}
    ),
    "CNI gives pods more than the link carries": CheckCase(
        with_cni(linked(PLAIN, 1450), CniPlugin("/etc/cni/net.d/10-calico.conflist", mtu=1500)),
        {PODS: Verdict.WARNING},
        says=("/etc/cni/net.d/10-calico.conflist gives pods an MTU of 1500",),
    ),
    "a CNI configuration that the runtime does not take counts for nothing": CheckCase(
        with_cni(linked(PLAIN, 1450), CniPlugin("/etc/cni/net.d/20.conf", mtu=1500, behind="/etc/cni/net.d/10.conf")),
        {PODS: Verdict.NOT_APPLICABLE},
    ),
    "the node's address is on a link that leads nowhere": CheckCase(
        on_loopback(linked(PLAIN, 65536, cali1=1500)), {"HOST-MTU": Verdict.UNKNOWN}
    ),
    "which link leads out is not known": CheckCase(prepared(), {"HOST-MTU": Verdict.UNKNOWN}),
    "the kernel cannot be read": CheckCase(
        prepared(replace(HEALTHY, kernel=Unreadable("kernel", "no netlink", "denied"))), {"HOST-MTU": Verdict.UNKNOWN}
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_mtu(case: CheckCase) -> None:
    check(case, check_mtu)
