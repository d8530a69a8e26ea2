"""Secrets of every kind, in every place from which the agent quotes, and no output that holds one."""

import io
import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import structlog
from prometheus_client import CollectorRegistry, generate_latest

from calico_agent import logs
from calico_agent.checks.assessment import assess
from calico_agent.config import load
from calico_agent.config.show import render_config
from calico_agent.errors import ConfigError
from calico_agent.model.assessment import Assessment
from calico_agent.model.container.container import (
    LABEL_MANAGED_BY,
    MANAGED_BY,
    Container,
    ContainerSpec,
    ContainerState,
)
from calico_agent.model.container.supervision import Attempts, Supervising
from calico_agent.model.observation import Unreadable
from calico_agent.model.report import Report, Supervision, TimedCondition, TimedProblem
from calico_agent.model.settings import Mode, SuperviseSettings
from calico_agent.report.as_json import json_text, render_json
from calico_agent.report.as_metrics import collect
from calico_agent.report.as_text import render_line, render_status
from calico_agent.report.changes import changes
from calico_agent.report.pages.docker_run import render_docker_run
from calico_agent.report.verdict import not_ready
from calico_agent.sources.docker.decode.log_lines import decode_log, telling_line
from tests.checks.cluster import HEALTHY, IDENTITY, contained
from tests.reports import NOW, healthy_report

SECRET = "S3cr3t"
KEY = f"-----BEGIN EC PRIVATE KEY-----\n{SECRET}\n{SECRET}w==\n-----END EC PRIVATE KEY-----"
PLANTED = {
    "AUTH": SECRET,
    "CREDENTIALS": SECRET,
    "BEARER": SECRET,
    "DB_DSN": f"me:{SECRET}@tcp(db:3306)/x",
    "DB_PW": SECRET,
    "PWD_DB": SECRET,
    "HTTPS_PROXY": f"http://me:{SECRET}@proxy:3128",
    "http_proxy": f"http://me:{SECRET}/{SECRET}@proxy:3128",
    "CERT_PEM": KEY,
    "FELIX_ETCDPASSWORD": SECRET,
    "FELIX_TYPHAKEYFILE": KEY,
    "FELIX_X": f"https://{SECRET}@host/x",
    "CALICO_TOKEN": SECRET,
}
GIVEN_BY_OTHERS = {
    **PLANTED,
    "ETCD_PASSWORD": SECRET,
    "ETCD_KEY": KEY,
    "ETCD_ENDPOINTS": f"https://me:{SECRET}@10.0.0.1:2379,https://me:{SECRET}@10.0.0.2:2379",
}
LOG = f"""starting with {KEY}
Failed to reach datastore: https://me:{SECRET}@10.0.0.1:2379 password={SECRET}
{KEY}
"""
SPEC = ContainerSpec("calico-node", "calico/node:v3.31.7", env=tuple(PLANTED.items()))
LOG_TAIL = tuple(line.text for line in decode_log(LOG.encode(), tty=True))


def container(env: dict[str, str], *, ours: bool, state: ContainerState = ContainerState.RUNNING) -> Container:
    return Container(
        "1",
        "calico-node",
        "calico/node:v3.31.7",
        state,
        error=f"cannot start: https://me:{SECRET}@proxy",
        env=tuple(env.items()),
        image_env=(),
        labels=((LABEL_MANAGED_BY, MANAGED_BY),) if ours else (),
        log_tail=LOG_TAIL,
        log_hint=telling_line(LOG_TAIL),
    )


def assessed(found: Container, spec: ContainerSpec, last_error: str = "") -> Assessment:
    changed = {name: getattr(found, name) for name in ("env", "image_env", "labels", "log_tail", "log_hint", "error")}
    observation = replace(
        contained(HEALTHY, **changed, state=found.state),
        bird=Unreadable("BIRD", f"nobody answers on //me:{SECRET}@bird.ctl", "absent"),
    )
    supervising = Supervising(spec, Attempts(failures=5, last_error=last_error), SuperviseSettings())
    return assess(observation, IDENTITY, mode=Mode.SUPERVISE, supervising=supervising)


ASSESSMENTS = {
    "a container of others": assessed(container(GIVEN_BY_OTHERS, ours=False), replace(SPEC, env=())),
    "a container that drifted": assessed(container(GIVEN_BY_OTHERS, ours=True), replace(SPEC, env=())),
    "a container that lacks the variables": assessed(container({}, ours=True), SPEC),
    "a container with other values": assessed(
        container(dict.fromkeys(GIVEN_BY_OTHERS, f"http://x:{SECRET}2@y"), ours=True), SPEC
    ),
    "a container that ended": assessed(
        container({}, ours=True, state=ContainerState.EXITED), SPEC, f"pulling from https://me:{SECRET}@registry failed"
    ),
}


def report_of(assessment: Assessment) -> Report:
    return replace(
        healthy_report(),
        conditions=tuple(TimedCondition(condition, NOW) for condition in assessment.conditions),
        sessions=(),
        problems=tuple(TimedProblem(problem, NOW, confirmed=True) for problem in assessment.problems),
        container=container(GIVEN_BY_OTHERS, ours=True),
        unreadable=(Unreadable("etcd", f"https://me:{SECRET}@10.0.0.1:2379: refused", "refused"),),
        supervision=Supervision(doing=f"waiting (the last try: http://me:{SECRET}@registry: denied)"),
        datastore_origin=f"https://me:{SECRET}@10.0.0.1:2379",
    )


def outputs(assessment: Assessment) -> Iterator[str]:
    report = report_of(assessment)
    yield render_status(report, NOW)
    yield render_line(report)
    yield json_text(render_json(report))
    yield " ".join(not_ready(report))
    registry = CollectorRegistry()
    registry.register(type("_Page", (), {"collect": lambda _: list(collect(report))})())
    yield generate_latest(registry).decode()
    for form in ("logfmt", "json"):
        stream = io.StringIO()
        logs.configure("debug", form, stream=stream, environ={})
        for event in changes(None, report):
            structlog.get_logger("calico_agent").log(logging.ERROR, event.name, **event.fields)
        logging.getLogger("urllib3").warning("retrying http://me:%s@proxy", SECRET)
        yield stream.getvalue()
        logs.configure("info", "logfmt")


@pytest.mark.parametrize("assessment", ASSESSMENTS.values(), ids=ASSESSMENTS.keys())
def test_no_secret_is_in_what_the_agent_says(assessment: Assessment) -> None:
    assert any(one.cause.code.startswith("SV-") for one in assessment.problems)
    for text in outputs(assessment):
        assert text
        assert SECRET not in text


def test_addresses_and_names_are_still_told() -> None:
    found = container({"NODENAME": "host9", "IP": "172.17.0.1"}, ours=True)
    told = render_status(report_of(assessed(found, replace(SPEC, env=(("NODENAME", "host1"),)))), NOW)
    assert "NODENAME is 'host9', wanted 'host1'" in told
    assert "IP is '172.17.0.1', wanted not set" in told


def test_no_secret_is_in_a_configuration_that_is_shown_or_in_the_line_that_would_be_run(tmp_path: Path) -> None:
    file = tmp_path / "agent.toml"
    table = ", ".join(f"{name} = {json.dumps(value)}" for name, value in PLANTED.items())
    file.write_text(f"[node]\nenv = {{ {table} }}\n")
    assert SECRET not in render_config(load(file, {}))
    assert SECRET not in render_docker_run(replace(SPEC, env=tuple(GIVEN_BY_OTHERS.items())))


@pytest.mark.parametrize(
    ("text", "environ"),
    [
        (f'[datastore]\npassword_file = "{SECRET}"', {}),
        (f'[datastore]\nkey_file = "{SECRET}"', {}),
        (f'[datastore]\nendpoints = ["https://me:{SECRET}@10.0.0.1:2379"]', {}),
        (f'[datastore]\npassword = "{SECRET}"', {}),
        (f'[docker]\nurl = "tcp://me:{SECRET}@"', {}),
        (f'[node]\nenv = "AUTH={SECRET}"', {}),
        ("", {"CALICO_AGENT_NODE_ENV": f"{SECRET}"}),
        ("", {"CALICO_AGENT_NODE_ENV": f"AUTH={SECRET},{SECRET}"}),
    ],
)
def test_no_secret_is_in_what_is_said_about_a_wrong_configuration(
    tmp_path: Path, text: str, environ: dict[str, str]
) -> None:
    (tmp_path / "agent.toml").write_text(text)
    with pytest.raises(ConfigError) as refused:
        load(tmp_path / "agent.toml", environ)
    assert SECRET not in str(refused.value)
