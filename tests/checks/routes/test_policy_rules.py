"""Policy rules that take packets for pods to other tables, and those that do not."""

from ipaddress import ip_network

import pytest

from calico_agent.checks.routes.policy_rules import diversions
from calico_agent.expected.cluster import index
from calico_agent.expected.local_node import local_host
from calico_agent.expected.routes import Expectation, expect
from calico_agent.model.network.address import Family
from calico_agent.model.network.fib import Fib
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.network.policy_rule import Mark, PolicyRule, RuleAction
from calico_agent.model.network.route import Route, RouteType
from calico_agent.model.settings import Mode
from tests.checks.cluster import BOOT, DATASTORE, HEALTHY, IDENTITY, ROUTES, drop, via

LOCAL, MAIN, DEFAULT = PolicyRule(0, 255), PolicyRule(32766, 254), PolicyRule(32767, 253)
POOL = ip_network("192.168.0.0/16")
TO2, TO3, OWN = ip_network("192.168.2.0/26"), ip_network("192.168.3.0/26"), ip_network("192.168.1.0/26")
GATEWAY = "10.77.0.1"
ELSEWHERE = via("0.0.0.0/0", GATEWAY, protocol=BOOT)
ALL = {TO2, TO3, OWN}


def expectation() -> Expectation:
    """What is expected of the healthy host1: a route to host2's block and one to host3's; one block is its own."""
    cluster = index(DATASTORE)
    return expect(cluster, local_host(HEALTHY, IDENTITY, cluster, mode=Mode.OBSERVE, container_name="calico-node"))


def kernel(*rules: PolicyRule, table: tuple[Route, ...] = (ELSEWHERE,)) -> Kernel:
    """The healthy host with these rules before that of the main table, and a table 100."""
    ordered = tuple(sorted((LOCAL, *rules, MAIN, DEFAULT), key=lambda rule: rule.priority))
    in_table = Fib.of(
        (Route(r.prefix, r.type, r.next_hops, r.protocol, r.metric, 100, r.source) for r in table), table=100
    )
    return Kernel(fib=Fib.of(ROUTES), rules={Family.IPV4: ordered}, tables={100: in_table})


@pytest.mark.parametrize(
    ("rule", "diverted"),
    [
        pytest.param(PolicyRule(100, 100), ALL, id="for everything"),
        pytest.param(PolicyRule(100, 100, destination=POOL), ALL, id="for the pool"),
        pytest.param(PolicyRule(100, 100, destination=TO2), {TO2}, id="for one block"),
        pytest.param(PolicyRule(100, 100, destination=ip_network("10.9.0.0/16")), set(), id="for something else"),
        pytest.param(PolicyRule(100, 100, source=OWN), ALL, id="from the pods of this host"),
        pytest.param(PolicyRule(100, 100, source=TO3), set(), id="from the pods of another host"),
        pytest.param(PolicyRule(100, 100, mark=Mark(0x10, 0x10)), set(), id="for packets with a mark"),
        pytest.param(PolicyRule(100, 100, mark=Mark(0x10, 0x10), inverted=True), ALL, id="for packets without a mark"),
        pytest.param(PolicyRule(100, 100, mark=Mark(0, 0x10)), ALL, id="for packets with a mark of zero"),
        pytest.param(PolicyRule(100, 100, destination=POOL, inverted=True), set(), id="for everything but the pool"),
        pytest.param(PolicyRule(100, 100, iif="lo"), ALL, id="for packets of this host"),
        pytest.param(PolicyRule(100, 100, iif="eth1"), set(), id="for packets that come in by one link"),
        pytest.param(PolicyRule(100, 100, selectors=("ipproto",)), set(), id="for one protocol"),
        pytest.param(PolicyRule(100, 100, suppressed=0), set(), id="for routes that are no default route"),
        pytest.param(PolicyRule(100, 99), set(), id="to a table without routes"),
        pytest.param(PolicyRule(100, action=RuleAction.NOP), set(), id="that does nothing"),
        pytest.param(PolicyRule(100, action=RuleAction.PROHIBIT, destination=TO2), {TO2}, id="that prohibits"),
        pytest.param(PolicyRule(40000, 100), set(), id="that is asked after the main table"),
    ],
)
def test_a_rule_diverts_what_it_is_for(rule: PolicyRule, diverted: set[object]) -> None:
    found = diversions(kernel(rule), expectation())
    assert {*found.routes, *found.own} == diverted
    assert {one.rule for one in (*found.routes.values(), *found.own.values())} <= {rule}
    assert not found.parts


@pytest.mark.parametrize(
    ("rules", "diverted"),
    [
        pytest.param(
            (PolicyRule(50, 254, destination=POOL), PolicyRule(100, 100)), set(), id="the main table is asked before"
        ),
        pytest.param((PolicyRule(50, 254, suppressed=0), PolicyRule(100, 100)), set(), id="but for its default route"),
        pytest.param(
            (PolicyRule(50, 254, suppressed=26), PolicyRule(100, 100)), ALL, id="but for the routes to blocks"
        ),
        pytest.param(
            (PolicyRule(50, action=RuleAction.GOTO, target=200), PolicyRule(100, 100)),
            set(),
            id="another is jumped over",
        ),
        pytest.param(
            (
                PolicyRule(50, action=RuleAction.GOTO, target=100, destination=TO2),
                PolicyRule(60, 99),
                PolicyRule(100, 100),
            ),
            ALL,
            id="another is jumped to",
        ),
    ],
)
def test_rules_are_asked_in_their_order(rules: tuple[PolicyRule, ...], diverted: set[object]) -> None:
    found = diversions(kernel(*rules), expectation())
    assert {*found.routes, *found.own} == diverted


@pytest.mark.parametrize(
    ("table", "diverted"),
    [
        pytest.param((ELSEWHERE, drop(str(TO2), RouteType.THROW)), {TO3, OWN}, id="a throw route ends the search"),
        pytest.param((via(str(TO2), GATEWAY),), {TO2}, id="a route to one block"),
        pytest.param((via("192.168.2.0/24", GATEWAY),), {TO2}, id="a route around a block"),
        pytest.param((via("10.0.0.0/8", GATEWAY),), set(), id="a route to something else"),
    ],
)
def test_the_table_decides_where_it_has_a_route(table: tuple[Route, ...], diverted: set[object]) -> None:
    found = diversions(kernel(PolicyRule(100, 100), table=table), expectation())
    assert {*found.routes, *found.own} == diverted


def test_a_route_to_a_part_of_a_block_is_told_with_the_block() -> None:
    found = diversions(kernel(PolicyRule(100, 100), table=(via("192.168.2.8/29", GATEWAY),)), expectation())
    assert not found.routes
    (part, (around, diversion)) = next(iter(found.parts.items()))
    assert (part, around.prefix, diversion.rule.table) == (ip_network("192.168.2.8/29"), TO2, 100)


ONE, OURS = ip_network("192.168.2.7/32"), ip_network("192.168.1.5/32")


@pytest.mark.parametrize(
    ("rules", "parts", "own"),
    [
        pytest.param(
            (PolicyRule(100, 100, destination=ONE),), {ONE}, set(), id="one pod of a block, whose rest is right"
        ),
        pytest.param(
            (PolicyRule(100, action=RuleAction.PROHIBIT, destination=ONE),), {ONE}, set(), id="one is prohibited"
        ),
        pytest.param(
            (PolicyRule(90, 254, destination=ONE), PolicyRule(100, 100, destination=ONE)),
            set(),
            set(),
            id="main is asked before",
        ),
        pytest.param((PolicyRule(100, 100, destination=OURS),), set(), {OURS}, id="one pod of this host"),
        pytest.param((PolicyRule(100, 99, destination=ONE),), set(), set(), id="to a table without routes"),
        pytest.param((PolicyRule(100, 100, destination=ONE, mark=Mark(1, 1)),), set(), set(), id="with a mark"),
        pytest.param(
            (PolicyRule(100, 100, destination=ONE), PolicyRule(101, 100, destination=ip_network("192.168.2.9/32"))),
            {ONE, ip_network("192.168.2.9/32")},
            set(),
            id="two pods of a block",
        ),
    ],
)
def test_a_rule_for_a_part_of_a_block_diverts_that_part(
    rules: tuple[PolicyRule, ...], parts: set[object], own: set[object]
) -> None:
    found = diversions(kernel(*rules), expectation())
    assert (set(found.routes), set(found.parts), set(found.own)) == (set(), parts, own)


def test_a_rule_that_spares_one_pod_diverts_the_block() -> None:
    assert set(diversions(kernel(PolicyRule(100, 100, destination=ONE, inverted=True)), expectation()).routes) == {
        TO2,
        TO3,
    }


def test_a_pod_of_ours_that_another_table_leads_the_same_way_is_not_diverted() -> None:
    found = diversions(
        kernel(PolicyRule(100, 100, destination=OURS), table=(via(str(OURS), None, "cali1"),)), expectation()
    )
    assert not found.own


def test_without_such_rules_nothing_is_looked_up() -> None:
    assert diversions(kernel(), expectation()) is diversions(Kernel(), Expectation())
