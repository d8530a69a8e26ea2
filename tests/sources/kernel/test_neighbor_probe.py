"""A host that falls silent is noticed within seconds, one that is there stays; nobody else's entries are touched."""

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from ipaddress import ip_address, ip_network

import pytest

from calico_agent.model.network.address import Family, IPAddress, Link, LinkAddress, interface_of
from calico_agent.model.network.fib import Fib
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.network.policy_rule import PolicyRule, RuleAction
from calico_agent.model.network.route import NextHop, Route
from calico_agent.sources.kernel import neighbor_probe as probe
from calico_agent.sources.kernel.near import on_link
from calico_agent.sources.kernel.neighbor_probe import NeighbourProbe
from calico_agent.sources.kernel.reader import read_kernel
from tests.netns import NetworkNamespace, network_namespace
from tests.patience import PATIENCE, eventually, until

PEER, STATIC, NOBODY = map(ip_address, ("10.77.0.12", "10.77.0.13", "10.77.0.99"))


@dataclass
class Words:
    """What the probe woke for."""

    said: list[str] = field(default_factory=list)
    probe: NeighbourProbe = field(init=False)

    def wait_for(self, text: str, seconds: float) -> float:
        """How long it took until something with `text` was said; fails when it is not said in time."""
        return until(
            f"{text!r} is said", lambda: any(text in word for word in self.said), lambda: str(self.said), seconds
        )


@contextmanager
def two_hosts(*addresses: IPAddress, network: int = 24) -> Iterator[tuple[NetworkNamespace, NetworkNamespace, Words]]:
    """This host with a probe for the addresses, its peer 10.77.0.12, and what the probe says."""
    words = Words()
    with network_namespace() as here, network_namespace() as there:
        here.ip(f"link add eth0 type veth peer name eth0 netns {there.path}")
        for host, number in ((here, 11), (there, 12)):
            host.ip(f"addr add 10.77.0.{number}/{network} dev eth0", f"addr add fd00:77::{number}/64 dev eth0 nodad")
            host.ip("link set eth0 up")
        words.probe = NeighbourProbe(words.said.append)
        words.probe.follow(addresses, seen(here))
        here.run(words.probe.start)
        try:
            yield here, there, words
        finally:
            words.probe.stop()


def seen(host: NetworkNamespace) -> Kernel:
    kernel = host.run(read_kernel, every_neighbour=True)
    assert isinstance(kernel, Kernel)
    return kernel


def send_something(to: str = "10.77.0.11") -> None:
    """A datagram to the first host, for which its address must be asked."""
    with socket.socket(socket.AF_INET6 if ":" in to else socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.sendto(b"", (to, 9))


def state_of(host: NetworkNamespace, address: IPAddress) -> str:
    neighbours = seen(host).neighbours
    assert neighbours is not None
    return next((one.state for one in neighbours if one.address == address), "")


def settled(host: NetworkNamespace, address: IPAddress, wanted: str) -> None:
    """Waits until the entry has this state."""
    assert eventually(lambda: state_of(host, address), lambda state: state == wanted) == wanted


@pytest.mark.real
def test_a_host_that_falls_silent_is_noticed_within_ten_seconds_and_so_is_its_return() -> None:
    with two_hosts(PEER) as (here, there, words):
        settled(here, PEER, "REACHABLE")
        there.ip("link set eth0 arp off")  # it answers no more, while the carrier stays
        assert words.wait_for("10.77.0.12 does not answer", 10) > 2, "three requests take their time"
        assert state_of(here, PEER) in {"FAILED", "INCOMPLETE"}
        there.ip("link set eth0 arp on")
        there.ip("neigh flush dev eth0")
        there.run(send_something)
        words.wait_for("10.77.0.12 answers again", 5)


@pytest.mark.real
def test_a_host_that_answers_is_asked_without_a_word_about_it() -> None:
    with two_hosts(PEER) as (here, _, words):
        settled(here, PEER, "REACHABLE")
        before = received(here)
        time.sleep(7)
        assert received(here) > before, "it was asked again when its proof of life was some seconds old"
        assert state_of(here, PEER) == "REACHABLE"
        assert words.said == []


def received(host: NetworkNamespace) -> int:
    """Frames that came in over eth0."""
    row = next(line for line in host.output("cat", "/proc/net/dev").splitlines() if "eth0:" in line)
    return int(row.split()[2])


@pytest.mark.real
def test_an_entry_that_somebody_wrote_in_is_left_alone() -> None:
    with two_hosts(STATIC) as (here, _, words):
        here.ip("neigh replace 10.77.0.13 dev eth0 lladdr 02:00:00:00:00:13 nud permanent")
        time.sleep(6)
        assert state_of(here, STATIC) == "PERMANENT"
        assert words.said == []


@pytest.mark.real
def test_an_entry_of_another_program_is_left_alone() -> None:
    with two_hosts(STATIC) as (here, _, words):
        here.ip("neigh replace 10.77.0.13 dev eth0 lladdr 02:00:00:00:00:13 extern_learn nud stale")
        time.sleep(7)  # were it asked, it would have failed by now
        assert state_of(here, STATIC) == "STALE"
        assert words.said == []


@pytest.mark.real
def test_of_many_the_dead_are_named_and_nobody_else() -> None:
    many = [ip_address(f"10.77.{number // 200}.{20 + number % 200}") for number in range(250)]
    dead = {many[0], many[150], many[249]}
    with two_hosts(*many, network=16) as (here, there, words):
        there.batch(f"addr add {one}/16 dev eth0" for one in many)
        for one in (many[0], many[249]):
            settled(here, one, "REACHABLE")
        words.said.clear()  # while the addresses were being added some may not have answered
        there.batch(f"addr del {one}/16 dev eth0" for one in dead)
        for one in dead:
            words.wait_for(f"{one} does not answer", 10)
        assert {word for word in words.said if "answers again" not in word} == {
            f"neighbour {one} does not answer" for one in dead
        }


@pytest.mark.real
def test_a_silent_neighbour_by_ipv6_is_noticed_too() -> None:
    peer = ip_address("fd00:77::12")
    with two_hosts(peer) as (here, there, words):
        settled(here, peer, "REACHABLE")
        there.ip("addr del fd00:77::12/64 dev eth0")
        words.wait_for("fd00:77::12 does not answer", 10)
        there.ip("addr add fd00:77::12/64 dev eth0 nodad")
        there.run(send_something, "fd00:77::11")
        words.wait_for("fd00:77::12 answers again", 5)


@pytest.mark.real
def test_who_is_followed_from_now_on_is_looked_for_at_once() -> None:
    with two_hosts() as (here, _, words):
        assert state_of(here, PEER) == ""
        words.probe.follow((PEER,), seen(here))
        settled(here, PEER, "REACHABLE")
        assert words.said == []


@pytest.mark.real
def test_there_is_a_bound_to_those_that_are_looked_for_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "_RESOLVED_A_SECOND", 8)
    begun = time.monotonic()
    with two_hosts(*(ip_address(f"10.77.0.{number}") for number in range(20, 220))) as (here, _, _words):
        time.sleep(1)
        entries = len(seen(here).neighbours or ())
        assert 0 < entries <= (time.monotonic() - begun + probe._TICK) * 8 + 1


@pytest.mark.real
def test_without_the_privilege_it_ends_without_a_word() -> None:
    with two_hosts() as (here, _, _words):
        assert here.run(_ends_as_nobody, seen(here))


def _ends_as_nobody(kernel: Kernel) -> bool:
    """Whether the thread of a probe ends by itself in a process without privileges, and wakes nobody."""
    child = os.fork()
    if not child:
        code = 2
        try:
            os.setresgid(65534, 65534, 65534)
            os.setresuid(65534, 65534, 65534)
            said: list[str] = []
            alone = NeighbourProbe(said.append)
            alone.follow((PEER, STATIC, NOBODY), kernel)
            alone.start()
            alone._thread.join(PATIENCE)
            code = int(alone._thread.is_alive() or bool(said))
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.real
def test_a_host_that_never_was_there_is_named_and_asked_seldom() -> None:
    with two_hosts(NOBODY) as (_, there, words):
        words.wait_for("10.77.0.99 does not answer", 8)
        before = received(there)
        time.sleep(7)
        assert received(there) - before <= 3, "no more than one round of broadcasts in half a minute"
        assert [word for word in words.said if "10.77.0.99" in word] == ["neighbour 10.77.0.99 does not answer"]


@pytest.mark.real
def test_stopping_is_at_once_and_leaves_no_thread() -> None:
    before = threading.active_count()
    with two_hosts(PEER):
        assert threading.active_count() == before + 1
        begun = time.monotonic()
    assert time.monotonic() - begun < PATIENCE
    assert threading.active_count() == before


@pytest.mark.real
def test_a_second_link_in_the_network_is_not_asked() -> None:
    with two_hosts() as (here, there, words):
        here.ip("link add eth1 type veth peer name dark", "addr add 10.77.0.111/24 dev eth1", "link set eth1 up")
        words.probe.follow((PEER,), seen(here))
        settled(here, PEER, "REACHABLE")
        here.ip("link set dark up")  # with carrier, and nobody there
        words.probe.follow((PEER,), seen(here))
        there.run(send_something)
        time.sleep(4)
        assert {(one.device, one.state) for one in seen(here).neighbours or () if one.address == PEER} <= {
            ("eth0", "REACHABLE"),
            ("eth0", "STALE"),
            ("eth0", "DELAY"),
        }
        assert words.said == []


@pytest.mark.real
def test_a_node_of_the_network_that_a_router_leads_to_is_not_asked() -> None:
    with two_hosts() as (here, _, words):
        here.ip("route add 10.77.0.99/32 via 10.77.0.12")
        words.probe.follow((NOBODY,), seen(here))
        time.sleep(4)
        assert state_of(here, NOBODY) == ""
        assert words.said == []


def link(index: int, *networks: str, up: bool = True, running: bool = True, loopback: bool = False) -> Link:
    pairs = (text.split("/") for text in networks)
    held = tuple(LinkAddress(interface_of(ip_address(address), int(length))) for address, length in pairs)
    return Link(index, f"eth{index}", up=up, running=running, loopback=loopback, addresses=held)


def led(prefix: str, device: str, gateway: str | None = None, protocol: int = 2, metric: int = 0) -> Route:
    hop = NextHop(ip_address(gateway) if gateway else None, device)
    return Route(ip_network(prefix), next_hops=(hop,), protocol=protocol, metric=metric)


def connected(*links: Link) -> tuple[Route, ...]:
    """The routes that the kernel makes of addresses."""
    return tuple(led(str(held.network), one.name) for one in links for held in one.addresses)


ETH1 = link(1, "10.77.0.11/24", "fd00:77::11/64")
ETH2 = link(2, "10.77.0.111/24", "fd00:77::111/64")
DARK = link(2, "10.77.0.111/24", running=False)
NODE = "10.77.0.12"
TO_100 = PolicyRule(100, 100, destination=ip_network("10.77.0.12/32"))


@pytest.mark.parametrize(
    ("address", "links", "routes", "found"),
    [
        pytest.param(NODE, (ETH1,), (), [1], id="a node on our network"),
        pytest.param("fd00:77::12", (ETH1,), (), [1], id="by IPv6"),
        pytest.param("10.88.0.12", (ETH1,), (), [], id="one behind a router is the router's to know"),
        pytest.param("10.77.0.11", (ETH1,), (), [], id="our own address"),
        pytest.param(NODE, (link(2, "10.77.0.0/16"), ETH1), (), [1], id="the longest network decides"),
        pytest.param(NODE, (link(2, "10.77.0.11/24", up=False),), (), [], id="a link that is off"),
        pytest.param(NODE, (DARK,), (), [], id="a link without carrier"),
        pytest.param(NODE, (link(2, "10.77.0.12/32"),), (), [], id="a lone address is no network"),
        pytest.param("127.0.0.2", (link(1, "127.0.0.1/8", loopback=True),), (), [], id="loopback"),
        pytest.param(NODE, (ETH1, ETH2), (), [1], id="of two links in one network that of the kernel's first route"),
        pytest.param("fd00:77::12", (ETH2, ETH1), (), [2], id="the same by IPv6"),
        pytest.param(NODE, (DARK, ETH1), (), [], id="nor another one where the kernel uses that without carrier"),
        pytest.param(NODE, (ETH1,), (led("10.77.0.12/32", "eth1", "10.77.0.254", 4),), [], id="a router leads there"),
        pytest.param(
            NODE, (ETH1, ETH2), (led("10.77.0.12/32", "eth2", protocol=4),), [2], id="a route to the node itself"
        ),
        pytest.param(
            NODE, (ETH1,), (led("10.77.0.8/29", "eth1", "10.77.0.254", 4),), [], id="a router leads to a part of ours"
        ),
        pytest.param(
            "fd00:77::12", (ETH1,), (led("fd00:77::/64", "eth1", protocol=9),), [1], id="by an advertised prefix"
        ),
        pytest.param("10.77.0.13", (ETH1,), (led("10.77.0.12/32", "eth1", "10.77.0.254", 4),), [1], id="not to others"),
    ],
)
def test_only_neighbours_are_asked(
    address: str, links: tuple[Link, ...], routes: tuple[Route, ...], found: list[int]
) -> None:
    kernel = Kernel(links, Fib.of((*connected(*links), *routes)))
    assert [index for _, index in on_link((ip_address(address),), kernel)] == found


@pytest.mark.parametrize(
    ("rule", "found"),
    [
        pytest.param(TO_100, [], id="to a router"),
        pytest.param(replace(TO_100, table=99), [1], id="to a table without a route there"),
        pytest.param(replace(TO_100, action=RuleAction.PROHIBIT), [], id="that refuses packets to the node"),
        pytest.param(replace(TO_100, priority=40000), [1], id="that is asked after the main table"),
    ],
)
def test_policy_rules_have_their_say_about_who_is_a_neighbour(rule: PolicyRule, found: list[int]) -> None:
    table = Fib.of((replace(led("0.0.0.0/0", "eth1", "10.77.0.254"), table=100),), table=100)
    rules = tuple(sorted((PolicyRule(0, 255), rule, PolicyRule(32766, 254)), key=lambda one: one.priority))
    kernel = Kernel((ETH1,), Fib.of(connected(ETH1)), rules={Family.IPV4: rules}, tables={100: table})
    assert [index for _, index in on_link((ip_address(NODE),), kernel)] == found
