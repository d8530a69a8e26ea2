"""Hosts wired in many ways, as a kernel that has all kinds of links reported them: netlink's bytes, and `ip -d -j`."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from calico_agent.identity.select import identify_host
from calico_agent.model.calico.node import Datastore
from calico_agent.model.container.container import Docker
from calico_agent.model.host.machine import Host
from calico_agent.model.identity import Candidate, Identity
from calico_agent.model.network.address import Family, Link
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.network.policy_rule import tables_before_main
from calico_agent.model.network.route import TABLE_MAIN
from calico_agent.model.settings import IdentitySettings
from calico_agent.sources.kernel.decode.fib import decode_routes
from calico_agent.sources.kernel.decode.policy_rules import decode_rules
from calico_agent.sources.kernel.links import links_in
from tests.places import DATA
from tests.replay.kernel import kernel_from

RECORDINGS = DATA / "links-linux-6.1"

VIRTUAL, VRF, BRIDGE = "virtual-link", "vrf", "bridge-without-port"
# What is chosen, by which rule, and the addresses beside it with what speaks against them; loopback is left out.
HOSTS: dict[str, tuple[str, str, Mapping[str, str]]] = {
    "bridge": ("10.24.0.5/24 on br0", "default route", {"192.168.122.1": BRIDGE}),
    "brvlan": ("10.25.0.5/24 on br0", "default route", {"10.26.0.1": BRIDGE}),
    "dummy32": ("10.200.0.5/32 on dummy0", "default route", {"10.17.0.0": "", "10.17.1.0": ""}),
    "gre": ("10.22.0.5/24 on eth0", "default route", {"10.22.9.1": VIRTUAL, "10.22.10.1": VIRTUAL}),
    "gredef": ("10.23.0.5/24 on eth0", "only candidate", {"10.23.9.1": VIRTUAL}),
    "ipip": ("10.21.0.5/24 on eth0", "default route", {"10.21.9.1": VIRTUAL}),
    "ipvlan": ("10.27.0.5/24 on ipv0", "default route", {"10.8.0.2": VIRTUAL, "10.244.0.0": VIRTUAL}),
    "ipvs": (
        "10.19.0.5/24 on eth0",
        "default route",
        {"10.96.0.1": VIRTUAL, "10.20.30.40": VIRTUAL, "169.254.20.10": "link-local"},
    ),
    "lo32": ("10.200.0.6/32 on lo", "default route", {"10.18.0.0": "", "10.18.1.0": ""}),
    "macvlan": ("10.15.0.5/24 on eth0", "default route", {"10.15.0.6": ""}),
    "macvo": ("10.16.0.6/24 on mac0", "default route", {}),
    "sit": ("10.31.0.5/24 on eth0", "default route", {"10.32.0.5": "no-carrier"}),
    "vlanbond": ("10.10.0.5/24 on bond0.100", "default route", {"10.9.0.5": ""}),
    "vrf": ("10.12.0.5/24 on eth1", "default route", {"10.11.0.5": VRF}),
    "vrfbond": ("10.29.0.5/24 on eth1", "default route", {"10.28.0.5": VRF}),
    "vrfonly": ("10.14.0.5/24 on eth1", "only candidate", {"10.13.0.5": VRF}),
    "vrfvlan": ("None on ", "", {"10.30.0.5": VRF}),
    "wireguard": ("10.77.0.11/24 on eth0", "only candidate", {"192.168.119.0": VIRTUAL}),
    "wireguard-down": ("10.77.0.11/24 on eth0", "only candidate", {"192.168.119.0": VIRTUAL}),
}


def by_words(name: str) -> Kernel:
    """The recorded kernel by what `ip` said."""
    folder = RECORDINGS / name
    return kernel_from(
        json.loads((folder / "ip-addr.json").read_text()),
        json.loads((folder / "ip-route.json").read_text()),
        (),
        rules={Family.IPV4: (RECORDINGS / name.removesuffix("-down") / "ip-rule.txt").read_text()},
    )


def by_bytes(name: str) -> Kernel:
    """The same by netlink's bytes; single look-ups are not recorded, so they are those of the other."""
    folder = RECORDINGS / name
    links = links_of(folder)
    routes = {family: [(folder / "route.bin").read_bytes()] for family in Family}
    names = {link.index: link.name for link in links}
    rules = {Family.IPV4: decode_rules([(folder / "rule.bin").read_bytes()], Family.IPV4)}
    asked = {TABLE_MAIN, *tables_before_main(rules.values())}
    tables = {table: decode_routes(routes, names, table=table, objects={}) for table in asked}
    return replace(by_words(name), links=links, fib=tables.pop(TABLE_MAIN), rules=rules, tables=tables)


def links_of(folder: Path) -> tuple[Link, ...]:
    return links_in([(folder / "link.bin").read_bytes()], [(folder / "addr.bin").read_bytes()])


def identify(kernel: Kernel) -> Identity:
    return identify_host(Host("host1"), kernel, Docker(), Datastore(), IdentitySettings(), ())


def test_every_recording_is_looked_at() -> None:
    assert {path.name for path in RECORDINGS.iterdir() if path.is_dir()} == HOSTS.keys()


@pytest.mark.parametrize("name", HOSTS)
@pytest.mark.parametrize("read", [by_bytes, by_words], ids=["by netlink", "by ip"])
def test_each_address_has_its_verdict(name: str, read: object) -> None:
    assert callable(read)
    place, rule, others = HOSTS[name]
    choice = identify(read(name)).ipv4
    assert (f"{choice.chosen} on {choice.link}", choice.rule) == (place, rule)
    beside = {str(one.interface.ip): str(one.reason) for one in choice.candidates if _is_beside(one, place)}
    assert beside == others


def _is_beside(candidate: Candidate, place: str) -> bool:
    return not candidate.interface.ip.is_loopback and str(candidate.interface) != place.partition(" ")[0]


def test_a_host_whose_only_address_is_in_a_vrf_is_told_so() -> None:
    refusal = identify(by_bytes("vrfvlan")).ipv4
    assert refusal.refusal_code == "IP-NONE"
    assert "10.30.0.5/24 bond0.7 is in the VRF prod: its routes are not in the main table" in refusal.refusal


@pytest.mark.parametrize("name", HOSTS)
def test_both_readings_are_of_one_kernel(name: str) -> None:
    """What `ip` says in words is what netlink's bytes say."""
    words, read = by_words(name), by_bytes(name)
    assert [(link.name, link.kind, link.master, link.parent, link.up) for link in read.links] == [
        (link.name, link.kind, link.master, link.parent, link.up) for link in words.links
    ]
    assert (read.fib, read.tables) == (words.fib, words.tables)
    assert [str(rule) for rule in read.rules[Family.IPV4]] == [str(rule) for rule in words.rules[Family.IPV4]]
    # Their flags change from one moment to the next: duplicate address detection was under way.
    assert [[held.interface for held in link.addresses] for link in read.links] == [
        [held.interface for held in link.addresses] for link in words.links
    ]
