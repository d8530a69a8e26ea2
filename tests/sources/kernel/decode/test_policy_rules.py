"""Policy rules: built as the kernel builds them, and whatever bytes come."""

from ipaddress import ip_network
from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calico_agent.model.network.address import Family
from calico_agent.model.network.policy_rule import PolicyRule, RuleAction
from calico_agent.sources.decode_error import Interrupted, KernelRefusal, Malformed
from calico_agent.sources.kernel.decode.policy_rules import decode_rules
from tests.sources.kernel.netlink_messages import AF_INET, AF_INET6, attribute, done, message, number

RTM_NEWRULE = 32


def rule(
    *attributes: bytes,
    family: int = AF_INET,
    to: int = 0,
    source: int = 0,
    table: int = 254,
    action: int = 1,
    flags: int = 0,
) -> bytes:
    """One message."""
    return message(RTM_NEWRULE, pack("=BBBBBxxBI", family, to, source, 0, table, action, flags) + b"".join(attributes))


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        pytest.param(rule(number(6, 32766), number(15, 254)), "32766: from all lookup main", id="the main table's"),
        pytest.param(rule(number(15, 255)), "0: from all lookup local", id="without a priority it is the first"),
        pytest.param(
            rule(attribute(1, bytes((192, 168, 0, 0))), number(6, 9), number(15, 100), to=16),
            "9: from all to 192.168.0.0/16 lookup 100",
            id="for a destination",
        ),
        pytest.param(
            rule(attribute(2, bytes((10, 0, 0, 0))), attribute(3, b"eth0\0"), number(6, 9), source=8, table=7),
            "9: from 10.0.0.0/8 iif eth0 lookup 7",
            id="for a source and a link, with the table in the header",
        ),
        pytest.param(
            rule(number(10, 0x10), number(16, 0xFF), number(6, 9), number(15, 100), flags=2),
            "9: not from all fwmark 0x10/0xff lookup 100",
            id="for all marks but one",
        ),
    ],
)
def test_a_rule_reads_as_ip_rule_shows_it(raw: bytes, shown: str) -> None:
    (decoded,) = decode_rules([raw + done()], Family.IPV4)
    assert str(decoded) == shown


def test_rules_come_in_the_order_in_which_they_are_asked_and_of_one_family() -> None:
    datagram = rule(number(6, 5)) + rule(number(6, 1), family=AF_INET6) + rule(number(6, 2), action=6) + done()
    assert decode_rules([datagram], Family.IPV4) == (PolicyRule(2, action=RuleAction.BLACKHOLE), PolicyRule(5, 254))
    assert decode_rules([datagram], Family.IPV6) == (PolicyRule(1, 254),)


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(message(RTM_NEWRULE, b"\2"), id="cut short"),
        pytest.param(rule(attribute(1, bytes((192, 168, 0, 1))), to=16), id="a destination with host bits"),
        pytest.param(rule(attribute(1, b"\1\2"), to=16), id="a destination that is no address"),
    ],
)
def test_what_is_no_rule_is_refused(raw: bytes) -> None:
    with pytest.raises(Malformed):
        decode_rules([raw + done()], Family.IPV4)


@given(st.binary(max_size=80))
def test_no_bytes_crash_it(body: bytes) -> None:
    try:
        rules = decode_rules([message(RTM_NEWRULE, body) + done()], Family.IPV4)
    except (Malformed, Interrupted, KernelRefusal):
        return
    assert all(one.destination is None or one.destination.version == ip_network("0.0.0.0/0").version for one in rules)
