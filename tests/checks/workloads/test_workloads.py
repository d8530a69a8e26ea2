"""Pods of this host whose route is gone."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address, ip_interface

import pytest

from calico_agent.model.calico.workload_endpoint import WorkloadEndpoint, WorkloadEndpoints
from calico_agent.model.container.container import ContainerState
from calico_agent.model.container.program import Program
from calico_agent.model.finding import Status
from calico_agent.model.network.address import Link, LinkAddress
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.observation import Observation, Unreadable
from tests.checks.case import Case, check
from tests.checks.cluster import AT, BOOT, DATASTORE, FELIX, HEALTHY, NAMES, contained, findings_of, routed, stored, via

POD = "cali0123456789a"
VETH = Link(7, POD, "veth", addresses=(LinkAddress(ip_interface("fe80::1/64"), scope="link"),))
ROUTED = routed(via("192.168.1.7/32", None, POD, FELIX))


def linked(*links: Link, observation: Observation = HEALTHY, held: tuple[str, ...] = ("192.168.1.7",)) -> Observation:
    """A host with these links, and pods with these addresses."""
    assert isinstance(observation.kernel, Kernel)
    kernel = replace(observation.kernel, links=links)
    return replace(observation, kernel=kernel, held=frozenset(map(ip_address, held)))


def record(link: str = POD, node: str = "host1", address: str = "192.168.1.7") -> WorkloadEndpoint:
    """A pod's record."""
    name, addresses = f"{node}-{link}", (ip_address(address),)
    return WorkloadEndpoint(f"key-of-{name}", node, link, addresses, f"default/{link}", "default", name)


def recorded(observation: Observation, *records: WorkloadEndpoint, about: Iterable[int] = (7, 8)) -> Observation:
    """A host whose pods have these records, read when the links with these indexes were there."""
    return replace(observation, pods=WorkloadEndpoints(frozenset(NAMES), records, frozenset(about)))


OTHER = replace(VETH, index=8, name="cali0123456789b")
KNOWN = record("cali1", address="192.168.1.5")
CALI1 = replace(VETH, index=3, name="cali1")
BOTH = (ip_address("192.168.1.7"), ip_address("fd00:1::7"))
HALF_ROUTED = routed(via("fd00:1::7/128", None, POD, FELIX))


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
    "a pod with a record, whose route is gone": Case(
        recorded(linked(VETH, held=()), record()),
        {f"RT-WORKLOAD-MISSING {POD}": set()},
        says=(f"default/{POD} is recorded with 192.168.1.7, and no route leads there",),
    ),
    "a pod of two addresses, one of which has a route": Case(
        recorded(linked(VETH, observation=HALF_ROUTED), replace(record(), addresses=BOTH), about=()),
        {f"RT-WORKLOAD-MISSING {POD}": set()},
        says=(f"no route leads to 192.168.1.7 behind {POD}, the link of a pod of this host",),
        status={"RoutesInPlace": Status.FALSE},
    ),
    "a pod of two addresses, one of which IPAM has given back": Case(
        recorded(linked(VETH, observation=HALF_ROUTED, held=()), replace(record(), addresses=BOTH), about=()), {}
    ),
    "pods whose records went with the node's": Case(
        recorded(linked(VETH, OTHER, held=())),
        {f"RT-WORKLOAD-UNKNOWN {POD}": {"RT-WORKLOAD-UNKNOWN cali0123456789b"}},
        says=(
            "2 pods of this host are unknown to Calico (their records went with the node's)",
            f"{POD} and cali0123456789b",
            "start these pods anew",
        ),
        status={"RoutesInPlace": Status.FALSE},
    ),
    "pods whose records went with the node's, seen with the record deleted for good": Case(
        stored(recorded(linked(VETH, held=())), nodes=DATASTORE.nodes[1:]),
        {"NODE-NO-RECORD host1": {f"RT-WORKLOAD-UNKNOWN {POD}"}},
    ),
    "one of several pods that has no record": Case(
        recorded(linked(CALI1, VETH, held=()), KNOWN),
        {f"RT-WORKLOAD-UNKNOWN {POD}": set()},
        says=(f"1 pod of this host is unknown to Calico: {POD}",),
        status={},
    ),
    "a pod without a record that has a route": Case(recorded(linked(VETH, observation=ROUTED), KNOWN), {}),
    "a pod that came after the records were read": Case(recorded(linked(VETH, held=()), about=[6]), {}),
    "what is left of a link has no carrier": Case(recorded(linked(replace(VETH, running=False), held=())), {}),
    "records that cannot be read": Case(
        replace(linked(VETH, held=()), pods=Unreadable("etcd", "permission denied", "denied")), {}
    ),
    "records that cannot be read, and a route that is gone": Case(
        replace(linked(VETH), pods=Unreadable("etcd", "permission denied", "denied")),
        {f"RT-WORKLOAD-MISSING {POD}": set()},
    ),
    "pods recorded for this host without a link": Case(
        recorded(linked(held=("192.168.1.7", "192.168.1.8")), record(), record("cali8", address="192.168.1.8")),
        {f"RT-WORKLOAD-GONE {POD}": {"RT-WORKLOAD-GONE cali8"}},
        says=(
            f"2 pods recorded for this host have no link: default/{POD} and default/cali8",
            "calicoctl ipam release --ip=192.168.1.8",
            "calicoctl delete workloadendpoint host1-cali8 --namespace=default",
        ),
        status={},
    ),
    "a pod of Calico 2.x recorded for this host without a link": Case(
        recorded(
            linked(), replace(record(), key="/calico/v1/host/host1/workload/k8s/w/endpoint/eth0", namespace="", name="")
        ),
        {f"RT-WORKLOAD-GONE {POD}": set()},
        says=("ETCDCTL_API=2 etcdctl rm /calico/v1/host/host1/workload/k8s/w/endpoint/eth0",),
    ),
    "a record that outlived its pod by a moment: its address is free already": Case(
        recorded(linked(held=()), record()), {}
    ),
    "a record of another node's pod": Case(recorded(linked(), record(node="host2")), {}),
    "an address that leaked has no record": Case(recorded(linked(CALI1), KNOWN), {}),
    "a pod that is recorded for the name this host had before": Case(
        recorded(linked(VETH, held=()), record(node="old-name")),
        {f"RT-WORKLOAD-ELSEWHERE {POD}": set()},
        says=(
            "1 pod of this host is recorded for node old-name, and calico/node runs here as host1",
            "NODENAME=old-name",
        ),
        status={"RoutesInPlace": Status.FALSE},
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_the_pods_of_this_host(case: Case) -> None:
    check(case)


def test_a_link_that_was_made_anew_is_another_thing() -> None:
    first, second = (findings_of(linked(replace(VETH, index=index)))[0] for index in (7, 9))
    assert (first.code, first.subject) == (second.code, second.subject)
    assert first.key != second.key
