"""iptables-save's output, line by line as iptables 1.8.9 prints it."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calico_agent.model.network.firewall import (
    ALL_BITS,
    NEVER,
    Act,
    Among,
    BaseChain,
    Bits,
    Either,
    Field,
    FirewallRule,
    Masquerading,
    Match,
    Named,
    Tool,
    Unclear,
)
from calico_agent.sources.decode_error import Malformed
from calico_agent.sources.firewall.decode.iptables_save import decode_save
from calico_agent.sources.kubernetes.decode.kube_proxy_rules import masquerading_of
from tests.checks.preflight.rules import felix, filtering
from tests.examples import at_most

TEN = (int(ip_address("10.0.0.0")), int(ip_address("10.255.255.255")))
TCP, PORT = Among(Field.PROTOCOL, ((6, 6),)), Among(Field.DESTINATION_PORT, ((179, 179),))
SYN = Bits(Field.FLAGS, 0x17, 2)

MATCHES: dict[str, tuple[Match, ...]] = {
    "-s 10.0.0.0/8": (Among(Field.SOURCE, (TEN,)),),
    "! -d 10.0.0.0/8": (Among(Field.DESTINATION, (TEN,), negated=True),),
    "-i cali+ ! -o docker0": (Named(Field.IN, ("cali*",)), Named(Field.OUT, ("docker0",), negated=True)),
    "-p tcp -m tcp --dport 179": (TCP, PORT),
    "-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN": (TCP, SYN),
    "-p ipencap": (Among(Field.PROTOCOL, ((4, 4),)),),
    "-p 4": (Among(Field.PROTOCOL, ((4, 4),)),),
    "-p nobody-knows": (Unclear(" -p nobody-knows"),),
    "-p udp -m udp --sport 1024:65535": (
        Among(Field.PROTOCOL, ((17, 17),)),
        Among(Field.SOURCE_PORT, ((1024, 65535),)),
    ),
    "-m multiport --dports 22,179,8000:8080": (Among(Field.DESTINATION_PORT, ((22, 22), (179, 179), (8000, 8080))),),
    "-m multiport ! --ports 179": (Either(((Among(Field.SOURCE_PORT, ((179, 179),)),), (PORT,)), negated=True),),
    "-m conntrack --ctstate RELATED,ESTABLISHED": (Named(Field.STATE, ("related", "established")),),
    "-m conntrack --ctorigdst 10.0.0.1": (Unclear("conntrack --ctorigdst 10.0.0.1"),),
    "-m state --state NEW": (Named(Field.STATE, ("new",)),),
    "-m mark --mark 0x4000/0x4000": (Bits(Field.MARK, 0x4000, 0x4000),),
    "-m mark ! --mark 0x1": (Bits(Field.MARK, ALL_BITS, 1, negated=True),),
    "-m addrtype --dst-type LOCAL": (Named(Field.DESTINATION_TYPE, ("local",)),),
    "-m addrtype --dst-type LOCAL --limit-iface-in": (
        Named(Field.DESTINATION_TYPE, ("local",)),
        Unclear("addrtype --limit-iface-in"),
    ),
    "-m iprange --src-range 10.0.0.0-10.255.255.255": (Among(Field.SOURCE, (TEN,)),),
    "-m pkttype --pkt-type broadcast": (Named(Field.PACKET_TYPE, ("broadcast",)),),
    "-m set --match-set blocked src": (Unclear("set --match-set blocked src"),),
    "-m set ! --match-set known src": (Unclear("set ! --match-set known src"),),
    "-m set --match-set KUBE-IPVS-IPS dst": (NEVER,),
    "-m set ! --match-set KUBE-LOAD-BALANCER dst,dst": (),
    '-m comment --comment "-j DROP \\"x\\""': (),
    "-m comment --comment -j": (),
    "-m limit --limit 5/sec --limit-burst 7": (),
    "-m hashlimit --hashlimit-upto 5/sec --hashlimit-name x": (),
    "-m hashlimit --hashlimit-above 5/sec --hashlimit-name x": (NEVER,),
    "-m connlimit ! --connlimit-above 20": (),
    "-m rpfilter --validmark --invert": (NEVER,),
    "-m policy --dir in --pol ipsec": (NEVER,),
    "-m policy --dir in --pol none": (),
    "-f": (NEVER,),
    "! -f": (),
    "-m physdev ! --physdev-is-bridged": (),
    "-m recent --rcheck --seconds 60 --name x": (
        Unclear("recent --rcheck"),
        Unclear("recent --seconds 60"),
        Unclear("recent --name x"),
    ),
}

ACTS = {
    "-j ACCEPT": FirewallRule(act=Act.ACCEPT),
    "-j REJECT --reject-with icmp-port-unreachable": FirewallRule(act=Act.DROP),
    "-j DROP": FirewallRule(act=Act.DROP),
    "-j RETURN": FirewallRule(act=Act.RETURN),
    "-j own": FirewallRule(act=Act.JUMP, target="own"),
    "-g own": FirewallRule(act=Act.GOTO, target="own"),
    '-j LOG --log-prefix "-j DROP "': FirewallRule(),
    "": FirewallRule(),
    "-j NFQUEUE --queue-num 0": FirewallRule(act=Act.UNCLEAR),
    "-j SOMETHING-NEW": FirewallRule(act=Act.UNCLEAR),
    "-j CT --notrack": FirewallRule(act=Act.UNTRACK),
    "-j MARK --set-xmark 0x10000/0x30000": FirewallRule(act=Act.MARK, keep=0xFFFCFFFF, flip=0x10000),
    "-j CONNMARK --restore-mark --nfmask 0xff --ctmask 0xff": FirewallRule(
        act=Act.MARK, keep=0xFFFFFF00, known=0xFFFFFF00
    ),
    "-j CONNMARK --restore-mark": FirewallRule(act=Act.MARK, keep=0, known=0),
    "-j CONNMARK --restore-mark --nfmask mine": FirewallRule(act=Act.MARK, keep=0, known=0),
    "-j CONNMARK --save-mark --nfmask 0xff --ctmask 0xff": FirewallRule(),
}


def rule(text: str) -> FirewallRule:
    """The only rule of INPUT."""
    (table,), _ = decode_save(Tool.LEGACY, "ip", filtering(":own - [0:0]", f"-A INPUT {text}"), "iptables-legacy")
    return table.chains["INPUT"][0]


@pytest.mark.parametrize(("text", "matches"), MATCHES.items(), ids=MATCHES.keys())
def test_what_a_rule_asks_for(text: str, matches: tuple[Match, ...]) -> None:
    found = rule(f"{text} -j DROP")
    assert found.matches == matches
    assert found.act is Act.DROP


@pytest.mark.parametrize(("text", "expected"), ACTS.items(), ids=[f"act {text}" for text in ACTS])
def test_what_a_rule_does(text: str, expected: FirewallRule) -> None:
    found = rule(text)
    assert (found.act, found.target, found.keep, found.flip, found.known) == (
        expected.act,
        expected.target,
        expected.keep,
        expected.flip,
        expected.known,
    )


def test_policies_and_counters() -> None:
    text = filtering("[7:420] -A INPUT -j ACCEPT", INPUT="DROP").replace("[0:0]", "[12:700]")
    (table,), _ = decode_save(Tool.LEGACY, "ip", text, "iptables-legacy")
    assert table.base_chains[0] == BaseChain("INPUT", "input", 0, drops=True)
    assert table.chains["INPUT"][0].text == "INPUT -j ACCEPT"


def test_of_calicos_policies_only_is_kept_whether_there_are_any() -> None:
    more = "-A cali-to-wl-dispatch -o cali1 -j DROP\n-A cali-to-wl-dispatch -o cali2 -j DROP\nCOMMIT\n"
    text = felix().replace("COMMIT\n", more)[felix().index("*filter") :]
    (*_, table), _ = decode_save(Tool.LEGACY, "ip", f"*filter{text.partition('*filter')[2]}", "iptables-legacy")
    assert len(table.chains["cali-to-wl-dispatch"]) == 1
    assert len(table.chains["cali-FORWARD"]) == 5


@pytest.mark.parametrize(
    "text", ["*filter\n:INPUT ACCEPT [0:0]\n", "*filter\nnonsense\nCOMMIT\n", "*filter\n-A NOT-THERE -j DROP\nCOMMIT\n"]
)
def test_what_is_no_output_of_it_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        decode_save(Tool.LEGACY, "ip", text, "iptables-legacy")


WORDS = st.sampled_from(
    ["-A", "INPUT", "-m", "tcp", "--dport", "-j", "DROP", "!", "-s", "10.0.0.0/8", '"a b"', "x", "-p", "--mark", "0x"]
)


@at_most(60)
@given(st.lists(WORDS, max_size=12))
def test_whatever_stands_in_a_rule_it_is_a_rule(words: list[str]) -> None:
    assert isinstance(rule(" ".join(words)), FirewallRule)


MASQUERADING = {
    "of every service since v1.22": (
        '-A KUBE-SVC-A -d 10.96.0.1/32 -p tcp --comment "a cluster IP" -j KUBE-MARK-MASQ',
        1,
    ),
    "of every service up to v1.21": ('-A KUBE-SERVICES -d 10.96.0.1/32 --comment "a cluster IP" -j KUBE-MARK-MASQ', 1),
    "of those from outside": (
        '-A KUBE-SVC-A ! -s 10.0.0.0/8 -d 10.96.0.1/32 --comment "a cluster IP" -j KUBE-MARK-MASQ',
        0,
    ),
    "of an external address": ('-A KUBE-SERVICES -d 10.1.1.1/32 --comment "a external IP" -j KUBE-MARK-MASQ', 0),
    "of a node port": ("-A KUBE-NODEPORTS -p tcp --comment a -m tcp --dport 30000 -j KUBE-MARK-MASQ", 0),
    "of its own packets": ("-A KUBE-SEP-A -s 10.0.0.7/32 --comment a -j KUBE-MARK-MASQ", 0),
}
SERVICE = '-A KUBE-SERVICES -d 10.96.0.1/32 -p tcp --comment "a cluster IP" --dport 443 -j KUBE-SVC-A'


@pytest.mark.parametrize(("line", "hiding"), MASQUERADING.values(), ids=MASQUERADING.keys())
def test_masquerading(line: str, hiding: int) -> None:
    assert masquerading_of([SERVICE, line]) == Masquerading(1, hiding)


@pytest.mark.parametrize(("direction", "hiding"), [("dst,dst", 1), ("src,dst", 0)])
def test_masquerading_of_ipvs(direction: str, hiding: int) -> None:
    line = f"-A KUBE-SERVICES -m set --match-set KUBE-CLUSTER-IP {direction} -j KUBE-MARK-MASQ"
    assert masquerading_of([line]) == Masquerading(1, hiding)
