"""The decision list: what each rule says, and which one decides."""

from ipaddress import ip_interface

import pytest

from calico_agent.model.calico.node import Datastore, Node
from calico_agent.model.identity import Opinion
from calico_agent.model.observation import Unreadable
from tests.identity.machine import DOCKER0, ETH0, LO, Machine, held, kept, link, node, source

ETH1 = link("eth1", "192.168.7.3/24")
WG0 = link("wg0", "10.9.0.3/24", kind="wireguard")
# Two uplinks, so that one rule alone can decide: nothing is the only candidate.
TWO = Machine(links=(LO, ETH0, ETH1, DOCKER0, WG0))
FOUR_NODES = tuple(node(f"host{n}", f"10.0.0.1{n}/24") for n in (1, 2, 3, 4))

DOCKERS = "belongs to Docker's network 'bridge' (docker network ls)"


def cluster(*nodes: Node) -> Datastore:
    return Datastore(nodes=nodes)


def said(machine: Machine, rule: str) -> Opinion:
    return next(opinion for opinion in machine.identify().ipv4.opinions if opinion.rule == rule)


OPINIONS: dict[str, tuple[Machine, str, list[str], str]] = {
    "configured: nothing is": (TWO, "configured", [], "no address is configured"),
    "configured: an address without prefix length takes its link's": (
        TWO.configured("192.168.7.3"),
        "configured",
        ["192.168.7.3/24"],
        "192.168.7.3 is configured",
    ),
    "configured: a prefix length that is written down is kept": (
        TWO.configured("192.168.7.3/16"),
        "configured",
        ["192.168.7.3/16"],
        "192.168.7.3 is configured",
    ),
    "configured: a presumption is overridden by hand": (
        TWO.configured("10.9.0.3"),
        "configured",
        ["10.9.0.3/24"],
        "10.9.0.3 is configured, although it is on a WireGuard tunnel",
    ),
    "configured: Docker's bridge stays wrong": (
        TWO.configured("172.17.0.1"),
        "configured",
        [],
        f"172.17.0.1 is configured, but 172.17.0.1/16 docker0 {DOCKERS}",
    ),
    "configured: no link has it": (
        TWO.configured("10.0.0.99"),
        "configured",
        [],
        "10.0.0.99 is configured, but no link of this host has it",
    ),
    "kubelet: none runs here": (TWO, "kubelet", [], "no kubelet runs here"),
    "kubelet: it runs without --node-ip": (
        TWO.with_kubelet(),
        "kubelet",
        [],
        "kubelet (process 77) has no --node-ip of IPv4",
    ),
    "kubelet: --node-ip is of the other family": (
        TWO.with_kubelet("2001:db8::3"),
        "kubelet",
        [],
        "kubelet (process 77) has no --node-ip of IPv4",
    ),
    "kubelet: --node-ip is an address of this host": (
        TWO.with_kubelet("192.168.7.3"),
        "kubelet",
        ["192.168.7.3/24"],
        "kubelet (process 77) has --node-ip 192.168.7.3 (eth1)",
    ),
    "kubelet: --node-ip is another host's": (
        TWO.with_kubelet("10.0.0.99"),
        "kubelet",
        [],
        "kubelet (process 77) has --node-ip 10.0.0.99, which no link has",
    ),
    "kubelet: --node-ip is Docker's bridge": (
        TWO.with_kubelet("172.17.0.1"),
        "kubelet",
        [],
        f"kubelet (process 77) has --node-ip 172.17.0.1 (docker0), which {DOCKERS}",
    ),
    "last choice: none": (TWO, "last choice", [], "none is remembered"),
    "last choice: it holds": (
        TWO.having(kept=kept("192.168.7.3/24", "eth1")),
        "last choice",
        ["192.168.7.3/24"],
        "192.168.7.3 (eth1), kept since 2026-11-20 10:00 UTC, when the rule 'default route' chose it",
    ),
    "last choice: it is gone": (
        TWO.having(kept=kept("192.168.7.9/24", "eth1")),
        "last choice",
        [],
        "192.168.7.9 (eth1) is on no link of this host any more",
    ),
    "other nodes: all are reached from one address": (
        TWO.having(
            datastore=cluster(*FOUR_NODES),
            sources=tuple(source(f"10.0.0.1{n}", "10.0.0.13") for n in (1, 2, 4)),
        ),
        "other nodes",
        ["10.0.0.13/24"],
        "the kernel reaches 3 of 3 other nodes from 10.0.0.13 (eth0)",
    ),
    "other nodes: the majority counts": (
        TWO.having(
            datastore=cluster(*FOUR_NODES),
            sources=(
                source("10.0.0.11", "10.0.0.13"),
                source("10.0.0.12", "192.168.7.3", "eth1"),
                source("10.0.0.14", "10.0.0.13"),
            ),
        ),
        "other nodes",
        ["10.0.0.13/24"],
        "the kernel reaches 2 of 3 other nodes from 10.0.0.13 (eth0)",
    ),
    "other nodes: half is no majority": (
        TWO.having(
            datastore=cluster(*FOUR_NODES),
            sources=(source("10.0.0.11", "10.0.0.13"), source("10.0.0.12", "192.168.7.3", "eth1")),
        ),
        "other nodes",
        [],
        "no majority: of 2 other nodes the kernel reaches 1 from 10.0.0.13, 1 from 192.168.7.3",
    ),
    "other nodes: a node without a route to it does not vote": (
        TWO.having(datastore=cluster(*FOUR_NODES), sources=(source("10.0.0.11", "10.0.0.13"), source("10.0.0.12", ""))),
        "other nodes",
        ["10.0.0.13/24"],
        "the kernel reaches 1 of 1 other nodes from 10.0.0.13 (eth0)",
    ),
    "other nodes: our own record does not vote": (
        TWO.having(
            datastore=cluster(node("host3", "10.0.0.99/24")), sources=(source("10.0.0.99", "192.168.7.3", "eth1"),)
        ),
        "other nodes",
        [],
        "no other node has registered an address outside this host",
    ),
    "other nodes: one that registered Docker's bridge does not vote": (
        TWO.having(
            datastore=cluster(node("host1", "172.17.0.1/16"), node("host2", "172.17.0.9/16")),
            sources=(source("172.17.0.1", "172.17.0.1", "lo"), source("172.17.0.9", "172.17.0.1", "docker0")),
        ),
        "other nodes",
        [],
        "no other node has registered an address outside this host",
    ),
    "other nodes: one that registered this host's address does not vote": (
        TWO.having(datastore=cluster(node("old", "10.0.0.13/24")), sources=(source("10.0.0.13", "10.0.0.13", "lo"),)),
        "other nodes",
        [],
        "no other node has registered an address outside this host",
    ),
    "other nodes: reached through a VPN, which is rejected": (
        TWO.having(datastore=cluster(node("host1", "10.9.0.1/24")), sources=(source("10.9.0.1", "10.9.0.3", "wg0"),)),
        "other nodes",
        [],
        "the kernel reaches 1 of 1 other nodes from 10.9.0.3 (wg0), which is on a WireGuard tunnel",
    ),
    "other nodes: no way to any": (
        TWO.having(datastore=cluster(*FOUR_NODES), sources=(source("10.0.0.11", ""), source("10.0.0.12", ""))),
        "other nodes",
        [],
        "the kernel knows no way to any other node",
    ),
    "other nodes: the datastore cannot be read": (
        TWO.having(datastore=Unreadable("etcd", "connection refused")),
        "other nodes",
        [],
        "the datastore cannot be read: connection refused",
    ),
    "datastore: its endpoints are reached from one address": (
        TWO.having(
            endpoints=("10.0.0.2", "10.0.0.3"),
            sources=(source("10.0.0.2", "10.0.0.13"), source("10.0.0.3", "10.0.0.13")),
        ),
        "datastore",
        ["10.0.0.13/24"],
        "the kernel reaches the datastore from 10.0.0.13 (eth0)",
    ),
    "datastore: its endpoints are reached from two addresses": (
        TWO.having(
            endpoints=("10.0.0.2", "192.168.7.2"),
            sources=(source("10.0.0.2", "10.0.0.13"), source("192.168.7.2", "192.168.7.3", "eth1")),
        ),
        "datastore",
        ["10.0.0.13/24", "192.168.7.3/24"],
        "the kernel reaches the datastore from 10.0.0.13 (eth0) and 192.168.7.3 (eth1)",
    ),
    "datastore: on this host, by loopback": (
        TWO.having(endpoints=("127.0.0.1",), sources=(source("127.0.0.1", "127.0.0.1", "lo"),)),
        "datastore",
        [],
        "the datastore is on this host, which says nothing",
    ),
    "datastore: on this host, by its own address": (
        TWO.having(endpoints=("10.0.0.13",), sources=(source("10.0.0.13", "10.0.0.13", "lo"),)),
        "datastore",
        [],
        "the datastore is on this host, which says nothing",
    ),
    "datastore: of two members, the one on this host does not count": (
        TWO.having(
            endpoints=("10.0.0.13", "192.168.7.2"),
            sources=(source("10.0.0.13", "10.0.0.13", "lo"), source("192.168.7.2", "192.168.7.3", "eth1")),
        ),
        "datastore",
        ["192.168.7.3/24"],
        "the kernel reaches the datastore from 192.168.7.3 (eth1)",
    ),
    "datastore: no way to it": (
        TWO.having(endpoints=("10.0.0.2",), sources=(source("10.0.0.2", ""),)),
        "datastore",
        [],
        "the kernel knows no way to the datastore",
    ),
    "datastore: no endpoint known": (TWO, "datastore", [], "no datastore endpoint with an IPv4 address is known"),
    "default route: its source": (
        TWO.having(default_sources=(source("198.51.100.1", "192.168.7.3", "eth1"),)),
        "default route",
        ["192.168.7.3/24"],
        "packets to the rest of the world leave from 192.168.7.3 (eth1)",
    ),
    "default route: only the other family has one": (
        TWO.having(default_sources=(source("2001:db8::1", "2001:db8::2"),)),
        "default route",
        [],
        "there is no default route",
    ),
    "default route: into a VPN": (
        TWO.having(default_sources=(source("198.51.100.1", "10.9.0.3", "wg0"),)),
        "default route",
        [],
        "packets to the rest of the world leave from 10.9.0.3 (wg0), which is on a WireGuard tunnel",
    ),
    "default route: from an address that is gone meanwhile": (
        TWO.having(default_sources=(source("198.51.100.1", "10.0.0.77"),)),
        "default route",
        [],
        "packets to the rest of the world leave from 10.0.0.77, which no link has",
    ),
    "only candidate: one is left": (Machine(), "only candidate", ["10.0.0.13/24"], "1 candidate is left"),
    "only candidate: two are left": (TWO, "only candidate", [], "2 candidates are left"),
    "only candidate: none is left": (
        TWO.having(links=(LO, DOCKER0)),
        "only candidate",
        [],
        "no candidates are left",
    ),
}


@pytest.mark.parametrize(("machine", "rule", "answers", "detail"), OPINIONS.values(), ids=OPINIONS.keys())
def test_opinion(machine: Machine, rule: str, answers: list[str], detail: str) -> None:
    """What one rule says, heard or not."""
    opinion = said(machine, rule)
    assert ([str(answer) for answer in opinion.answers], opinion.detail) == (answers, detail)


TOWARDS_NODES = {"datastore": cluster(*FOUR_NODES), "sources": (source("10.0.0.11", "10.0.0.13"),)}
TOWARDS_DATASTORE = {"endpoints": ("10.0.0.2",), "sources": (source("10.0.0.2", "10.0.0.13"),)}
DEFAULT_BY_ETH1 = {"default_sources": (source("198.51.100.1", "192.168.7.3", "eth1"),)}

DECISIONS: dict[str, tuple[Machine, str, str, str]] = {
    "configuration outranks the other nodes": (
        TWO.having(**TOWARDS_NODES).configured("192.168.7.3"),
        "192.168.7.3/24",
        "eth1",
        "configured",
    ),
    "other nodes outrank the default route": (
        TWO.having(**TOWARDS_NODES, **DEFAULT_BY_ETH1),
        "10.0.0.13/24",
        "eth0",
        "other nodes",
    ),
    "the datastore outranks the default route": (
        TWO.having(**TOWARDS_DATASTORE, **DEFAULT_BY_ETH1),
        "10.0.0.13/24",
        "eth0",
        "datastore",
    ),
    "the default route decides between two uplinks": (
        TWO.having(**DEFAULT_BY_ETH1),
        "192.168.7.3/24",
        "eth1",
        "default route",
    ),
    "a default route into a VPN does not decide": (
        Machine(links=(LO, ETH0, WG0), default_sources=(source("198.51.100.1", "10.9.0.3", "wg0"),)),
        "10.0.0.13/24",
        "eth0",
        "only candidate",
    ),
    "without any route the only candidate is taken": (
        Machine(default_route=""),
        "10.0.0.13/24",
        "eth0",
        "only candidate",
    ),
}


@pytest.mark.parametrize(("machine", "chosen", "on", "rule"), DECISIONS.values(), ids=DECISIONS.keys())
def test_decision(machine: Machine, chosen: str, on: str, rule: str) -> None:
    """The first rule with exactly one answer."""
    choice = machine.identify().ipv4
    assert (str(choice.chosen), choice.link, choice.rule) == (chosen, on, rule)
    assert (choice.refusal, choice.refusal_code) == ("", "")


def test_all_rules_are_heard_although_the_first_decides() -> None:
    """So that `detect` can show who disagrees."""
    rules = [opinion.rule for opinion in TWO.configured("10.0.0.13").identify().ipv4.opinions]
    assert rules == [
        "configured",
        "kubelet",
        "last choice",
        "own record",
        "other nodes",
        "datastore",
        "default route",
        "only candidate",
    ]


def test_a_second_docker_network_does_not_change_the_answer() -> None:
    """Creating one on a running node made Calico's first-found move the node (projectcalico/calico#3194)."""
    before = Machine().identify().ipv4
    created = link("br-0123456789ab", "172.18.0.1/16", kind="bridge", index=99)
    after = Machine(links=(LO, ETH0, DOCKER0, created)).identify().ipv4
    assert (after.chosen, after.rule) == (before.chosen, before.rule)


def test_a_pulled_cable_does_not_move_a_registered_node() -> None:
    """The kernel keeps the routes of a link that lost its carrier; the other uplink does not become the node."""
    unplugged = link("eth0", "10.0.0.13/24", running=False)
    registered = cluster(node("host3", "10.0.0.13/24"), *FOUR_NODES[:2])
    machine = TWO.having(links=(LO, unplugged, ETH1), datastore=registered, sources=TOWARDS_NODES["sources"])
    assert machine.identify().ipv4.link == "eth0"


def test_an_address_on_two_links_prefers_the_one_that_is_not_rejected() -> None:
    """A floating copy does not take the address away from the link that has it for good."""
    machine = Machine(links=(LO, link("dummy0", "10.0.0.13/32", kind="dummy"), ETH0)).configured("10.0.0.13")
    choice = machine.identify().ipv4
    assert (choice.chosen, choice.link) == (ip_interface("10.0.0.13/24"), "eth0")


def test_ipv6_is_decided_by_the_same_list() -> None:
    """Temporary and link-local addresses beside the one that stays."""
    links = (LO, link("eth0", "2001:db8::d/64", held("2001:db8::ffff/64", temporary=True), held("fe80::1/64")))
    machine = Machine(links=links, default_sources=(source("2001:db8:1::1", "2001:db8::d"),))
    choice = machine.with_ipv6("auto").identify().ipv6
    assert (str(choice.chosen), choice.rule) == ("2001:db8::d/64", "default route")
