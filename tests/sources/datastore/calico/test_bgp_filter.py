"""BGPFilter resources."""

from ipaddress import ip_network
from typing import Any

import pytest

from calico_agent.model.calico.bgp_filter import BgpFilter, FilterRule, Match
from calico_agent.sources.datastore.calico.bgp_filter import bgp_filter
from calico_agent.sources.decode_error import Malformed

V4, V6 = ip_network("10.0.0.0/8"), ip_network("fd00::/64")
IN = {"action": "Reject", "matchOperator": "In", "cidr": "10.0.0.0/8"}


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        pytest.param(IN, FilterRule(accepts=False, match=Match.IN, cidr=V4), id="inside a network"),
        pytest.param({"action": "Accept"}, FilterRule(accepts=True), id="everything"),
        pytest.param(
            {**IN, "prefixLength": {"min": 24, "max": 26}},
            FilterRule(accepts=False, match=Match.IN, cidr=V4, lengths=(24, 26)),
            id="of some lengths",
        ),
        pytest.param(
            {**IN, "prefixLength": {"min": 24}},
            FilterRule(accepts=False, match=Match.IN, cidr=V4, lengths=(24, 32)),
            id="from a length on",
        ),
        pytest.param(
            {**IN, "prefixLength": {"max": 26}},
            FilterRule(accepts=False, match=Match.IN, cidr=V4, lengths=(0, 26)),
            id="up to a length",
        ),
        pytest.param(
            {"action": "Reject", "source": "RemotePeers"}, FilterRule(accepts=False, remote=True), id="what others told"
        ),
        pytest.param(
            {"action": "Reject", "interface": "eth*"}, FilterRule(accepts=False, conditional=True), id="by a link"
        ),
        pytest.param(
            {"action": "Accept", "communities": {"values": ["1:2"]}},
            FilterRule(accepts=True, conditional=True),
            id="by what is not known here",
        ),
        pytest.param(
            {"action": "Accept", "source": "Elsewhere"}, FilterRule(accepts=True, conditional=True), id="a new source"
        ),
        pytest.param(
            {"action": "Accept", "interface": "", "asPathPrefix": [], "operations": [{"setPriority": {"value": 1}}]},
            FilterRule(accepts=True),
            id="empty conditions, and what is done to an accepted route",
        ),
    ],
)
def test_a_rule(written: dict[str, Any], expected: FilterRule) -> None:
    assert bgp_filter("f", {"spec": {"exportV4": [written]}}) == BgpFilter("f", export_v4=(expected,))


def test_rules_for_both_directions_and_families() -> None:
    six = {"action": "Accept", "matchOperator": "NotEqual", "cidr": "fd00::/64"}
    spec = {"importV4": [IN], "importV6": [six], "exportV6": [six, {"action": "Reject"}]}
    rule = FilterRule(accepts=True, match=Match.NOT_EQUAL, cidr=V6)
    assert bgp_filter("f", {"spec": spec}) == BgpFilter(
        "f",
        import_v4=(FilterRule(accepts=False, match=Match.IN, cidr=V4),),
        import_v6=(rule,),
        export_v6=(rule, FilterRule(accepts=False)),
    )


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ({**IN, "action": "Drop"}, "action is 'Drop', not Accept or Reject"),
        ({**IN, "matchOperator": "Near"}, "matchOperator is 'Near', not Equal, NotEqual, In or NotIn"),
        ({**IN, "matchOperator": None}, "matchOperator is '', not Equal, NotEqual, In or NotIn"),
        ({**IN, "cidr": "fd00::/64"}, "cidr"),
        ({**IN, "prefixLength": {"min": 33}}, "min is not between 0 and 32"),
    ],
)
def test_a_rule_that_cannot_be(written: dict[str, Any], says: str) -> None:
    with pytest.raises(Malformed) as raised:
        bgp_filter("f", {"spec": {"importV4": [written]}})
    assert says in raised.value.what
