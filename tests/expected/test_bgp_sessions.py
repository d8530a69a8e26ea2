"""How routes come to this host, and what is certain of their next hops."""

from dataclasses import replace
from ipaddress import ip_address

import pytest

from calico_agent.expected.bgp_sessions import FamilyPlan, bgp_plan
from calico_agent.expected.cluster import index
from calico_agent.model.calico.bgp_peer import Peering
from calico_agent.model.calico.node import BgpSettings, Datastore, Node
from calico_agent.model.calico.selector import Comparison, Everything, Has, Not, Operator
from calico_agent.model.last_value_cache import Caches
from calico_agent.model.network.address import Family
from tests.checks.cluster import v4
from tests.expected.test_bgp_peers import REFLECT, labelled, reflecting

HERE, OWNER, SECOND = (Node(name, ipv4=v4(f"10.0.0.{n}/24")) for n, name in enumerate(("here", "owner", "second"), 1))
TOP, LEFT, RIGHT = (
    Node(name, ipv4=v4(f"10.0.1.{n}/24"), route_reflector_cluster_id=f"1.0.0.{n}")
    for n, name in enumerate(("top", "left", "right"), 1)
)
REFLECTOR = reflecting(Node("reflector", ipv4=v4("10.0.1.9/24")))
ROUTER = Peering("router", ip_address("10.0.0.254"), as_number=65001)
NODES = (HERE, OWNER, SECOND, REFLECTOR)


def plan(*peerings: Peering, nodes: tuple[Node, ...] = NODES, mesh: bool = False) -> FamilyPlan:
    bgp = BgpSettings(mesh=mesh, peers=tuple(one.name for one in peerings), peerings=peerings)
    cluster = index(Datastore(nodes=nodes, bgp=bgp))
    return bgp_plan(cluster, "here", cluster.nodes["here"], {})[Family.IPV4]


def test_in_the_mesh_every_node_is_reached() -> None:
    assert plan(nodes=NODES[:3], mesh=True).reached == {"owner", "second"}


def test_a_reflector_brings_the_routes_of_its_clients() -> None:
    found = plan(REFLECT)
    assert found.reached == {"owner", "second", "reflector"}
    assert found.peers == {"reflector"}
    assert dict(found.reflectors) == {ip_address("10.0.1.9"): "reflector"}
    assert (found.steady, found.closed) == (True, True)


def test_reflectors_bring_the_routes_of_each_others_clients() -> None:
    def tier(low: str, high: str) -> Peering:
        return Peering(f"{low}-{high}", nodes=Comparison("at", Operator.EQUAL, low), peers=Has(high))

    nodes = (
        labelled(HERE, at="left"),
        labelled(OWNER, at="right"),
        labelled(TOP, top=""),
        labelled(LEFT, left="", at="top"),
        labelled(RIGHT, right="", at="top"),
    )
    found = plan(tier("left", "left"), tier("right", "right"), tier("top", "top"), nodes=nodes)
    assert found.peers == {"left"}
    assert found.reached == {"left", "top", "right", "owner"}
    assert found.steady


def test_a_node_that_is_no_reflector_passes_on_nothing() -> None:
    between = Peering("a", node="here", peers=Has("middle")), Peering("b", node="owner", peers=Has("middle"))
    found = plan(*between, nodes=(HERE, OWNER, labelled(SECOND, middle="")))
    assert found.reached == {"second"}
    assert found.closed


@pytest.mark.parametrize(
    ("peering", "steady", "closed"),
    [
        pytest.param(ROUTER, True, False, id="a router of another AS: its routes lose against the nodes' own"),
        pytest.param(replace(ROUTER, as_number=64512), False, False, id="a router of this AS may be as good"),
        pytest.param(replace(ROUTER, as_number=None), False, False, id="a router of nobody knows which AS"),
        pytest.param(replace(ROUTER, local_as=65001), False, False, id="a router for which this host is of its AS"),
        pytest.param(replace(ROUTER, node="reflector", as_number=64512), False, False, id="behind the reflector too"),
        pytest.param(replace(ROUTER, node="second", as_number=64512), True, False, id="behind another node it stays"),
        pytest.param(replace(ROUTER, filters=("f",)), True, False, id="what a router of another AS filters is all one"),
        pytest.param(
            Peering("p", node="here", peers=Has("reflector"), next_hop_self=True),
            False,
            True,
            id="a next hop of the reflector",
        ),
        pytest.param(
            Peering("p", node="here", peers=Has("reflector"), local_as=65009), False, True, id="as another AS"
        ),
        pytest.param(Peering("p", ip_address("fd00::fe")), True, True, id="a router of the other family"),
    ],
)
def test_what_else_may_send_a_route(peering: Peering, *, steady: bool, closed: bool) -> None:
    found = plan(REFLECT, peering)
    assert (found.steady, found.closed) == (steady, closed)


def test_a_node_of_another_as_passes_on_what_it_has() -> None:
    found = plan(Peering("all", nodes=Everything(), peers=Everything()), nodes=(HERE, replace(OWNER, as_number=65001)))
    assert found.reached == {"owner"}
    assert not found.closed


def test_a_node_without_a_record_is_planned_for_by_its_addresses() -> None:
    peering = Peering("p", ip_address("10.0.0.254"), nodes=Not(Has("reflector")))
    cluster = index(Datastore(nodes=(OWNER,), bgp=BgpSettings(mesh=True, peers=("p",), peerings=(peering,))))
    registered = {Family.IPV4: v4("10.0.0.1/24"), Family.IPV6: None}
    found = bgp_plan(cluster, "here", None, registered)
    assert found[Family.IPV4].required == {ip_address("10.0.0.2"), ip_address("10.0.0.254")}
    assert found[Family.IPV6] == FamilyPlan()


def test_it_is_made_once_for_the_same_records() -> None:
    one, other = (index(Datastore(nodes=tuple(NODES), bgp=BgpSettings(), cluster_guid=guid)) for guid in ("a", "b"))
    assert one is not other
    with Caches().in_use():
        assert bgp_plan(one, "here", HERE, {}) is bgp_plan(other, "here", HERE, {})
