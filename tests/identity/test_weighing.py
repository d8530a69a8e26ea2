"""What speaks against an address yields to stronger evidence, and only to that."""

from dataclasses import replace
from ipaddress import ip_address
from typing import Any

import pytest

from calico_agent.model.calico.bird import Bird, PeerKind, Session
from calico_agent.model.calico.node import Datastore
from calico_agent.model.container.container import Container, ContainerState, Docker
from calico_agent.model.host.claimant import Machine as Hardware
from calico_agent.model.host.machine import Host
from calico_agent.model.name_lease import NameOwner
from calico_agent.model.network.address import Family
from calico_agent.model.observation import Unreadable
from tests.identity.machine import (
    BRIDGE_NETWORK,
    DOCKER0,
    ETH0,
    LO,
    Machine,
    docker_network,
    held,
    kept,
    link,
    node,
    pool,
    source,
)

FAR, FAR6 = "198.51.100.1", "2001:db8:ffff::1"
MANAGEMENT = link("eno1", "10.6.16.13/24")
UPLINKS = (link("swp1"), link("swp2"))
RACK = Datastore(nodes=(node("host1", "10.6.251.6/32"), node("host2", "10.6.251.7/32")))
ALL_WAYS: dict[str, Any] = {
    "datastore": RACK,
    "endpoints": ("10.6.251.9",),
    "sources": tuple(source(f"10.6.251.{n}", "10.6.251.5", "swp1") for n in (6, 7, 9)),
    "default_sources": (source(FAR, "10.6.251.5", "swp1"),),
}
# A host of a routed fabric: its address is announced over two uplinks, and management has a network of its own.
FABRIC = Machine(
    links=(LO, MANAGEMENT, *UPLINKS, link("loe0", "10.6.251.5/32", kind="dummy")), default_route="swp1"
).having(**ALL_WAYS)
ON_LO = link("lo", "127.0.0.1/8", "10.6.251.5/32", "::1/128", "2001:db8::5/128", loopback=True)
RACK6 = Datastore(nodes=(node("host1", ipv6="2001:db8::6/128"), node("host2", ipv6="2001:db8::7/128")))
FABRIC6 = Machine(
    links=(ON_LO, link("eno1", "2001:db8:16::13/64"), *UPLINKS),
    default_route="",
    datastore=RACK6,
    endpoints=("2001:db8::9",),
    sources=tuple(source(f"2001:db8::{n}", "2001:db8::5", "swp1") for n in (6, 7, 9)),
    default_sources=(source(FAR6, "2001:db8::5", "swp1"),),
).with_ipv6("auto")
# A master that holds a floating address, which the kernel prefers to the host's own for its longer prefix.
MASTER6 = Machine(
    links=(LO, link("eth0", "2001:db8::100/128", "2001:db8::d/64")),
    datastore=RACK6,
    endpoints=("2001:db8::9",),
    sources=tuple(source(f"2001:db8::{n}", "2001:db8::100") for n in (6, 7, 9)),
    default_sources=(source(FAR6, "2001:db8::100"),),
).with_ipv6("auto")
ADVERTISED = held("2001:db8::5054:ff:fe00:d/64", leased=True)
VPN = Machine(links=(LO, ETH0, link("wg0", "10.9.0.3/24", kind="wireguard"), DOCKER0))
VPN_NODES = Datastore(nodes=(node("host1", "10.9.0.1/24"), node("host2", "10.9.0.2/24")))
VPN_WAYS = (source("10.9.0.1", "10.9.0.3", "wg0"), source("10.9.0.2", "10.9.0.3", "wg0"))
TAIL = link("eth0", "10.0.0.100/24", held("10.0.0.13/24", secondary=True))
POOLED = Machine(
    datastore=Datastore(
        pools=(pool("10.0.0.0/16"),), nodes=(node("host1", "10.0.0.11/24"), node("host2", "10.0.0.12/24"))
    ),
    endpoints=("10.0.0.2",),
    sources=tuple(source(f"10.0.0.{n}", "10.0.0.13") for n in (11, 12, 2)),
    default_sources=(source(FAR, "10.0.0.13"),),
)


def speaking(address: str, state: str = "Established", kind: PeerKind = PeerKind.MESH) -> tuple[Bird, ...]:
    """BIRD with one session from this address."""
    session = Session("Mesh", kind, ip_address("10.0.0.11"), "up", state, source_address=ip_address(address))
    return (Bird(Family(ip_address(address).version), "1.6.8", sessions=(session,)),)


def registered(address: str, machine: Machine, **fields: str) -> Machine:
    """The machine with a record of its own beside those that are there."""
    assert isinstance(machine.datastore, Datastore)
    own = node("host3", address, **fields)
    return machine.having(datastore=replace(machine.datastore, nodes=(*machine.datastore.nodes, own)))


def started(*env: tuple[str, str]) -> Docker:
    container = Container("1", "calico-node", "calico/node:v3.31.7", ContainerState.RUNNING, env=env)
    return Docker(networks=(BRIDGE_NETWORK,), containers=(container,))


CHOSEN: dict[str, tuple[Machine, str, str]] = {
    "a dummy device whose address the fabric announces": (FABRIC, "10.6.251.5/32 on loe0", "other nodes"),
    "the loopback device": (FABRIC.having(links=(ON_LO, MANAGEMENT, *UPLINKS)), "10.6.251.5/32 on lo", "other nodes"),
    "uplinks with addresses of their own, for the neighbours": (
        FABRIC.having(links=(*FABRIC.links, link("swp3", "10.17.0.0/31"), link("swp4", "10.17.1.0/31"))),
        "10.6.251.5/32 on loe0",
        "other nodes",
    ),
    "the first node of a fabric, with the datastore elsewhere": (
        FABRIC.having(datastore=Datastore()),
        "10.6.251.5/32 on loe0",
        "datastore",
    ),
    "the first node of a fabric, with the datastore here": (
        FABRIC.having(datastore=Datastore(), endpoints=("127.0.0.1",)),
        "10.6.251.5/32 on loe0",
        "default route",
    ),
    "a fabric inside a disabled pool that exempts it from NAT": (
        FABRIC.having(datastore=replace(RACK, pools=(replace(pool("10.0.0.0/8"), disabled=True),))),
        "10.6.251.5/32 on loe0",
        "other nodes",
    ),
    "a cluster and its datastore inside a VPN, the rest by the wire": (
        VPN.having(
            datastore=VPN_NODES,
            endpoints=("10.9.0.9",),
            sources=(*VPN_WAYS, source("10.9.0.9", "10.9.0.3", "wg0")),
        ),
        "10.9.0.3/24 on wg0",
        "other nodes",
    ),
    "a cluster inside a VPN, where the kubelet was given that address": (
        VPN.having(datastore=VPN_NODES, sources=VPN_WAYS).with_kubelet("10.9.0.3"),
        "10.9.0.3/24 on wg0",
        "kubelet",
    ),
    "a dummy device that the kubelet was given, before any route is there": (
        Machine(links=FABRIC.links, default_route="").with_kubelet("10.6.251.5"),
        "10.6.251.5/32 on loe0",
        "kubelet",
    ),
    "a VPN alone says nothing": (
        VPN.having(datastore=VPN_NODES, sources=VPN_WAYS, default_sources=(source(FAR, "10.0.0.13"),)),
        "10.0.0.13/24 on eth0",
        "default route",
    ),
    "a new host of a cluster whose pool lies over its network": (POOLED, "10.0.0.13/24 on eth0", "other nodes"),
    "the record, where an alias was configured first": (
        registered("10.0.0.13/24", Machine(links=(LO, TAIL), default_sources=(source(FAR, "10.0.0.100"),))),
        "10.0.0.13/24 on eth0",
        "default route",
    ),
    "the record on the second of two links in one network (projectcalico/calico#1480)": (
        registered(
            "10.0.0.14/24",
            Machine(links=(LO, ETH0, link("eth1", "10.0.0.14/24")), default_sources=(source(FAR, "10.0.0.13"),)),
        ),
        "10.0.0.14/24 on eth1",
        "default route",
    ),
    "the first of two links in one network, where neither is this host's yet": (
        Machine(links=(LO, ETH0, link("eth1", "10.0.0.14/24")), default_sources=(source(FAR, "10.0.0.13"),)),
        "10.0.0.13/24 on eth0",
        "default route",
    ),
    "the host's own, where kube-vip's was configured first, which it marks as deprecated": (
        Machine(
            links=(
                LO,
                link("eth0", held("10.0.0.100/24", deprecated=True), held("10.0.0.13/24", secondary=True)),
            ),
            datastore=Datastore(nodes=(node("host1", "10.0.0.11/24"),)),
            sources=(source("10.0.0.11", "10.0.0.100"),),
            default_sources=(source(FAR, "10.0.0.100"),),
        ),
        "10.0.0.13/24 on eth0",
        "other nodes",
    ),
    "what calico/node was started with, where an alias was configured first": (
        Machine(
            links=(LO, TAIL),
            default_sources=(source(FAR, "10.0.0.100"),),
            docker=started(("NODENAME", "host3"), ("IP", "10.0.0.13/24")),
            datastore=Unreadable("etcd", "refused"),
        ),
        "10.0.0.13/24 on eth0",
        "default route",
    ),
    "sessions from the registered address, whatever the kernel prefers": (
        registered(
            "192.168.7.3/24",
            Machine(links=(LO, ETH0, link("eth1", "192.168.7.3/24")), default_sources=(source(FAR, "10.0.0.13"),)),
        ).having(birds=speaking("192.168.7.3")),
        "192.168.7.3/24 on eth1",
        "own record",
    ),
    "sessions from the registered address on a dummy device, while the kernel has no way out": (
        registered("10.6.251.5/32", Machine(links=FABRIC.links, default_route="")).having(birds=speaking("10.6.251.5")),
        "10.6.251.5/32 on loe0",
        "own record",
    ),
    "this machine's claim with the registered address, the state directory being lost": (
        Machine(
            links=(LO, MANAGEMENT, link("loe0", "10.6.251.5/32", kind="dummy", mac="")),
            default_route="",
            host=Host("host3", "ab" * 16, boot_id="b1"),
            datastore=Datastore(
                nodes=(node("host3", "10.6.251.5/32"),),
                claims=(NameOwner("host3", Hardware("ab" * 16, "b1", address="10.6.251.5"), None, "{}"),),
            ),
        ),
        "10.6.251.5/32 on loe0",
        "own record",
    ),
    "sessions from the registered address that a record of another machine lists, too": (
        registered(
            "10.0.0.13/24", Machine(datastore=Datastore(nodes=(node("old", "10.0.0.99/24", "10.0.0.99", "10.0.0.13"),)))
        ).having(birds=speaking("10.0.0.13")),
        "10.0.0.13/24 on eth0",
        "own record",
    ),
    "the last choice on a dummy device, while the uplinks are down": (
        Machine(links=FABRIC.links, default_route="", kept=kept("10.6.251.5/32", "loe0", reason="virtual-link")),
        "10.6.251.5/32 on loe0",
        "last choice",
    ),
}


@pytest.mark.parametrize(("machine", "place", "rule"), CHOSEN.values(), ids=CHOSEN.keys())
def test_is_chosen(machine: Machine, place: str, rule: str) -> None:
    choice = machine.identify().ipv4
    assert (f"{choice.chosen} on {choice.link}", choice.rule, choice.lost) == (place, rule, None)


CHOSEN6: dict[str, tuple[Machine, str, str]] = {
    "the loopback device": (FABRIC6, "2001:db8::5/128 on lo", "other nodes"),
    "a dummy device": (
        FABRIC6.having(links=(LO, *FABRIC6.links[1:], link("dummy0", "2001:db8::5/128", kind="dummy"))),
        "2001:db8::5/128 on dummy0",
        "other nodes",
    ),
    "the record, where the kernel prefers another address of its network": (
        registered(
            "",
            Machine(
                links=(LO, link("eth0", "2001:db8::100/64", "2001:db8::d/64")),
                default_sources=(source(FAR6, "2001:db8::100"),),
            ).with_ipv6("auto"),
            ipv6="2001:db8::d/64",
        ),
        "2001:db8::d/64 on eth0",
        "default route",
    ),
    "the address that stays, where the kernel prefers a privacy address": (
        Machine(
            links=(LO, link("eth0", held("2001:db8::ffff/64", temporary=True), "2001:db8::d/64"), ETH0),
            default_sources=(source(FAR6, "2001:db8::ffff"),),
        ).with_ipv6("auto"),
        "2001:db8::d/64 on eth0",
        "default route",
    ),
    "the host's own, where the kernel prefers a floating address (projectcalico/calico#4870)": (
        MASTER6,
        "2001:db8::d/64 on eth0",
        "other nodes",
    ),
    "the same on the first node": (
        MASTER6.having(datastore=Datastore(), endpoints=()),
        "2001:db8::d/64 on eth0",
        "default route",
    ),
    "the same where calico/node has registered the floating one, and VXLAN has no sessions": (
        registered("", MASTER6, ipv6="2001:db8::100/128"),
        "2001:db8::d/64 on eth0",
        "other nodes",
    ),
    "a floating address in one of two networks": (
        MASTER6.having(links=(LO, link("eth0", "2001:db8::100/128", "fd00::d/64", "2001:db8::d/64"))),
        "2001:db8::d/64 on eth0",
        "other nodes",
    ),
    "a single address of DHCPv6, beside one that a router advertised": (
        MASTER6.having(links=(LO, link("eth0", ADVERTISED, held("2001:db8::100/128", leased=True)))).having(
            docker=started(("IP6", "2001:db8::100/128"))
        ),
        "2001:db8::100/128 on eth0",
        "other nodes",
    ),
    "sessions from the registered address": (
        registered(
            "",
            Machine(
                links=(LO, link("eth0", "2001:db8::100/64"), link("eth1", "2001:db8:1::d/64")),
                default_sources=(source(FAR6, "2001:db8::100"),),
                birds=speaking("2001:db8:1::d"),
            ).with_ipv6("auto"),
            ipv6="2001:db8:1::d/64",
        ),
        "2001:db8:1::d/64 on eth1",
        "own record",
    ),
}


@pytest.mark.parametrize(("machine", "place", "rule"), CHOSEN6.values(), ids=CHOSEN6.keys())
def test_is_chosen_for_ipv6(machine: Machine, place: str, rule: str) -> None:
    choice = machine.identify().ipv6
    assert (f"{choice.chosen} on {choice.link}", choice.rule, choice.lost) == (place, rule, None)


NEVER_CHOSEN = {
    "Docker's bridge with sessions from the registered address": registered("172.17.0.1/16", Machine()).having(
        links=(LO, DOCKER0), birds=speaking("172.17.0.1")
    ),
    "Docker's bridge as the source of every way out": Machine(
        links=(LO, DOCKER0),
        default_sources=(source(FAR, "172.17.0.1", "docker0"),),
        datastore=RACK,
        endpoints=("10.6.251.9",),
        sources=tuple(source(f"10.6.251.{n}", "172.17.0.1", "docker0") for n in (6, 7, 9)),
    ),
    "a bridge of Docker's that was chosen before": Machine(
        links=(LO, link("br-0123456789ab", "172.18.0.1/16", kind="bridge")),
        docker=Docker(networks=(docker_network("shop", "br-0123456789ab", "172.18.0.0/16"),)),
        kept=kept("172.18.0.1/16", "br-0123456789ab"),
    ),
    "a bridge whose address other hosts have as well": registered(
        "192.168.122.1/24",
        Machine(datastore=Datastore(nodes=(node("host1", "10.0.0.11/24", "10.0.0.11", "192.168.122.1"),))),
    ).having(links=(LO, link("br0", "192.168.122.1/24", kind="bridge", index=7), link("tap0", kind="tun", master=7))),
    "a container's own session with this host": registered("10.6.251.5/32", Machine()).having(
        links=(LO, link("loe0", "10.6.251.5/32", kind="dummy")),
        birds=speaking("10.6.251.5", kind=PeerKind.LOCAL_WORKLOAD),
        default_route="",
    ),
    "a session that is not established": registered("10.6.251.5/32", Machine()).having(
        links=(LO, link("loe0", "10.6.251.5/32", kind="dummy")),
        birds=speaking("10.6.251.5", state="Active"),
        default_route="",
    ),
    "a dummy device that nothing is sent from": Machine(links=(LO, link("dummy0", "10.20.30.40/24", kind="dummy"))),
    "a pool over the network of the first node": Machine(
        datastore=Datastore(pools=(pool("10.0.0.0/16"),)), default_sources=(source(FAR, "10.0.0.13"),)
    ),
}


@pytest.mark.parametrize("machine", NEVER_CHOSEN.values(), ids=NEVER_CHOSEN.keys())
def test_is_not_chosen(machine: Machine) -> None:
    choice = machine.identify().ipv4
    assert (choice.chosen, choice.refusal_code) == (None, "IP-NONE")


AMBIGUOUS: dict[str, tuple[Machine, tuple[str, ...]]] = {
    "two addresses of one network on a new host, whichever the kernel has first": (
        Machine(links=(LO, TAIL), default_sources=(source(FAR, "10.0.0.100"),)),
        ("10.0.0.100/24 (eth0)", "10.0.0.13/24 (eth0)", 'ipv4 = "10.0.0.100" or ipv4 = "10.0.0.13"'),
    ),
    "two ways out through a VPN, one by the wire": (
        VPN.having(
            datastore=VPN_NODES,
            endpoints=("10.9.0.9",),
            sources=(*VPN_WAYS, source("10.9.0.9", "10.9.0.3", "wg0")),
            default_sources=(source(FAR, "10.0.0.13"),),
        ),
        (
            "10.0.0.13/24 (eth0; named by: default route)",
            "10.9.0.3/24 (wg0; named by: other nodes, datastore; is on a WireGuard tunnel)",
            'ipv4 = "10.0.0.13" or ipv4 = "10.9.0.3"',
        ),
    ),
    "a pulled cable, where every way out still begins": (
        Machine(
            links=(LO, link("eth0", "10.0.0.13/24", running=False), link("eth1", "192.168.7.3/24")),
            endpoints=("10.0.0.2",),
            sources=(source("10.0.0.2", "10.0.0.13"),),
            default_sources=(source(FAR, "10.0.0.13"),),
        ),
        ("10.0.0.13/24 (eth0; named by: datastore, default route; is on a link without carrier)", "192.168.7.3/24"),
    ),
}


@pytest.mark.parametrize(("machine", "listed"), AMBIGUOUS.values(), ids=AMBIGUOUS.keys())
def test_is_ambiguous_and_lists_all_that_any_rule_named(machine: Machine, listed: tuple[str, ...]) -> None:
    choice = machine.identify().ipv4
    assert (choice.chosen, choice.refusal_code) == (None, "IP-AMBIGUOUS")
    for words in listed:
        assert words in choice.refusal


def test_what_was_overridden_is_told() -> None:
    """A node on a dummy device is right, and odd: `detect` says both."""
    verdict = FABRIC.verdict("10.6.251.5")
    assert (verdict.reason, verdict.accepted) == ("virtual-link", True)
    assert verdict.doubt == ", although it is on a dummy device, which leads nowhere: the kernel itself sends from it"
