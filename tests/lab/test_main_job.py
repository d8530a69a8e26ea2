"""The agent's whole job on three real hosts: what a user does, and what the agent must say and do then."""

import json
import os
import signal
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from tests.lab.agent import Agent
from tests.lab.conftest import named_lab
from tests.lab.lab import Lab
from tests.lab.options import Options
from tests.patience import until

pytestmark = [pytest.mark.lab, pytest.mark.real]

HOSTS = ("host1", "host2", "host3")


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """Three hosts, each with the agent in supervise mode and one pod. A test puts back what it changed."""
    with named_lab("job") as lab:
        lab.up(Options())
        yield lab


@pytest.fixture(autouse=True)
def all_good_before(lab: Lab) -> None:
    until("all hosts are good", lambda: all(code(lab, host) == 0 for host in HOSTS), lambda: texts(lab))


def code(lab: Lab, host: str) -> int:
    return lab.exec(host, "calico-agent", "status").returncode


def text(lab: Lab, host: str) -> str:
    return lab.exec(host, "calico-agent", "status").stdout


def first_line(lab: Lab, host: str) -> str:
    """The verdict, which may take more than one line of the terminal."""
    return " ".join(text(lab, host).split("\n\n")[0].split())


def texts(lab: Lab) -> str:
    return "\n".join(text(lab, host) for host in HOSTS)


def report(lab: Lab, host: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(lab.exec(host, "calico-agent", "status", "--json").stdout)
    return answer


def conditions(lab: Lab, host: str) -> dict[str, str]:
    return {each["type"]: each["status"] for each in report(lab, host)["conditions"]}


def container(lab: Lab, host: str) -> tuple[str, str]:
    """Id and start time of calico-node."""
    identity, started = lab.engine(host).inspect("{{.Id}} {{.State.StartedAt}}").split()
    return identity, started


def block_of_host2(lab: Lab) -> str:
    """The block that host1 reaches through host2, as soon as BIRD has written its route."""

    def routes() -> list[str]:
        return lab.exec("host1", "ip", "route", "show", "via", "10.77.0.12").stdout.split()

    until("host1 has a route through host2", lambda: bool(routes()), lambda: text(lab, "host1"))
    return routes()[0]


def test_name_and_address_are_given_to_the_container(lab: Lab) -> None:
    inspected = lab.engine("host2").inspect("{{json .Config.Env}}")
    assert {"NODENAME=host2", "IP=10.77.0.12/24"} <= set(json.loads(inspected))


def test_a_docker_bridge_registered_elsewhere_is_named_and_cured(lab: Lab) -> None:
    lab.node_stop("host3")
    lab.node_start("host3", {"IP": "172.17.0.1"})
    until("host1 names it", lambda: "172.17.0.1" in first_line(lab, "host1"), lambda: text(lab, "host1"))
    first = first_line(lab, "host1")
    assert "host3" in first
    assert "IP-BRIDGE" in first
    assert "bridge" in first.lower()
    lost = lab.exec("host3", "ip", "route", "show", "type", "blackhole").stdout.split()[1]
    until("the missing routes are named, too", lambda: lost in text(lab, "host1"), lambda: text(lab, "host1"))

    def codes() -> list[str]:
        return [problem["code"] for problem in report(lab, "host1")["problems"]]

    until("as its consequence: one cause is one problem", lambda: codes() == ["IP-BRIDGE"], lambda: text(lab, "host1"))

    lab.put_right("host3")
    until("all are good again", lambda: all(code(lab, host) == 0 for host in HOSTS), lambda: texts(lab))


def test_a_killed_container_runs_again_and_no_route_is_lost(lab: Lab) -> None:
    before, _ = container(lab, "host2")
    routes = lab.exec("host2", "ip", "route").stdout
    lab.exec("host2", "docker", "kill", "calico-node", check=True)
    running = partial(lab.engine("host2").inspect, "{{.State.Running}}")
    until("it runs again", lambda: running() == "true", lambda: text(lab, "host2"))
    assert container(lab, "host2")[0] == before, "the same container was started, not a new one"
    assert lab.exec("host2", "ip", "route").stdout == routes


def test_a_killed_agent_leaves_the_container_and_adopts_it(lab: Lab) -> None:
    before = container(lab, "host1")
    process = Agent(lab.host("host1")).process()
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)
    until("it is dead", lambda: Agent(lab.host("host1")).process() is None, str)
    done = lab.exec("host1", "calico-agent", "status")
    lab.agent_start("host1")
    assert done.returncode == 3
    assert "no agent is running here" in done.stderr
    until("host1 is good", lambda: code(lab, "host1") == 0, lambda: text(lab, "host1"))
    assert container(lab, "host1") == before


def test_without_the_datastore_it_is_unknown_and_nothing_is_touched(lab: Lab) -> None:
    before = {host: container(lab, host) for host in HOSTS}
    lab.datastore.stop()
    try:
        until(
            "it is Unknown",
            lambda: conditions(lab, "host1")["DatastoreReachable"] == "Unknown",
            lambda: text(lab, "host1"),
        )
        now = conditions(lab, "host1")
        assert now["ContainerRunning"] == "True"
        assert "False" not in now.values()
    finally:
        lab.datastore.start()
    until("all are good again", lambda: all(code(lab, host) == 0 for host in HOSTS), lambda: texts(lab))
    assert {host: container(lab, host) for host in HOSTS} == before


def test_a_foreign_route_is_named_where_it_is_and_where_it_hurts(lab: Lab) -> None:
    block = block_of_host2(lab)
    lab.exec("host1", "ip", "route", "replace", block, "via", "10.77.0.1", check=True)
    try:
        until("host1 says so", lambda: block in first_line(lab, "host1"), lambda: text(lab, "host1"))
        until("host3 says so", lambda: block in first_line(lab, "host3"), lambda: text(lab, "host3"))
        assert "host1" in text(lab, "host3"), "the host that advertises it is named"
    finally:
        lab.exec("host1", "ip", "route", "del", block, "via", "10.77.0.1", check=True)


def test_a_deleted_route_that_bird_puts_back_is_no_alarm(lab: Lab) -> None:
    block = block_of_host2(lab)
    lab.exec("host1", "ip", "route", "del", block, check=True)
    deadline = time.monotonic() + 14  # longer than the hold-down
    while time.monotonic() < deadline:
        assert code(lab, "host1") == 0, text(lab, "host1")
        time.sleep(0.5)


def test_without_any_configuration_the_running_container_tells_where_the_datastore_is(lab: Lab) -> None:
    done = lab.exec("host2", "calico-agent", "status", "--once", "--config", "/dev/null")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "all good" in done.stdout


def test_detect_says_why_docker0_was_not_chosen(lab: Lab) -> None:
    done = lab.exec("host1", "calico-agent", "detect")
    assert done.returncode == 0
    assert "10.77.0.11/24" in done.stdout
    line = next(line for line in done.stdout.splitlines() if "172.17.0.1" in line)
    assert "Docker" in line


def test_the_health_endpoints_answer_on_loopback(lab: Lab) -> None:
    for path in ("/livez", "/readyz", "/status", "/metrics"):
        probe = f"import urllib.request as u; print(u.urlopen('http://127.0.0.1:9197{path}').status)"
        done = lab.exec("host1", "python3", "-c", probe)
        assert done.stdout.strip() == "200", f"{path}: {done.stdout}{done.stderr}"
