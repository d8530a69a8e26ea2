"""A host that has its routes from a router: what stands for the routes to single blocks."""

from dataclasses import replace
from ipaddress import ip_address

import pytest

from calico_agent.model.assessment import RouteCounts
from calico_agent.model.calico.bgp_peer import Peering
from calico_agent.model.calico.bird import PeerKind, Session
from calico_agent.model.calico.node import BgpSettings, Borrowed, EncapsulationMode
from calico_agent.model.network.route import Route
from calico_agent.model.observation import Observation
from tests.checks.case import Case, check
from tests.checks.cluster import (
    BIRD4,
    BOOT,
    POOL,
    block,
    drop,
    look,
    node,
    routed,
    session,
    stored,
    via,
)
from tests.checks.routes.test_rows import rows
from tests.checks.routes.test_trace import traced

TO2, TO3 = "192.168.2.0/26", "192.168.3.0/26"
ROUTER = Peering("tor", ip_address("10.77.0.1"), as_number=65001)
TO_ROUTER = session("10.77.0.1", kind=PeerKind.GLOBAL)


def behind_a_router(*routes: Route, to_router: Session = TO_ROUTER, mesh: bool = False) -> Observation:
    """A host without routes to single blocks but those given; its default route leads to the router."""
    kept = [one for one in (TO2, TO3) if one not in {str(route.prefix) for route in routes}]
    host = routed(*routes, without=kept)
    seen = (to_router, *BIRD4.sessions) if mesh else (to_router,)
    settings = BgpSettings(mesh=mesh, peers=("tor",), peerings=(ROUTER,))
    return stored(replace(host, bird=replace(BIRD4, sessions=seen)), bgp=settings)


def default(gateway: str, protocol: int = BOOT) -> Route:
    return via("0.0.0.0/0", gateway, protocol=protocol)


SEVERAL_AS = (node("host1"), replace(node("host2"), as_number=65002), replace(node("host3"), as_number=65003))
NEITHER = {f"RT-MISSING {TO2}": set[str](), f"RT-MISSING {TO3}": set[str]()}
BORROWED = (block("host1"), replace(block("host2"), borrowed=(Borrowed(ip_address("192.168.2.9"), "host3"),)))
CASES = {
    "one route for all of them": Case(behind_a_router(via("192.168.0.0/16", "10.77.0.1"), default("10.77.0.254")), {}),
    "one for some of them": Case(
        behind_a_router(via("192.168.2.0/24", "10.77.0.1"), default("10.77.0.254")), {f"RT-MISSING {TO3}": set()}
    ),
    "one that drops": Case(behind_a_router(drop("192.168.0.0/16")), NEITHER, says=("dropped without a word",)),
    "one that is not BIRD's": Case(
        behind_a_router(via("192.168.0.0/17", "10.77.0.254", protocol=BOOT)),
        {**NEITHER, "RT-FOREIGN 192.168.0.0/17": set()},
    ),
    "a default route from the router": Case(behind_a_router(default("10.77.0.254", protocol=12)), {}),
    "a default route of the host's own, to the router": Case(behind_a_router(), {}),
    "a default route to somewhere else": Case(behind_a_router(default("10.77.0.254")), NEITHER),
    "a router that tells of single blocks has lost one": Case(
        behind_a_router(via(TO2, "10.77.0.1")), {f"RT-MISSING {TO3}": set()}
    ),
    "the session with the router is down": Case(
        behind_a_router(to_router=session("10.77.0.1", "Connect", kind=PeerKind.GLOBAL)),
        {"BGP-DOWN 10.77.0.1": {"BGP-NO-REFLECTOR host1", *NEITHER}},
    ),
    "beside the mesh, which brings the nodes' own": Case(
        behind_a_router(via("192.168.0.0/16", "10.77.0.1"), mesh=True), NEITHER
    ),
    "nor beside the mesh among nodes of several ASs": Case(
        stored(behind_a_router(via("192.168.0.0/16", "10.77.0.1"), mesh=True), nodes=SEVERAL_AS), NEITHER
    ),
    "with IPIP it would go out without its tunnel": Case(
        stored(
            behind_a_router(via("192.168.0.0/16", "10.77.0.1")),
            pools=(replace(POOL, ipip=EncapsulationMode.ALWAYS),),
        ),
        NEITHER,
    ),
    "a borrowed address comes with its block": Case(stored(behind_a_router(), blocks=(*BORROWED, block("host3"))), {}),
    "a borrowed address of a block that has a route": Case(
        stored(behind_a_router(via(TO2, "10.77.0.1"), via(TO3, "10.77.0.1")), blocks=(*BORROWED, block("host3"))),
        {"RT-BORROWED-MISSING 192.168.2.9/32": set()},
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_what_routers_bring(case: Case) -> None:
    check(case)


def test_a_route_that_stands_for_others_counts_as_theirs() -> None:
    assert look(behind_a_router()).routes == RouteCounts(expected=2, present=2)


def test_it_is_shown_in_their_place() -> None:
    found = rows(behind_a_router(via("192.168.0.0/16", "10.77.0.1")))
    assert found[TO2] == ("host2 default right -: via 10.77.0.12 / 192.168.0.0/16 via 10.77.0.1 dev eth0 proto bird")


@pytest.mark.parametrize(
    ("host", "right", "says"),
    [
        pytest.param(behind_a_router(), True, "goes to the routers: packets leave via 10.77.0.1", id="right"),
        pytest.param(behind_a_router(default("10.77.0.254")), False, "(RT-MISSING)", id="elsewhere"),
        pytest.param(behind_a_router(via(TO2, "10.77.0.1")), True, "goes to node host2", id="a route of its own"),
    ],
)
def test_a_packet_that_takes_it_goes_to_the_routers(host: Observation, right: bool, says: str) -> None:
    found = traced("192.168.2.7", host)
    assert found.right is right
    assert says in found.verdict
