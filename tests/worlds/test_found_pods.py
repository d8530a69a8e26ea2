"""What worlds have found about single addresses and pods' records, and has been mended: each case with its sentence."""

from dataclasses import replace
from ipaddress import ip_network

from calico_agent.model.finding import Finding
from tests.worlds import mistakes
from tests.worlds.health import false_alarms
from tests.worlds.looking import look_at
from tests.worlds.model import history
from tests.worlds.model.ipam import give
from tests.worlds.model.peering import AGGREGATE
from tests.worlds.model.releases import V2_3
from tests.worlds.model.settle import settle
from tests.worlds.model.values import Pod, World
from tests.worlds.plain import apart, beside, of_size, plain


def roots(world: World, hostname: str) -> list[Finding]:
    """The root causes on a host."""
    return [root for look in look_at(settle(world)) if look.hostname == hostname for root in look.roots]


def lent(world: World, owner: str, borrower: str) -> World:
    """A pod of a node has an address of another node's block."""
    block = next(one for one in world.blocks if one.owner == owner)
    world, address = give(world, block, borrower, f"k8s-pod-network.{borrower}.guest", "guest")
    host = world.host(borrower)
    return history.with_host(world, replace(host, pods=(*host.pods, Pod("guest", "caliguest", (address,), borrower))))


def test_a_borrowed_address_behind_a_router_is_no_strangers_route() -> None:
    """Blocks of 2.x do not say who borrowed it; BIRD of host3 tells all nodes of the pod."""
    assert false_alarms(lent(apart(release=V2_3), "host1", "host3")) == []


def test_a_route_that_somebody_near_wrote_to_one_address_is_told_all_the_same() -> None:
    """Its next hop is the router, and the way to host2 is none by a router."""
    world = plain(hosts=4)
    host, pod = world.host("host2"), world.host("host1").pods[0].addresses[0]
    route = replace(host.routes[0], prefix=ip_network(pod), protocol=4)
    world = history.with_host(world, replace(host, routes=(*host.routes, route)))
    assert "RT-SHADOWED" in {one.code for one in roots(world, "host3")}


def test_a_pod_with_an_address_of_a_node_that_is_gone_makes_its_host_no_former_node() -> None:
    """The address was borrowed, with 2.x, before host1 was taken away and its blocks were forgotten."""
    world = history.forget_node(lent(plain(release=V2_3, hosts=4), "host1", "host3"), "host1")
    assert false_alarms(world) == []


def test_an_address_that_was_borrowed_from_a_block_of_one_has_a_route_at_the_owners_host_too() -> None:
    """BIRD there has no blackhole for a /32 that would come before it."""
    world = plain(of_size(32))
    world = history.remove_pod(world, "host2", 0)
    assert false_alarms(lent(world, "host2", "host3")) == []


def test_an_aggregate_of_a_router_stands_for_no_block_that_the_mesh_brings() -> None:
    """Each node has its own AS, so that a route may come from anybody; but host3 tells every node of its block."""
    world = plain()
    for number, name in enumerate(("host1", "host2", "host3")):
        world = history.restart(world, name, AS=str(65001 + number))
    world = beside(world, AGGREGATE)
    assert false_alarms(world) == []
    host = world.host("host3")
    silent = history.with_host(world, replace(host, trouble=replace(host.trouble, switched_off=frozenset({"static1"}))))
    (root,) = roots(silent, "host1")
    assert (root.code, root.node) == ("RT-MISSING", "host3")
    assert "no peer told BIRD about it" in root.why


def test_pods_of_a_deleted_node_have_no_records_any_more() -> None:
    """`calicoctl delete node` deletes them, and the pods run on: their host says so, whatever it is called since."""
    world = mistakes.taken_name(plain(), "host3")
    assert world is not None
    found = {one.code: one.cure for one in roots(world, "host3")}
    assert "start these pods anew" in found["RT-WORKLOAD-UNKNOWN"]
