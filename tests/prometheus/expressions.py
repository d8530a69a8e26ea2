"""What the shipped dashboards and rules ask Prometheus for, as it would be asked."""

import json
from pathlib import Path
from typing import Any

import yaml

from tests.places import REPOSITORY

RULES = REPOSITORY / "config" / "prometheus" / "rules.yml"
DASHBOARDS: dict[str, dict[str, Any]] = {
    path.name: json.loads(path.read_text()) for path in sorted((REPOSITORY / "config" / "grafana").glob("*.json"))
}


FAULT, PAUSE, AWAY = "while an error lasts", "in a pause", "while an agent is away"
EMPTY = {
    "host: Problems A": FAULT,
    "cluster: Problems by code A": FAULT,
    "cluster: Problems by code B": FAULT,
    "cluster: Problems over time A": FAULT,
    "job_code:calico_agent_problem:count": FAULT,
    "CalicoProblem": FAULT,
    "job_instance:calico_agent_pause:last5m": PAUSE,
    "CalicoAgentDown": AWAY,
    **dict.fromkeys(
        ("CalicoHostNotReady", "CalicoWarning", "CalicoAgentStuck", "CalicoAgentRestarts", "CalicoPauseForgotten"),
        "as tests/prometheus/rules.test.yml has it",
    ),
}
"""What has no data on hosts that are well, and when it has."""


def of_rules(text: str) -> dict[str, str]:
    """Each expression of rules by the name of its rule."""
    rules = [rule for group in yaml.safe_load(text)["groups"] for rule in group["rules"]]
    return {rule.get("alert") or rule["record"]: rule["expr"] for rule in rules}


def of_dashboards(host: str) -> dict[str, str]:
    """Each expression of the dashboards, for one host, by where it stands: `FILE TITLE REF`."""
    filled = {"$job": "calico-agent", "$instance": host, "$__rate_interval": "10s"}
    found = {}
    for name, dashboard in DASHBOARDS.items():
        for panel in dashboard["panels"]:
            for target in panel["targets"]:
                expression = target["expr"]
                for variable, value in filled.items():
                    expression = expression.replace(variable, value)
                found[f"{Path(name).stem}: {panel['title']} {target['refId']}"] = expression
    return found
