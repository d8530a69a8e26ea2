"""Which sessions a node should have. The cases follow what confd wrote for the same resources (its own test data)."""

from dataclasses import replace
from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calico_agent.expected.bgp_peers import BgpPeerResolver
from calico_agent.model.calico.bgp_peer import Peering
from calico_agent.model.calico.node import BgpSettings, Node
from calico_agent.model.calico.selector import Comparison, Everything, Has, Not, Operator, Selector
from calico_agent.model.network.address import Family
from tests.checks.cluster import v4, v6

A, B, C = (Node(f"{name}", ipv4=v4(f"10.0.0.{n}/24"), ipv6=v6(f"fd00::{n}/64")) for n, name in enumerate("abc", 1))
ROUTER, ROUTER6 = ip_address("10.0.0.254"), ip_address("fd00::fe")


def labelled(node: Node, **labels: str) -> Node:
    return replace(node, labels=tuple(sorted(labels.items())))


def rack(name: str) -> Selector:
    return Comparison("rack", Operator.EQUAL, name)


def reflecting(node: Node, cluster_id: str = "1.0.0.1") -> Node:
    return replace(labelled(node, reflector="yes"), route_reflector_cluster_id=cluster_id)


def sessions(
    own: Node,
    *peerings: Peering,
    nodes: tuple[Node, ...] = (A, B, C),
    mesh: bool = False,
    family: Family = Family.IPV4,
    **settings: object,
) -> dict[str, str]:
    """Each peer's address with what asks for the session: the BGPPeer, or the mesh."""
    bgp = BgpSettings(mesh=mesh, peerings=peerings, **settings)  # type: ignore[arg-type]
    speakers = BgpPeerResolver(nodes, bgp)
    wanted = (*speakers.meshed(own, family).values(), *speakers.asked_for(own, family).values())
    return {str(one.address): (one.peering or "mesh") + ("" if one.certain else "?") for one in wanted}


BETWEEN_RACKS = Peering("racks", nodes=rack("1"), peers=rack("2"))
RACKS = (labelled(A, rack="1"), labelled(B, rack="2"), labelled(C, rack="2"))
REFLECT = Peering("reflect", nodes=Has("reflector"), peers=Not(Has("reflector")))


@pytest.mark.parametrize(
    ("own", "nodes", "expected"),
    [
        pytest.param(A, (A, B, C), {"10.0.0.2": "mesh", "10.0.0.3": "mesh"}, id="all others"),
        pytest.param(A, (A, replace(B, ipv4=None), C), {"10.0.0.3": "mesh"}, id="but those without an address"),
        pytest.param(A, (A, reflecting(B), C), {"10.0.0.3": "mesh"}, id="but reflectors"),
        pytest.param(reflecting(A), (reflecting(A), B, C), {}, id="a reflector has none"),
        pytest.param(A, (A, replace(B, ipv4=A.ipv4), C), {"10.0.0.3": "mesh"}, id="but itself, told by address"),
        pytest.param(replace(A, ipv4=None), (replace(A, ipv4=None), B, C), {}, id="without an address none"),
    ],
)
def test_the_mesh(own: Node, nodes: tuple[Node, ...], expected: dict[str, str]) -> None:
    assert sessions(own, nodes=nodes, mesh=True) == expected


@pytest.mark.parametrize(
    ("own", "peering", "expected"),
    [
        pytest.param(A, Peering("p", ROUTER), {"10.0.0.254": "p"}, id="a router of all nodes"),
        pytest.param(A, Peering("p", ROUTER, node="a"), {"10.0.0.254": "p"}, id="of this node"),
        pytest.param(A, Peering("p", ROUTER, node="b"), {}, id="of another node"),
        pytest.param(A, Peering("p", ROUTER, node="b", nodes=Everything()), {"10.0.0.254": "p"}, id="a selector wins"),
        pytest.param(A, Peering("p", ROUTER6), {}, id="a router of the other family"),
        pytest.param(A, Peering("p", ip_address("10.0.0.1")), {"10.0.0.2": "p", "10.0.0.3": "p"}, id="itself for all"),
        pytest.param(
            A, Peering("p", ip_address("10.0.0.1"), mutual=False), {}, id="itself for all, in one direction only"
        ),
        pytest.param(
            A, Peering("p", ip_address("10.0.0.1"), node="b"), {"10.0.0.2": "p"}, id="itself for one other node"
        ),
        pytest.param(A, Peering("p", ip_address("10.0.0.1"), node="gone"), {}, id="itself for a node that is gone"),
        pytest.param(
            A, Peering("p", ip_address("10.0.0.1"), as_number=65001), {}, id="its address with another AS is another's"
        ),
        pytest.param(
            A,
            Peering("p", ip_address("fd00::1")),
            {},
            id="itself by its address of the other family",
        ),
        pytest.param(A, Peering("p", peers=Everything()), {"10.0.0.2": "p", "10.0.0.3": "p"}, id="a mesh by selector"),
    ],
)
def test_by_name_and_address(own: Node, peering: Peering, expected: dict[str, str]) -> None:
    assert sessions(own, peering) == expected


@pytest.mark.parametrize(
    ("own", "family", "expected"),
    [
        pytest.param(0, 4, {"10.0.0.2": "racks", "10.0.0.3": "racks"}, id="those whom it is for"),
        pytest.param(1, 4, {"10.0.0.1": "racks"}, id="and its peers in the opposite direction"),
        pytest.param(2, 6, {"fd00::1": "racks"}, id="in both families"),
    ],
)
def test_by_labels(own: int, family: int, expected: dict[str, str]) -> None:
    assert sessions(RACKS[own], BETWEEN_RACKS, nodes=RACKS, family=Family(family)) == expected


def test_in_one_direction_only() -> None:
    assert sessions(RACKS[1], replace(BETWEEN_RACKS, mutual=False), nodes=RACKS) == {}


def test_a_reflector_and_its_clients() -> None:
    nodes = (reflecting(A), B, C)
    router = Peering("router", ROUTER, as_number=65001, nodes=Has("reflector"))
    assert sessions(nodes[0], REFLECT, router, nodes=nodes) == {
        "10.0.0.2": "reflect",
        "10.0.0.3": "reflect",
        "10.0.0.254": "router",
    }
    assert sessions(B, REFLECT, router, nodes=nodes) == {"10.0.0.1": "reflect"}


def test_mesh_and_bgp_peers_side_by_side() -> None:
    nodes = (A, B, reflecting(C))
    assert sessions(A, REFLECT, nodes=nodes, mesh=True) == {"10.0.0.2": "mesh", "10.0.0.3": "reflect"}


@pytest.mark.parametrize(
    ("port", "settings", "expected"),
    [
        pytest.param(None, {}, {"10.0.0.2": "p"}, id="no port"),
        pytest.param(179, {}, {"10.0.0.2": "p"}, id="the usual one"),
        pytest.param(1790, {"listen_port": 1790}, {"10.0.0.2": "p"}, id="that of the cluster"),
        pytest.param(1790, {"listen_port": 1790, "node_listen_ports": (("a", 1790),)}, {"10.0.0.2": "p"}, id="both"),
        pytest.param(1790, {"listen_port": 178}, {}, id="another one than that of the cluster"),
        pytest.param(1790, {"node_listen_ports": (("a", 179),)}, {}, id="another one than that of the node"),
        pytest.param(1790, {}, {"10.0.0.2": "p?"}, id="nobody says whether one is set for the cluster"),
        pytest.param(1790, {"node_listen_ports": (("a", 1790),)}, {"10.0.0.2": "p?"}, id="nor with one of the node"),
    ],
)
def test_a_node_is_known_by_its_port_too(port: int | None, settings: dict[str, Any], expected: dict[str, str]) -> None:
    assert sessions(A, Peering("p", ip_address("10.0.0.1"), port, node="b"), **settings) == expected


def as_numbers(own: Node, *peerings: Peering, nodes: tuple[Node, ...], mesh: bool = False) -> dict[str, set[int]]:
    speakers = BgpPeerResolver(nodes, BgpSettings(mesh=mesh, peerings=peerings))
    wanted = (*speakers.meshed(own, Family.IPV4).values(), *speakers.asked_for(own, Family.IPV4).values())
    return {str(one.address): set(one.as_numbers) for one in wanted}


OTHER_AS = replace(B, as_number=65002)


@pytest.mark.parametrize(
    ("own", "peering", "expected"),
    [
        pytest.param(A, Peering("p", ROUTER, as_number=65001), {65001}, id="a router's by the BGPPeer"),
        pytest.param(A, Peering("p", ROUTER), set(), id="a router's that nobody says"),
        pytest.param(A, Peering("p", peers=rack("b")), {65002}, id="a node's own"),
        pytest.param(A, Peering("p", peers=rack("c")), {64512}, id="a node's that has none: the cluster's"),
        pytest.param(C, Peering("p", node="b", peers=rack("c"), local_as=65009), set(), id="of one that shows another"),
    ],
)
def test_the_as_number_of_a_peer(own: Node, peering: Peering, expected: set[int]) -> None:
    nodes = (A, labelled(OTHER_AS, rack="b"), labelled(C, rack="c"))
    own = next(node for node in nodes if node.name == own.name)
    assert list(as_numbers(own, peering, nodes=nodes).values()) == [expected]


def test_the_as_number_of_the_mesh_is_the_clusters_or_the_nodes_own() -> None:
    assert as_numbers(OTHER_AS, nodes=(A, OTHER_AS), mesh=True) == {"10.0.0.1": {64512, 65002}}
    assert as_numbers(A, nodes=(A, OTHER_AS), mesh=True) == {"10.0.0.2": {65002}}


def test_two_nodes_with_one_address_have_the_as_number_of_either() -> None:
    twins = (replace(B, as_number=65002), replace(C, ipv4=B.ipv4, as_number=65003))
    assert as_numbers(A, nodes=(A, *twins), mesh=True) == {"10.0.0.2": {65002, 65003}}


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        pytest.param((65001, 65002), {65001, 65002}, id="either of two"),
        pytest.param((65001, None), set(), id="not known"),
    ],
)
def test_two_bgp_peers_with_one_router(numbers: tuple[int | None, ...], expected: set[int]) -> None:
    peerings = (Peering(f"p{n}", ROUTER, as_number=number) for n, number in enumerate(numbers))
    assert as_numbers(A, *peerings, nodes=(A, B)) == {"10.0.0.254": expected}


MARKED = st.sampled_from([(), (("rack", "1"),), (("rack", "2"),), (("reflector", ""),)])
CHOICES: st.SearchStrategy[Selector | None] = st.sampled_from(
    [None, rack("1"), rack("2"), Has("reflector"), Not(Has("reflector")), Everything()]
)
BY_SELECTOR = st.builds(Peering, name=st.just("p"), peers=CHOICES.filter(bool), nodes=CHOICES)
BY_ADDRESS = st.builds(
    Peering, name=st.just("p"), address=st.sampled_from([v4(f"10.0.0.{n}").ip for n in range(1, 6)]), nodes=CHOICES
)


@given(st.lists(MARKED, min_size=2, max_size=5), st.lists(BY_SELECTOR | BY_ADDRESS, max_size=3), st.booleans())
def test_both_ends_have_the_session(
    labels: list[tuple[tuple[str, str], ...]], peerings: list[Peering], mesh: bool
) -> None:
    nodes = tuple(Node(f"n{n}", ipv4=v4(f"10.0.0.{n}/24"), labels=found) for n, found in enumerate(labels, 1))
    ends = {str(node.ipv4.ip): set(sessions(node, *peerings, nodes=nodes, mesh=mesh)) for node in nodes if node.ipv4}
    for here, peers in ends.items():
        assert here not in peers
        assert all(here in ends[there] for there in peers & ends.keys())
