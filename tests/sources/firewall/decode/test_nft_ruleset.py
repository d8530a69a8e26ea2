"""nft's JSON, as nft 1.0.6 prints it."""

import json
from ipaddress import ip_address
from typing import Any

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
    Table,
    Unclear,
)
from calico_agent.sources.decode_error import Malformed
from calico_agent.sources.firewall.decode.nft_ruleset import decode_nft
from tests.examples import at_most

SADDR = {"payload": {"protocol": "ip", "field": "saddr"}}
DPORT = {"payload": {"protocol": "tcp", "field": "dport"}}
FLAGS = {"payload": {"protocol": "tcp", "field": "flags"}}
MARK = {"meta": {"key": "mark"}}
V4, TCP = Among(Field.FAMILY, ((4, 4),)), Among(Field.PROTOCOL, ((6, 6),))
TEN = (int(ip_address("10.0.0.0")), int(ip_address("10.255.255.255")))
ELEVEN = (int(ip_address("11.0.0.1")), int(ip_address("11.0.0.1")))
ALWAYS = Either(negated=True)


def matched(left: Any, right: Any, op: str = "==") -> dict[str, Any]:
    return {"match": {"op": op, "left": left, "right": right}}


MATCHES: dict[str, tuple[dict[str, Any], tuple[Match, ...]]] = {
    "a network": (
        matched(SADDR, {"prefix": {"addr": "10.0.0.0", "len": 8}}),
        (V4, Among(Field.SOURCE, (TEN,))),
    ),
    "not an address": (matched(SADDR, "11.0.0.1", "!="), (V4, Among(Field.SOURCE, (ELEVEN,), negated=True))),
    "a named set": (matched(SADDR, "@nodes"), (V4, Among(Field.SOURCE, (TEN, ELEVEN)))),
    "a set that packets fill": (matched(SADDR, "@seen"), (Unclear(""),)),
    "a set of ports": (
        matched(DPORT, {"set": [179, {"range": [200, 300]}]}),
        (TCP, Among(Field.DESTINATION_PORT, ((179, 179), (200, 300)))),
    ),
    "a larger port": (matched(DPORT, 1000, ">"), (TCP, Among(Field.DESTINATION_PORT, ((1001, 1 << 128),)))),
    "two things at once": (
        matched({"concat": [SADDR, DPORT]}, {"set": [{"concat": ["11.0.0.1", 179]}]}),
        (Either(((V4, Among(Field.SOURCE, (ELEVEN,)), TCP, Among(Field.DESTINATION_PORT, ((179, 179),))),)),),
    ),
    "links": (matched({"meta": {"key": "iifname"}}, {"set": ["lo", "eth*"]}), (Named(Field.IN, ("lo", "eth*")),)),
    "a protocol": (matched({"meta": {"key": "l4proto"}}, "ipencap"), (Among(Field.PROTOCOL, ((4, 4),)),)),
    "a family": (matched({"meta": {"key": "nfproto"}}, "ipv6"), (Among(Field.FAMILY, ((6, 6),)),)),
    "states": (
        matched({"ct": {"key": "state"}}, ["new", "untracked"], "in"),
        (Named(Field.STATE, ("new", "untracked")),),
    ),
    "what was translated": (matched({"ct": {"key": "status"}}, "dnat", "in"), (Named(Field.STATE, ("dnat",)),)),
    "the mark of the connection": (matched({"ct": {"key": "mark"}}, 3), (Unclear(""),)),
    "a mark": (matched(MARK, 1), (Bits(Field.MARK, ALL_BITS, 1),)),
    "a bit of the mark": (matched({"&": [MARK, 16]}, 16), (Bits(Field.MARK, 16, 16),)),
    "a SYN": (matched({"&": [FLAGS, ["fin", "syn", "rst", "ack"]]}, "syn"), (Bits(Field.FLAGS, 0x17, 2),)),
    "one of the flags": (matched(FLAGS, "syn", "in"), (TCP, Bits(Field.FLAGS, 2, 0, negated=True))),
    "to this host": (
        matched({"fib": {"result": "type", "flags": ["daddr"]}}, "local"),
        (Named(Field.DESTINATION_TYPE, ("local",)),),
    ),
    "no way back": (matched({"fib": {"result": "oif", "flags": ["saddr", "iif"]}}, False), (NEVER,)),
    "a fragment": (
        matched({"&": [{"payload": {"protocol": "ip", "field": "frag-off"}}, 8191]}, 0, "!="),
        (NEVER,),
    ),
    "through IPsec": (matched({"meta": {"key": "ipsec"}}, True), (NEVER,)),
    "not through IPsec": (matched({"meta": {"key": "ipsec"}}, False), (ALWAYS,)),
    "below a limit": ({"limit": {"rate": 5, "per": "second"}}, ()),
    "above a limit": ({"limit": {"rate": 5, "per": "second", "inv": True}}, (NEVER,)),
    "below a number of connections": ({"ct count": {"val": 1000}}, ()),
    "above a number of connections": ({"ct count": {"val": 1000, "inv": True}}, (NEVER,)),
    "a set whose elements end one day": (matched(SADDR, "@banned"), (V4, Among(Field.SOURCE, (ELEVEN,)))),
    "above a limit for each": (
        {"set": {"op": "update", "elem": SADDR, "set": "@seen", "stmt": [{"limit": {"rate": 1, "inv": True}}]}},
        (NEVER,),
    ),
    "a hardware address": (
        matched({"payload": {"protocol": "ether", "field": "saddr"}}, "00:11:22:33:44:55"),
        (Unclear(""),),
    ),
    "what iptables alone understands": ({"xt": {"type": "match", "name": "recent"}}, (Unclear(""),)),
    "a counter": ({"counter": {"packets": 0, "bytes": 0}}, ()),
}


def table(*rules: list[dict[str, Any]], family: str = "inet") -> Table:
    named = {"family": family, "table": "mine"}
    objects: list[dict[str, Any]] = [
        {"metainfo": {"json_schema_version": 1}},
        {"table": {"family": family, "name": "mine"}},
        {"set": {**named, "name": "nodes", "elem": [{"prefix": {"addr": "10.0.0.0", "len": 8}}, "11.0.0.1"]}},
        {"set": {**named, "name": "seen", "flags": ["dynamic", "timeout"]}},
        {
            "set": {
                **named,
                "name": "banned",
                "flags": ["timeout"],
                "elem": [{"elem": {"val": "11.0.0.1", "timeout": 14400, "expires": 3000}}],
            }
        },
        {
            "map": {
                **named,
                "name": "ports",
                "map": "verdict",
                "elem": [[22, {"accept": None}], [80, {"jump": {"target": "x"}}]],
            }
        },
        {"chain": {**named, "name": "x"}},
        {"chain": {**named, "name": "in", "type": "filter", "hook": "input", "prio": 10, "policy": "drop"}},
        {"chain": {**named, "name": "nat", "type": "nat", "hook": "input", "prio": 100, "policy": "accept"}},
    ]
    objects += [{"rule": {**named, "chain": "in", "handle": 4, "expr": expression}} for expression in rules]
    (found,), _ = decode_nft(json.dumps({"nftables": objects}), "nft")
    return found


def rules(*expression: dict[str, Any]) -> tuple[FirewallRule, ...]:
    return table(list(expression)).chains["in"]


@pytest.mark.parametrize(("statement", "matches"), MATCHES.values(), ids=MATCHES.keys())
def test_what_a_rule_asks_for(statement: dict[str, Any], matches: tuple[Match, ...]) -> None:
    (found,) = rules(statement, {"drop": None})
    assert tuple(Unclear("") if isinstance(one, Unclear) else one for one in found.matches) == matches
    assert found.act is Act.DROP


MARKS = {
    "a number": (5, (0, 5, ALL_BITS)),
    "some bits kept": ({"&": [MARK, 0xFF]}, (0xFF, 0, ALL_BITS)),
    "one more bit": ({"|": [MARK, 0x100]}, (0xFFFFFEFF, 0x100, ALL_BITS)),
    "both": ({"|": [{"&": [MARK, 0x1FF]}, 0x100]}, (0xFF, 0x100, ALL_BITS)),
    "that of the connection": ({"ct": {"key": "mark"}}, (0, 0, 0)),
    "a bit of that": ({"&": [{"ct": {"key": "mark"}}, 0xFF]}, (0, 0, 0xFFFFFF00)),
}


@pytest.mark.parametrize(("value", "marked"), MARKS.values(), ids=MARKS.keys())
def test_marks(value: Any, marked: tuple[int, int, int]) -> None:
    found, after = rules({"mangle": {"key": MARK, "value": value}}, {"accept": None})
    assert (found.act, found.keep, found.flip, found.known) == (Act.MARK, *marked)
    assert after.act is Act.ACCEPT


def test_a_verdict_map_is_a_rule_for_each_element() -> None:
    first, second = rules({"vmap": {"key": DPORT, "data": "@ports"}})
    assert (first.matches[-1], first.act) == (Among(Field.DESTINATION_PORT, ((22, 22),)), Act.ACCEPT)
    assert (second.act, second.target) == (Act.JUMP, "x")


def test_base_chains_but_those_that_translate() -> None:
    assert table().base_chains == (BaseChain("in", "input", 10, drops=True),)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"nftables": 1}', '{"nftables": [{"table": {}}]}'])
def test_what_is_no_output_of_nft_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        decode_nft(text, "nft")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["ip", "saddr", "@nodes", "10.0.0.1", "lo"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["match", "left", "right", "op", "meta", "key", "set", "vmap", "&"]), inner, max_size=3
        )
    ),
    max_leaves=8,
)


@at_most(60)
@given(
    st.lists(
        st.dictionaries(st.sampled_from(["match", "vmap", "mangle", "limit", "set", "x"]), JSON, min_size=1, max_size=1)
    )
)
def test_whatever_stands_in_a_rule_it_is_rules_or_refused(expression: list[dict[str, Any]]) -> None:
    try:
        found = rules(*expression)
    except Malformed:
        return
    assert all(isinstance(one, FirewallRule) for one in found)


@pytest.mark.parametrize(("excepts", "hiding"), [([], 1), ([matched(SADDR, "10.0.0.0", "!=")], 0)])
def test_masquerading_of_kube_proxy_by_nftables(excepts: list[dict[str, Any]], hiding: int) -> None:
    named = {"family": "ip", "table": "kube-proxy"}
    jump = {"jump": {"target": "mark-for-masquerade"}}
    expression = [matched({"payload": {"protocol": "ip", "field": "daddr"}}, "10.96.0.1"), *excepts, jump]
    objects = [
        {"table": {"family": "ip", "name": "kube-proxy"}},
        {"chain": {**named, "name": "service-A/b"}},
        {"rule": {**named, "chain": "service-A/b", "handle": 1, "expr": expression}},
    ]
    assert decode_nft(json.dumps({"nftables": objects}), "nft")[1] == Masquerading(1, hiding)
