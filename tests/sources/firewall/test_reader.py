"""The packet filter of a host, made by the tools themselves, and what the preflight says of it."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from ipaddress import ip_network
from pathlib import Path

import pytest

from calico_agent.checks.preflight.firewall.firewall import check_firewall
from calico_agent.model.calico.node import EncapsulationMode, Pool
from calico_agent.model.network.firewall import Firewall, Tool, masquerades_all
from calico_agent.model.observation import Observation
from calico_agent.model.preflight import Check, Verdict
from calico_agent.sources.firewall import reader as firewall
from calico_agent.sources.firewall.reader import read_firewall
from tests.checks.cluster import HEALTHY, contained, stored
from tests.checks.preflight.case import prepared, view
from tests.checks.preflight.rules import DOCKER, felix, kube_proxy
from tests.firewall_managers import firewalld, ufw
from tests.netns import NetworkNamespace, network_namespace

pytestmark = pytest.mark.real

ALWAYS = EncapsulationMode.ALWAYS
BY_IPIP = stored(pools=(Pool("default", ip_network("192.168.0.0/16"), ipip=ALWAYS, block_size=26),))
BY_VXLAN = stored(pools=(Pool("default", ip_network("192.168.0.0/16"), vxlan=ALWAYS, block_size=26),))
BGP, PODS = "BGP (tcp 179)", "packets between pods"
IPIP, VXLAN = "IPIP (protocol 4)", "VXLAN (udp 4789)"


@pytest.fixture
def host() -> Iterator[NetworkNamespace]:
    with network_namespace() as namespace:
        yield namespace


def checks(host: NetworkNamespace, observation: Observation = HEALTHY) -> dict[str, Check]:
    """The lines about the firewall that is in force in the namespace now."""
    found = check_firewall(view(prepared(observation, firewall=host.run(read_firewall))))
    return {one.subject: one for one in found}


def verdicts(host: NetworkNamespace, observation: Observation = HEALTHY) -> dict[str, Verdict]:
    return {subject: one.verdict for subject, one in checks(host, observation).items()}


def restore(host: NetworkNamespace, tool: str, text: str) -> None:
    subprocess.run(host.command(f"{tool}-restore"), input=text, text=True, check=True, timeout=60)


def without_sets(text: str) -> str:
    """Rules of Felix without the sets that only Felix makes."""
    return text.replace("-m set --match-set cali40all-hosts-net src ", "")


@dataclass(frozen=True)
class Dropping:
    """Commands that make a fault, the line that tells it, and who is meant to be there."""

    subject: str
    commands: tuple[str, ...]
    observation: Observation = HEALTHY
    verdict: Verdict = Verdict.FAILURE


DROPS = {
    "the BGP port is dropped by iptables of nf_tables": Dropping(
        BGP, ("iptables-nft -A INPUT -p tcp --dport 179 -j DROP",)
    ),
    "it is rejected by the legacy one, beside a table of the other kind that accepts": Dropping(
        BGP, ("iptables-nft -A INPUT -j ACCEPT", "iptables-legacy -A INPUT -p tcp --dport bgp -j REJECT")
    ),
    "legacy drops in raw what comes by IPIP": Dropping(
        IPIP, ("iptables-legacy -t raw -A PREROUTING -p 4 -j DROP",), BY_IPIP
    ),
    "only some ports are let in, by nft": Dropping(
        VXLAN,
        (
            "nft add table inet filter",
            "nft add chain inet filter input { type filter hook input priority 0; policy drop; }",
            "nft add rule inet filter input ct state vmap { established : accept, related : accept, invalid : drop }",
            "nft add rule inet filter input iifname lo accept",
            "nft add rule inet filter input tcp dport { 22, 179, 6443 } accept",
        ),
        BY_VXLAN,
    ),
    "nobody may send VXLAN": Dropping(
        VXLAN,
        (
            "nft add table ip o",
            "nft add chain ip o out { type filter hook output priority filter; }",
            "nft add rule ip o out udp dport 4789 ip daddr 10.77.0.0/24 reject",
        ),
        BY_VXLAN,
    ),
    "what is forwarded is rejected by the service of a distribution": Dropping(
        PODS, ("iptables-nft -A FORWARD -j REJECT --reject-with icmp-host-prohibited",)
    ),
    "what is forwarded is rejected by a table of nft": Dropping(
        PODS,
        (
            "nft add table inet fw",
            "nft add set inet fw known { type ipv4_addr; flags interval; elements = { 10.0.0.0/16 }; }",
            "nft add chain inet fw forward { type filter hook forward priority 10; }",
            "nft add rule inet fw forward ip saddr @known accept",
            "nft add rule inet fw forward reject with icmpx admin-prohibited",
        ),
    ),
    "Docker drops with nf_tables what Calico v2.3 accepts with the legacy tool": Dropping(
        PODS,
        (
            "iptables-nft -P FORWARD DROP",
            "iptables-nft -N DOCKER-USER",
            "iptables-nft -A FORWARD -j DOCKER-USER",
            "iptables-nft -A DOCKER-USER -j RETURN",
        ),
        contained(image="calico/node:v1.3.0"),
    ),
}


@pytest.mark.parametrize("case", DROPS.values(), ids=DROPS.keys())
def test_what_is_dropped_is_told_and_the_cure_heals_it(host: NetworkNamespace, case: Dropping) -> None:
    assert set(verdicts(host, case.observation).values()) == {Verdict.OK}
    for command in case.commands:
        host.output(*command.split())
    found = checks(host, case.observation)[case.subject]
    assert found.verdict is case.verdict
    host.output("sh", "-ec", found.cure)
    assert checks(host, case.observation)[case.subject].verdict is Verdict.OK


@pytest.mark.parametrize("tool", ["iptables-nft", "iptables-legacy"])
@pytest.mark.parametrize(
    "rules",
    [DOCKER, kube_proxy(forward="DROP"), without_sets(felix(forward="DROP")), without_sets(felix(accepts_last=False))],
    ids=["Docker", "kube-proxy", "Calico since v3.16", "Calico before"],
)
def test_nothing_is_said_against_a_healthy_host(host: NetworkNamespace, tool: str, rules: str) -> None:
    for part in rules.split("COMMIT\n"):
        if part.strip():
            restore(host, tool, _whole(part))
    assert set(verdicts(host, BY_IPIP).values()) == {Verdict.OK}


def test_a_nat_table_that_would_take_long_to_print_is_left_out(
    host: NetworkNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    for part in kube_proxy(forward="DROP").split("COMMIT\n"):
        if part.strip():
            restore(host, "iptables-nft", _whole(part))
    assert host.run(read_firewall).masquerading.services == 2
    monkeypatch.setattr(firewall, "_MOST_CHAINS_OF_NAT", 2)
    found = host.run(read_firewall)
    assert (found.masquerading.services, found.unread) == (0, ())
    assert found.has_chain("KUBE-FORWARD")


def _whole(part: str) -> str:
    """A table as iptables-restore takes it: with the chains to which it leads, and without the policy of others."""
    chains = {line.split()[0][1:] for line in part.splitlines() if line.startswith(":")}
    named = {
        line.split(" -j ")[-1].split()[0] for line in part.splitlines() if line.startswith("-A") and " -j " in line
    }
    missing = sorted(name for name in named - chains if name.startswith(("KUBE-", "cali-")))
    head, _, rest = part.strip().partition("\n")
    return "\n".join((head, *(f":{name} - [0:0]" for name in missing), rest, "COMMIT", ""))


def test_firewalld_keeps_the_nodes_out_until_it_is_told(host: NetworkNamespace, tmp_path: Path) -> None:
    with firewalld(host, tmp_path) as run:
        found = checks(host, BY_IPIP)
        assert {subject: one.verdict for subject, one in found.items()} == dict.fromkeys(
            (BGP, IPIP, PODS), Verdict.FAILURE
        )
        for one in found.values():
            assert one.cure.startswith("firewall-cmd --permanent ")
            run(one.cure)
        assert verdicts(host, BY_IPIP) == dict.fromkeys((BGP, IPIP, PODS), Verdict.OK)


def test_ufw_keeps_the_nodes_out_until_it_is_told(host: NetworkNamespace, tmp_path: Path) -> None:
    with ufw(host, tmp_path) as run:
        found = checks(host, BY_VXLAN)
        assert found[VXLAN].verdict is Verdict.OK, "Felix will let it in"
        legacy = replace(contained(BY_VXLAN, image="calico/node:v1.3.0"))
        assert checks(host, legacy)[VXLAN].verdict is Verdict.FAILURE
        assert checks(host)[BGP].verdict is Verdict.FAILURE
        for one in (checks(host)[BGP], checks(host, legacy)[VXLAN], checks(host, legacy)[PODS]):
            assert one.cure.startswith("ufw ")
            run(one.cure)
        assert set(verdicts(host).values()) == {Verdict.OK}
        assert set(verdicts(host, legacy).values()) == {Verdict.OK}


def test_asking_makes_no_table(host: NetworkNamespace) -> None:
    before = host.output("nft", "list", "ruleset"), host.output("sh", "-c", "cat /proc/net/ip*_tables_names")
    assert host.run(read_firewall) == Firewall()
    assert (host.output("nft", "list", "ruleset"), host.output("sh", "-c", "cat /proc/net/ip*_tables_names")) == before


def test_each_kind_of_table_is_read_by_its_own_tool(host: NetworkNamespace) -> None:
    for command in (
        "iptables-legacy -A INPUT -j ACCEPT",
        "ip6tables-legacy -t raw -A PREROUTING -j ACCEPT",
        "iptables-nft -A FORWARD -j ACCEPT",
        "ip6tables-nft -t mangle -A FORWARD -j ACCEPT",
        "nft add table inet empty",
        "nft add table inet mine",
        "nft add chain inet mine input { type filter hook input priority 0; }",
        "nft add table ip security",
        "nft add chain ip security own { type filter hook input priority 50; }",
    ):
        host.output(*command.split())
    found = host.run(read_firewall)
    assert found.unread == ()
    assert {(table.tool, table.family, table.name) for table in found.tables} == {
        (Tool.LEGACY, "ip", "filter"),
        (Tool.LEGACY, "ip6", "raw"),
        (Tool.IPTABLES_NFT, "ip", "filter"),
        (Tool.IPTABLES_NFT, "ip6", "mangle"),
        (Tool.NFT, "inet", "mine"),
        (Tool.NFT, "ip", "security"),
    }


@pytest.mark.parametrize("all_of_it", [True, False])
def test_the_nat_table_says_whether_kube_proxy_masquerades_all(host: NetworkNamespace, *, all_of_it: bool) -> None:
    text = kube_proxy(masquerade_all=all_of_it)
    restore(host, "iptables-nft", _whole("*nat" + text.partition("*nat")[2].partition("COMMIT")[0]))
    assert masquerades_all(host.run(read_firewall)) is all_of_it


def test_who_may_not_read_says_so(host: NetworkNamespace) -> None:
    host.output("iptables-legacy", "-A", "INPUT", "-j", "DROP")
    script = "from calico_agent.sources.firewall.reader import read_firewall; print(read_firewall())"
    setpriv = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    found = host.output(*setpriv, sys.executable, "-c", script)
    assert "denied" in found
    assert "tables=()" in found
