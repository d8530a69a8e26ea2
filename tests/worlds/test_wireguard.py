"""WireGuard in worlds: as it was recorded, all well where every kernel has it, and told where one has none."""

from dataclasses import replace

from calico_agent.model.network.address import Family
from calico_agent.model.network.kernel import Kernel
from tests.identity.test_recorded_links import by_bytes
from tests.worlds import mistakes
from tests.worlds.health import false_alarms
from tests.worlds.looking import look_at
from tests.worlds.model import history
from tests.worlds.model.settle import settle
from tests.worlds.model.values import ALWAYS, World
from tests.worlds.plain import POOL, plain


def encrypted(world: World, *without: str) -> World:
    """The same after WireGuard was asked for; some kernels have none."""
    hosts = tuple(replace(one, wireguard=one.hostname not in without) for one in world.hosts)
    world = replace(world, hosts=hosts, encrypted=(4,))
    for one in hosts:
        world = history.restart(world, one.hostname)
    return world


def test_a_rule_and_a_route_behind_that_of_wireguard_lead_no_packet_away() -> None:
    """All pods are reached, so that nothing is said; such a mistake is none there."""
    clear, world = plain(), encrypted(plain())
    assert mistakes.diverted(world, "host2") is mistakes.foreign_route(world, "host2") is None
    for mistake in (mistakes.diverted, mistakes.foreign_route):
        made = mistake(clear, "host2")
        assert made is not None
        host = replace(world.host("host2"), rules=made.host("host2").rules, routes=made.host("host2").routes)
        assert false_alarms(history.with_host(world, host)) == []


def kernel_of(world: World, hostname: str) -> Kernel:
    look = next(one for one in look_at(settle(world)) if one.hostname == hostname)
    assert isinstance(look.observation.kernel, Kernel)
    return look.observation.kernel


def kinds(kernel: Kernel) -> set[tuple[object, ...]]:
    """What there is in the table for WireGuard."""
    return {(one.type, one.protocol, str(one.next_hops[:1])) for one in kernel.tables[1].routes}


def test_the_model_makes_what_was_recorded() -> None:
    """The device, the rule, the kinds of routes. The recording was made by hand, without routes to what is here."""
    made, recorded = kernel_of(encrypted(plain(), "host3"), "host1"), by_bytes("wireguard")
    devices = [kernel.link("wireguard.cali") for kernel in (made, recorded)]
    assert len({(one.kind, one.up, one.mtu, one.mac, len(one.addresses)) for one in devices if one is not None}) == 1
    assert [str(one) for one in made.rules[Family.IPV4]] == [str(one) for one in recorded.rules[Family.IPV4]]
    kinds = [
        {(one.type, one.protocol, str(one.next_hops[:1])) for one in kernel.tables[1].routes}
        for kernel in (made, recorded)
    ]
    assert kinds[0] == kinds[1]


def test_packets_to_pods_are_encrypted_and_arrive() -> None:
    settled = settle(encrypted(plain()))
    route, _ = settled.machines["host1"].way(settled.world.host("host2").pods[0].addresses[0])
    assert route is not None
    assert (route.device, route.table) == ("wireguard.cali", 1)
    assert false_alarms(encrypted(plain())) == []


def test_tunnels_of_pools_stay_beside_it() -> None:
    assert false_alarms(encrypted(plain(replace(POOL, ipip=ALWAYS)))) == []
    assert false_alarms(encrypted(plain(replace(POOL, vxlan=ALWAYS)))) == []


def test_a_kernel_without_it_is_told_there_and_elsewhere() -> None:
    for look in look_at(settle(encrypted(plain(), "host3"))):
        assert [f"{one.code} {one.subject}" for one in look.roots] == ["RT-WIREGUARD host3"], look.hostname
