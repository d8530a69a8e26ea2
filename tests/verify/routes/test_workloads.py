"""Pods of this host whose route is gone."""

from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address, ip_interface

import pytest

from calico_agent.model.address import Link, LinkAddress
from calico_agent.model.container import ContainerState, Program
from calico_agent.model.finding import Status
from calico_agent.model.kernel import Kernel
from calico_agent.model.observation import Observation
from tests.verify.case import Case, check
from tests.verify.cluster import AT, BOOT, FELIX, HEALTHY, contained, routed, via

POD = "cali0123456789a"
VETH = Link(7, POD, "veth", addresses=(LinkAddress(ip_interface("fe80::1/64"), scope="link"),))
ROUTED = routed(via("192.168.1.7/32", None, POD, FELIX))


def linked(*links: Link, observation: Observation = HEALTHY, held: tuple[str, ...] = ("192.168.1.7",)) -> Observation:
    """A host with these links, and pods with these addresses."""
    assert isinstance(observation.kernel, Kernel)
    kernel = replace(observation.kernel, links=links)
    return replace(observation, kernel=kernel, held=frozenset(map(ip_address, held)))


CASES = {
    "a pod": Case(linked(VETH, observation=ROUTED), {}),
    "a pod with IPv6 alone": Case(linked(VETH, observation=routed(via("fd00:1::7/128", None, POD, BOOT))), {}),
    "its route is gone": Case(
        linked(VETH),
        {f"RT-WORKLOAD-MISSING {POD}": set()},
        says=(
            f"no route leads to {POD}, the link of a pod of this host",
            "Calico gave 192.168.1.7 to pods of this host, and no route leads there",
            f"-o wide | grep {POD}",
        ),
        status={"RoutesInPlace": Status.FALSE},
    ),
    "only a longer way round leads into it": Case(
        linked(VETH, observation=routed(via("fe80::/64", None, POD, BOOT))), {f"RT-WORKLOAD-MISSING {POD}": set()}
    ),
    "the routes of two pods are gone": Case(
        linked(VETH, replace(VETH, name="cali0123456789b")),
        {f"RT-WORKLOAD-MISSING {POD}": {"RT-WORKLOAD-MISSING cali0123456789b"}},
    ),
    "it leads elsewhere": Case(
        linked(VETH, observation=routed(via("192.168.1.7/32", "10.77.0.12", protocol=BOOT))),
        {"RT-SHADOWED 192.168.1.7/32": set(), f"RT-WORKLOAD-MISSING {POD}": set()},
    ),
    "because Felix does not run": Case(
        linked(VETH, observation=contained(programs=(Program("felix", pid=0),))),
        {"SV-FELIX felix": {f"RT-WORKLOAD-MISSING {POD}"}},
    ),
    "because calico/node does not run": Case(
        linked(VETH, observation=contained(state=ContainerState.EXITED, exit_code=0)),
        {"SV-EXITED calico-node": {f"RT-WORKLOAD-MISSING {POD}"}},
    ),
    "calico/node was started just now": Case(
        linked(VETH, observation=contained(started_at=AT - timedelta(seconds=5))), {}
    ),
    "it is switched off": Case(
        linked(replace(VETH, up=False, running=False)),
        {f"RT-WORKLOAD-MISSING {POD}": set()},
        says=("a pod of this host, which is switched off", f"ip link set {POD} up"),
    ),
    "the pod has switched off its own end": Case(
        linked(replace(VETH, running=False)),
        {f"RT-WORKLOAD-MISSING {POD}": set()},
        says=("whose other end in the pod is down",),
    ),
    "what a pod left behind that Calico knows no more": Case(linked(VETH, held=()), {}),
    "an address that leaked": Case(linked(VETH, observation=ROUTED, held=("192.168.1.7", "192.168.1.8")), {}),
    "what a pod left behind, and pods that are well": Case(
        linked(VETH, replace(VETH, name="cali1"), held=("192.168.1.5",)), {}
    ),
    "nobody asked who has which address": Case(replace(linked(VETH), held=None), {}),
    "the address of a tunnel device": Case(
        linked(VETH, Link(8, "tunl0", addresses=(LinkAddress(ip_interface("192.168.1.7/32")),))), {}
    ),
    "a bridge of that name": Case(linked(replace(VETH, kind="bridge")), {}),
    "a link of the host with such a name": Case(
        linked(replace(VETH, addresses=(LinkAddress(ip_interface("10.99.0.1/24")),))), {}
    ),
    "a link with another name": Case(linked(replace(VETH, name="veth0123456")), {}),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_the_pods_of_this_host(case: Case) -> None:
    check(case)
