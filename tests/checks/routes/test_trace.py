"""The way of one packet: where it goes, and whether it should."""

from dataclasses import replace
from ipaddress import ip_address, ip_interface, ip_network

import pytest

from calico_agent.checks.routes.trace import trace_packet
from calico_agent.expected.view import view_of
from calico_agent.model.calico.node import Block, Borrowed
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.network.neighbor import Neighbour
from calico_agent.model.network.policy_rule import PolicyRule
from calico_agent.model.network.route_trace import Lookup, Trace
from calico_agent.model.observation import Observation, Unreadable
from calico_agent.model.settings import Mode
from tests.checks.cluster import BOOT, DATASTORE, HEALTHY, IDENTITY, also, block, routed, stored, via
from tests.checks.underlay.test_tunnel_addresses import BORROWED, IPIP, TUNL0, having

RULES = (PolicyRule(0, 255), PolicyRule(32766, 254), PolicyRule(32767, 253))


def traced(text: str, observation: Observation = HEALTHY, **changes: object) -> Trace:
    """The trace of an address whose packets follow the main table of the observation."""
    kernel = observation.kernel
    assert isinstance(kernel, Kernel)
    address = ip_address(text)
    route = kernel.fib.lookup(address)
    hop = route.next_hops[0] if route is not None and route.next_hops else None
    source = ip_address("10.77.0.11") if hop else None
    lookup = Lookup(address, route if hop else None, hop, source, "" if hop else "blackhole", RULES)
    view = view_of(observation, IDENTITY, mode=Mode.OBSERVE, container_name="calico-node")
    return trace_packet(view, kernel, replace(lookup, **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("observation", "address", "right", "says"),
    [
        pytest.param(HEALTHY, "192.168.2.7", True, "goes to node host2, as it should", id="another node's pod"),
        pytest.param(HEALTHY, "192.168.1.5", True, "is here: packets leave dev cali1", id="a pod here"),
        pytest.param(HEALTHY, "192.168.1.6", None, "no pod here has it", id="an own address that no pod has"),
        pytest.param(HEALTHY, "192.168.9.1", None, "no route to it is expected", id="in the pool, in no block"),
        pytest.param(HEALTHY, "8.8.8.8", None, "is in no pool of Calico's", id="the world"),
        pytest.param(
            routed(without=["192.168.2.0/26"]), "192.168.2.7", False, "10.77.0.1 dev eth0 (RT-MISSING)", id="missing"
        ),
        pytest.param(
            routed(via("192.168.2.0/26", "10.77.0.13")), "192.168.2.7", False, "(RT-WRONG-NEXTHOP)", id="wrong"
        ),
    ],
)
def test_the_verdict_says_whether_a_packet_goes_where_it_should(
    observation: Observation, address: str, right: bool | None, says: str
) -> None:
    found = traced(address, observation)
    assert found.right is right, found.verdict
    assert says in found.verdict


def test_the_facts_lead_from_the_rule_to_the_neighbour_and_from_the_block_to_the_session() -> None:
    assert isinstance(HEALTHY.kernel, Kernel)
    neighbour = Neighbour(ip_address("10.77.0.12"), "eth0", "REACHABLE", "02:00:00:00:00:12")
    observation = replace(HEALTHY, kernel=replace(HEALTHY.kernel, neighbours=(neighbour,), fdb=()))
    found = traced("192.168.2.7", observation)
    assert dict(found.now) == {
        "rule": "32766: from all lookup main",
        "table": "main",
        "route": "192.168.2.0/26 via 10.77.0.12 dev eth0 proto bird",
        "leaves": "via 10.77.0.12 dev eth0, with source 10.77.0.11",
        "neighbour": "10.77.0.12 is at 02:00:00:00:00:12 REACHABLE",
    }
    assert dict(found.wanted) == {
        "pool": "default, 192.168.0.0/16",
        "block": "192.168.2.0/26, owned by host2",
        "node": "host2, registered with 10.77.0.12",
        "route": "192.168.2.0/26 via 10.77.0.12",
        "session": "Mesh_10_77_0_12 Established",
    }


def test_a_borrowed_address_belongs_to_the_node_that_borrowed_it() -> None:
    lent = replace(block("host2"), borrowed=(Borrowed(ip_address("192.168.2.9"), "host3"),))
    observation = stored(blocks=(block("host1"), lent, block("host3")))
    found = traced("192.168.2.9", observation)
    assert (found.right, dict(found.wanted)["borrowed"]) == (False, "by host3")
    assert "pod address of node host3" in found.verdict
    cured = stored(routed(via("192.168.2.9/32", "10.77.0.13")), blocks=observation.datastore.blocks)  # type: ignore[union-attr]
    assert traced("192.168.2.9", cured).right is True


def test_a_rule_of_somebody_else_is_named_with_its_table() -> None:
    aside = replace(via("192.168.2.0/26", "10.77.0.99"), table=100)
    rules = (*RULES[:1], PolicyRule(100, 100, destination=ip_network("192.168.0.0/16")), *RULES[1:])
    found = traced("192.168.2.7", route=aside, hop=aside.next_hops[0], rules=rules)
    assert found.right is False
    assert dict(found.now)["rule"] == "100: from all to 192.168.0.0/16 lookup 100"
    assert dict(found.now)["table"] == "100"


def test_a_dead_node_is_named_although_the_route_is_right() -> None:
    assert isinstance(HEALTHY.kernel, Kernel)
    dead = Neighbour(ip_address("10.77.0.12"), "eth0", "FAILED")
    found = traced("192.168.2.7", replace(HEALTHY, kernel=replace(HEALTHY.kernel, neighbours=(dead,), fdb=())))
    assert found.right is False
    assert "RT-NEXTHOP-DEAD" in found.verdict


def test_without_the_datastore_only_the_present_is_told() -> None:
    found = traced("192.168.2.7", replace(HEALTHY, datastore=Unreadable("etcd", "down")))
    assert (found.right, found.wanted) == (None, ())
    assert dict(found.now)["route"]


def test_the_owner_of_a_block_may_have_moved() -> None:
    moved = tuple(
        replace(one, ipv4=ip_interface("10.77.0.99/24")) if one.name == "host2" else one for one in DATASTORE.nodes
    )
    assert traced("192.168.2.7", stored(nodes=moved)).right is False


LENT_BLOCK = Block(ip_network("192.168.9.0/26"), borrowed=(Borrowed(ip_address("192.168.9.9"), "host3"),))
CLONED_DISK = having(IPIP, "host3", ipip_tunnel_address=ip_address("192.168.2.2"))
LENT = also(BORROWED, via("192.168.3.9/32", None, "vxlan.calico", BOOT))


@pytest.mark.parametrize(
    ("observation", "address", "right", "says"),
    [
        pytest.param(IPIP, "192.168.2.2", True, "goes to node host2, as it should", id="in a block of its node"),
        pytest.param(
            LENT, "192.168.3.9", True, "is the VXLAN tunnel address of node host2, and goes there", id="borrowed"
        ),
        pytest.param(BORROWED, "192.168.3.9", False, "(RT-TUNNEL-ADDRESS)", id="borrowed, without a route of its own"),
        pytest.param(CLONED_DISK, "192.168.2.2", False, "(RT-ADDRESS-TWICE)", id="of two nodes"),
        pytest.param(
            also(IPIP, via("192.168.2.2/32", "10.77.0.13", "tunl0")),
            "192.168.2.2",
            False,
            "(RT-TUNNEL-ADDRESS)",
            id="led astray",
        ),
        pytest.param(also(IPIP, links=(TUNL0,)), "192.168.1.2", True, "is this host's own, on tunl0", id="our own"),
        pytest.param(HEALTHY, "10.77.0.12", None, "is node host2 itself", id="a node's own address"),
        pytest.param(
            routed(via("192.168.1.9/32", "10.77.0.12")),
            "192.168.1.9",
            None,
            "is in a block of this host, and a route of its own leads to node host2, which advertises it",
            id="borrowed from this host's block, and no record says so",
        ),
        pytest.param(
            replace(
                also(HEALTHY, via("192.168.3.7/32", None, "cali9", BOOT)), given={ip_address("192.168.3.7"): "host3"}
            ),
            "192.168.3.7",
            False,
            "(RT-ADDRESS-TWICE)",
            id="of two pods",
        ),
        pytest.param(
            stored(pools=(), blocks=(LENT_BLOCK,)),
            "192.168.9.9",
            False,
            "is in use on node host3, and in no pool any more",
            id="its pool was deleted",
        ),
    ],
)
def test_a_trace_knows_whose_an_address_is(
    observation: Observation, address: str, right: bool | None, says: str
) -> None:
    found = traced(address, observation)
    assert found.right is right, found.verdict
    assert says in found.verdict


def test_a_packet_in_a_tunnel_is_followed_to_the_real_next_hop() -> None:
    neighbours = (
        Neighbour(ip_address("10.77.0.12"), "tunl0", "NOARP", "00:00:00:00:00:00"),
        Neighbour(ip_address("10.77.0.12"), "eth0", "REACHABLE", "02:00:00:00:00:12"),
    )
    kernel = also(IPIP, links=(TUNL0,)).kernel
    assert isinstance(kernel, Kernel)
    found = traced("192.168.2.7", replace(IPIP, kernel=replace(kernel, neighbours=neighbours, fdb=())))
    assert found.right is True
    facts = dict(found.now)
    assert facts["tunnel"] == "tunl0 sends it to 10.77.0.12"
    assert facts["outer packet"] == "to 10.77.0.12 dev eth0"
    assert facts["neighbour"] == "10.77.0.12 is at 02:00:00:00:00:12 REACHABLE"
    assert facts["not known"] == "whether IP protocol 4 (IPIP) is dropped on the way to 10.77.0.12: no packet is tried"
