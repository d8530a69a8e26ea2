"""What worlds with routers, filters and reflectors have found, and has been mended: each case with its sentence."""

from dataclasses import replace
from ipaddress import ip_address, ip_interface, ip_network

import pytest

from tests.worlds import mistakes
from tests.worlds.health import false_alarms
from tests.worlds.looking import look_at
from tests.worlds.model import history
from tests.worlds.model.confd import sessions
from tests.worlds.model.peering import AGGREGATE, ALL, DEFAULT, NOTHING, Filter, FilterRule, Peer
from tests.worlds.model.settle import settle
from tests.worlds.model.values import ALWAYS, World
from tests.worlds.plain import POOL, apart, beside, plain, routed

EVERYTHING = ip_network("0.0.0.0/0")


def roots(world: World, hostname: str) -> dict[str, str]:
    """The root causes on a host, with what is said of each."""
    look = next(one for one in look_at(settle(world)) if one.hostname == hostname)
    return {f"{root.code} {root.subject}": f"{root.what}\n{root.cure}" for root in look.roots}


def test_a_default_route_that_a_router_tells_hides_the_way_to_next_hops() -> None:
    """BIRD takes no next hop that is found by a route which came by BGP (tried with 1.6.8); a restart cures nothing."""
    world = beside(apart(), DEFAULT)
    said = roots(world, "host1")
    block = next(one.cidr for one in world.blocks if one.owner == "host3")
    assert list(said) == [f"RT-UNREACHABLE {block}"]
    assert "what it knows, 0.0.0.0/0, came by BGP itself, from 10.77.0.1" in said[f"RT-UNREACHABLE {block}"]
    assert "BGPFilter in BGPPeer tor" in said[f"RT-UNREACHABLE {block}"]


def test_and_is_kept_away_by_a_filter() -> None:
    only = Filter("no-default", imports=(FilterRule(False, EVERYTHING, "Equal"),))
    assert false_alarms(beside(apart(), DEFAULT, only)) == []


def test_a_default_route_beside_near_nodes_hides_nothing() -> None:
    assert false_alarms(beside(plain(), DEFAULT)) == []


def test_a_router_that_tells_all_changes_nothing_in_the_mesh() -> None:
    assert false_alarms(beside(plain(), ALL, override=True, own_hop=True)) == []


def test_a_router_that_makes_itself_the_end_of_a_tunnel_is_told() -> None:
    """In its own AS its routes are as good as the nodes' own: half of the packets, or all, were lost in silence."""
    world = beside(plain(replace(POOL, ipip=ALWAYS)), ALL, override=True, own_hop=True)
    for mesh, code in ((True, "RT-ECMP"), (False, "RT-WRONG-NEXTHOP")):
        routers = (replace(world.routers[0], as_number=64512),)
        peers = (replace(world.bgp.peers[0], as_number=64512),)
        said = roots(replace(world, routers=routers, bgp=replace(world.bgp, mesh=mesh, peers=peers)), "host1")
        assert {one.partition(" ")[0] for one in said} == {code}
        assert all("10.77.0.1 is no node, and takes nothing out of tunl0" in one for one in said.values())


def test_a_router_of_another_as_that_does_so_beside_the_mesh_harms_nobody() -> None:
    assert false_alarms(beside(plain(replace(POOL, ipip=ALWAYS)), ALL, override=True, own_hop=True)) == []


def booted(world: World, hostname: str, before: World | None = None) -> World:
    """BIRD of a host was started two minutes ago: after a boot, or by a restart of the container."""
    host = replace(world.host(hostname), recovers=True, before=before)
    return history.with_host(world, host)


def test_a_bird_that_waits_after_a_boot_is_told_with_the_node_that_cannot_come() -> None:
    """Nothing else is wrong with this host, nor with the others; those miss its routes and are told why."""
    world = booted(mistakes.docker_address(plain(), "host3") or plain(), "host2")
    said = roots(world, "host2")
    assert "IP-BRIDGE host3" in said
    assert not {one for one in said if one.startswith(("RT-", "BGP-DOWN host1"))}, said


def test_a_bird_that_is_started_again_loses_no_route_meanwhile() -> None:
    world = mistakes.docker_address(plain(), "host3") or plain()
    before = [one.code for one in look_at(settle(world))[1].roots]
    assert [one.code for one in look_at(settle(booted(world, "host2", world)))[1].roots] == before


def test_a_router_that_is_gone_is_one_problem_with_all_the_routes_that_it_told() -> None:
    """Where nodes have sessions with routers alone, each missing route was a problem of its own."""
    world = routed()
    assert false_alarms(world) == []
    for look in look_at(settle(replace(world, routers=()))):
        (problem,) = look.assessment.problems
        assert (problem.cause.code, problem.cause.subject) == ("BGP-DOWN", "10.77.0.1")
        assert [one.code for one in problem.consequences] == ["BGP-NO-REFLECTOR", "RT-MISSING", "RT-MISSING"]


@pytest.mark.parametrize("tells", [DEFAULT, AGGREGATE, NOTHING])
def test_routers_that_hear_of_no_block_are_no_way_to_it(tells: str) -> None:
    """Packets to pods went to them by the default route or by one for the pool, and were lost in silence."""
    silent = Filter("tells-nothing", exports=(FilterRule(False),))
    world = beside(plain(), tells, silent, override=True)
    said = roots(replace(world, bgp=replace(world.bgp, mesh=False)), "host1")
    blocks = [one.cidr for one in world.blocks if one.owner != "host1"]
    assert list(said) == [f"RT-FILTERED {one}" for one in sorted(blocks)]
    assert all("BGPFilter tells-nothing of BGPPeer tor rejects it on export by node" in one for one in said.values())


@pytest.mark.parametrize("tells", [DEFAULT, AGGREGATE, NOTHING])
def test_routers_that_hear_of_them_are_whatever_nodes_take_from_them(tells: str) -> None:
    deaf = Filter("hears-nothing", imports=(FilterRule(False),))
    world = beside(plain(), tells, deaf, override=True)
    assert false_alarms(replace(world, bgp=replace(world.bgp, mesh=False))) == []


def doubled(first: Peer, second: Peer) -> World:
    """Two BGPPeers in the place of the mesh; the filter `nothing` takes no route."""
    refuses = Filter("nothing", imports=(FilterRule(False),))
    world = plain()
    return replace(world, bgp=replace(world.bgp, mesh=False, peers=(first, second), filters=(refuses,)))


REFUSING = Peer("refusing", nodes="all()", peers="all()", filters=("nothing",))
TAKING = Peer("taking", nodes="all()", peers="all()")


def test_of_two_bgppeers_for_one_session_the_one_that_filters_is_named_and_no_node_is_blamed() -> None:
    """Which of them Calico takes is chance: the nodes were told that they advertise nothing."""
    said = roots(doubled(REFUSING, TAKING), "host1")
    assert {one.partition(" ")[0] for one in said} == {"RT-FILTERED"}
    words = "".join(said.values())
    assert "of BGPPeer refusing rejects it on import here, if Calico takes that one and not taking" in words
    assert "leave one of the BGPPeers refusing and taking" in words


def test_a_bgppeer_for_all_nodes_goes_before_one_for_some() -> None:
    assert false_alarms(doubled(REFUSING, replace(TAKING, nodes=""))) == []
    said = roots(doubled(TAKING, replace(REFUSING, nodes="")), "host1")
    assert {one.partition(" ")[0] for one in said} == {"RT-FILTERED"}
    assert not any("if Calico takes" in one for one in said.values())


def test_a_bgppeer_with_an_ipv4_address_asks_for_no_session_over_ipv6() -> None:
    """Its opposite direction is of the address's own family too: worlds had sessions there that nobody asked for."""
    world = plain()
    nodes = tuple(replace(one, ipv6=ip_interface(f"fd00:77::{10 + at}/64")) for at, one in enumerate(world.nodes))
    world = replace(world, nodes=nodes, bgp=replace(world.bgp, mesh=False))
    pair = Peer("pair", node="host1", address=ip_address("10.77.0.12"), as_number=64512)
    there = replace(world, bgp=replace(world.bgp, peers=(pair,)))
    assert [len(sessions(there, nodes[1], version)) for version in (4, 6)] == [1, 0]


def test_without_bgp_a_host_that_lost_its_default_route_is_told_so() -> None:
    """With VXLAN nothing needs a session: routes and tunnel look right, and the packets in it have no way."""
    world = apart(replace(POOL, vxlan=ALWAYS))
    world = replace(world, bgp=replace(world.bgp, mesh=False))
    assert false_alarms(world) == []
    broken = history.with_host(world, replace(world.host("host3"), routes=()))
    told = roots(broken, "host3")
    assert list(told) == ["RT-NEXTHOP-DEAD host1", "RT-NEXTHOP-DEAD host2"] or list(told) == ["RT-NEXTHOP-DEAD host1"]
    assert "this host has no route to 10.77.0.11" in told["RT-NEXTHOP-DEAD host1"]
