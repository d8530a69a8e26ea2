"""Recorded hosts of a real cluster (Calico v3.31.7): whatever had gone wrong there, each host knows who it is."""

import json
from ipaddress import ip_address, ip_interface, ip_network
from pathlib import Path
from typing import Any

import pytest

from calico_agent.identity.select import identify_host
from calico_agent.model.calico.node import Datastore
from calico_agent.model.container.container import Docker
from calico_agent.model.host.machine import Host
from calico_agent.model.identity import Identity
from calico_agent.model.network.address import Link, LinkAddress
from calico_agent.model.network.kernel import Kernel, RouteLookup
from calico_agent.model.settings import AddressSettings, IdentitySettings
from calico_agent.sources.datastore.etcd3.decode import decode_datastore
from calico_agent.sources.docker.decode.container import decode_network
from tests.places import DATA

CAPTURES = DATA / "calico-v3.31.7"
HOSTS = sorted(
    (path.parent.parent.name, path.parent.name) for path in CAPTURES.glob("*/host*/ip-addr.json") if path.stat().st_size
)
NAMES = [f"{host} of {scenario}" for scenario, host in HOSTS]
LAN = ip_network("10.77.0.0/24")
LAN6 = ip_network("fd00:77::/64")


def recorded_link(attrs: dict[str, Any]) -> Link:
    """One link of `ip -d -j addr`."""
    flags = attrs["flags"]
    addresses = tuple(
        LinkAddress(ip_interface(f"{info['local']}/{info['prefixlen']}"), info["scope"], info.get("label", ""))
        for info in attrs["addr_info"]
        if "local" in info
    )
    return Link(
        attrs["ifindex"],
        attrs["ifname"],
        attrs.get("linkinfo", {}).get("info_kind", ""),
        up="UP" in flags,
        running="LOWER_UP" in flags,
        loopback="LOOPBACK" in flags,
        mac=attrs["address"],
        addresses=addresses,
    )


def recorded_datastore(path: Path) -> Datastore:
    """The keys of an `etcd.jsonl`."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    items = ((line["key"], json.dumps(line["value"]).encode()) for line in lines)
    return decode_datastore(items, revision=1, read_at=None)


def identify(scenario: str, host: str, *, ipv6: str = "none") -> Identity:
    """Who the recorded host is. In the recording every address of the LAN was reached over eth0."""
    folder = CAPTURES / scenario / host
    datastore = recorded_datastore(CAPTURES / scenario / "etcd.jsonl")
    links = tuple(recorded_link(attrs) for attrs in json.loads((folder / "ip-addr.json").read_text()))
    eth0 = next(link for link in links if link.name == "eth0")
    own = {lan.version: held.address for lan in (LAN, LAN6) for held in eth0.addresses if held.address in lan}
    registered = [address.ip for node in datastore.nodes for address in (node.ipv4, node.ipv6) if address is not None]
    sources = tuple(
        RouteLookup(address, own[address.version], "eth0")
        for address in registered
        if address in LAN or address in LAN6
    )
    networks = tuple(decode_network(attrs) for attrs in json.loads((folder / "docker-networks.json").read_text()))
    default = RouteLookup(ip_address("198.51.100.1"), own[4], "eth0", ip_address("10.77.0.1"))
    nodename = (folder / "nodename").read_text() if (folder / "nodename").exists() else None
    return identify_host(
        Host(host, nodename_file=nodename),
        Kernel(links, lookups=sources, default_lookups=(default,)),
        Docker(networks=networks),
        datastore,
        IdentitySettings(ipv6=AddressSettings(ipv6)),
        (ip_address("10.77.0.1"),),
    )


def test_the_captures_are_there() -> None:
    """An empty table of cases would prove nothing."""
    assert len(HOSTS) >= 20


@pytest.mark.parametrize(("scenario", "host"), HOSTS, ids=NAMES)
def test_each_host_knows_its_name_and_address(scenario: str, host: str) -> None:
    """Also where its node record and nodename file say otherwise."""
    identity = identify(scenario, host)
    assert identity.name.name == host
    assert (str(identity.ipv4.chosen), identity.ipv4.link) == (f"10.77.0.1{host[-1]}/24", "eth0")


@pytest.mark.parametrize(("scenario", "host"), HOSTS, ids=NAMES)
def test_each_host_rejects_dockers_bridge(scenario: str, host: str) -> None:
    """172.17.0.1 is on every one of them."""
    verdicts = {candidate.link: candidate.reason for candidate in identify(scenario, host).ipv4.candidates}
    assert verdicts["docker0"] == "docker-network"


@pytest.mark.parametrize("host", ["host1", "host2", "host3"])
def test_a_vxlan_tunnel_is_rejected_by_its_pool(host: str) -> None:
    """Calico itself once took it (projectcalico/calico#6927)."""
    verdicts = {candidate.link: candidate.reason for candidate in identify("vxlan-always", host).ipv4.candidates}
    assert verdicts["vxlan.calico"] == "calico-pool"


@pytest.mark.parametrize("host", ["host1", "host2", "host3"])
def test_dual_stack_finds_both_addresses(host: str) -> None:
    """By the same rule."""
    identity = identify("dual-stack", host, ipv6="auto")
    assert (str(identity.ipv6.chosen), identity.ipv6.rule) == (f"fd00:77::1{host[-1]}/64", "other nodes")


def other_nodes(scenario: str, host: str) -> str:
    """What the rule of the other nodes says."""
    opinions = identify(scenario, host).ipv4.opinions
    return next(opinion.detail for opinion in opinions if opinion.rule == "other nodes")


def test_the_culprit_of_the_story_knows_better_than_its_record() -> None:
    """host3 is registered with 172.17.0.1; the way to the other two nodes shows its address."""
    said = other_nodes("docker-bridge-address", "host3")
    assert said == "the kernel reaches 2 of 2 other nodes from 10.77.0.13 (eth0)"


def test_the_healthy_nodes_do_not_follow_the_culprit() -> None:
    """On host1 the way to 172.17.0.1 is its own bridge: host3 does not vote."""
    said = other_nodes("docker-bridge-address", "host1")
    assert said == "the kernel reaches 1 of 1 other nodes from 10.77.0.11 (eth0)"
