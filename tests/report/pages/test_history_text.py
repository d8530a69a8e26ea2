"""The history as a person reads it: what happened at 03:12, in one ordered list."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from calico_agent.model.maintenance import Maintenance, Pause
from calico_agent.model.report import Event, Level, Report, TimedProblem
from calico_agent.report.changes import changes
from calico_agent.report.pages.history_text import render_history, sentence
from calico_agent.state.history_writer import history_entry
from tests.reports import NOW, broken_report, finding, healthy_report, session

AT = datetime(2026, 11, 27, 3, 12, tzinfo=UTC)


def told(*events: Event) -> list[str]:
    return [line[21:] for line in render_history([history_entry(one, AT) for one in events], UTC).splitlines()]


def between(before: Report, now: Report) -> list[str]:
    return told(*changes(before, now))


def test_a_line_begins_with_its_time_in_the_zone_of_the_reader() -> None:
    (line,) = render_history([history_entry(Event("stopped"), AT)], UTC).splitlines()
    assert line == "2026-11-27 03:12:00  the agent stopped; calico/node goes on running"


def test_a_fault_that_came_and_went_is_told_with_code_cause_and_duration() -> None:
    sick, well = broken_report(), replace(healthy_report(), at=NOW + timedelta(minutes=5))
    text = "\n".join(between(healthy_report(), sick) + between(sick, well))
    assert "PROBLEM IP-BRIDGE host3: node host3 is registered with 172.17.0.1/16" in text
    assert "over: IP-BRIDGE host3, after " in text


def test_sessions_are_told_by_peer_node_and_error() -> None:
    down = replace(healthy_report(), sessions=(session("10.77.0.12", "Active", "host2", "Socket: Connection refused"),))
    assert between(healthy_report(), down) == [
        "session with 10.77.0.12 (host2) is down: Socket: Connection refused",
        "session with 10.77.0.13 (host3) is configured no more",
    ]


def test_a_thousand_sessions_are_one_line_with_their_count() -> None:
    peers = [f"10.7.{number // 250}.{number % 250}" for number in range(1000)]
    up = replace(healthy_report(), sessions=tuple(session(peer) for peer in peers))
    down = replace(healthy_report(), sessions=tuple(session(peer, "Connect") for peer in peers))
    (line, *more) = between(up, down)
    assert line.startswith("1000 sessions (10.7.0.0 Mesh_10_7_0_0, 10.7.0.1 Mesh_10_7_0_1, ")
    assert "".join(more).endswith("...): each is down")


def test_a_problem_that_another_one_explains_by_now_is_not_over() -> None:
    early = replace(broken_report(), problems=(_alone(broken_report()),))
    assert [line for line in between(early, broken_report()) if "over" in line] == []
    assert "RT-MISSING 10.244.3.0/26 follows from IP-BRIDGE host3" in between(early, broken_report())


def _alone(report: Report) -> TimedProblem:
    cause = report.problems[0]
    return replace(cause, problem=replace(cause.problem, cause=finding("RT-MISSING", "10.244.3.0/26"), consequences=()))


def test_what_the_agent_did_is_told_with_its_reason_and_what_came_of_it() -> None:
    assert told(
        Event("acting", fields={"doing": "starting calico-node", "reason": "it is not running"}),
        Event("action_failed", Level.ERROR, {"doing": "starting calico-node", "error": "Docker refuses"}),
        Event("reloaded", fields={"mode": "supervise", "changed": ["agent.interval_seconds"]}),
    ) == [
        "agent: starting calico-node, because it is not running",
        "agent: starting calico-node failed: Docker refuses",
        "the configuration was reloaded (supervise; agent.interval_seconds)",
    ]


def test_a_pause_and_its_end_are_told() -> None:
    paused = replace(healthy_report(), maintenance=Maintenance(Pause("alice (uid 1000)", "disk", NOW)))
    assert between(healthy_report(), paused) == ["alice (uid 1000) paused the agent until somebody resumes it (disk)"]
    assert between(paused, healthy_report()) == ["the pause of alice (uid 1000) is over"]


def test_an_event_of_a_later_version_is_told_by_its_fields() -> None:
    assert told(Event("unheard_of", fields={"size": 3})) == ["unheard_of size=3"]


def test_an_entry_of_another_version_is_told_as_it_is() -> None:
    assert sentence({"at": AT.isoformat(), "event": "problem_cleared", "lasted_seconds": "long"}) == (
        "problem_cleared lasted_seconds=long"
    )
