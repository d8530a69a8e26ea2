"""Right routes on a host that does not forward."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_interface, ip_network

import pytest

from calico_agent.model.finding import Status
from calico_agent.model.network.address import Family, Link, LinkAddress
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.observation import Observation
from tests.checks.case import Case, check
from tests.checks.cluster import AT, DATASTORE, HEALTHY, block, claim, contained, drop, routed, stored

BLOCK6 = "fd00:1::/122"
WITH_BLOCK6 = stored(
    routed(drop(BLOCK6)),
    blocks=(*DATASTORE.blocks, replace(block("host1"), cidr=ip_network(BLOCK6))),
    affinities=(*DATASTORE.affinities, claim("host1", BLOCK6)),
)
NO_BLOCK = stored(
    routed(without=["192.168.1.5/32"]),
    blocks=tuple(one for one in DATASTORE.blocks if one.owner != "host1"),
    affinities=tuple(one for one in DATASTORE.affinities if one.node != "host1"),
)


def forwarding(
    v4: Mapping[str, bool], v6: Mapping[str, bool] | None = None, observation: Observation = HEALTHY
) -> Observation:
    """A host whose eth0 has the registered address, with these settings."""
    assert isinstance(observation.kernel, Kernel)
    eth0 = Link(2, "eth0", addresses=(LinkAddress(ip_interface("10.77.0.11/24")),))
    forwards = {Family.IPV4: v4, Family.IPV6: v6 or {}}
    return replace(observation, kernel=replace(observation.kernel, links=(eth0,), ip_forward=forwards))


NOWHERE = {"all": False, "lo": False, "eth0": False, "cali1": False}
CASES = {
    "everywhere": Case(forwarding({"all": True, "eth0": True, "cali1": True}, {"all": True}), {}, status={}),
    "nowhere": Case(
        forwarding(NOWHERE),
        {"RT-NO-FORWARDING net.ipv4.ip_forward": set()},
        says=("this host forwards no IPv4 packets: net.ipv4.ip_forward is 0", "sysctl -w net.ipv4.ip_forward=1"),
        status={"RoutesInPlace": Status.FALSE},
    ),
    "not from the network": Case(
        forwarding({"all": True, "eth0": False, "cali1": True}),
        {"RT-NO-FORWARDING net/ipv4/conf/eth0/forwarding": set()},
        says=("this host forwards no IPv4 packets that come in by eth0",),
    ),
    "not from a link that no packet for a pod comes in by": Case(
        forwarding({"all": False, "eth0": True, "docker0": False}), {}
    ),
    "nowhere, while Felix is still starting": Case(
        contained(forwarding(NOWHERE), started_at=AT - timedelta(seconds=5)), {}
    ),
    "nowhere, and no pod can live here": Case(
        forwarding(NOWHERE, observation=NO_BLOCK), {"RT-STALE 192.168.1.0/26": set()}
    ),
    "no IPv6, of which there are no pods": Case(forwarding({"all": True, "eth0": True}, {"all": False}), {}),
    "no IPv6, of which there are pods": Case(
        forwarding({"all": True, "eth0": True}, {"all": False, "eth0": True}, WITH_BLOCK6),
        {"RT-NO-FORWARDING net.ipv6.conf.all.forwarding": set()},
    ),
    "nobody has read the settings": Case(forwarding({}), {}),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_host_that_does_not_forward(case: Case) -> None:
    check(case)
