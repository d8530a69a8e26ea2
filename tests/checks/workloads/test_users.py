"""Addresses with two users, and pods in blocks of a node that this host was."""

from dataclasses import replace
from ipaddress import ip_address, ip_interface

import pytest

from calico_agent.model.calico.node import Borrowed
from calico_agent.model.calico.workload_endpoint import WorkloadEndpoint, WorkloadEndpoints
from calico_agent.model.finding import Status
from calico_agent.model.network.address import Link, LinkAddress
from calico_agent.model.observation import Observation
from tests.checks.case import Case, check
from tests.checks.cluster import BIRD, BOOT, DATASTORE, HEALTHY, also, node, stored, via
from tests.checks.vxlan import VXLAN

POD3 = via("192.168.3.7/32", None, "cali9", BOOT)
GIVEN = {ip_address("192.168.3.7"): "host3"}
DEVICE = Link(9, "vxlan.calico", "vxlan", addresses=(LinkAddress(ip_interface("192.168.1.1/32")),))


def borrowed(address: str, name: str, owner: str = "host3") -> Observation:
    """host3's block lent an address."""
    lent = (Borrowed(ip_address(address), name),)
    blocks = (replace(one, borrowed=lent) if one.owner == owner else one for one in DATASTORE.blocks)
    return stored(blocks=tuple(blocks))


OURS = WorkloadEndpoint("/key", "host1", "cali9", (ip_address("192.168.3.7"),), "web-0")
GONE3 = tuple(one for one in DATASTORE.nodes if one.name != "host3")
CASES = {
    "a pod here with the address of this host's VXLAN device": Case(
        also(VXLAN, via("192.168.1.1/32", None, "cali9", BOOT), links=(DEVICE,)),
        {"RT-ADDRESS-TWICE 192.168.1.1": set()},
        says=(
            "192.168.1.1 has two users on this host: vxlan.calico of the host itself, and the pod on cali9",
            "the host keeps the pod's packets",
            "start the pod on cali9 anew",
        ),
        status={"RoutesInPlace": Status.FALSE},
    ),
    "a pod here with the tunnel address of another node": Case(
        also(VXLAN, via("192.168.2.1/32", None, "cali9", BOOT)),
        {"RT-ADDRESS-TWICE 192.168.2.1": {"RT-TUNNEL-ADDRESS 192.168.2.1"}},
        says=("192.168.2.1 has two users: the VXLAN device of node host2, and the pod on cali9 of this host",),
    ),
    "Calico gave the tunnel address of this host to a pod": Case(
        replace(VXLAN, given={ip_address("192.168.1.1"): "host1"}),
        {"RT-ADDRESS-TWICE 192.168.1.1": set()},
        says=("the VXLAN device of this host, and a pod of node host1", "docker restart calico-node"),
    ),
    "a pod here with an address that Calico gave to a pod of another node": Case(
        replace(also(HEALTHY, POD3), given=GIVEN),
        {"RT-ADDRESS-TWICE 192.168.3.7": set()},
        says=(
            "a pod of node host3, to which Calico gave it, and the pod on cali9 of this host",
            "start the pod on cali9 anew",
        ),
    ),
    "a pod here with an address of another node's block that Calico gave to nobody": Case(also(HEALTHY, POD3), {}),
    "a pod here with a borrowed address": Case(also(borrowed("192.168.3.7", "host1"), POD3), {}),
    "two other nodes with one address, as a third one sees it": Case(
        replace(also(HEALTHY, via("192.168.3.7/32", "10.77.0.12", protocol=BIRD)), given=GIVEN),
        {"RT-ADDRESS-TWICE 192.168.3.7": set()},
        says=(
            "a pod of node host3, to which Calico gave it, and one of node host2",
            "on host2: ip route show 192.168.3.7",
        ),
    ),
    "another node with an address of a pod of this host": Case(
        replace(
            also(HEALTHY, via("192.168.1.9/32", "10.77.0.12", protocol=BIRD)),
            given={ip_address("192.168.1.9"): "host1"},
        ),
        {"RT-ADDRESS-TWICE 192.168.1.9": set()},
        says=("a pod of this host, to which Calico gave it, and one of node host2",),
    ),
    "an address that its own node advertises alone": Case(
        replace(also(HEALTHY, via("192.168.3.7/32", "10.77.0.13", protocol=BIRD)), given=GIVEN), {}
    ),
    "pods here in blocks of the node that this host was, whose record is deleted": Case(
        also(stored(nodes=GONE3), POD3),
        {"RT-WORKLOAD-ELSEWHERE host3": set(), "BGP-STALE-SESSION 10.77.0.13": set()},
        says=(
            "1 pod of this host has an address of node host3, and calico/node runs here as host1: 192.168.3.7",
            "NODENAME=host3",
        ),
        status={"RoutesInPlace": Status.FALSE},
    ),
    "a pod here in a block of such a node, whose record says that it is of this one": Case(
        replace(also(stored(nodes=GONE3), POD3), pods=WorkloadEndpoints(frozenset(("host1", "host3")), (OURS,))),
        {"BGP-STALE-SESSION 10.77.0.13": set(), "NODE-NO-RECORD host3": set()},
    ),
    "pods here in blocks of another name that is registered with an address of this host": Case(
        also(stored(nodes=(*GONE3, node("host3", "10.77.0.11/24"))), POD3),
        {
            "IP-CONFLICT host1": set(),
            "RT-WORKLOAD-ELSEWHERE host3": set(),
            "BGP-STALE-SESSION 10.77.0.13": set(),
        },
    ),
    "blocks of a node without a record, and no pod of them here": Case(
        stored(nodes=GONE3), {"BGP-STALE-SESSION 10.77.0.13": set(), "NODE-NO-RECORD host3": set()}
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_whose_an_address_is(case: Case) -> None:
    check(case)
