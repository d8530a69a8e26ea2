"""Routers between nodes that nobody tells of the pods' networks."""

from dataclasses import replace
from ipaddress import ip_interface

import pytest

from calico_agent.model.calico.bird import Session
from calico_agent.model.calico.node import EncapsulationMode
from calico_agent.model.observation import Observation
from tests.checks.bgp.test_bird_daemon import TO_TOR, TOR, settings
from tests.checks.case import Case, check
from tests.checks.cluster import BLOCKS, DATASTORE, HEALTHY, POOL, SESSIONS, peered, routed, session, stored, via


def behind(*names: str, also: tuple[Session, ...] = ()) -> Observation:
    """Some nodes are in networks of their own behind the default gateway."""
    nodes = {node.name: node for node in DATASTORE.nodes}
    nodes |= {name: replace(nodes[name], ipv4=ip_interface(f"10.78.{name[-1]}.1/24")) for name in names}
    near = {
        str(one.peer): one for one in SESSIONS if one.peer in {node.ipv4.ip for node in nodes.values() if node.ipv4}
    }
    far = (session(f"10.78.{name[-1]}.1") for name in names)
    routes = (via(str(BLOCKS[name]), "10.77.0.1") for name in names)
    host = peered(*near.values(), *far, *also, observation=routed(*routes, via("0.0.0.0/0", "10.77.0.1")))
    return stored(host, nodes=tuple(nodes.values()))


CASES = {
    "pods of one node (projectcalico/calico#3626)": Case(
        behind("host2"),
        {"RT-ROUTER 10.77.0.1": set()},
        says=("packets for pods of node host2 leave by the router 10.77.0.1 without a tunnel",),
        status={},
    ),
    "a router is told once, for all nodes behind it": Case(
        behind("host2", "host3"), {"RT-ROUTER 10.77.0.1": set()}, says=("for pods of 2 nodes (host2 and host3)",)
    ),
    "a router that is a peer is told of the pods": Case(
        stored(behind("host2", also=(TO_TOR,)), bgp=settings(TOR)),
        {},
    ),
    "a tunnel passes the router": Case(
        stored(behind("host2"), pools=(replace(POOL, ipip=EncapsulationMode.CROSS_SUBNET),)),
        {"RT-WRONG-DEVICE 192.168.2.0/26": set()},
    ),
    "the nodes of one network": Case(HEALTHY, {}),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_routers(case: Case) -> None:
    check(case)
