"""A default route that leads into the link of a pod, and those that do not."""

from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest

from calico_agent.model.finding import Status
from calico_agent.model.network.route import PROTOCOL_RA, NextHop, Route
from tests.checks.case import Case, check
from tests.checks.cluster import BIRD, BOOT, HEALTHY, also, routed, via

DEFAULT, DEFAULT6 = "0.0.0.0/0", "::/0"
UPLINK = via(DEFAULT, "10.77.0.1", protocol=BOOT)
INTO_POD = via(DEFAULT, None, "cali1", BOOT)
ADVERTISED = Route(
    ip_network(DEFAULT6), next_hops=(NextHop(ip_address("fe80::1"), "cali1"),), protocol=PROTOCOL_RA, metric=1024
)
UPLINK6 = replace(ADVERTISED, next_hops=(NextHop(ip_address("fe80::77"), "eth0"),))
FOUND, FOUND6 = {"RT-FOREIGN default": set[str]()}, {"RT-FOREIGN default (IPv6)": set[str]()}
CASES = {
    "it hides that of the host (projectcalico/calico#5017)": Case(
        routed(INTO_POD, replace(UPLINK, metric=100)),
        FOUND,
        says=(
            "the default route of this host leads into cali1, the link of a pod",
            "what this host and its pods send to other networks goes into that pod",
            "ip route del 0.0.0.0/0 dev cali1",
        ),
        status={"RoutesInPlace": Status.FALSE},
    ),
    "it is the only one": Case(routed(INTO_POD), FOUND),
    "a pod advertises itself as an IPv6 router": Case(
        also(HEALTHY, ADVERTISED),
        FOUND6,
        says=(
            "the default route of this host for IPv6 leads into cali1, the link of a pod",
            "the pod advertised itself as a router",
            "sysctl -w net.ipv6.conf.cali1.accept_ra=0; ip -6 route del ::/0 via fe80::1 dev cali1",
        ),
    ),
    "a pod advertises itself beside the router": Case(also(HEALTHY, UPLINK6, ADVERTISED), FOUND6),
    "the host prefers another one": Case(routed(UPLINK, replace(INTO_POD, metric=1024)), {}, status={}),
    "the router advertises itself": Case(also(HEALTHY, UPLINK6), {}, status={}),
    "a pod with a BGP session of its own": Case(routed(replace(INTO_POD, protocol=BIRD)), {}, status={}),
    "no default route": Case(routed(without=(DEFAULT,)), {}, status={}),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_default_route(case: Case) -> None:
    check(case)
