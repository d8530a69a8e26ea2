"""What BIRD's blackholes on service addresses do."""

from dataclasses import replace
from ipaddress import ip_interface, ip_network

import pytest

from calico_agent.model.calico.node import BgpSettings
from calico_agent.model.network.address import Link, LinkAddress
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.network.route import Route
from calico_agent.model.observation import Observation
from tests.checks.case import Case, check
from tests.checks.cluster import STATIC, drop, routed, stored, via

RANGE = "10.43.0.0/16"
ADVERTISED = BgpSettings(services=(ip_network(RANGE), ip_network("fd00:43::/112")))


def advertised(*routes: Route) -> Observation:
    return stored(routed(*routes), bgp=ADVERTISED)


def with_ipvs(observation: Observation) -> Observation:
    kernel = observation.kernel
    assert isinstance(kernel, Kernel)
    held = (LinkAddress(ip_interface("10.43.0.1/32")),)
    return replace(observation, kernel=replace(kernel, links=(Link(2, "eth0"), Link(5, "kube-ipvs0", addresses=held))))


CASES = {
    "a blackhole on the services": Case(
        advertised(drop(RANGE)),
        {f"RT-SERVICES {RANGE}": set()},
        says=(
            "BIRD drops what this host itself sends to 10.43.0.0/16, the service addresses that BGPConfiguration",
            "programs of this host",
            """calicoctl patch bgpconfiguration default --patch '{"spec":{"serviceClusterIPs":[]}}""",
        ),
        status={},
    ),
    "one on a single external address": Case(
        stored(routed(drop("203.0.113.7/32")), bgp=BgpSettings(services=(ip_network("203.0.113.7/32"),))),
        {"RT-SERVICES 203.0.113.7/32": set()},
        says=("take 203.0.113.7/32 out of serviceExternalIPs or serviceLoadBalancerIPs",),
    ),
    "one of IPv6": Case(advertised(drop("fd00:43::/112")), {"RT-SERVICES fd00:43::/112": set()}),
    "one of which nobody tells": Case(
        routed(drop(RANGE)),
        {f"RT-SERVICES {RANGE}": set()},
        says=("which is in no pool", "grep -rn 10.43.0.0/16 /etc/calico/confd/config"),
    ),
    "kube-proxy with ipvs: the host has the addresses": Case(with_ipvs(advertised(drop(RANGE))), {}, status={}),
    "a blackhole of somebody else": Case(advertised(drop(RANGE, protocol=STATIC)), {}),
    "a route of BIRD's that leads on": Case(advertised(via(RANGE, "10.77.0.1")), {}),
    "what is left of a block of a pool that is gone": Case(routed(drop("10.65.0.0/26")), {}),
    "a service without a blackhole": Case(advertised(), {}, status={}),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_services(case: Case) -> None:
    check(case)
