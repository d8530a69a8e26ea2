"""What worlds have found about names and addresses, and has been mended: each case with its sentence."""

from dataclasses import replace
from ipaddress import ip_interface

import pytest

from calico_agent.model.container.action import ReplaceContainer
from calico_agent.model.finding import Finding
from tests.worlds import mistakes
from tests.worlds.agents import Agents
from tests.worlds.faults import identity
from tests.worlds.heal import heal
from tests.worlds.health import false_alarms
from tests.worlds.looking import look_at
from tests.worlds.model import history, moves
from tests.worlds.model.settle import settle
from tests.worlds.model.values import Link, World
from tests.worlds.plain import apart, over_ipv6, plain
from tests.worlds.properties import supervised


def roots(world: World | None, hostname: str) -> tuple[Finding, ...]:
    """The root causes on a host."""
    assert world is not None
    return next(one.roots for one in look_at(settle(world)) if one.hostname == hostname)


def with_aliases(world: World, hostname: str = "host1") -> World:
    """The same with three addresses of one network on the link of a host: nothing says which of them is meant."""
    host = world.host(hostname)
    eth0 = host.links[0]
    more = (ip_interface("10.77.0.51/24"), ip_interface("10.77.0.52/24"))
    return history.with_host(world, replace(host, links=(replace(eth0, addresses=(*eth0.addresses, *more)),)))


def test_an_address_of_another_link_is_told_where_several_would_be_right() -> None:
    """The kernel reaches all nodes by one link with several addresses, and the registered one is none of them."""
    world = identity.management_address(with_aliases(plain()), "host1")
    assert world is not None
    (root,) = roots(world, "host1")
    assert (root.code, root.subject) == ("IP-MISMATCH", "host1")
    assert "but should have one of 10.77.0.11, 10.77.0.51 and 10.77.0.52" in root.what
    assert "the kernel reaches 2 of 2 other nodes from 10.77.0.11 (eth0)" in root.why
    assert "-e IP=ADDRESS, the right one of 10.77.0.11/24, 10.77.0.51/24 and 10.77.0.52/24" in root.cure
    assert false_alarms(heal(world, "host1", root.cure)) == []


@pytest.mark.parametrize(
    ("mistake", "code"), [(mistakes.docker_address, "IP-BRIDGE"), (mistakes.nowhere, "IP-NOT-LOCAL")]
)
def test_where_several_addresses_would_be_right_the_cure_names_them(mistake: mistakes.Done, code: str) -> None:
    world = mistake(with_aliases(plain()), "host1")
    assert world is not None
    root = roots(world, "host1")[0]
    assert root.code == code
    assert "-e IP=ADDRESS, the right one of 10.77.0.11/24, 10.77.0.51/24 and 10.77.0.52/24" in root.cure
    assert false_alarms(heal(world, "host1", root.cure)) == []


def test_one_of_several_addresses_of_a_link_is_right_while_no_session_is_up() -> None:
    world = mistakes.stop("bird")(with_aliases(plain()), "host1")
    assert [root.code for root in roots(world, "host1")] == ["SV-RESTARTING"]


def test_a_wrong_address_does_not_make_a_renamed_host_another_node() -> None:
    """Its record lists its own links: calico/node there wrote it, with the address that no link has."""
    world = mistakes.nowhere(moves.rename(plain(), "host1", "edge-1"), "edge-1")
    assert world is not None
    (root,) = roots(world, "edge-1")
    assert (root.code, root.subject) == ("IP-NOT-LOCAL", "host1")
    assert root.cure.startswith("if host1 is another machine: ")
    assert "else docker rm -f calico-node, then start it again with -e IP=10.77.0.11/24" in root.cure
    assert false_alarms(heal(world, "edge-1", root.cure)) == []


def test_a_copied_unit_is_told_apart_from_a_wrong_address() -> None:
    """host3 has name and address of host2 out of its unit: the record lists the links of whoever was started last."""
    world = history.restart(history.delete_node(plain(), "host3"), "host3", NODENAME="host2", IP="10.77.0.12/24")
    root = roots(world, "host3")[0]
    assert (root.code, root.subject) == ("IP-NOT-LOCAL", "host2")
    assert root.cure.startswith("if host2 is another machine: ")
    assert "-e NODENAME=host3 -e IP=10.77.0.13/24" in root.cure.partition("; else ")[0]
    assert [one.code for one in roots(history.restart(world, "host2"), "host3")][:1] == ["NAME-MISMATCH"]


def test_the_only_link_in_a_record_is_not_taken_for_the_one_that_others_reach() -> None:
    """Its true address is announced on the loopback, which the record does not list, and host1 is far from it."""
    world = apart()
    host, own = world.host("host3"), ip_interface("10.250.0.3/32")
    links = (
        replace(host.links[0], addresses=()),
        Link("lo", addresses=(own,), announced=True),
        Link("ipvl9", "ipvlan", addresses=(ip_interface("10.99.3.1/30"),)),
    )
    routes = tuple(replace(one, source=own.ip, onlink=True) for one in host.routes)
    world = history.with_host(world, replace(host, links=links, routes=routes))
    world = history.restart(world, "host3", IP=str(own))
    assert false_alarms(world) == []
    broken = mistakes.docker_address(world, "host3")
    assert broken is not None
    (root,) = roots(broken, "host1")
    assert (root.code, root.subject) == ("IP-BRIDGE", "host3")
    assert "10.99.3.1" not in root.cure
    assert "IP=10.250.0.3" in root.cure


@pytest.mark.parametrize("hostname", ["host2", "host3"])
def test_a_copied_unit_is_one_problem_on_each_of_the_two_hosts(hostname: str) -> None:
    """host3 has name and address of host2; pods of both are recorded for one of them, or for none."""
    world = history.restart(history.delete_node(plain(), "host3"), "host3", NODENAME="host2", IP="10.77.0.12/24")
    assert [one.code for one in roots(world, hostname)] in (["IP-NOT-LOCAL"], [])


def test_a_record_that_got_the_address_of_this_host_does_not_take_it_away() -> None:
    """host1 has a second address, to which its agent would have moved it; the record of host2 lists its own links."""
    world = plain(hosts=2)
    host = world.host("host1")
    held = (*host.links[0].addresses, ip_interface("10.77.0.51/24"))
    world = supervised(history.with_host(world, replace(host, links=(replace(host.links[0], addresses=held),))))
    agents = Agents()
    agents.follow(settle(world))
    broken = identity.shared_address(world, "host2")
    assert broken is not None
    plans = {look.hostname: plan for look, plan in agents.follow(settle(broken))}
    assert plans["host1"].action is None
    assert isinstance(plans["host2"].action, ReplaceContainer)


@pytest.mark.parametrize(
    "beside",
    [
        Link("ipvl9", "ipvlan", addresses=(ip_interface("10.99.3.1/30"),)),
        Link("virbr0", "bridge", addresses=(ip_interface("192.168.122.1/24"),), carrier=False),
    ],
    ids=["one that could be right", "none that could"],
)
def test_without_a_way_to_any_node_an_address_on_a_dummy_is_not_given_up_for_another_one(beside: Link) -> None:
    """The default route told by its source that the address is meant; with it went all that spoke for it. Nor is it the
    cause that no other link has an address that could be the node's."""
    world = apart()
    host, own = world.host("host3"), ip_interface("10.250.0.3/32")
    links = (
        replace(host.links[0], addresses=()),
        Link("loe0", "dummy", addresses=(own,), announced=True),
        beside,
    )
    routes = tuple(replace(one, source=own.ip, onlink=True) for one in host.routes)
    world = history.with_host(world, replace(host, links=links, routes=routes))
    world = history.restart(world, "host3", IP=str(own))
    assert false_alarms(world) == []
    broken = history.with_host(world, replace(world.host("host3"), routes=()))
    assert {one.code for one in roots(broken, "host3")} == {"BGP-DOWN"}


def test_which_of_several_addresses_is_right_is_a_part_of_the_problem_that_the_registered_one_is_dockers() -> None:
    world = mistakes.docker_address(with_aliases(plain()), "host1")
    assert world is not None
    look = next(one for one in look_at(settle(world)) if one.hostname == "host1")
    (problem,) = look.assessment.problems
    assert problem.cause.code == "IP-BRIDGE"
    assert "IP-AMBIGUOUS" in {one.code for one in problem.consequences}


def test_a_node_of_ipv6_alone_gives_up_the_address_of_dockers_bridge() -> None:
    """There is no other IPv4 address for it, and IP=none by itself keeps the one of the record."""
    world = mistakes.docker_address(over_ipv6(), "host1")
    assert world is not None
    root = roots(world, "host1")[0]
    assert root.code == "IP-BRIDGE"
    assert "-e IP=none" in root.cure
    assert """calicoctl patch node host1 -p '{"spec":{"bgp":{"ipv4Address":null}}}'""" in root.cure
    assert false_alarms(heal(world, "host1", root.cure)) == []


def test_a_node_of_ipv6_alone_without_any_address_gets_its_own_again() -> None:
    world = identity.without_address(over_ipv6(), "host1")
    assert world is not None
    root = roots(world, "host1")[0]
    assert root.code == "NODE-NO-ADDRESS"
    assert "IP6=fd00:77::11/64" in root.cure


def test_machines_that_came_up_with_each_others_addresses_get_out_of_it() -> None:
    """Each waits for the next one to give up its address (calico#1471), until a record lets go of the old one."""
    world, links = plain(), [host.links[0] for host in plain().hosts]
    for host, link in zip(world.hosts, (*links[1:], links[0]), strict=True):
        eth0 = replace(host.links[0], addresses=link.addresses)
        world = history.with_host(world, replace(host, links=(eth0, *host.links[1:])))
    for host in world.hosts:
        world = history.restart(world, host.hostname)
    for hostname in ("host1", "host3", "host2"):
        (root,) = [one for one in roots(world, hostname) if one.code == "IP-NOT-LOCAL"]
        world = heal(world, hostname, root.cure)
    world = history.restart(world, "host1")
    assert false_alarms(world) == []


def in_common(world: World) -> World:
    """Each host has a link with one and the same address, as a network for pods of before leaves it (calico#2521)."""
    for host in world.hosts:
        left = Link("eth9", addresses=(ip_interface("10.32.0.1/24"),))
        world = history.with_host(world, replace(host, links=(*host.links, left)))
    for host in world.hosts:
        world = history.restart(world, host.hostname, IP="autodetect")
    return world


def test_calico_node_that_found_an_address_of_another_node_is_given_its_own() -> None:
    """Its start-up erased the address of its record when it was refused: that follows from it, and is no cause."""
    world = in_common(plain())
    (ended, other, silent) = roots(world, "host2")
    assert (ended.code, other.code, other.subject) == ("SV-EXITED", "IP-CONFLICT", "host1")
    assert (silent.code, silent.subject) == ("NODE-NO-ADDRESS", "host3")
    assert "10.32.0.1 (eth9) is this host's own, and its node's is 10.77.0.12" in ended.why
    assert "-e IP=10.77.0.12/24" in ended.cure
    first = roots(world, "host1")[0]
    assert (first.code, first.subject) == ("IP-MISMATCH", "host1")
    for hostname in ("host2", "host3", "host1"):
        world = heal(world, hostname, roots(world, hostname)[0].cure)
    assert false_alarms(world) == []


def test_a_host_of_several_addresses_that_moved_is_told_with_all_of_them() -> None:
    """Its record lists them, and not the registered one: others said no more than that no session comes up."""
    world = identity.moved_and_told(with_aliases(plain(), "host3"), "host3")
    (root,) = roots(world, "host1")
    assert (root.code, root.subject) == ("IP-ELSEWHERE", "host3")
    assert "has one of 10.77.0.250, " in root.what
    assert "start it with IP=ADDRESS" in root.cure
    assert "ADDRESS is one of 10.77.0.250, " in root.cure
