"""Whether anybody is cut off when BIRD or one of its sessions is not there."""

from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest

from calico_agent.expected.bgp_need import needs_bgp
from calico_agent.expected.view import view_of
from calico_agent.model.calico.bad_key import ResourceKind
from calico_agent.model.calico.bgp_peer import Peering
from calico_agent.model.calico.bird import PeerKind
from calico_agent.model.calico.felix import ClusterRoutes, FelixSettings
from calico_agent.model.calico.node import BgpSettings, Block, EncapsulationMode, Pool
from calico_agent.model.finding import Status
from calico_agent.model.network.address import Family
from calico_agent.model.observation import Unreadable
from calico_agent.model.settings import Mode
from tests.bad_keys import bad_record
from tests.checks.case import Case, check
from tests.checks.cluster import (
    IDENTITY,
    POOL,
    SESSIONS,
    contained,
    look,
    peered,
    routed,
    session,
    stored,
)
from tests.checks.vxlan import VXLAN

TO_HOST2, _TO_HOST3 = SESSIONS
DOWN = session("10.77.0.13", "Active", "Socket: Connection refused")
ALL_VXLAN = replace(POOL, vxlan=EncapsulationMode.ALWAYS)
CROSS = replace(POOL, vxlan=EncapsulationMode.CROSS_SUBNET)
PLAIN = Pool("plain", ip_network("10.65.0.0/16"))
IPIP = replace(PLAIN, ipip=EncapsulationMode.ALWAYS)
TOR = Peering("tor", ip_address("10.77.0.1"), as_number=65001)
TO_TOR = session("10.77.0.1", "Active", "Socket: Connection refused", PeerKind.GLOBAL)

CASES = {
    "VXLAN alone, the mesh off, no BGPPeers: nothing is wrong": Case(
        stored(peered(observation=VXLAN), bgp=BgpSettings(mesh=False)), {}, status={}
    ),
    "a pool without encapsulation beside it needs sessions": Case(
        stored(peered(observation=VXLAN), bgp=BgpSettings(mesh=False), pools=(ALL_VXLAN, PLAIN)),
        {"BGP-NO-PEERS default": set()},
        status={"BGPEstablished": Status.FALSE},
    ),
    "VXLAN alone, and a session of the mesh is down: nobody is cut off": Case(
        peered(TO_HOST2, DOWN, observation=VXLAN),
        {"BGP-DOWN host3": set()},
        says=("no route to pods depends on it: Felix writes them all here (VXLAN)",),
        status={},
    ),
    "VXLAN alone, and BIRD does not know a node": Case(
        peered(TO_HOST2, observation=VXLAN), {"BGP-NO-SESSION host3": set()}, status={}
    ),
    "VXLAN alone, and BIRD does not run": Case(
        replace(VXLAN, bird=Unreadable("BIRD", "no", "refused")),
        {"BIRD-DOWN BIRD": set()},
        status={"BGPEstablished": Status.UNKNOWN},
    ),
    "VXLAN alone, and a router that gets the routes by BGP": Case(
        stored(peered(*SESSIONS, TO_TOR, observation=VXLAN), bgp=BgpSettings(peers=("tor",), peerings=(TOR,))),
        {"BGP-DOWN 10.77.0.1": set()},
        status={"BGPEstablished": Status.FALSE},
    ),
    "VXLAN between subnets is Felix's everywhere": Case(
        stored(peered(TO_HOST2, DOWN, observation=VXLAN), pools=(ALL_VXLAN, replace(CROSS, name="x", cidr=PLAIN.cidr))),
        {"BGP-DOWN host3": set()},
        status={},
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_sessions_where_no_route_needs_them(case: Case) -> None:
    check(case)


GOBGP = contained(routed(without=["192.168.2.0/26", "192.168.3.0/26"]), env=(("CALICO_NETWORKING_BACKEND", "gobgp"),))
BLIND = replace(GOBGP, bird=Unreadable("BIRD", "there is no socket bird.ctl", "absent"))


def test_gobgp_is_said_to_be_not_judged_and_speaks_against_nothing() -> None:
    check(
        Case(
            BLIND,
            {},
            status={"BGPEstablished": Status.UNKNOWN, "RoutesInPlace": Status.UNKNOWN},
        )
    )
    said = {one.type.value: (one.reason, one.message) for one in look(BLIND).conditions}
    assert said["BGPEstablished"] == (
        "NotJudged",
        "GoBGP runs in BIRD's place (CALICO_NETWORKING_BACKEND=gobgp): its sessions cannot be judged",
    )
    assert said["RoutesInPlace"][0] == "NotJudged"


def test_a_bird_that_is_not_meant_to_run_is_not_unread() -> None:
    assert [one.source for one in BLIND.unreadable()] == ["BIRD"]
    assert BLIND.unreadable(without_bird=True) == ()


V4, V6 = Family.IPV4, Family.IPV6
POOL6 = Pool("six", ip_network("fd00:10::/48"), vxlan=EncapsulationMode.ALWAYS)
OFF = replace(PLAIN, disabled=True)
FELIX_PLAIN = FelixSettings(cluster_routes=ClusterRoutes.ENABLED)


@pytest.mark.parametrize(("pools", "changes", "families"), [
    pytest.param((ALL_VXLAN, POOL6), {}, (), id="VXLAN of both families"),
    pytest.param((POOL, POOL6), {}, (V4,), id="only IPv4 is plain"),
    pytest.param((ALL_VXLAN, replace(POOL6, vxlan=EncapsulationMode.NEVER)), {}, (V6,), id="only IPv6 is plain"),
    pytest.param((ALL_VXLAN,), {}, (V6,), id="no pool of a family: not known"),
    pytest.param((ALL_VXLAN, POOL6, IPIP), {}, (V4,), id="IPIP is BIRD's"),
    pytest.param((ALL_VXLAN, POOL6, OFF), {}, (), id="a disabled pool that gave nothing away"),
    pytest.param((ALL_VXLAN, POOL6, OFF), {"blocks": (Block(ip_network("10.65.0.0/26"), "host2"),)}, (V4,),
                 id="a disabled pool with a block"),
    pytest.param((ALL_VXLAN, POOL6), {"blocks": (Block(ip_network("10.66.0.0/26"), "host2"),)}, (V4,),
                 id="a block in no pool"),
    pytest.param((ALL_VXLAN, POOL6), {"bad_keys": (bad_record(ResourceKind.IP_POOL, "x"),)},
                 (V4, V6), id="a pool that cannot be read"),
    pytest.param((IPIP, PLAIN, POOL6), {"felix": FELIX_PLAIN}, (), id="Felix is told to write them"),
])  # fmt: skip
def test_which_families_have_routes_by_bgp(
    pools: tuple[Pool, ...], changes: dict[str, object], families: tuple[Family, ...]
) -> None:
    seen = stored(contained(), **{"pools": pools, "blocks": (), "affinities": (), **changes})
    view = view_of(seen, IDENTITY, mode=Mode.OBSERVE, container_name="calico-node")
    assert tuple(family for family in Family if needs_bgp(view, family)) == families


def test_without_the_records_a_session_is_needed() -> None:
    seen = replace(contained(), datastore=Unreadable("etcd", "no", "refused"))
    view = view_of(seen, IDENTITY, mode=Mode.OBSERVE, container_name="calico-node")
    assert needs_bgp(view, V4)
