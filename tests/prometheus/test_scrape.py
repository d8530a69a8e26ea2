"""A real Prometheus with the shipped rules scrapes the agent's own server: the alert fires, and names the page."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from calico_agent.api.http import HttpServer
from calico_agent.api.latest import AgentHealth
from calico_agent.api.metrics import Metrics
from calico_agent.model.report import Report
from tests.api.tls_clients import TlsPort, make_authorities
from tests.patience import until
from tests.prometheus.expressions import RULES
from tests.prometheus.server import Prometheus, scraping
from tests.reports import broken_report, healthy_report

pytestmark = pytest.mark.real


def lasting(report: Report) -> Report:
    """The same as it is now, with problems that are there for ten minutes."""
    since = datetime.now(UTC) - timedelta(minutes=10)
    return replace(report, problems=tuple(replace(problem, since=since) for problem in report.problems))


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each page of metrics was made as OpenMetrics."""
    seen: list[bool] = []
    render = Metrics.render

    def noted(self: Metrics, *, open_metrics: bool = False) -> bytes:
        seen.append(open_metrics)
        return render(self, open_metrics=open_metrics)

    monkeypatch.setattr(Metrics, "render", noted)
    return seen


@pytest.fixture
def tls(tmp_path: Path) -> Iterator[TlsPort]:
    """An agent that wants a certificate and a token of who asks, and tells of each session."""
    tls = TlsPort(tmp_path, make_authorities(tmp_path), client_ca=True, token=True)
    tls.latest.detail_limit = 10
    tls.latest.publish(healthy_report())
    yield tls
    tls.server.stop()


@pytest.fixture
def prometheus(tmp_path: Path, tls: TlsPort) -> Iterator[Prometheus]:
    """It scrapes an agent whose host is broken, and one with TLS."""
    protected = {
        "job_name": "tls",
        "scheme": "https",
        "authorization": {"credentials_file": tls.files.token},
        "tls_config": {
            "ca_file": tls.files.client_ca,
            "cert_file": str(tls.made.client.cert),
            "key_file": str(tls.made.client.key),
        },
        "static_configs": [{"targets": [f"localhost:{tls.port}"], "labels": {"instance": "host2"}}],
    }
    latest = AgentHealth(loop_limit=60)
    latest.publish(lasting(broken_report()))
    server = HttpServer(latest, ("127.0.0.1", 0), None)
    server.start()
    assert server.port
    with scraping({"host1": server.port}, RULES.read_text(), tmp_path, protected) as prometheus:
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


def test_it_scrapes_an_agent_with_tls_as_open_metrics(rendered: list[bool], prometheus: Prometheus) -> None:
    def found(query: str) -> list[str]:
        return [one["value"][1] for one in prometheus.query(query)]

    until("the agent is scraped", lambda: found('up{job="tls"}') == ["1"])
    assert found('count(calico_agent_bgp_session_up{job="tls"} == 1)') == ["2"]
    assert found('calico_agent_details_left_out{job="tls",of="bgp_sessions"}') == ["0"]
    assert found('calico_agent_pass_duration_seconds_bucket{job="tls",le="+Inf"}') == ["0"]
    assert found('scrape_samples_scraped{job="tls"} > bool 150') == ["1"]
    assert set(rendered) == {True}
