"""Hosts with several firewalls, and what the preflight says of each; the rules are as the tools print them."""

import json
from dataclasses import replace
from ipaddress import ip_network

import pytest

from calico_agent.checks.preflight.firewall.firewall import check_firewall
from calico_agent.model.calico.node import EncapsulationMode, Pool
from calico_agent.model.network.firewall import Firewall, Masquerading, Tool, masquerades_all
from calico_agent.model.observation import Observation
from calico_agent.model.preflight import Verdict
from calico_agent.model.unreadable import Unreadable
from calico_agent.sources.firewall.decode.nft_ruleset import decode_nft
from tests.checks.cluster import HEALTHY, contained, node, stored
from tests.checks.preflight.case import CheckCase, check, prepared
from tests.checks.preflight.rules import BARE, DOCKER, felix, filtering, firewall, kube_proxy

OK, WARNING, FAILURE, UNKNOWN = Verdict.OK, Verdict.WARNING, Verdict.FAILURE, Verdict.UNKNOWN
BGP, PODS = "HOST-FIREWALL BGP (tcp 179)", "HOST-FIREWALL-PODS packets between pods"
IPIP, VXLAN = "HOST-FIREWALL IPIP (protocol 4)", "HOST-FIREWALL VXLAN (udp 4789)"
PORTS = "HOST-FIREWALL-PODS node ports"
ALWAYS = EncapsulationMode.ALWAYS
BY_IPIP = stored(pools=(Pool("default", ip_network("192.168.0.0/16"), ipip=ALWAYS, block_size=26),))
BY_VXLAN = stored(pools=(Pool("default", ip_network("192.168.0.0/16"), vxlan=ALWAYS, block_size=26),))
UNREAD = Unreadable("nft", "there is a table inet x of nftables, and no nft here.", "absent")
BOTH = {BGP: OK, PODS: OK}
THE_TABLE = {"table": {"family": "inet", "name": "mine"}}


def host(text: str, observation: Observation = HEALTHY, tool: Tool = Tool.IPTABLES_NFT) -> Observation:
    return prepared(observation, firewall=firewall(text, tool))


def of_release(release: str, observation: Observation = HEALTHY) -> Observation:
    return contained(observation, image=f"calico/node:{release}")


def by_nft(hook: str, policy: str, *rules: list[dict[str, object]], observation: Observation = HEALTHY) -> Observation:
    chain = {"family": "inet", "table": "mine", "name": "own", "type": "filter", "hook": hook, "prio": 0}
    objects = [THE_TABLE, {"chain": {**chain, "policy": policy}}]
    objects += [
        {"rule": {"family": "inet", "table": "mine", "chain": "own", "handle": 9, "expr": one}} for one in rules
    ]
    return prepared(observation, firewall=Firewall(decode_nft(json.dumps({"nftables": objects}), "nft")[0]))


def matching(left: dict[str, object], right: object, verdict: str) -> list[dict[str, object]]:
    return [{"match": {"op": "==", "left": left, "right": right}}, {verdict: None}]


TCP_PORT: dict[str, object] = {"payload": {"protocol": "tcp", "field": "dport"}}
CT_STATE: dict[str, object] = {"ct": {"key": "state"}}

CASES = {
    "without any rule all passes": CheckCase(prepared(firewall=Firewall()), BOTH),
    "the rules of an empty table let all pass": CheckCase(host(BARE), BOTH),
    "Docker's DROP of what is forwarded does not hurt: Felix accepts before": CheckCase(host(DOCKER), BOTH),
    "nor in the time of Calico v2.3": CheckCase(host(DOCKER, of_release("v1.3.0"), Tool.LEGACY), BOTH),
    "Docker writes with nf_tables and Calico v2.3 with the other kind, so what Felix accepts is dropped": CheckCase(
        host(DOCKER, of_release("v1.3.0")),
        {BGP: OK, PODS: FAILURE},
        says=("the policy DROP of chain FORWARD (iptables-nft, table filter)", "-I DOCKER-USER -s 192.168.0.0/16"),
    ),
    "a host that runs Calico, with Docker's DROP": CheckCase(host(felix(forward="DROP")), BOTH),
    "and before v3.16": CheckCase(host(felix(forward="DROP", accepts_last=False)), BOTH),
    "IPIP is let in by Felix": CheckCase(
        host(felix(inner="-A INPUT -p 4 -j DROP\n").replace("-p 4", "-p ipencap"), BY_IPIP),
        {BGP: OK, IPIP: OK, PODS: OK},
    ),
    "kube-proxy's rules drop nothing that is needed": CheckCase(host(kube_proxy(forward="DROP")), {**BOTH, PORTS: OK}),
    "with DROP, and no accept of kube-proxy's for node ports": CheckCase(
        host(kube_proxy(forward="DROP").replace("--mark 0x4000/0x4000", "--mark 0x2/0x2")),
        {**BOTH, PORTS: WARNING},
        says=("node ports whose pods are on other nodes",),
    ),
    "a REJECT at the end of FORWARD is before the accept of Calico since v3.16": CheckCase(
        host(felix(before="-A FORWARD -j REJECT --reject-with icmp-host-prohibited\n")),
        {BGP: OK, PODS: FAILURE},
        says=("FORWARD -j REJECT", "iptables-nft -t filter -I FORWARD -s 192.168.0.0/16 -j ACCEPT"),
    ),
    "but not before that of older ones": CheckCase(
        host(felix(before="-A FORWARD -j REJECT --reject-with icmp-host-prohibited\n", accepts_last=False)), BOTH
    ),
    "with eBPF packets of pods go other ways": CheckCase(
        host(
            filtering(
                '-A FORWARD -m comment --comment "cali:a" -m comment --comment "Pre-approved by BPF programs." '
                "-m mark --mark 0x3000000/0x3000000 -j ACCEPT",
                "-A FORWARD -j REJECT",
            )
        ),
        {BGP: OK, PODS: UNKNOWN},
    ),
    "the same is known before Calico has started": CheckCase(
        host(filtering("-A FORWARD -j REJECT --reject-with icmp-host-prohibited")), {BGP: OK, PODS: FAILURE}
    ),
    "of an image without a release it cannot be told": CheckCase(
        host(filtering("-A FORWARD -j REJECT"), of_release("mine")), {BGP: OK, PODS: UNKNOWN}
    ),
    "Felix was told to write its rules behind the others": CheckCase(
        host(
            filtering("-A FORWARD -j DROP"),
            contained(of_release("v3.9.6"), image="calico/node:v3.9.6", env=(("FELIX_CHAININSERTMODE", "append"),)),
            Tool.LEGACY,
        ),
        {BGP: OK, PODS: FAILURE},
    ),
    "the BGP port is dropped": CheckCase(
        host(filtering("-A INPUT -p tcp -m tcp --dport 179 -j DROP")),
        {BGP: FAILURE, PODS: OK},
        says=(
            "packets of BGP (tcp 179) from host2 and host3 are dropped by the rule `INPUT -p tcp -m tcp --dport 179",
            "iptables-nft -t filter -I INPUT -s 10.77.0.12 -p tcp --dport 179 -j ACCEPT",
        ),
    ),
    "it is dropped from nodes that this host itself dials": CheckCase(
        host(
            filtering("-A INPUT -s 10.77.0.1/32 -p tcp -m tcp --dport 179 -j DROP"),
            stored(nodes=(node("host1"), node("host2", "10.77.0.1/24"))),
        ),
        {BGP: WARNING, PODS: OK},
        says=("from host2 are dropped",),
    ),
    "what is not let in by name is dropped, and the answers are let in": CheckCase(
        host(
            filtering(
                "-A INPUT -i lo -j ACCEPT",
                "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
                "-A INPUT -p tcp -m tcp --dport 22 -m conntrack --ctstate NEW -j ACCEPT",
                INPUT="DROP",
            )
        ),
        {BGP: FAILURE, PODS: OK},
        says=("the policy DROP of chain INPUT",),
    ),
    "in Calico v2 the other side may dial as well": CheckCase(
        host(
            filtering("-A INPUT -p tcp -m tcp --dport 179 -m conntrack --ctstate NEW -j DROP"),
            of_release("v1.3.0"),
            Tool.LEGACY,
        ),
        {BGP: WARNING, PODS: OK},
    ),
    "what is dialled is answered to nobody": CheckCase(
        host(
            filtering("-A INPUT -p tcp -m tcp --dport 179 -j ACCEPT", INPUT="DROP"),
            stored(nodes=(node("host1"), node("host2", "10.77.0.1/24"))),
        ),
        {BGP: FAILURE, PODS: OK},
        says=("answers of BGP from host2 are dropped by the policy DROP of chain INPUT",),
    ),
    "nodes are let in": CheckCase(host(filtering("-A INPUT -s 10.77.0.0/24 -j ACCEPT", INPUT="DROP")), BOTH),
    "only one of two is": CheckCase(
        host(filtering("-A INPUT -s 10.77.0.12/32 -j ACCEPT", INPUT="DROP")),
        {BGP: FAILURE, PODS: OK},
        says=("from host3 are dropped",),
        unsaid=("host2",),
    ),
    "kube-proxy with ipvs keeps packets to services off that nobody serves": CheckCase(
        host(
            filtering(
                ":KUBE-IPVS-FILTER - [0:0]",
                ":KUBE-PROXY-FIREWALL - [0:0]",
                ":KUBE-SOURCE-RANGES-FIREWALL - [0:0]",
                '-A INPUT -m comment --comment "kubernetes ipvs access filter" -j KUBE-IPVS-FILTER',
                '-A INPUT -m comment --comment "kube-proxy firewall rules" -j KUBE-PROXY-FIREWALL',
                '-A FORWARD -m comment --comment "kube-proxy firewall rules" -j KUBE-PROXY-FIREWALL',
                "-A KUBE-IPVS-FILTER -m set --match-set KUBE-CLUSTER-IP dst,dst -j RETURN",
                "-A KUBE-IPVS-FILTER -m conntrack --ctstate NEW -m set --match-set KUBE-IPVS-IPS dst -j REJECT",
                "-A KUBE-PROXY-FIREWALL -m set --match-set KUBE-LOAD-BALANCER-FW dst,dst "
                "-j KUBE-SOURCE-RANGES-FIREWALL",
                "-A KUBE-SOURCE-RANGES-FIREWALL -j DROP",
            )
        ),
        BOTH,
    ),
    "bits of the mark that AWS and Tailscale keep in connections are none of kube-proxy's": CheckCase(
        host(
            "*mangle\n:PREROUTING ACCEPT [0:0]\n"
            "-A PREROUTING -j CONNMARK --restore-mark --nfmask 0xff0080 --ctmask 0xff0080\nCOMMIT\n" + kube_proxy()
        ),
        {**BOTH, PORTS: OK},
    ),
    "who opens too many connections is dropped, which no node does": CheckCase(
        by_nft("input", "accept", [{"ct count": {"val": 1000, "inv": True}}, {"drop": None}]), BOTH
    ),
    "a set of ipset decides": CheckCase(
        host(filtering("-A INPUT -m set --match-set blocked src -j DROP")),
        {BGP: UNKNOWN, PODS: OK},
        says=("it depends on INPUT -m set --match-set blocked src -j DROP",),
    ),
    "a set that decides about another port does not matter": CheckCase(
        host(filtering("-A INPUT -p tcp -m tcp --dport 22 -m set --match-set f2b src -j REJECT")), BOTH
    ),
    "a match that is not understood, either way of which leads to the same": CheckCase(
        host(filtering("-A INPUT -m geoip --source-country XX -j ACCEPT")), BOTH
    ),
    "a limit for logs and one for connections": CheckCase(
        host(
            filtering(
                ":LOGDROP - [0:0]",
                '-A INPUT -m limit --limit 3/min -j LOG --log-prefix "[x] "',
                "-A INPUT -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -m limit --limit 25/sec -j RETURN",
                "-A INPUT -p tcp -m connlimit --connlimit-above 80 --connlimit-mask 32 -j REJECT",
                "-A LOGDROP -j DROP",
            )
        ),
        BOTH,
    ),
    "marks that decide": CheckCase(
        host(
            filtering(
                "-A INPUT -p tcp -m tcp --dport 179 -j MARK --set-xmark 0x100/0xff00",
                "-A INPUT -m mark --mark 0x100/0xff00 -j ACCEPT",
                INPUT="DROP",
            )
        ),
        BOTH,
    ),
    "raw drops before all others": CheckCase(
        host("*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p ipencap -j DROP\nCOMMIT\n" + felix(), BY_IPIP),
        {BGP: OK, IPIP: FAILURE, PODS: OK},
        says=("iptables-nft -t raw -I PREROUTING -s 10.77.0.12 -p 4 -j ACCEPT",),
    ),
    "Calico v2.3 leaves IPIP to the host's rules": CheckCase(
        host(filtering("-A INPUT -p ipencap -j DROP"), of_release("v1.3.0", BY_IPIP), Tool.LEGACY),
        {BGP: OK, IPIP: FAILURE, PODS: OK},
    ),
    "and Calico v3 accepts it first": CheckCase(
        host(filtering("-A INPUT -p ipencap -j DROP"), BY_IPIP), {BGP: OK, IPIP: OK, PODS: OK}
    ),
    "VXLAN goes out to nobody": CheckCase(
        host(filtering("-A OUTPUT -p udp -m udp --dport 4789 -j DROP"), of_release("v3.5.8", BY_VXLAN), Tool.LEGACY),
        {VXLAN: FAILURE, PODS: OK},
        says=("packets of VXLAN (udp 4789) to host2 and host3 are dropped",),
    ),
    "what nft drops stays dropped, whatever Felix accepts": CheckCase(
        by_nft(
            "input",
            "drop",
            matching(TCP_PORT, {"set": [22, 179]}, "accept"),
            matching(CT_STATE, {"set": ["established", "related"]}, "accept"),
            observation=BY_VXLAN,
        ),
        {VXLAN: FAILURE, PODS: OK},
        says=(
            "the policy DROP of chain own (nft, table inet mine)",
            "nft insert rule inet mine own ip saddr { 10.77.0.12, 10.77.0.13 } udp dport 4789 accept",
        ),
    ),
    "a rule of nft is named so that it can be looked at": CheckCase(
        by_nft("input", "accept", matching(TCP_PORT, 179, "drop")),
        {BGP: FAILURE, PODS: OK},
        says=("the rule `own handle 9` (nft, table inet mine), which `nft -a list chain inet mine own` shows",),
    ),
    "a verdict map of nft": CheckCase(
        by_nft(
            "input",
            "drop",
            [{"vmap": {"key": TCP_PORT, "data": {"set": [[179, {"accept": None}]]}}}],
            matching(CT_STATE, {"set": ["established", "related"]}, "accept"),
        ),
        BOTH,
    ),
    "an expression of nft that is not understood": CheckCase(
        by_nft("input", "accept", matching({"osf": {"key": "name"}}, "Linux", "drop")),
        {BGP: UNKNOWN, PODS: OK},
    ),
    "a statement of nft that is not understood": CheckCase(
        by_nft("forward", "accept", [{"queue": {"num": 0}}]), {BGP: OK, PODS: UNKNOWN}
    ),
    "rules that cannot be read are not called good": CheckCase(
        prepared(firewall=Firewall(unread=(UNREAD,))),
        {BGP: UNKNOWN, PODS: UNKNOWN},
        says=("there is a table inet x of nftables, and no nft here",),
    ),
    "and what is dropped is dropped all the same": CheckCase(
        prepared(firewall=replace(firewall(filtering(INPUT="DROP")), unread=(UNREAD,))),
        {BGP: FAILURE, PODS: UNKNOWN},
    ),
    "nothing could be read": CheckCase(
        prepared(firewall=Unreadable("firewall", "not read within 10 s", "timeout")), {"HOST-FIREWALL": UNKNOWN}
    ),
    "nothing was read": CheckCase(prepared(), {"HOST-FIREWALL": UNKNOWN}),
    "who the others are is not known": CheckCase(
        host(
            filtering("-A INPUT -s 10.77.0.0/24 -j ACCEPT", INPUT="DROP"),
            replace(HEALTHY, datastore=Unreadable("etcd", "refused")),
        ),
        {BGP: UNKNOWN, PODS: OK},
    ),
    "rules that lead in a circle are left to the kernel": CheckCase(
        host(filtering(":a - [0:0]", ":b - [0:0]", "-A INPUT -j a", "-A a -j b", "-A b -j a")),
        {BGP: UNKNOWN, PODS: OK},
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_firewall(case: CheckCase) -> None:
    check(case, check_firewall)


def test_kube_proxy_that_masquerades_all_is_known_by_its_rules() -> None:
    assert masquerades_all(firewall(kube_proxy(masquerade_all=True))) is True
    assert masquerades_all(firewall(kube_proxy())) is False
    assert masquerades_all(firewall(BARE)) is None
    assert firewall(kube_proxy()).masquerading == Masquerading(2, 0)
