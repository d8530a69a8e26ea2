"""What worlds have found about names and addresses, and has been mended: each case with its sentence."""

from dataclasses import replace
from ipaddress import ip_interface

import pytest

from calico_agent.model.finding import Finding
from tests.worlds import mistakes
from tests.worlds.faults import identity
from tests.worlds.heal import heal
from tests.worlds.health import false_alarms
from tests.worlds.looking import look_at
from tests.worlds.model import history
from tests.worlds.model.settle import settle
from tests.worlds.model.values import World
from tests.worlds.plain import plain


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
