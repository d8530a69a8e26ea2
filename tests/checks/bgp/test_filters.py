"""Routes that BGPFilters keep away from this host, host1. Where there is a route reflector, it is host2."""

from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest

from calico_agent.model.calico.bad_key import ResourceKind
from calico_agent.model.calico.bgp_filter import BgpFilter, FilterRule, Match
from calico_agent.model.calico.bgp_peer import Peering
from calico_agent.model.calico.bird import PeerKind, Session
from calico_agent.model.calico.node import BgpSettings
from calico_agent.model.calico.selector import Everything, Has, Not
from calico_agent.model.observation import Observation
from tests.bad_keys import bad_record
from tests.checks.case import Case, check
from tests.checks.cluster import BIRD4, DATASTORE, routed, session, stored, via

TO2, TO3 = "192.168.2.0/26", "192.168.3.0/26"
REJECT = FilterRule(accepts=False)
REJECT3 = FilterRule(accepts=False, match=Match.IN, cidr=ip_network(TO3))
ACCEPT3 = FilterRule(accepts=True, match=Match.IN, cidr=ip_network("192.168.3.0/24"))
PAIRS = Peering("pairs", peers=Everything(), nodes=Everything())
NO_3_IN = BgpFilter("no-3", import_v4=(REJECT3,))
NO_3_OUT = BgpFilter("no-3", export_v4=(REJECT3,))
REFLECTS = Peering("reflect", peers=Has("reflector"), nodes=Not(Has("reflector")))
REFLECTED = (
    DATASTORE.nodes[0],
    replace(DATASTORE.nodes[1], route_reflector_cluster_id="1.0.0.1", labels=(("reflector", ""),)),
    DATASTORE.nodes[2],
)
ROUTER = Peering("tor", ip_address("10.77.0.1"), as_number=65001)
TO_ROUTER = session("10.77.0.1", kind=PeerKind.GLOBAL)


def to_node(number: int) -> Session:
    return replace(session(f"10.77.0.1{number}"), kind=PeerKind.NODE)


def with_filters(
    *filters: BgpFilter, peerings: tuple[Peering, ...], sessions: tuple[Session, ...], mesh: bool = False
) -> Observation:
    """A host without a route to host3's block, but the sessions by which it should come."""
    settings = BgpSettings(mesh=mesh, peers=tuple(one.name for one in peerings), peerings=peerings, filters=filters)
    host = routed(via("0.0.0.0/0", "10.77.0.254"), without=[TO3])
    return stored(replace(host, bird=replace(BIRD4, sessions=sessions)), bgp=settings)


def between_all(*filters: BgpFilter, named: tuple[str, ...] = ("no-3",), mesh: bool = False) -> Observation:
    """Every node has a session with every other by one BGPPeer with filters, instead of the mesh."""
    return with_filters(
        *filters, peerings=(replace(PAIRS, filters=named),), sessions=(to_node(2), to_node(3)), mesh=mesh
    )


def reflected(*filters: BgpFilter, back: Peering | None = None) -> Observation:
    """A route reflector: its sessions with its clients are those of theirs, or by a BGPPeer of their own."""
    there = replace(REFLECTS, filters=("no-3",), mutual=back is None)
    found = with_filters(*filters, peerings=(there, *(() if back is None else (back,))), sessions=(to_node(2),))
    return stored(found, nodes=REFLECTED)


def behind_routers(*filters: BgpFilter) -> Observation:
    return with_filters(*filters, peerings=(replace(ROUTER, filters=("no-3",)),), sessions=(TO_ROUTER,))


FILTERED = {f"RT-FILTERED {TO3}": set[str]()}
MISSING = {f"RT-MISSING {TO3}": set[str]()}
FROM_REFLECTOR = Peering("back", nodes=Has("reflector"), peers=Not(Has("reflector")), filters=("back",), mutual=False)
CASES = {
    "on import here": Case(
        between_all(NO_3_IN),
        FILTERED,
        says=(
            "there is no route to 192.168.3.0/26, pods of node host3: BGPFilter no-3 of BGPPeer pairs rejects it",
            "rejects it on import here",
            "packets to it follow default via 10.77.0.254",
            "calicoctl get bgpfilter no-3 -o yaml: let it accept 192.168.3.0/26",
        ),
    ),
    "on export there": Case(
        between_all(NO_3_OUT), FILTERED, says=("BGPFilter no-3 of BGPPeer pairs rejects it on export by node host3",)
    ),
    "by a rule for everything": Case(between_all(BgpFilter("no-3", import_v4=(REJECT,))), FILTERED),
    "by the second filter": Case(between_all(BgpFilter("a"), NO_3_IN, named=("a", "no-3")), FILTERED),
    "one before it accepts the route": Case(
        between_all(BgpFilter("a", import_v4=(ACCEPT3,)), NO_3_IN, named=("a", "no-3")), MISSING
    ),
    "one before it may accept the route": Case(
        between_all(BgpFilter("no-3", import_v4=(replace(ACCEPT3, conditional=True), REJECT))), MISSING
    ),
    "a rule that may take the route": Case(
        between_all(BgpFilter("no-3", import_v4=(replace(REJECT, conditional=True),))), MISSING
    ),
    "a rule for routes of others, on export": Case(
        between_all(BgpFilter("no-3", export_v4=(replace(REJECT, remote=True),))), MISSING
    ),
    "a rule for the other family": Case(between_all(BgpFilter("no-3", import_v6=(REJECT,))), MISSING),
    "a filter that does not exist": Case(between_all(NO_3_IN, named=("other",)), MISSING),
    "beside the mesh, which has no filters": Case(between_all(NO_3_IN, mesh=True), MISSING),
    "filters that cannot be read": Case(
        stored(between_all(NO_3_IN), bad_keys=(bad_record(ResourceKind.BGP_FILTER, "x"),)),
        {**MISSING, "DS-BAD-KEY key-of-x": set()},
    ),
    "two BGPPeers for one session, of which one filters": Case(
        with_filters(
            NO_3_IN,
            peerings=(replace(PAIRS, filters=("no-3",)), replace(PAIRS, name="plain")),
            sessions=(to_node(2), to_node(3)),
        ),
        FILTERED,
        says=("rejects it on import here, if Calico takes that one and not plain for this session",),
    ),
    "from a route reflector, on import here": Case(reflected(NO_3_IN), FILTERED, says=("on import here",)),
    "on export to a route reflector": Case(reflected(NO_3_OUT), FILTERED, says=("on export by node host3",)),
    "on import by a route reflector": Case(
        reflected(BgpFilter("back", import_v4=(REJECT3,)), back=FROM_REFLECTOR),
        FILTERED,
        says=("BGPFilter back of BGPPeer back rejects it on import by node host2",),
    ),
    "on export by a route reflector": Case(
        reflected(BgpFilter("back", export_v4=(replace(REJECT, remote=True),)), back=FROM_REFLECTOR),
        FILTERED,
        says=("rejects it on export by node host2",),
    ),
    "from a router, on import here": Case(
        behind_routers(BgpFilter("no-3", import_v4=(REJECT3,))), FILTERED, says=("of BGPPeer tor rejects it on import",)
    ),
    "on export to all routers": Case(behind_routers(NO_3_OUT), FILTERED, says=("on export by node host3",)),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_what_filters_keep_away(case: Case) -> None:
    check(case)
