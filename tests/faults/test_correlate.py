"""Findings are joined to problems: each once, under the root of its chain."""

from dataclasses import replace
from ipaddress import ip_network

import pytest

from calico_agent.faults.bgp.sessions import BGP_DOWN
from calico_agent.faults.correlate import join
from calico_agent.faults.datastore import DS_BAD_KEY
from calico_agent.faults.node.addresses import IP_BRIDGE, IP_CHANGED, IP_CONFLICT
from calico_agent.faults.node.names import NAME_MISMATCH
from calico_agent.faults.registry import FAULTS
from calico_agent.faults.routes.links import RT_LINK_DOWN
from calico_agent.faults.routes.underlay import RT_NEXTHOP_DEAD
from calico_agent.model.finding import Finding, Problem, Severity, Writer

HERE = "host1"
BLOCK = ip_network("192.168.3.0/26")


def made(code: str, node: str = "", subject: str = "", prefix: bool = False) -> Finding:
    return FAULTS[code].finding(subject or node or code, "what", node=node, prefix=BLOCK if prefix else None)


def joined(*findings: Finding) -> dict[str, list[str]]:
    return {
        problem.cause.code: [consequence.code for consequence in problem.consequences]
        for problem in join(findings, HERE)
    }


BRIDGE3, DOWN3, MISSING3 = (
    made("IP-BRIDGE", "host3"),
    made("BGP-DOWN", "host3"),
    made("RT-MISSING", "host3", prefix=True),
)
BRIDGE_HERE = made("IP-BRIDGE", HERE)


@pytest.mark.parametrize(
    ("findings", "problems"),
    [
        pytest.param((), {}, id="nothing"),
        pytest.param((MISSING3,), {"RT-MISSING": []}, id="a route alone is its own cause"),
        pytest.param((MISSING3, DOWN3), {"BGP-DOWN": ["RT-MISSING"]}, id="the session explains the route"),
        pytest.param(
            (MISSING3, DOWN3, BRIDGE3), {"IP-BRIDGE": ["RT-MISSING", "BGP-DOWN"]}, id="the address explains both"
        ),
        pytest.param(
            (MISSING3, made("BGP-DOWN", "host2")),
            {"BGP-DOWN": [], "RT-MISSING": []},
            id="another node's session explains nothing",
        ),
        pytest.param(
            (made("BGP-DOWN", "host2"), DOWN3, BRIDGE_HERE),
            {"IP-BRIDGE": ["BGP-DOWN", "BGP-DOWN"]},
            id="this host's address explains all sessions",
        ),
        pytest.param(
            (made("HOST-MODULE", HERE), made("RT-TUNNEL-DEVICE", HERE)),
            {"HOST-MODULE": ["RT-TUNNEL-DEVICE"]},
            id="what the kernel lacks explains the tunnel device",
        ),
        pytest.param(
            (made("HOST-RPFILTER", HERE), made("SV-FELIX", HERE)),
            {"HOST-RPFILTER": ["SV-FELIX"]},
            id="a setting with which Felix ends explains that it ends",
        ),
        pytest.param(
            (made("BGP-PORT", HERE), made("HOST-PORT", HERE), made("RT-NO-FORWARDING"), made("HOST-FORWARD", HERE)),
            {"BGP-PORT": ["HOST-PORT"], "RT-NO-FORWARDING": ["HOST-FORWARD"]},
            id="what is seen at work explains what the preflight says of it",
        ),
        pytest.param(
            (made("NODE-NO-RECORD", HERE), made("SV-EXITED", HERE), made("BIRD-DOWN", HERE), DOWN3, MISSING3),
            {"SV-EXITED": ["NODE-NO-RECORD", "BIRD-DOWN", "BGP-DOWN", "RT-MISSING"]},
            id="a chain ends at its root",
        ),
        pytest.param(
            (made("NODE-NO-RECORD", "host3"), made("SV-EXITED", HERE)),
            {"SV-EXITED": [], "NODE-NO-RECORD": []},
            id="our container does not explain another node's record",
        ),
        pytest.param((MISSING3, MISSING3), {"RT-MISSING": []}, id="one finding twice is one"),
        pytest.param(
            (replace(MISSING3, writer=Writer.FELIX), DOWN3, made("BIRD-DOWN", HERE), made("SV-FELIX", HERE)),
            {"BIRD-DOWN": ["BGP-DOWN"], "SV-FELIX": ["RT-MISSING"]},
            id="no session and no BIRD is needed for a route that Felix writes",
        ),
        pytest.param(
            (replace(MISSING3, writer=Writer.BIRD), made("SV-FELIX", HERE)),
            {"SV-FELIX": [], "RT-MISSING": []},
            id="and no Felix for one that BIRD writes",
        ),
        pytest.param(
            (
                IP_CHANGED.finding(f"{HERE} (IPv6)", "what", node=HERE, family=6),
                RT_LINK_DOWN.finding("eth0", "what", node=HERE),
            ),
            {"RT-LINK-DOWN": ["IP-CHANGED"]},
            id="the kernel takes the IPv6 addresses off a link that is switched off",
        ),
        pytest.param(
            (
                RT_NEXTHOP_DEAD.finding("host3", "what", node="host3", family=4),
                RT_NEXTHOP_DEAD.finding("host3 (IPv6)", "what", node="host3", family=6),
            ),
            {"RT-NEXTHOP-DEAD": ["RT-NEXTHOP-DEAD"]},
            id="a host that is off is one thing to do, whatever the families",
        ),
        pytest.param(
            (
                IP_BRIDGE.finding("host3", "what", node="host3", family=4),
                BGP_DOWN.finding("host3", "what", node="host3", family=4),
                BGP_DOWN.finding("host3 (IPv6)", "what", node="host3", family=6),
            ),
            {"IP-BRIDGE": ["BGP-DOWN"], "BGP-DOWN": []},
            id="the IPv4 address of a node does not explain its IPv6 session",
        ),
        pytest.param(
            (MISSING3, BGP_DOWN.finding("host3 (IPv6)", "what", node="host3", family=6)),
            {"BGP-DOWN": [], "RT-MISSING": []},
            id="nor its IPv6 session an IPv4 route",
        ),
    ],
)
def test_joining(findings: tuple[Finding, ...], problems: dict[str, list[str]]) -> None:
    assert joined(*findings) == problems


def test_a_warning_explains_no_error() -> None:
    weak = NAME_MISMATCH.finding("worker", "what", node=HERE, severity=Severity.WARNING)
    assert joined(DOWN3, weak) == {"BGP-DOWN": [], "NAME-MISMATCH": []}


def test_the_gravest_comes_first_and_of_equals_what_is_wrong_here() -> None:
    findings = (made("DS-BAD-KEY"), DOWN3, made("IP-BRIDGE", "host2"), made("NAME-MISMATCH", HERE))
    assert list(joined(*findings)) == ["NAME-MISMATCH", "IP-BRIDGE", "DS-BAD-KEY"]


def test_two_nodes_with_one_address_are_one_problem() -> None:
    prefix = ip_network("10.77.0.12/32")
    both = [IP_CONFLICT.finding(name, "what", node=name, prefix=prefix) for name in ("host2", "host3")]
    assert join(both, HERE) == (Problem(both[0], (both[1],)),)


def test_the_same_fault_of_four_nodes_is_one_problem_and_of_three_is_three() -> None:
    faults = [made("RT-MISSING", f"n{number}", f"10.0.{number}.0/26") for number in range(4)]
    assert len(join(faults[:3], HERE)) == 3
    assert len(join(faults, HERE)) == 1


def test_sessions_with_many_nodes_are_one_problem_and_with_a_few_each_its_own() -> None:
    downs = [made("BGP-DOWN", f"n{number}") for number in range(5)]
    assert len(join(downs[:3], HERE)) == 3
    (problem,) = join(downs, HERE)
    assert problem.cause.what == "what; the same of 4 more nodes"
    assert problem.consequences == tuple(downs[1:])


def test_keys_that_cannot_be_understood_are_counted_as_keys_whatever_they_are_about() -> None:
    bad = [DS_BAD_KEY.finding(f"/calico/ipam/v2/{number}", "what", node=f"n{number % 2}") for number in range(9)]
    (block, *_) = join([replace(one, node="") for one in bad], HERE)
    assert block.cause.what == "what; the same of 8 more keys"
    (record, *_) = join([replace(one, node=f"n{number}") for number, one in enumerate(bad)], HERE)
    assert record.cause.what == "what; the same of 8 more keys"
