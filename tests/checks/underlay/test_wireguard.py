"""Encryption that was asked for, and is not there."""

from dataclasses import replace

import pytest

from calico_agent.model.calico.felix import FelixSettings
from calico_agent.model.calico.node import Node
from calico_agent.model.identity import AddressChoice, Candidate
from calico_agent.model.network.address import Family, Link
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.observation import Observation
from tests.checks.case import Case, check
from tests.checks.cluster import AT, DATASTORE, HEALTHY, IDENTITY, contained, stored, v6
from tests.checks.routes.test_diverted import ENCRYPTED, KEYS, encrypted, wireguard

ASKED = FelixSettings(wireguard=frozenset({Family.IPV4}))
ETH0 = Link(2, "eth0")
DEVICE = Link(9, "wireguard.cali", "wireguard")


def asked(observation: Observation = HEALTHY, settings: FelixSettings = ASKED, **changes: object) -> Observation:
    return stored(observation, felix=settings, **changes)


def linked(observation: Observation, *links: Link) -> Observation:
    assert isinstance(observation.kernel, Kernel)
    return replace(observation, kernel=replace(observation.kernel, links=links))


def keyless(name: str) -> tuple[Node, ...]:
    return tuple(replace(node, wireguard_public_key=None) if node.name == name else node for node in KEYS)


SIX = Candidate(v6("fd00:77::11/64"), "eth0")
DUAL = replace(IDENTITY, ipv6=AddressChoice(Family.IPV6, chosen=SIX.interface, link="eth0", candidates=(SIX,)))
CASES = {
    "nobody asks for it": Case(HEALTHY, {}, status={}),
    "asked for, and the kernel has none": Case(
        linked(asked(), ETH0),
        {"RT-WIREGUARD host1": set()},
        says=(
            "WireGuard is asked for, and this host has none",
            "wireguardEnabled is true in FelixConfiguration default",
            "the record of host1 has no public key for IPv4, and the kernel has no WireGuard device",
            "modprobe wireguard on this host, then docker restart calico-node",
        ),
        status={},
    ),
    "the device is there, and no key": Case(
        linked(asked(), ETH0, DEVICE),
        {"RT-WIREGUARD host1": set()},
        says=("docker logs calico-node: look for wireguard",),
    ),
    "asked for by the environment": Case(
        contained(env=(("FELIX_WIREGUARDENABLED", "true"),)),
        {"RT-WIREGUARD host1": set()},
        says=("FELIX_WIREGUARDENABLED=true in calico-node",),
    ),
    "asked for on this node alone": Case(
        stored(felix_nodes=(("host1", (("wireguardEnabled", True),)),)),
        {"RT-WIREGUARD host1": set()},
        says=("in FelixConfiguration node.host1",),
    ),
    "taken back for this node": Case(asked(felix_nodes=(("host1", (("wireguardEnabled", False),)),)), {}, status={}),
    "all nodes have it": Case(asked(wireguard(*ENCRYPTED), nodes=KEYS), {}, status={}),
    "another node has none": Case(
        asked(wireguard(encrypted("192.168.2.0/26"), ENCRYPTED[2]), nodes=keyless("host3")),
        {"RT-WIREGUARD host3": set()},
        says=("node host3 has no WireGuard", "on host3: modprobe wireguard"),
        status={},
    ),
    "another node is told to have none": Case(
        asked(
            wireguard(encrypted("192.168.2.0/26"), ENCRYPTED[2]),
            nodes=keyless("host3"),
            felix_nodes=(("host3", (("wireguardEnabled", False),)),),
        ),
        {},
        status={},
    ),
    "calico/node starts just now": Case(contained(asked(), started_at=AT), {}),
    "IPv6 of a host that has none": Case(asked(settings=FelixSettings(wireguard=frozenset({Family.IPV6}))), {}),
    "IPv6": Case(
        asked(
            settings=FelixSettings(wireguard=frozenset({Family.IPV6})),
            nodes=(replace(DATASTORE.nodes[0], ipv6=v6("fd00:77::11/64")), *DATASTORE.nodes[1:]),
        ),
        {"RT-WIREGUARD host1 (IPv6)": set()},
        DUAL,
        says=("wireguardEnabledV6 is true",),
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_wireguard(case: Case) -> None:
    check(case)
