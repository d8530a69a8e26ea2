"""A real Prometheus with the shipped rules scrapes the agent's own server: the alert fires, and names the page."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from calico_agent.api.http import HttpServer
from calico_agent.api.latest import AgentHealth
from calico_agent.model.report import Report
from tests.patience import until
from tests.prometheus.expressions import RULES
from tests.prometheus.server import Prometheus, scraping
from tests.reports import broken_report

pytestmark = pytest.mark.real


def lasting(report: Report) -> Report:
    """The same as it is now, with problems that are there for ten minutes."""
    since = datetime.now(UTC) - timedelta(minutes=10)
    return replace(report, problems=tuple(replace(problem, since=since) for problem in report.problems))


@pytest.fixture
def prometheus(tmp_path: Path) -> Iterator[Prometheus]:
    """It scrapes an agent whose host is broken."""
    latest = AgentHealth(loop_limit=60)
    latest.publish(lasting(broken_report()))
    server = HttpServer(latest, ("127.0.0.1", 0), None)
    server.start()
    assert server.port
    with scraping({"host1": server.port}, RULES.read_text(), tmp_path) as prometheus:
        yield prometheus
    server.stop()


def test_the_alert_of_a_broken_host_fires_and_names_the_page_of_its_code(prometheus: Prometheus) -> None:
    until("an alert fires", lambda: bool(prometheus.firing()))
    (alert,) = prometheus.firing()
    assert alert["labels"] == {
        "alertname": "CalicoProblem",
        "code": "IP-BRIDGE",
        "instance": "host1",
        "job": "calico-agent",
        "severity": "critical",
    }
    assert alert["annotations"]["runbook_url"].endswith("/reference/codes.html#ip-bridge")
    until(
        "the rules for the cluster are evaluated", lambda: bool(prometheus.query("job_code:calico_agent_problem:count"))
    )
    (recorded,) = prometheus.query("job_code:calico_agent_problem:count")
    assert recorded["metric"]["code"] == "IP-BRIDGE"
    assert recorded["value"][1] == "1"
