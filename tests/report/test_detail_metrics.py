"""Series one by one: what is down comes first, and what is left out is counted."""

from dataclasses import replace
from datetime import timedelta

from prometheus_client.core import Metric

from calico_agent.model.finding import Problem
from calico_agent.model.report import Report, TimedProblem
from calico_agent.report.detail_metrics import collect_details
from tests.reports import NOW, broken_report, finding, healthy_report, session

Series = dict[tuple[str, ...], float]


def series(report: Report, most: int) -> dict[str, Series]:
    """Family to label values to value."""
    return {family.name: _values(family) for family in collect_details(report, most)}


def _values(family: Metric) -> Series:
    found = {tuple(sample.labels.values()): sample.value for sample in family.samples}
    assert len(found) == len(family.samples), "Prometheus refuses a series that is there twice"
    return found


def large(sessions: int, down: int = 0, problems: int = 0) -> Report:
    """A host with so many sessions, the last of which are down, and so many problems, the last the oldest."""
    peers = (
        session(f"10.0.{number // 250}.{number % 250 + 1}", "Active" if number >= sessions - down else "Established")
        for number in range(sessions)
    )
    found = (
        TimedProblem(Problem(finding("RT-MISSING", f"10.1.{number}.0/26")), NOW - timedelta(minutes=number), True)
        for number in range(problems)
    )
    return replace(healthy_report(), sessions=tuple(peers), problems=tuple(found))


def test_without_a_limit_there_is_no_series_of_one_peer_or_problem() -> None:
    assert series(broken_report(), 0) == {}


def test_each_session_and_each_problem_has_its_series() -> None:
    found = series(broken_report(), 100)
    peers = {("10.77.0.12", "host2", "mesh", "ipv4"), ("172.17.0.1", "host3", "mesh", "ipv4")}
    assert found["calico_agent_bgp_session_up"].keys() == peers
    assert found["calico_agent_bgp_session_up"]["172.17.0.1", "host3", "mesh", "ipv4"] == 0
    assert found["calico_agent_bgp_session_flaps"].keys() == peers
    assert list(found["calico_agent_problem_subject_since_timestamp_seconds"]) == [("IP-BRIDGE", "error", "host3")]
    assert found["calico_agent_details_left_out"] == {("bgp_sessions",): 0, ("problems",): 0}


def test_what_is_down_stays_when_there_is_no_room_for_all() -> None:
    found = series(large(1000, down=3, problems=200), 10)
    up = found["calico_agent_bgp_session_up"]
    assert sorted(up.values()) == [0, 0, 0, *[1] * 7]
    subjects = [labels[2] for labels in found["calico_agent_problem_subject_since_timestamp_seconds"]]
    assert subjects == [f"10.1.{number}.0/26" for number in range(199, 189, -1)]  # the oldest
    assert found["calico_agent_details_left_out"] == {("bgp_sessions",): 990, ("problems",): 190}
    assert sum(map(len, found.values())) <= 10 * 6 + 2


def test_what_is_there_twice_is_one_series() -> None:
    twice = replace(large(0, problems=1), sessions=(session("10.0.0.1"), session("10.0.0.1", "Active")))
    twice = replace(twice, problems=(*twice.problems, *large(0, problems=1).problems))
    found = series(twice, 10)
    assert list(found["calico_agent_bgp_session_up"].values()) == [0]
    assert found["calico_agent_details_left_out"] == {("bgp_sessions",): 0, ("problems",): 0}


def test_a_subject_from_outside_is_one_short_line() -> None:
    odd = TimedProblem(Problem(finding("RT-MISSING", 'a"\n\\\x1b[31m' + "x" * 5000)), NOW, True)
    report = replace(healthy_report(), problems=(odd,))
    ((_, _, subject),) = series(report, 10)["calico_agent_problem_subject_since_timestamp_seconds"]
    assert subject.isprintable()
    assert len(subject) <= 200
