"""Calico's own methods on a host in a few words: its answer where it is allowed, ours on top where it is not."""

from dataclasses import replace
from ipaddress import ip_address, ip_interface

import pytest

from calico_agent.identity.links import skipped_by_calico, skipped_by_old_calico
from calico_agent.model.calico.node import Datastore
from calico_agent.model.host.claimant import Machine as Hardware
from calico_agent.model.identity import KeptIdentity
from calico_agent.model.name_lease import KubeletSign
from calico_agent.model.observation import Unreadable
from calico_agent.model.settings import AddressSettings, IdentitySettings
from tests.identity.machine import DOCKER0, ETH0, LO, Machine, held, kept, link, node, pool, source

BRIDGE = link("br-0123456789ab", "172.18.0.1/16", kind="bridge", running=False)
WG0 = link("wg0", "10.9.0.3/24", kind="wireguard")
VETH = link("veth1234", "10.88.0.1/24", kind="veth", master=7)
ETH1 = link("eth1", "192.168.7.3/24", "192.168.7.4/24")
# In the kernel's order: eth0 is the oldest link, wg0 the newest.
HOST = Machine(links=(LO, ETH0, DOCKER0, ETH1, VETH, BRIDGE, WG0))

# The table of the names that each list skips; X in the two columns.
NAMES = {
    "docker0": (True, True),
    "br-1234deadbeaf": (True, False),
    "br0": (False, False),
    "virbr0": (True, True),
    "veth1234": (True, True),
    "podman0": (True, False),
    "cni0": (True, False),
    "mydocker0": (False, True),
    "ibmveth2": (False, True),
    "lo": (True, True),
    "slow0": (False, True),
    "vxlan.calico": (True, True),
    "bpfin.cali": (False, True),
    "nodelocaldns": (True, True),
    "kube-ipvs0": (True, False),
    "eth0": (False, False),
    "tailscale0": (False, False),
}


@pytest.mark.parametrize(("name", "skipped"), NAMES.items(), ids=NAMES.keys())
def test_the_names_that_first_found_skips(name: str, skipped: tuple[bool, bool]) -> None:
    """By the list since v3.25, and by that of v1.1 to v2.6."""
    assert (skipped_by_calico(name), skipped_by_old_calico(name)) == skipped


# Each method with Calico's own answer, and with ours.
METHODS = {
    "first-found takes the newest link, a tunnel too": ("first-found", "10.9.0.3", "192.168.7.3"),
    "interface= takes the newest link that matches": ("interface=eth.*", "10.88.0.1", "192.168.7.3"),
    "interface= knows no list of names": ("interface=docker.*", "172.17.0.1", None),
    "interface= with several expressions": ("interface=^ens.*, ^eth0$", "10.0.0.13", "10.0.0.13"),
    "interface= that no link matches": ("interface=ens.*", None, None),
    "skip-interface= adds to the list of names": ("skip-interface=wg.*", "192.168.7.3", "192.168.7.3"),
    "skip-interface= of everything": ("skip-interface=.*", None, None),
    "cidr= looks at addresses only": ("cidr=172.16.0.0/12", "172.18.0.1", None),
    "cidr= of the host's network": ("cidr=10.0.0.0/24", "10.0.0.13", "10.0.0.13"),
    "cidr= of several networks takes the newest link": (
        "cidr=10.0.0.0/24,192.168.0.0/16",
        "192.168.7.3",
        "192.168.7.3",
    ),
    "cidr= takes the first address of the link in it": ("cidr=192.168.7.4/30", "192.168.7.4", "192.168.7.4"),
    "can-reach= takes the kernel's source address": ("can-reach=198.51.100.7", "10.0.0.13", "10.0.0.13"),
    "can-reach= of a DNS name": ("can-reach=gate.example", "192.168.7.3", "192.168.7.3"),
    "can-reach= through Docker's bridge": ("can-reach=172.17.0.9", "172.17.0.1", None),
    "can-reach= of what no route leads to": ("can-reach=203.0.113.1", None, None),
    "can-reach= of a name that does not resolve": ("can-reach=nowhere.example", None, None),
}
REACHING = HOST.having(
    sources=(
        source("198.51.100.7", "10.0.0.13"),
        source("198.51.100.8", "192.168.7.3", "eth1"),
        source("172.17.0.9", "172.17.0.1", "docker0"),
        source("203.0.113.1", ""),
    ),
    reachable={
        "198.51.100.7": (ip_address("198.51.100.7"),),
        "gate.example": (ip_address("2001:db8::8"), ip_address("198.51.100.8")),
        "172.17.0.9": (ip_address("172.17.0.9"),),
        "203.0.113.1": (ip_address("203.0.113.1"),),
    },
)


@pytest.mark.parametrize(("method", "calicos", "ours"), METHODS.values(), ids=METHODS.keys())
def test_a_method(method: str, calicos: str | None, ours: str | None) -> None:
    """Calico's exact answer with allow_rejected; without it, the first against which nothing speaks."""
    exact = REACHING.with_method(method, allow_rejected=True).identify().ipv4
    assert (str(exact.chosen.ip) if exact.chosen else None) == calicos
    checked = REACHING.with_method(method).identify().ipv4
    assert (str(checked.chosen.ip) if checked.chosen else None) == ours
    assert (checked.rule, checked.refusal_code) == (("method", "") if ours else ("", "IP-NONE"))


def test_what_is_configured_is_not_overruled() -> None:
    """All other rules are heard, none of them decides instead."""
    choice = HOST.having(default_sources=(source("198.51.100.1", "10.0.0.13"),)).with_method("interface=ens").identify()
    assert choice.ipv4.chosen is None
    assert any(opinion.answers for opinion in choice.ipv4.opinions)


def test_a_passed_over_address_is_named_with_its_evidence() -> None:
    opinion = HOST.with_method("first-found").identify().ipv4.opinions[0]
    assert opinion.detail == "first-found finds 192.168.7.3 (eth1), not 10.9.0.3 (wg0), which is on a WireGuard tunnel"


def test_the_refusal_says_how_calicos_answer_is_had_all_the_same() -> None:
    refusal = HOST.with_method("interface=docker.*").identify().ipv4.refusal
    assert refusal.startswith("The configured method interface=docker.* finds 172.17.0.1 (docker0), which belongs to")
    assert "allow_rejected = true" in refusal
    assert '[identity] ipv4 = "10.0.0.13"' in refusal


def test_a_new_link_does_not_move_the_node() -> None:
    """Calico's own first-found did (projectcalico/calico#3194, #5090); allow_rejected is exactly Calico's."""
    machine = HOST.having(kept=kept("10.0.0.13/24", "eth0", rule="method"))
    assert str(machine.with_method("first-found").identify().ipv4.chosen) == "10.0.0.13/24"
    assert str(machine.with_method("first-found", allow_rejected=True).identify().ipv4.chosen) == "10.9.0.3/24"


def test_a_last_choice_that_the_method_does_not_accept_is_not_kept() -> None:
    machine = HOST.having(kept=kept("10.0.0.13/24", "eth0"))
    assert str(machine.with_method("interface=eth1").identify().ipv4.chosen) == "192.168.7.3/24"


def test_special_addresses_are_no_candidates_of_calico() -> None:
    """Go's IsGlobalUnicast: no loopback, link-local or multicast address, whatever the link is called."""
    links = (ETH0, link("eth9", held("169.254.7.7/16", scope="link"), held("127.0.0.9/8", scope="host")))
    choice = Machine(links=links).with_method("interface=eth9", allow_rejected=True).identify().ipv4
    assert choice.chosen is None


def test_a_method_for_ipv6() -> None:
    links = (LO, link("eth0", "10.0.0.13/24", "2001:db8::13/64", held("fe80::13/64", scope="link")))
    machine = Machine(links=links).with_method("interface=eth0")
    ipv6 = AddressSettings("calico", calico=machine.settings.ipv4.calico)
    both = machine.having(settings=replace(machine.settings, ipv6=ipv6)).identify()
    assert (str(both.ipv4.chosen), str(both.ipv6.chosen)) == ("10.0.0.13/24", "2001:db8::13/64")


# What Calico itself would have taken: the rule's name, its answer, in each case.
ITSELF = {
    "a host with one interface and docker0": (Machine(), [("Calico itself", "10.0.0.13/24")]),
    "a user-defined network of Docker, which old releases do not know": (
        Machine(links=(LO, ETH0, DOCKER0, BRIDGE)),
        [("Calico itself", "10.0.0.13/24"), ("Calico v1.1-v2.6", "172.18.0.1/16")],
    ),
    "nothing but bridges": (Machine(links=(LO, DOCKER0)), [("Calico itself", None)]),
}


@pytest.mark.parametrize(("machine", "expected"), ITSELF.values(), ids=ITSELF.keys())
def test_what_calico_itself_would_take_is_told_and_decides_nothing(
    machine: Machine, expected: list[tuple[str, str | None]]
) -> None:
    choice = machine.identify().ipv4
    told = [(one.rule, str(one.answers[0]) if one.answers else None) for one in choice.calico]
    assert told == expected
    assert choice.rule not in {rule for rule, _ in expected}


def test_a_method_needs_neither_docker_nor_datastore() -> None:
    """Names and addresses are enough; what Docker would have said is replaced by second evidence."""
    unknown = Unreadable("Docker", "there is no socket")
    machine = HOST.having(docker=unknown, datastore=Unreadable("etcd", "refused")).with_method("cidr=172.16.0.0/12")
    assert machine.identify().ipv4.chosen is None


def test_an_address_in_a_pool_is_passed_over() -> None:
    """vxlan.calico's own address was once taken by Calico (projectcalico/calico#6927)."""
    datastore = Datastore(pools=(pool("10.9.0.0/16"),), nodes=(node("host1", "10.0.0.11/24"),))
    tunnel = link("vx0", "10.9.1.0/32", kind="vxlan")
    machine = Machine(links=(LO, ETH0, tunnel), datastore=datastore).with_method("first-found")
    assert str(machine.identify().ipv4.chosen) == "10.0.0.13/24"


def test_no_method_means_no_row_for_it() -> None:
    assert "method" not in [one.rule for one in HOST.having(settings=IdentitySettings()).identify().ipv4.opinions]
    assert HOST.kept == KeptIdentity()


def with_internal_ip(machine: Machine, *addresses: str) -> Machine:
    """The Kubernetes Node of this host has these InternalIPs."""
    sign = KubeletSign("host3", Hardware("a" * 32), tuple(map(ip_address, addresses)))
    return machine.having(datastore=Datastore(claims=(sign,)))


@pytest.mark.parametrize(
    ("internal", "exact", "ours"),
    [
        (("192.168.7.4",), "192.168.7.4", "192.168.7.4"),
        (("2001:db8::1", "192.168.7.4", "10.0.0.13"), "192.168.7.4", "192.168.7.4"),
        (("172.17.0.1",), "172.17.0.1", None),
        (("203.0.113.1",), None, None),
        ((), None, None),
    ],
)
def test_the_internal_ip_of_the_kubernetes_node(internal: tuple[str, ...], exact: str | None, ours: str | None) -> None:
    machine = with_internal_ip(HOST, *internal)
    found = machine.with_method("kubernetes-internal-ip", allow_rejected=True).identify().ipv4
    assert (str(found.chosen.ip) if found.chosen else None) == exact
    checked = machine.with_method("kubernetes-internal-ip").identify().ipv4
    assert (str(checked.chosen.ip) if checked.chosen else None) == ours


@pytest.mark.parametrize(
    ("internal", "words"),
    [
        (("203.0.113.1",), "the Kubernetes Node has the InternalIP 203.0.113.1, which no link has"),
        ((), "the Kubernetes API tells of no Node of this host's name, or cannot be asked"),
    ],
)
def test_why_there_is_no_internal_ip_is_said(internal: tuple[str, ...], words: str) -> None:
    assert words in with_internal_ip(HOST, *internal).with_method("kubernetes-internal-ip").identify().ipv4.refusal


def test_by_evidence_an_internal_ip_counts_more_than_the_default_route_and_less_than_the_way_to_other_nodes() -> None:
    """A kubelet that was told nothing takes the address of the default route, or what the resolver says."""
    machine = with_internal_ip(HOST, "192.168.7.3").having(
        default_sources=(source("198.51.100.1", "10.0.0.13"), source("198.51.100.2", "10.0.0.13"))
    )
    choice = machine.identify().ipv4
    assert (choice.rule, choice.chosen) == ("InternalIP", ip_interface("192.168.7.3/24"))
    assert "InternalIP" not in {one.rule for one in HOST.identify().ipv4.opinions}
