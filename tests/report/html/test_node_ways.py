"""How the way to each node stands, by the report."""

from dataclasses import replace

from calico_agent.model.finding import Problem, Severity
from calico_agent.model.network.route_trace import NodeWay
from calico_agent.model.observation import Unreadable
from calico_agent.model.report import Report, TimedProblem
from calico_agent.report.html.node_map import node_map
from calico_agent.report.html.node_ways import NodeStanding, node_standings
from calico_agent.report.html.symbols import Tone
from tests.reports import NOW, blind_report, finding, healthy_report, session

NAMES = frozenset({"host1", "host2", "host3", "host10", "empty"})
WAYS = (NodeWay("host2", "none"), NodeWay("host3", "IPIP"), NodeWay("host3", "none"), NodeWay("host10", "VXLAN"))


def tones(report: Report, ways: tuple[NodeWay, ...] | Unreadable = WAYS) -> dict[str, Tone]:
    return {one.name: one.tone for one in node_standings(report, NAMES, ways)}


def with_problem(*, confirmed: bool = True, severity: Severity = Severity.ERROR, away: bool = False) -> Report:
    cause = finding("BGP-DOWN", "host3", node="host3", severity=severity)
    effect = finding("RT-MISSING", "192.168.3.0/26", node="host10")
    timed = TimedProblem(Problem(cause, (effect,)), NOW, confirmed, away=away)
    return replace(healthy_report(), problems=(timed,))


def test_all_is_fine_and_in_the_order_of_the_names() -> None:
    found = node_standings(healthy_report(), NAMES, WAYS)
    assert found == (
        NodeStanding("empty", "no route is wanted", Tone.NONE),
        NodeStanding("host2", "without encapsulation", Tone.GOOD),
        NodeStanding("host3", "in IPIP and without encapsulation", Tone.GOOD),
        NodeStanding("host10", "in VXLAN", Tone.GOOD),
    )


def test_a_node_of_a_problem_is_broken_and_so_is_one_of_its_consequences() -> None:
    found = {one.name: one for one in node_standings(with_problem(), NAMES, WAYS)}
    assert (found["host3"].tone, found["host3"].why) == (Tone.BAD, "PROBLEM BGP-DOWN host3")
    assert (found["host10"].tone, found["host10"].why) == (Tone.BAD, "PROBLEM BGP-DOWN host3")
    assert found["host2"].tone is Tone.GOOD


def test_a_suspicion_and_a_warning_are_less_and_what_is_away_is_nothing() -> None:
    assert tones(with_problem(confirmed=False))["host3"] is Tone.WARN
    assert tones(with_problem(severity=Severity.WARNING))["host3"] is Tone.WARN
    assert tones(with_problem(away=True))["host3"] is Tone.GOOD


def test_a_session_that_is_down_is_not_fine_although_no_problem_speaks_of_it() -> None:
    report = replace(healthy_report(), sessions=(session("10.77.0.12", "Active", "host2"),))
    found = {one.name: one for one in node_standings(report, NAMES, WAYS)}
    assert (found["host2"].tone, found["host2"].why) == (Tone.WARN, "its BGP session is Active")


def test_what_is_not_known_is_not_fine() -> None:
    assert set(tones(blind_report()).values()) == {Tone.UNKNOWN}
    assert set(tones(healthy_report(), Unreadable("etcd", "unset")).values()) == {Tone.UNKNOWN}


def test_a_thousand_nodes_with_long_names_take_a_hundred_kilobytes() -> None:
    lane = tuple(NodeStanding(f"{number:04}{'<' * 250}", "in IPIP", Tone.GOOD) for number in range(1000))
    assert len(node_map(lane, "me").encode()) < 250_000
    usual = tuple(
        NodeStanding(f"ip-10-0-{number}.eu-central-1.compute", "in IPIP", Tone.GOOD) for number in range(1000)
    )
    assert len(node_map(usual, "me").encode()) < 100_000


def test_of_very_many_nodes_only_those_amiss_are_named_and_the_rest_is_counted() -> None:
    lane = tuple(
        NodeStanding(f"node{number}", "in IPIP", Tone.BAD if number == 7 else Tone.GOOD, "gone" if number == 7 else "")
        for number in range(6000)
    )
    drawn = node_map(lane, "me")
    assert drawn.count("<use href=#good") == 4999
    assert "node7: gone" in drawn
    assert "<title>node8</title>" not in drawn
    assert "and 1000 more nodes, which are not drawn" in drawn
