"""The counters as Prometheus reads them."""

import subprocess

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric

from calico_agent.model.unreadable import Unreadable
from calico_agent.report.tally import LIMITS, Tally
from calico_agent.report.tally_metrics import collect_tally

BUSY = (
    Tally()
    .after_waking(("start",))
    .after_pass(0.02, (Unreadable("etcd", "away"),))
    .after_pass(90.0, ())
    .after_failure()
    .after_action("create", done=False)
)


class _Page:
    def __init__(self, tally: Tally) -> None:
        self._tally = tally

    def collect(self) -> list[Metric]:
        return list(collect_tally(self._tally))


def page(tally: Tally) -> str:
    registry = CollectorRegistry()
    registry.register(_Page(tally))
    return generate_latest(registry).decode()


def test_buckets_add_up() -> None:
    values = {
        sample.labels["le"]: sample.value
        for family in collect_tally(BUSY)
        for sample in family.samples
        if sample.name == "calico_agent_pass_duration_seconds_bucket"
    }
    assert len(values) == len(LIMITS) + 1
    assert (values["0.01"], values["0.025"], values["60.0"], values["+Inf"]) == (0, 1, 1, 2)


def test_what_never_happened_is_0_so_that_its_first_time_is_an_increase() -> None:
    told = page(Tally())
    assert 'calico_agent_source_errors_total{source="docker"} 0.0' in told
    assert 'calico_agent_actions_total{action="create",result="failed"} 0.0' in told
    assert 'calico_agent_pass_triggers_total{trigger="netlink"} 0.0' in told
    assert "calico_agent_pass_failures_total 0.0" in told


def test_what_happened_is_counted() -> None:
    told = page(BUSY)
    assert 'calico_agent_source_errors_total{source="datastore"} 1.0' in told
    assert 'calico_agent_actions_total{action="create",result="failed"} 1.0' in told
    assert 'calico_agent_pass_triggers_total{trigger="start"} 1.0' in told
    assert "calico_agent_pass_failures_total 1.0" in told
    assert "calico_agent_pass_duration_seconds_sum 90.02" in told


def test_the_number_of_series_does_not_grow() -> None:
    assert page(BUSY).count("\n") == page(Tally()).count("\n")


@pytest.mark.real
def test_promtool_has_no_complaint() -> None:
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=page(BUSY), capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
