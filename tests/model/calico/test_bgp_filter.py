"""What a rule of a BGPFilter takes is what BIRD takes by the expression that confd writes for it."""

import re
import subprocess
from ipaddress import IPv4Network, ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calico_agent.model.calico.bgp_filter import FilterRule, Match
from calico_agent.model.network.prefix import key_of

OPERATORS = {Match.EQUAL: "=", Match.NOT_EQUAL: "!=", Match.IN: "~", Match.NOT_IN: "!~"}
NETWORKS = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/0", "10.0.0.0/8", "10.0.0.0/16", "10.0.0.0/24", "10.0.0.0/26", "10.0.0.64/26", "10.0.0.65/32",
        "10.0.1.0/24", "10.1.0.0/16", "10.128.0.0/9", "192.168.0.0/16", "192.168.1.0/26",
    )
)  # fmt: skip


def expression(rule: FilterRule) -> str:
    """The condition of a rule in BIRD's language, as confd writes it (template_funcs.go@v3.28.5 and later)."""
    assert isinstance(rule.cidr, IPv4Network)
    assert rule.match is not None
    pattern = f"[ {rule.cidr}{{{rule.lengths[0]},{rule.lengths[1]}}} ]" if rule.lengths else str(rule.cidr)
    return f"net {OPERATORS[rule.match]} {pattern}"


def taken_by_bird(folder: Path, rules: list[FilterRule]) -> list[set[str]]:
    """The prefixes that BIRD's own interpreter takes by each rule."""
    routes = "\n".join(f"  route {network} blackhole;" for network in NETWORKS)
    file, control = folder / "bird.conf", folder / "bird.ctl"
    file.write_text(f"router id 10.0.0.1;\nprotocol device {{}}\nprotocol static {{\n{routes}\n}}\n")
    bird = subprocess.Popen(
        ("unshare", "--net", "bird", "-f", "-c", str(file), "-s", str(control), "-P", str(folder / "pid")),
        stderr=subprocess.DEVNULL,
    )
    try:
        answers = [_asked(control, f"show route where {expression(rule)}") for rule in rules]
    finally:
        bird.kill()
        bird.wait()
    return [set(re.findall(r"^(\S+/\d+) ", answer, re.MULTILINE)) for answer in answers]


def _asked(control: Path, command: str) -> str:
    asking = ("timeout", "20", "sh", "-c", 'until birdc -s "$0" "$1"; do sleep 0.05; done', str(control), command)
    return subprocess.run(asking, capture_output=True, text=True, check=True).stdout


@pytest.mark.real
def test_bird_takes_the_same(tmp_path: Path) -> None:
    plain = [FilterRule(accepts=True, match=match, cidr=cidr) for match in Match for cidr in NETWORKS]
    measured = [
        FilterRule(accepts=True, match=match, cidr=cidr, lengths=lengths)
        for match in (Match.IN, Match.NOT_IN)
        for cidr in NETWORKS
        for lengths in ((0, 32), (24, 26), (16, 16), (26, 32))
    ]
    rules = plain + measured
    taken = [{str(one) for one in NETWORKS if rule.may_take(key_of(one), remote=False)} for rule in rules]
    assert taken == taken_by_bird(tmp_path, rules)


def test_a_rule_for_what_other_speakers_told_takes_nothing_of_this_node() -> None:
    rule = FilterRule(accepts=False, remote=True)
    key = key_of(ip_network("10.0.0.0/26"))
    assert (rule.may_take(key, remote=True), rule.may_take(key, remote=False)) == (True, False)


@given(st.ip_addresses(v=6), st.integers(0, 128))
def test_a_rule_for_one_family_takes_nothing_of_the_other(address: object, length: int) -> None:
    network = ip_network((address, length), strict=False)  # type: ignore[arg-type]
    assert not FilterRule(accepts=True, match=Match.IN, cidr=ip_network("0.0.0.0/0")).may_take(
        key_of(network), remote=True
    )
