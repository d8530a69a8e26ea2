"""The shipped rules: they fire when they must, are silent when they must, and name what there is."""

import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from calico_agent.faults.registry import FAULTS
from tests.places import REPOSITORY
from tests.prometheus.expressions import RULES

EXAMPLE = RULES.with_name("prometheus.yml")
CASES = Path(__file__).parent / "rules.test.yml"
GROUPS = yaml.safe_load(RULES.read_text())["groups"]
ALERTS: dict[str, dict[str, Any]] = {
    rule["alert"]: rule for group in GROUPS for rule in group["rules"] if "alert" in rule
}
RECORDED = {rule["record"] for group in GROUPS for rule in group["rules"] if "record" in rule}


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["promtool", *arguments], capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.real
def test_promtool_takes_the_rules_and_the_example() -> None:
    rules = promtool("check", "rules", RULES)
    assert rules.returncode == 0, rules.stdout + rules.stderr
    example = promtool("check", "config", EXAMPLE)
    assert example.returncode == 0, example.stdout + example.stderr


def judged(rules: str, folder: Path, case: str = "") -> subprocess.CompletedProcess[str]:
    """The cases whose names have `case` in them, with these rules in place of the shipped ones."""
    (folder / "rules.yml").write_text(rules)
    cases = yaml.safe_load(CASES.read_text())
    chosen = [one for one in cases["tests"] if case in one["name"]]
    assert chosen
    (folder / "cases.yml").write_text(yaml.safe_dump({**cases, "rule_files": ["rules.yml"], "tests": chosen}))
    return promtool("test", "rules", folder / "cases.yml")


@pytest.mark.real
def test_rules_fire_when_they_must_and_else_are_silent(tmp_path: Path) -> None:
    done = judged(RULES.read_text(), tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.real
@pytest.mark.parametrize(
    ("right", "wrong", "noticed_by"),
    [
        ("> 300", "> 30", "a rolling upgrade"),
        ('since_timestamp_seconds{severity="error"} > 300', "since_timestamp_seconds > 300", "a note wakes nobody"),
        ('calico_agent_problem{severity="error"} == 1\n            or ', "", "an error that lasts wakes"),
        ("== 0\n        for: 15m", "== 0\n        for: 0m", "scrapes that fail"),
        ("for: 10m\n        keep_firing_for: 5m", "for: 0m", "a graceful restart"),
        ("keep_firing_for: 7m", "keep_firing_for: 5m", "restarted while an alert fires"),
        ('code=~"(SV|DOCKER)-.+"', 'code=~".+"', "who is in a pause"),
        ('code=~"(SV|DOCKER)-.+"', 'code=~"SV-.+"', "who is in a pause"),
        ('code=~"(SV|DOCKER)-.+"', 'code=~"DOCKER-.+"', "who is in a pause"),
        ("\n            or job_instance:calico_agent_pause:last5m", "", "who is in a pause"),
        ("_timestamp_seconds[5m]", "_timestamp_seconds[5s]", "a pause that ends"),
        ("or last_over_time(calico_agent_pause_start_timestamp_seconds[5m]) > time() - 86400", "", "who is in a pause"),
        (" > time() - 86400", "", "a pause without an end"),
        ("_seconds[1h]) > 5", "_seconds[1h]) > 3", "an agent that is started again"),
    ],
)
def test_a_rule_that_is_a_little_wrong_is_noticed(right: str, wrong: str, noticed_by: str, tmp_path: Path) -> None:
    rules = RULES.read_text()
    assert right in rules
    done = judged(rules.replace(right, wrong), tmp_path, noticed_by)
    assert "got:" in done.stdout + done.stderr


def test_a_recorded_number_is_named_by_what_it_is_summed_over() -> None:
    assert all(name.partition(":")[0] in {"job", "job_code", "job_instance"} for name in RECORDED)


def test_an_alert_says_what_to_do_and_where_to_read() -> None:
    site = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["urls"]["Documentation"]
    pages = {"on-call.html", "maintenance.html", "reference/codes.html#{{ $labels.code | toLower }}"}
    for alert in ALERTS.values():
        notes = alert["annotations"]
        assert set(notes) == {"summary", "description", "runbook_url"}
        assert "$labels.instance" in notes["summary"]
        assert re.search("`(calico-agent|systemctl|journalctl) ", notes["description"])
        assert notes["runbook_url"].startswith(f"{site}/")
        page = notes["runbook_url"].removeprefix(f"{site}/")
        assert page in pages
        assert (REPOSITORY / "docs" / page.partition("#")[0]).with_suffix(".md").is_file()
        assert alert["labels"]["severity"] in {"critical", "warning"}


def test_the_page_of_each_code_is_where_an_alert_leads() -> None:
    headings = re.findall(r"^## (\S+)$", (REPOSITORY / "docs" / "reference" / "codes.md").read_text(), re.MULTILINE)
    assert set(FAULTS) <= set(headings)


def test_each_alert_is_seen_to_fire_and_to_be_silent() -> None:
    expected: dict[str, set[bool]] = {}
    for case in yaml.safe_load(CASES.read_text())["tests"]:
        for look in case.get("alert_rule_test", ()):
            expected.setdefault(look["alertname"], set()).add(bool(look.get("exp_alerts")))
    assert expected == {alert: {True, False} for alert in ALERTS}
