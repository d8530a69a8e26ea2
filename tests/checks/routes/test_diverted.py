"""Policy rules and tables beside main: what is said of them, and that WireGuard's own are right."""

from dataclasses import replace
from ipaddress import ip_interface, ip_network

import pytest

from calico_agent.model.assessment import RouteCounts
from calico_agent.model.finding import Status
from calico_agent.model.network.address import Family, Link, LinkAddress
from calico_agent.model.network.fib import Fib
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.network.policy_rule import Mark, PolicyRule, RuleAction
from calico_agent.model.network.route import NextHop, Route, RouteType
from calico_agent.model.observation import Observation
from tests.checks.case import Case, check
from tests.checks.cluster import BOOT, DATASTORE, FELIX, HEALTHY, ROUTES, look, routed, stored, via

TO2, TO3, OWN = "192.168.2.0/26", "192.168.3.0/26", "192.168.1.0/26"
LOCAL, MAIN, DEFAULT = PolicyRule(0, 255), PolicyRule(32766, 254), PolicyRule(32767, 253)
TO_POOL = PolicyRule(100, 100, destination=ip_network("192.168.0.0/16"))
REFUSED = PolicyRule(50, action=RuleAction.PROHIBIT, destination=ip_network(TO3))
# felix/wireguard/wireguard.go@v3.28.5: priority 99, the mark of the packets that WireGuard itself sends.
BY_FELIX = PolicyRule(99, 1, mark=Mark(0x100000, 0x100000), inverted=True)
KEYS = tuple(replace(node, wireguard_public_key="key") for node in DATASTORE.nodes)


def ruled(
    *rules: PolicyRule, table: tuple[Route, ...] = (), number: int = 100, routes: Observation = HEALTHY
) -> Observation:
    """The healthy host, or another one, with these rules before that of the main table, and one more table."""
    assert isinstance(routes.kernel, Kernel)
    ordered = tuple(sorted((LOCAL, *rules, MAIN, DEFAULT), key=lambda rule: rule.priority))
    fib = Fib.of((replace(route, table=number) for route in table), table=number)
    return replace(routes, kernel=replace(routes.kernel, rules={Family.IPV4: ordered}, tables={number: fib}))


def encrypted(prefix: str) -> Route:
    return Route(ip_network(prefix), next_hops=(NextHop(None, "wireguard.cali"),), protocol=FELIX)


def thrown(prefix: str) -> Route:
    return Route(ip_network(prefix), RouteType.THROW, protocol=FELIX)


def wireguard(*table: Route, routes: Observation = HEALTHY) -> Observation:
    """All three nodes have a key, and Felix's rule leads to this table."""
    return stored(ruled(BY_FELIX, table=table, number=1, routes=routes), nodes=KEYS)


def answering(*rules: PolicyRule, table: tuple[Route, ...] = (), routes: Observation = HEALTHY) -> Observation:
    """A host that has its registered address on eth0."""
    found = ruled(*rules, table=table, routes=routes)
    assert isinstance(found.kernel, Kernel)
    eth0 = Link(2, "eth0", addresses=(LinkAddress(ip_interface("10.77.0.11/24")),))
    return replace(found, kernel=replace(found.kernel, links=(eth0,)))


BY_SOURCE = PolicyRule(90, 100, source=ip_network("10.77.0.11/32"))
ELSEWHERE = via("0.0.0.0/0", "10.77.0.1", protocol=BOOT)
ENCRYPTED = (encrypted(TO2), encrypted(TO3), thrown(OWN))
CASES = {
    "a rule for the pool to a table with a default route": Case(
        ruled(TO_POOL, table=(ELSEWHERE,)),
        {f"RT-DIVERTED {TO2}": {f"RT-DIVERTED {TO3}", f"RT-DIVERTED {OWN}"}},
        says=(
            f"a policy rule leads packets to {TO2}, pods of node host2, into table 100 before the main table is asked",
            f"a policy rule leads packets to {OWN}, pods of this host, into table 100",
            "rule: 100: from all to 192.168.0.0/16 lookup 100; found: table 100: default via 10.77.0.1 dev eth0",
            "packets to it go via 10.77.0.1 dev eth0",
            "ip rule del priority 100 from all to 192.168.0.0/16 lookup 100 on this host",
        ),
        status={"RoutesInPlace": Status.FALSE},
    ),
    "a rule to a table that holds the same routes": Case(
        ruled(TO_POOL, table=tuple(route for route in ROUTES if str(route.prefix) in {TO2, TO3})), {}, status={}
    ),
    "a rule that blackholes one block": Case(
        ruled(PolicyRule(100, action=RuleAction.BLACKHOLE, destination=ip_network(TO3))),
        {f"RT-DIVERTED {TO3}": set()},
        says=("a policy rule refuses packets to 192.168.3.0/26, pods of node host3", "on this host (blackhole)"),
    ),
    "a route to a part of a block in another table": Case(
        ruled(TO_POOL, table=(via("192.168.3.8/29", "10.77.0.1"),)),
        {"RT-DIVERTED 192.168.3.8/29": set()},
        says=("192.168.3.8/29, a part of 192.168.3.0/26, pods of node host3",),
    ),
    "a rule for one pod of a block": Case(
        ruled(PolicyRule(100, 100, destination=ip_network("192.168.2.7/32")), table=(ELSEWHERE,)),
        {"RT-DIVERTED 192.168.2.7/32": set()},
        says=("192.168.2.7/32, a part of 192.168.2.0/26, pods of node host2, into table 100",),
    ),
    "a rule for one pod to a table that leads to its node": Case(
        ruled(PolicyRule(100, 100, destination=ip_network("192.168.2.7/32")), table=(via("0.0.0.0/0", "10.77.0.12"),)),
        {},
    ),
    "a rule for one pod of this host": Case(
        ruled(PolicyRule(100, action=RuleAction.BLACKHOLE, destination=ip_network("192.168.1.5/32"))),
        {"RT-DIVERTED 192.168.1.5/32": set()},
        says=("a policy rule refuses packets to 192.168.1.5/32, pods of this host",),
    ),
    "a rule for what one pod of this host sends": Case(
        ruled(PolicyRule(100, 100, source=ip_network("192.168.1.5/32")), table=(ELSEWHERE,)),
        {"RT-DIVERTED 192.168.1.5/32": set()},
        says=(
            "a policy rule leads packets to pods of other nodes that come from 192.168.1.5/32, of this host, into",
            "ip rule del priority 100 from 192.168.1.5/32 lookup 100",
        ),
        status={},
    ),
    "a rule for what one pod sends, to a table that leaves the pools alone": Case(
        ruled(
            PolicyRule(100, 100, source=ip_network("192.168.1.5/32")),
            table=(ELSEWHERE, thrown("192.168.0.0/16")),
        ),
        {},
    ),
    "a rule for what one pod of another host sends": Case(
        ruled(PolicyRule(100, 100, source=ip_network("192.168.2.7/32")), table=(ELSEWHERE,)), {}
    ),
    "a rule for the address of this host, as nm-cloud-setup writes (projectcalico/calico#4662)": Case(
        answering(BY_SOURCE, table=(ELSEWHERE,)),
        {"RT-DIVERTED 10.77.0.11/32": set()},
        says=(
            "a policy rule leads what this host sends from 10.77.0.11 to its own pods into table 100 before the main",
            "rule: 90: from 10.77.0.11/32 lookup 100; found for 192.168.1.5: table 100: default via 10.77.0.1 dev eth0",
            "connections between this host and its pods fail, as probes of the kubelet",
            "ip route add throw 192.168.0.0/16 table 100 on this host, and the same in its network configuration",
        ),
        status={"RoutesInPlace": Status.FALSE},
    ),
    "a rule for the network of this host": Case(
        answering(replace(BY_SOURCE, source=ip_network("10.77.0.0/24")), table=(ELSEWHERE,)),
        {"RT-DIVERTED 10.77.0.11/32": set()},
    ),
    "a rule that refuses what this host sends from its address": Case(
        answering(replace(BY_SOURCE, action=RuleAction.UNREACHABLE, table=0)),
        {"RT-DIVERTED 10.77.0.11/32": set()},
        says=(
            "a policy rule refuses what this host sends from 10.77.0.11 to its own pods",
            "ip rule del priority 90 from 10.77.0.11/32 unreachable on this host",
        ),
    ),
    "the cure: the table leaves the pool to the main table": Case(
        answering(BY_SOURCE, table=(ELSEWHERE, thrown("192.168.0.0/16"))), {}, status={}
    ),
    "the table has the route into the pod, too": Case(
        answering(BY_SOURCE, table=(ELSEWHERE, via("192.168.1.5/32", None, "cali1", BOOT))), {}, status={}
    ),
    "an earlier rule that leads to the pool": Case(
        answering(replace(TO_POOL, priority=80, table=254), BY_SOURCE, table=(ELSEWHERE,)), {}, status={}
    ),
    "a rule for another address of this host": Case(
        answering(replace(BY_SOURCE, source=ip_network("10.99.0.11/32")), table=(ELSEWHERE,)), {}, status={}
    ),
    "a rule for the address of this host, and no pod here": Case(
        answering(BY_SOURCE, table=(ELSEWHERE,), routes=routed(without=("192.168.1.5/32",))), {}, status={}
    ),
    "a rule that takes all to the pods is told once": Case(
        answering(TO_POOL, replace(BY_SOURCE, priority=110), table=(ELSEWHERE,)),
        {f"RT-DIVERTED {TO2}": {f"RT-DIVERTED {TO3}", f"RT-DIVERTED {OWN}"}},
    ),
    "a route that is missing where it is not looked for": Case(
        ruled(TO_POOL, table=(via(TO3, "10.77.0.13"),), routes=routed(without=[TO3])), {}, status={}
    ),
    "packets of other hosts, and those with a mark": Case(
        ruled(
            PolicyRule(100, 100, source=ip_network(TO3)),
            PolicyRule(101, 100, mark=Mark(0x10, 0x10)),
            table=(ELSEWHERE,),
        ),
        {},
    ),
    "WireGuard": Case(wireguard(*ENCRYPTED), {}, status={}),
    "WireGuard, and BIRD leaves its peers out of the main table": Case(
        wireguard(*ENCRYPTED, routes=routed(without=[TO2, TO3])), {}, status={}
    ),
    "WireGuard without one of its routes": Case(
        wireguard(*ENCRYPTED[::2]),
        {f"RT-WRONG-DEVICE {TO3}": set()},
        says=("the route to 192.168.3.0/26, pods of node host3, leaves through eth0 instead of wireguard.cali",),
    ),
    "WireGuard without its rule": Case(
        stored(HEALTHY, nodes=KEYS), {f"RT-WRONG-DEVICE {TO2}": set(), f"RT-WRONG-DEVICE {TO3}": set()}
    ),
    "a node without a key is reached as ever": Case(
        stored(
            ruled(BY_FELIX, table=(encrypted(TO2), thrown(TO3), thrown(OWN)), number=1),
            nodes=(*KEYS[:2], DATASTORE.nodes[2]),
        ),
        {},
        status={},
    ),
    "WireGuard, and another rule before its own": Case(
        stored(
            ruled(
                BY_FELIX,
                PolicyRule(50, action=RuleAction.PROHIBIT, destination=ip_network(TO3)),
                table=ENCRYPTED,
                number=1,
            ),
            nodes=KEYS,
        ),
        {f"RT-DIVERTED {TO3}": set()},
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_policy(case: Case) -> None:
    check(case)


def test_a_rule_for_one_pod_makes_no_wrong_route() -> None:
    one = ruled(PolicyRule(100, 100, destination=ip_network("192.168.2.7/32")), table=(ELSEWHERE,))
    assert look(one).routes == RouteCounts(expected=2, present=2)


def test_what_is_diverted_counts_as_wrong_and_what_is_right_elsewhere_as_present() -> None:
    assert look(ruled(TO_POOL, table=(ELSEWHERE,))).routes == RouteCounts(expected=2, wrong=2)
    assert look(wireguard(*ENCRYPTED, routes=routed(without=[TO2]))).routes == RouteCounts(expected=2, present=2)
