"""What people on call have, on hosts that work and hosts that do not: history, the bundle and what it replays to."""

import json
import os
import re
import signal
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from calico_agent.config import load
from tests.diags.secrets_planted import ALL
from tests.lab.agent import Agent
from tests.lab.conftest import named_lab
from tests.lab.lab import Lab
from tests.lab.options import Options
from tests.patience import until
from tests.replay.bundle import configuration_of, host_of, unpacked
from tests.replay.judge import report_capture

pytestmark = [pytest.mark.lab, pytest.mark.real]

HOST = "host1"
MOST_BYTES, MOST_SECONDS = 20 << 20, 30.0


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """Two hosts with the agent in supervise mode, each with a pod."""
    with named_lab("oncall") as lab:
        lab.up(Options(hosts=2))
        yield lab


@pytest.fixture(autouse=True)
def all_good_before(lab: Lab) -> None:
    until("the host is good", lambda: lab.exec(HOST, "calico-agent", "status").returncode == 0, lambda: status(lab))


def status(lab: Lab) -> str:
    return lab.exec(HOST, "calico-agent", "status").stdout


def bundle(lab: Lab, folder: Path) -> Path:
    path = folder / "diags.tar.gz"
    done = lab.exec(HOST, "calico-agent", "diags", "-o", str(path), timeout=MOST_SECONDS + 30)
    assert done.returncode == 0, done.stderr
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.stat().st_size <= MOST_BYTES
    return path


def replayed(path: Path) -> dict[str, set[str]]:
    """What the stages make of a bundle: each problem with its consequences."""
    with unpacked(path) as capture:
        config = load(configuration_of(capture), {})
        report = report_capture(capture, host_of(capture), config)
    return {
        f"{one.problem.cause.code} {one.problem.cause.subject}": {
            f"{other.code} {other.subject}" for other in one.problem.consequences
        }
        for one in report.problems
    }


def told(lab: Lab) -> dict[str, set[str]]:
    """What the running agent says, in the same form."""
    report = json.loads(lab.exec(HOST, "calico-agent", "status", "--json").stdout)
    return {
        f"{one['code']} {one['subject']}": {f"{other['code']} {other['subject']}" for other in one["consequences"]}
        for one in report["problems"]
    }


def files(path: Path) -> dict[str, str]:
    with tarfile.open(path) as tar:
        names = [member.name for member in tar.getmembers()]
        opened = {name: tar.extractfile(name) for name in names}
        return {name.partition("/")[2]: file.read().decode() for name, file in opened.items() if file is not None}


def test_a_bundle_of_a_host_that_works_gives_the_same_verdict(lab: Lab, tmp_path: Path) -> None:
    path = bundle(lab, tmp_path)
    assert told(lab) == {}
    assert replayed(path) == {}
    found = files(path)
    for name in (
        "agent/status.txt",
        "look/status.txt",
        "host1/bird.txt",
        "datastore.jsonl",
        "pods.jsonl",
        "README.txt",
    ):
        assert found[name], name
    assert found["agent/status.txt"].startswith("host1: all good (2 nodes, 1 session, 1 route; ")
    with unpacked(path) as capture:
        report = report_capture(capture, HOST, load(configuration_of(capture), {}))
    assert report.routes is not None
    assert (len(report.sessions), report.routes.present, report.nodes) == (1, 1, 2)


def test_a_bundle_of_a_broken_host_gives_the_same_verdict_and_the_history_tells_when(lab: Lab, tmp_path: Path) -> None:
    (own,) = re.findall(r"^blackhole (\S+)", lab.exec(HOST, "ip", "route").stdout, re.MULTILINE)
    lab.exec(HOST, "ip", "route", "replace", "unreachable", own, "proto", "99", check=True)
    until("it is confirmed", lambda: "PROBLEM" in status(lab) or "WARNING" in status(lab), lambda: status(lab))
    live = told(lab)
    assert live
    assert replayed(bundle(lab, tmp_path)).keys() == live.keys()
    lab.exec(HOST, "ip", "route", "del", "unreachable", own, check=True)
    until("it is over", lambda: lab.exec(HOST, "calico-agent", "status").returncode == 0, lambda: status(lab))
    until("the history has it", lambda: "over: " in lab.exec(HOST, "calico-agent", "history").stdout)
    lines = lab.exec(HOST, "calico-agent", "history").stdout
    (problem,) = live
    began, ended = lines.index(f"suspected {problem.partition(' ')[0]}"), lines.index(f"over: {problem.split()[0]}")
    assert began < ended
    assert re.search(r"the agent started .*\n(.*\n)*.*creating calico-node", lines), lines


def test_an_agent_that_hangs_keeps_nobody_from_a_bundle_nor_from_the_history(lab: Lab, tmp_path: Path) -> None:
    agent = Agent(lab.host(HOST)).process()
    assert agent is not None
    os.kill(agent.pid, signal.SIGSTOP)
    try:
        found = files(bundle(lab, tmp_path))
        assert re.search(r"agent/status.txt +MISSING: ", found["README.txt"]), found["README.txt"]
        assert found["look/status.txt"].startswith("host1: all good")
        assert "the agent started" in lab.exec(HOST, "calico-agent", "history").stdout
    finally:
        os.kill(agent.pid, signal.SIGCONT)


def test_no_secret_of_this_host_is_in_its_bundle(lab: Lab, tmp_path: Path) -> None:
    """They are planted where they lie about: in an environment, in a file that is taken, in a log."""
    config = tmp_path / "agent.toml"
    lines = "\n".join(f"# {line}" for planted in ALL for line in planted.line.splitlines())
    usual = lab.exec(HOST, "cat", "/etc/calico-agent/calico-agent.toml").stdout
    config.write_text(f"{lines}\n{usual}")
    script = "".join(f"echo {json.dumps(planted.line)} | tee -a /dev/stderr\n" for planted in ALL).replace("$", "\\$")
    script += "# start_runit"  # a shell that starts something else would be no calico/node
    environment = [f"-e=SECRET_{number}={planted.secret}" for number, planted in enumerate(ALL)]
    engine = lab.engine(HOST)
    image = lab.options.image
    hidden = ("-e=ETCD_PASSWORD=Hunter2InTheEnvironment", "--label=com.example.token=Hunter2Label")
    options = ("--detach", "--net=host", "--name=calico-node-2", "--entrypoint=sh")
    engine.docker("run", *options, *environment, *hidden, image, "-c", script)
    try:
        until("it said all of it", lambda: "Hunter2Pgp" in engine.docker("logs", "calico-node-2").stdout)
        path = tmp_path / "planted.tar.gz"
        done = lab.exec(HOST, "calico-agent", "diags", "--config", str(config), "-o", str(path), timeout=90)
        assert done.returncode == 0, done.stderr
        found = files(path)
        assert "calico-node-2" in found["host1/docker-inspect.json"]
        secrets = [*(planted.secret for planted in ALL), "Hunter2InTheEnvironment", "Hunter2Label"]
        leaked = {(name, one) for name, text in found.items() for one in secrets if one in text}
        assert leaked == set()
    finally:
        engine.docker("rm", "-f", "calico-node-2")
