"""The metrics: names are an interface, the number of series does not grow, and promtool has no complaint."""

import subprocess
from dataclasses import replace
from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families

from calico_agent.model.assessment import StageReached
from calico_agent.model.container.container import Container, ContainerState
from calico_agent.model.container.image import Pull
from calico_agent.model.container.program import Stage
from calico_agent.model.finding import ConditionType, Problem
from calico_agent.model.maintenance import Maintenance, Pause
from calico_agent.model.network.address import Family
from calico_agent.model.report import Report, Supervision, TimedProblem
from calico_agent.report.as_metrics import collect
from tests.reports import NOW, blind_report, broken_report, finding, healthy_report, session


class _Page:
    """One report as a collector."""

    def __init__(self, report: Report) -> None:
        self._report = report

    def collect(self) -> list[Metric]:
        return list(collect(self._report))


def page(report: Report) -> str:
    registry = CollectorRegistry()
    registry.register(_Page(report))
    return generate_latest(registry).decode()


def samples(report: Report) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    families = text_string_to_metric_families(page(report))
    return {
        (sample.name.removeprefix("calico_agent_"), frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def value(report: Report, name: str, **labels: str) -> float | None:
    return samples(report).get((name, frozenset(labels.items())))


def test_every_name_begins_with_the_same_prefix() -> None:
    assert all(metric.name.startswith("calico_agent_") for metric in collect(broken_report()))


def test_the_fetching_of_an_image() -> None:
    healthy = healthy_report()
    assert value(healthy, "image_pulling") == value(healthy, "image_pull_failures") == 0
    again = replace(healthy, supervision=Supervision(pull=Pull("calico/node:v3.31.7", NOW, failures=2)))
    assert (value(again, "image_pulling"), value(again, "image_pull_failures")) == (1, 2)


def test_a_healthy_host() -> None:
    report = healthy_report()
    assert value(report, "container_running") == 1
    assert value(report, "routes_expected") == value(report, "routes_present") == 2
    assert value(report, "condition", type="RoutesInPlace", status="True") == 1
    assert value(report, "bgp_peers", state="established", type="mesh", family="ipv4") == 2
    assert value(report, "datastore_up") == 1
    assert value(report, "datastore_last_sync_timestamp_seconds") == NOW.timestamp() - 4
    assert value(report, "container_starts_total") == 0
    assert value(report, "problems", severity="error", state="confirmed") == 0


def test_who_this_host_is() -> None:
    assert (
        value(
            healthy_report(),
            "node_info",
            node="host1",
            ipv4="10.77.0.11/24",
            ipv6="",
            ip_source="source towards the datastore",
            mode="supervise",
        )
        == 1
    )


def test_a_broken_host() -> None:
    report = broken_report()
    assert value(report, "problem", code="IP-BRIDGE", severity="error") == 1
    assert value(report, "routes_missing") == 13
    assert value(report, "nodes_without_route") == 1
    assert value(report, "bgp_peers", state="passive", type="mesh", family="ipv4") == 1
    assert value(report, "condition", type="RoutesInPlace", status="False") == 1


def test_a_suspicion_is_no_problem_yet() -> None:
    report = broken_report(confirmed=False)
    assert value(report, "problem", code="IP-BRIDGE", severity="error") is None
    assert value(report, "problems", severity="error", state="suspected") == 1


def test_since_when_a_condition_is_as_it_is() -> None:
    broken = broken_report()
    since = next(one.since for one in broken.conditions if one.condition.type is ConditionType.ROUTES_IN_PLACE)
    assert value(broken, "condition_since_timestamp_seconds", type="RoutesInPlace") == since.timestamp()


def test_of_the_problems_of_a_code_the_oldest_is_told() -> None:
    problems = [
        TimedProblem(Problem(finding("RT-MISSING", str(minutes))), NOW - timedelta(minutes=minutes), confirmed=True)
        for minutes in (3, 7, 1)
    ]
    suspected = replace(problems[0], since=NOW - timedelta(hours=1), confirmed=False)
    report = replace(healthy_report(), problems=(*problems, suspected))
    told = value(report, "problem_since_timestamp_seconds", code="RT-MISSING", severity="error")
    assert told == NOW.timestamp() - 7 * 60


def test_routes_by_how_packets_travel_on_them() -> None:
    assert value(healthy_report(), "routes", state="present", encapsulation="none") == 2
    assert value(healthy_report(), "routes", state="missing", encapsulation="vxlan") == 0


def test_when_certificates_expire_and_how_old_the_kept_reading_is() -> None:
    report = healthy_report()
    assert value(report, "datastore_certificate_expiry_timestamp_seconds", role="client") == (
        report.certificate_ends["client"].timestamp()
    )
    assert value(report, "datastore_snapshot_timestamp_seconds") == NOW.timestamp() - 120
    assert value(report, "datastore_revision") == 4711


def test_without_sessions_their_number_is_0_and_not_absent() -> None:
    assert (
        value(replace(healthy_report(), sessions=()), "bgp_peers", state="established", type="mesh", family="ipv4") == 0
    )


def test_a_state_that_only_bird_knows_is_other_and_one_without_name_is_down() -> None:
    report = replace(healthy_report(), sessions=(session("10.77.0.12", "Close"), session("10.77.0.13", "")))
    assert value(report, "bgp_peers", state="other", type="mesh", family="ipv4") == 1
    assert value(report, "bgp_peers", state="down", type="mesh", family="ipv4") == 1


def test_how_the_container_ended() -> None:
    ended = Container("1", "calico-node", "i", ContainerState.EXITED, exit_code=137)
    assert value(replace(healthy_report(), container=ended), "container_last_exit_code") == 137
    assert value(replace(healthy_report(), container=None), "container_running") == 0


def test_how_far_a_start_has_come() -> None:
    stage = StageReached(Stage.PROGRAMS_UP, "BGPEstablished is False")
    report = replace(healthy_report(), stage=stage, supervision=Supervision(starts=5, failures=3))
    assert value(report, "container_stage", stage="programs_up") == 1
    assert value(report, "container_stage", stage="ready") == 0
    assert value(report, "container_failed_starts") == 3
    assert value(replace(report, stage=None), "container_stage", stage="programs_up") == 0


def test_the_number_of_series_does_not_depend_on_the_cluster() -> None:
    small = healthy_report()
    large = replace(
        small,
        sessions=tuple(session(f"10.78.{n // 250}.{n % 250 + 1}", node=f"n{n}") for n in range(5000)),
        problems=tuple(TimedProblem(Problem(finding("RT-MISSING", str(n))), NOW, confirmed=True) for n in range(5000)),
    )
    assert len(samples(large)) == len(samples(small)) + 2


def test_what_could_not_be_read_has_no_series() -> None:
    names = {name for name, _ in samples(blind_report())}
    for unknown in (
        *("container_running", "container_stage", "container_last_exit_code", "container_start_timestamp_seconds"),
        *("routes_expected", "routes_present", "routes_missing", "routes_wrong", "routes_stale", "nodes_without_route"),
        *("nodes", "bgp_peers", "routes", "datastore_last_sync_timestamp_seconds"),
        *("datastore_revision", "datastore_snapshot_timestamp_seconds"),
        "datastore_certificate_expiry_timestamp_seconds",
    ):
        assert unknown not in names
    assert value(blind_report(), "condition", type="RoutesInPlace", status="Unknown") == 1
    assert value(blind_report(), "datastore_up") == 0


def test_the_family_of_a_bird_that_could_be_read_keeps_its_series() -> None:
    report = replace(healthy_report(), unread=frozenset({Family.IPV6}))
    assert value(report, "bgp_peers", state="established", type="mesh", family="ipv4") == 2


def test_each_condition_has_exactly_one_status() -> None:
    for report in (healthy_report(), broken_report(), blind_report()):
        told = [
            (dict(labels)["type"], number) for (name, labels), number in samples(report).items() if name == "condition"
        ]
        for kind in ConditionType:
            assert sum(number for name, number in told if name == kind.value) == 1


def test_what_is_away_is_counted_as_a_warning() -> None:
    away = TimedProblem(Problem(finding("RT-MISSING", "x")), NOW, confirmed=True, times=4, away=True)
    report = replace(healthy_report(), problems=(away,))
    assert value(report, "problem", code="RT-MISSING", severity="warning") == 1
    assert value(report, "problem", code="RT-MISSING", severity="error") is None
    assert value(report, "problems", severity="warning", state="confirmed") == 1


@pytest.mark.real
@pytest.mark.parametrize(
    "report", [healthy_report(), broken_report(), blind_report()], ids=["healthy", "broken", "blind"]
)
def test_promtool_has_no_complaint(report: Report) -> None:
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=page(report), capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_a_pause_is_no_fault_and_says_who_and_until_when() -> None:
    assert value(healthy_report(), "paused") == 0
    pause = Pause("alice (uid 1000)", "disk", NOW, NOW + timedelta(hours=1))
    paused = replace(healthy_report(), maintenance=Maintenance(pause))
    assert value(paused, "paused") == 1
    assert value(paused, "pause_info", by="alice (uid 1000)") == 1
    assert value(paused, "pause_start_timestamp_seconds") == NOW.timestamp()
    assert value(paused, "pause_end_timestamp_seconds") == NOW.timestamp() + 3600
    assert paused.healthy
    endless = replace(paused, maintenance=Maintenance(replace(pause, until=None)))
    assert value(endless, "pause_end_timestamp_seconds") is None
