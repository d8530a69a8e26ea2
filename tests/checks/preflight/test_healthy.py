"""One healthy host of each kind: nothing warns, and nothing that was read is left untold."""

from dataclasses import replace
from ipaddress import ip_address, ip_interface

import pytest

from calico_agent.checks.preflight.checklist import checks_of
from calico_agent.model.calico.node import EncapsulationMode
from calico_agent.model.host.clocks import ClockAnswer, Clocks
from calico_agent.model.host.kernel_modules import FEATURES, Modules
from calico_agent.model.host.sysctl import Sysctls
from calico_agent.model.network.address import Link, LinkAddress
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.network.listener import Listener, Listeners
from calico_agent.model.observation import Observation
from calico_agent.model.preflight import Verdict
from calico_agent.model.preparation import Preparation
from tests.checks.cluster import HEALTHY, POOL, contained, look, stored
from tests.checks.preflight.case import view

SYSCTLS = Sysctls(
    {
        "net.ipv4.ip_forward": "1",
        "net.ipv6.conf.all.forwarding": "0",
        "net.netfilter.nf_conntrack_max": "131072",
        "net.netfilter.nf_conntrack_count": "2048",
    },
    rp_filters={"all": 0, "default": 1, "eth0": 2, "cali1": 1},
)
PREPARATION = Preparation(
    sysctls=SYSCTLS,
    modules=Modules("6.1.0", dict.fromkeys(FEATURES, "loadable")),
    listeners=Listeners((Listener(179, ip_address("0.0.0.0"), 4711, "bird -R", "BIRD", ours=True),)),
    clocks=Clocks((ClockAnswer("https://10.77.0.1:2379", 0.2, 0.6),)),
)
OF_THE_KERNEL = {
    *("HOST-FORWARD", "HOST-RPFILTER", "HOST-CONNTRACK", "HOST-MODULE", "HOST-MTU", "HOST-PORT", "HOST-CLOCK"),
}
LOOSE = replace(SYSCTLS, rp_filters={"all": 2, "default": 2, "eth0": 2, "cali1": 2})


def host(observation: Observation, *tunnels: Link, preparation: Preparation = PREPARATION) -> Observation:
    """A healthy host with eth0, the link of a pod and tunnel devices."""
    assert isinstance(observation.kernel, Kernel)
    eth0 = Link(2, "eth0", addresses=(LinkAddress(ip_interface("10.77.0.11/24")),))
    pod = Link(9, "cali1", "veth", mtu=min([link.mtu for link in tunnels], default=1500))
    kernel = replace(observation.kernel, links=(eth0, *tunnels, pod))
    return replace(observation, kernel=kernel, preparation=preparation)


IPIP = stored(pools=(replace(POOL, ipip=EncapsulationMode.ALWAYS),))
VXLAN = stored(pools=(replace(POOL, vxlan=EncapsulationMode.ALWAYS),))
HOSTS = {
    "Calico 3, no encapsulation": host(HEALTHY),
    "Calico 3, where a distribution sets rp_filter to 2": host(
        HEALTHY, preparation=replace(PREPARATION, sysctls=LOOSE)
    ),
    "Calico 3, IPIP": host(IPIP, Link(5, "tunl0", "ipip", mtu=1480)),
    "Calico 3, VXLAN": host(VXLAN, Link(5, "vxlan.calico", "vxlan", mtu=1450)),
    "Calico 2.3, no encapsulation": host(contained(image="quay.io/calico/node:v1.3.0")),
    "Calico 2.6, IPIP with the MTU of its time": host(
        contained(IPIP, image="quay.io/calico/node:v2.6.12"), Link(5, "tunl0", "ipip", mtu=1440)
    ),
}


@pytest.mark.parametrize("observation", HOSTS.values(), ids=HOSTS.keys())
def test_nothing_warns_and_all_is_told(observation: Observation) -> None:
    checks = checks_of(view(observation))
    assert not [check for check in checks if check.verdict in {Verdict.WARNING, Verdict.FAILURE}]
    assert {check.code for check in checks if check.verdict is Verdict.OK} >= OF_THE_KERNEL
    found = look(observation)
    assert not [one for problem in found.problems if (one := problem.cause).code.startswith("HOST-")]
