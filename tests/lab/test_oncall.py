"""What people on call have, on hosts that work and hosts that do not: alerts, history, the bundle and its replay."""

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
from tests.lab.door import door
from tests.lab.lab import Lab
from tests.lab.options import Options
from tests.patience import until
from tests.prometheus.expressions import AWAY, EMPTY, FAULT, PAUSE, RULES, of_dashboards, of_rules
from tests.prometheus.server import Prometheus, hastened, scraping
from tests.replay.bundle import configuration_of, host_of, unpacked
from tests.replay.judge import report_capture

pytestmark = [pytest.mark.lab, pytest.mark.real]

HOST, PEER = "host1", "host2"
MOST_BYTES, MOST_SECONDS = 20 << 20, 30.0
TIMES = 30
"""How many times faster than the shipped rules those go that are tried here."""


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """Two hosts with the agent in supervise mode, each with a pod."""
    with named_lab("oncall") as lab:
        lab.up(Options(hosts=2))
        yield lab


@pytest.fixture(autouse=True)
def all_good_before(lab: Lab) -> None:
    until("the host is good", lambda: lab.exec(HOST, "calico-agent", "status").returncode == 0, lambda: status(lab))


@pytest.fixture(scope="module")
def prometheus(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """It scrapes both agents, and goes by the shipped rules, in less time."""
    with door(lab, HOST) as one, door(lab, PEER) as other:
        rules = hastened(RULES.read_text(), TIMES)
        with scraping({HOST: one, PEER: other}, rules, tmp_path_factory.mktemp("prometheus")) as prometheus:
            yield prometheus


def without_data(prometheus: Prometheus, when: str = "") -> set[str]:
    """Where the expressions stand that have none now, of those that have it then."""
    every = {**of_dashboards(HOST), **of_rules(hastened(RULES.read_text(), TIMES))}
    return {
        place for place, one in every.items() if (not when or EMPTY.get(place) == when) and not prometheus.query(one)
    }


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


def test_all_that_dashboards_and_rules_ask_for_is_there_and_an_agent_that_is_restarted_wakes_nobody(
    lab: Lab, prometheus: Prometheus
) -> None:
    until("the rest has data", lambda: without_data(prometheus) == set(EMPTY), lambda: str(without_data(prometheus)))
    lab.agent_stop(HOST)
    until("it is missed", lambda: not without_data(prometheus, AWAY))
    lab.agent_start(HOST)
    until("all is good again", lambda: prometheus.query("sum(calico_agent_healthy) == 2") != [], lambda: status(lab))
    assert prometheus.query('last_over_time(ALERTS{alertstate="firing"}[1h])') == []


def test_an_alert_leads_to_the_cure_and_is_resolved_by_it(lab: Lab, prometheus: Prometheus) -> None:
    rows = json.loads(lab.exec(HOST, "ip", "-j", "route", "show", "proto", "bird", check=True).stdout)
    (block,) = [row["dst"] for row in rows if "gateway" in row]
    lab.exec(HOST, "ip", "route", "replace", block, "via", "10.77.0.1", check=True)
    until("somebody is woken", lambda: bool(prometheus.woken()), lambda: status(lab))
    assert prometheus.woken() == {("CalicoProblem", HOST, "RT-FOREIGN")}
    assert without_data(prometheus, FAULT) == set()
    (alert,) = prometheus.firing()
    notes = alert["annotations"]
    assert re.fullmatch(r"host1: RT-FOREIGN for \d+\S* *\d*\S*", notes["summary"])
    assert notes["runbook_url"].endswith("/reference/codes.html#rt-foreign")
    said, explained = (
        lab.exec(HOST, *command.split()).stdout for command in re.findall(r"`([^`]+)`", notes["description"])
    )
    assert said.startswith("host1: PROBLEM RT-FOREIGN: ")
    assert "RT-FOREIGN" in explained
    cure = re.search(r"ip route del \S+ via \S+ dev \S+ proto \S+", said)
    assert cure, said
    lab.exec(HOST, *cure[0].split(), check=True)
    until("it is resolved", lambda: not prometheus.firing(), lambda: status(lab))


def test_in_a_pause_the_peers_are_told_and_nobody_of_what_the_pause_is_for(lab: Lab, prometheus: Prometheus) -> None:
    lab.exec(PEER, "calico-agent", "pause", "--for", "2h", "--why", "new disk", check=True)
    lab.engine(PEER).docker("stop", "calico-node")
    until("the peer is told", lambda: bool(prometheus.woken()), lambda: status(lab))
    own = f'time() - calico_agent_problem_since_timestamp_seconds{{instance="{PEER}", code=~"SV-.+"}} > 15'
    until("its own is old enough", lambda: bool(prometheus.query(own)))
    assert prometheus.woken() == {("CalicoProblem", HOST, "BGP-DOWN")}
    assert without_data(prometheus, PAUSE) == set()
    lab.exec(PEER, "calico-agent", "resume", check=True)
    until("all is resolved", lambda: not prometheus.firing(), lambda: status(lab))
    ever = prometheus.query('count by (instance, code) (last_over_time(ALERTS{alertstate="firing"}[1h]))')
    assert {(one["metric"]["instance"], one["metric"].get("code")) for one in ever} <= {
        (HOST, "RT-FOREIGN"),
        (HOST, "BGP-DOWN"),
    }


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
