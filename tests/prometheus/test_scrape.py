"""A real Prometheus with the shipped rules scrapes the agent's own server: the alert fires, and names the page."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from calico_agent.api.http import HttpServer
from calico_agent.api.latest import AgentHealth
from calico_agent.model.report import Report
from tests.etcd_server import free_port
from tests.patience import until
from tests.prometheus.test_rules import RULES
from tests.reports import broken_report

pytestmark = pytest.mark.real


def lasting(report: Report) -> Report:
    """The same as it is now, with problems that are there for ten minutes."""
    since = datetime.now(UTC) - timedelta(minutes=10)
    return replace(report, problems=tuple(replace(problem, since=since) for problem in report.problems))


@pytest.fixture
def prometheus(tmp_path: Path) -> Iterator[int]:
    """Its port. It scrapes an agent whose host is broken."""
    latest, port = AgentHealth(loop_limit=60), free_port()
    latest.publish(lasting(broken_report()))
    server = HttpServer(latest, ("127.0.0.1", 0), None)
    server.start()
    (tmp_path / "prometheus.yml").write_text(f"""\
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: ["{RULES}"]
scrape_configs:
  - job_name: calico-agent
    static_configs: [{{targets: ["127.0.0.1:{server.port}"], labels: {{instance: host1}}}}]
""")
    started = subprocess.Popen(
        [
            "prometheus",
            f"--config.file={tmp_path}/prometheus.yml",
            f"--storage.tsdb.path={tmp_path}/data",
            f"--web.listen-address=127.0.0.1:{port}",
        ],
        stdout=subprocess.DEVNULL,
        stderr=(tmp_path / "log").open("w"),
    )
    yield port
    started.terminate()
    started.wait(30)
    server.stop()


def asked(port: int, path: str) -> list[dict[str, Any]]:
    with urlopen(f"http://127.0.0.1:{port}/api/v1/{path}", timeout=5) as answer:
        (found,) = [value for value in json.load(answer)["data"].values() if isinstance(value, list)]
    return list(found)


def test_the_alert_of_a_broken_host_fires_and_names_the_page_of_its_code(prometheus: int) -> None:
    def firing() -> list[dict[str, Any]]:
        try:
            return [alert for alert in asked(prometheus, "alerts") if alert["state"] == "firing"]
        except OSError:
            return []

    until("an alert fires", lambda: bool(firing()))
    (alert,) = firing()
    assert alert["labels"] == {
        "alertname": "CalicoProblem",
        "code": "IP-BRIDGE",
        "instance": "host1",
        "job": "calico-agent",
        "severity": "critical",
    }
    assert alert["annotations"]["runbook"] == "docs/reference/codes.md#ip-bridge"
    number = "query?query=job_code:calico_agent_problem:count"
    until("the rules for the cluster are evaluated", lambda: bool(asked(prometheus, number)))
    (recorded,) = asked(prometheus, number)
    assert recorded["metric"]["code"] == "IP-BRIDGE"
    assert recorded["value"][1] == "1"
