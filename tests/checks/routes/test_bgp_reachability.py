"""Routes that no session can bring."""

from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address

import pytest

from calico_agent.model.calico.bad_key import ResourceKind
from calico_agent.model.calico.bgp_peer import Peering
from calico_agent.model.calico.bird import PeerKind
from calico_agent.model.calico.node import BgpSettings, EncapsulationMode
from calico_agent.model.calico.selector import Has, Not
from calico_agent.model.finding import Status
from calico_agent.model.observation import Observation
from tests.bad_keys import bad_record
from tests.checks.case import Case, check
from tests.checks.cluster import AT, DATASTORE, POOL, block, claim, contained, node, peered, routed, session, stored

HOST1, HOST2, HOST3 = DATASTORE.nodes
TO2, TO3 = "192.168.2.0/26", "192.168.3.0/26"
REFLECT = Peering("reflect", peers=Has("reflector"), nodes=Not(Has("reflector")))
ELSEWHERE = Peering("elsewhere", ip_address("10.77.0.13"), node="host2")
ROUTER = Peering("router", ip_address("10.77.0.1"), as_number=65001, node="host2")
REFLECTOR = replace(HOST2, route_reflector_cluster_id="1.0.0.1", labels=(("reflector", ""),))
UP = session("10.77.0.12", kind=PeerKind.NODE)
DOWN = session("10.77.0.12", "Active", "Socket: Connection refused", PeerKind.NODE)
SECOND = session("10.77.0.14", "Active", "Socket: No route to host", PeerKind.NODE)


def lost(*without: str, peers: Observation, **changes: object) -> Observation:
    """Nothing leads to these prefixes."""
    return stored(replace(peers, kernel=routed(without=without).kernel), **changes)


def settings(*peerings: Peering, mesh: bool = False) -> BgpSettings:
    return BgpSettings(mesh=mesh, peers=tuple(one.name for one in peerings), peerings=peerings)


RACK = (HOST1, REFLECTOR, HOST3)
TWO = (HOST1, REFLECTOR, HOST3, replace(node("host4"), route_reflector_cluster_id="1.0.0.1", labels=REFLECTOR.labels))
MISSING = {f"RT-MISSING {TO2}", f"RT-MISSING {TO3}"}
CASES = {
    "the BGPPeers are between others": Case(
        lost(TO2, TO3, peers=peered(), bgp=settings(ELSEWHERE)),
        {"BGP-ISOLATED host1": MISSING},
        says=(
            "neither the mesh nor a BGPPeer gives it one",
            "the node-to-node mesh is off; none of 1 BGPPeer (elsewhere) is for this host",
        ),
        status={"BGPEstablished": Status.FALSE, "RoutesInPlace": Status.FALSE},
    ),
    "a route reflector without a BGPPeer": Case(
        lost(
            TO2,
            TO3,
            peers=peered(),
            nodes=(replace(HOST1, route_reflector_cluster_id="1.0.0.1"), HOST2, HOST3),
            bgp=settings(mesh=True),
        ),
        {"BGP-ISOLATED host1": MISSING},
        says=("route reflectors such as host1 take no part in the mesh; no BGPPeer is for this host",),
    ),
    "somebody wrote the routes by hand": Case(stored(peered(), bgp=settings(ELSEWHERE)), {}, status={}),
    "Felix brings the routes, and BIRD is not needed for them": Case(
        lost(TO2, TO3, peers=peered(), bgp=settings(ELSEWHERE), pools=(replace(POOL, vxlan=EncapsulationMode.ALWAYS),)),
        {f"RT-MISSING {TO2}": set(), f"RT-MISSING {TO3}": set()},
    ),
    "what a BGPPeer that cannot be read asks for is not known": Case(
        lost(
            TO2,
            TO3,
            peers=peered(),
            bgp=settings(ELSEWHERE),
            bad_keys=(bad_record(ResourceKind.BGP_PEER, "x"),),
        ),
        {
            f"RT-MISSING {TO2}": set(),
            f"RT-MISSING {TO3}": set(),
            "DS-BAD-KEY key-of-x": set(),
        },
    ),
    "a node that has no session with the reflector": Case(
        lost(TO3, peers=peered(UP), nodes=RACK, bgp=settings(replace(REFLECT, nodes=None, node="host1"))),
        {"BGP-NO-PATH host3": {f"RT-MISSING {TO3}"}},
        says=("none of 1 BGPPeer (reflect) joins host3 with this host or a reflector (host2)",),
        status={"RoutesInPlace": Status.FALSE},
    ),
    "a reflector outside the mesh, with which this host has no session": Case(
        lost(TO2, peers=peered(session("10.77.0.13")), nodes=RACK, bgp=settings(mesh=True)),
        {"BGP-NO-PATH host2": {f"RT-MISSING {TO2}"}},
        says=("route reflectors such as host2 take no part in the mesh; no BGPPeer joins host2",),
    ),
    "a router may bring them, whoever has the session with it": Case(
        lost(TO3, peers=peered(UP), nodes=RACK, bgp=settings(replace(REFLECT, nodes=None, node="host1"), ROUTER)),
        {f"RT-MISSING {TO3}": set()},
    ),
    "nodes of another AS may bring them": Case(
        lost(
            TO3,
            peers=peered(UP),
            nodes=(*RACK, replace(node("host5"), as_number=65005)),
            bgp=settings(replace(REFLECT, nodes=None, node="host1")),
        ),
        {f"RT-MISSING {TO3}": set()},
    ),
    "the only reflector is down": Case(
        lost(TO2, TO3, peers=peered(DOWN), nodes=RACK, bgp=settings(REFLECT)),
        {"BGP-DOWN host2": {"BGP-NO-REFLECTOR host2", *MISSING}},
        says=(
            "no session with a route reflector is established: host2",
            "the routes of 1 node come through them alone",
        ),
        status={"BGPEstablished": Status.FALSE, "RoutesInPlace": Status.FALSE},
    ),
    "both reflectors are down": Case(
        lost(TO3, peers=peered(DOWN, SECOND), nodes=TWO, bgp=settings(REFLECT)),
        {"BGP-DOWN host2": {"BGP-NO-REFLECTOR host2", f"RT-MISSING {TO3}"}, "BGP-DOWN host4": set()},
        says=("no session with a route reflector is established: host2 and host4",),
    ),
    "one of two reflectors is down, and the other does not pass on a route": Case(
        lost(TO3, peers=peered(UP, SECOND), nodes=TWO, bgp=settings(REFLECT)),
        {"BGP-DOWN host4": set(), f"RT-MISSING {TO3}": set()},
    ),
    "calico/node was started just now": Case(
        replace(
            lost(TO3, peers=peered(DOWN), nodes=RACK, bgp=settings(REFLECT)),
            docker=contained(started_at=AT - timedelta(seconds=3)).docker,
        ),
        {f"RT-MISSING {TO3}": set()},
    ),
    "many nodes without a path are one problem": Case(
        lost(
            TO3,
            peers=peered(UP),
            nodes=(*RACK, *(node(f"host{n}") for n in (5, 6, 7))),
            blocks=(*DATASTORE.blocks, *(block(f"host{n}", f"192.168.{n}.0/26") for n in (5, 6, 7))),
            affinities=(*DATASTORE.affinities, *(claim(f"host{n}", f"192.168.{n}.0/26") for n in (5, 6, 7))),
            bgp=settings(replace(REFLECT, nodes=None, node="host1")),
        ),
        {
            "BGP-NO-PATH host3": {
                f"RT-MISSING {TO3}",
                *(f"BGP-NO-PATH host{n}" for n in (5, 6, 7)),
                *(f"RT-MISSING 192.168.{n}.0/26" for n in (5, 6, 7)),
            }
        },
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_paths(case: Case) -> None:
    check(case)


def test_without_bird_by_choice_nothing_is_said_of_sessions() -> None:
    observation = lost(TO2, TO3, peers=peered(), bgp=settings(ELSEWHERE))
    check(Case(contained(observation, env=(("CALICO_NETWORKING_BACKEND", "none"),))))
