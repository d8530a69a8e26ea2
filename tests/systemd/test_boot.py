"""The unit under a real systemd: ready after the first pass, reload, watchdog, stop, and a wrong configuration."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.patience import PATIENCE, until
from tests.systemd.machine import PYTHON, UNIT, Machine

pytestmark = pytest.mark.real


@pytest.fixture
def started(machine: Machine) -> Iterator[Machine]:
    """The machine with the agent just started."""
    said = machine.run("systemctl", "start", UNIT)
    assert (said, machine.show("ActiveState")) == ("", "active"), machine.journal()
    yield machine
    machine.run("systemctl", "stop", UNIT)
    machine.run("systemctl", "reset-failed", UNIT)


def test_ready_means_that_the_first_pass_is_finished(started: Machine) -> None:
    told = started.show("StatusText")
    assert "UNKNOWN" in told or "PROBLEM" in told
    document = json.loads(started.agent("status", "--json"))
    assert {condition["type"] for condition in document["conditions"]} >= {"ContainerRunning", "RoutesInPlace"}
    assert document["healthy"] is False


def test_the_agent_answers_inside_its_sandbox(started: Machine) -> None:
    assert started.run("stat", "-c", "%a %U %G", "/run/calico-agent", "/run/calico-agent/agent.sock") == (
        "750 root calico-agent\n660 root calico-agent"
    )
    fetch = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:9197/livez', timeout=5).status)"
    assert started.run(PYTHON, "-c", fetch) == "200"


def test_systemd_answers_inside_its_sandbox(started: Machine) -> None:
    assert started.run("cat", "/run/calico-agent/asked") == "active"


def test_the_host_can_be_checked_inside_its_sandbox(started: Machine) -> None:
    """Rules, disks and sysctls are read there as well: the programs that read rules run, and may."""

    def preflight() -> dict[str, Any]:
        found: dict[str, Any] = json.loads(started.agent("status", "--json"))["preflight"]
        return found

    until("the host is checked", lambda: preflight()["prepared"] is not None, started.journal, 60)
    untold = {check["code"] for check in preflight()["checks"] if check["verdict"] == "unknown"}
    assert not untold & {"HOST-FIREWALL", "HOST-FIREWALL-PODS", "HOST-DISK"}, preflight()


def test_it_holds_five_capabilities_and_can_gain_none(started: Machine) -> None:
    status = dict(
        line.split(":\t", 1)
        for line in started.run("cat", f"/proc/{started.pid()}/status").splitlines()
        if ":\t" in line
    )
    read_any_file = 1 << 1 | 1 << 2  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
    ask_after_neighbours = 1 << 12  # CAP_NET_ADMIN
    read_firewall = 1 << 13  # CAP_NET_RAW
    see_any_process = 1 << 19  # CAP_SYS_PTRACE
    wanted = read_any_file | ask_after_neighbours | read_firewall | see_any_process
    assert int(status["CapBnd"], 16) == int(status["CapEff"], 16) == wanted
    assert status["NoNewPrivs"] == "1"


def test_a_reload_keeps_the_process_and_is_waited_for(started: Machine) -> None:
    pid = started.pid()
    assert started.run("systemctl", "reload", UNIT) == ""
    started.logs("event=reloaded")
    started.is_active()
    assert started.pid() == pid


def test_a_reload_of_a_wrong_configuration_fails_and_is_told_until_it_is_put_right(started: Machine) -> None:
    pid = started.pid()
    write = "mkdir -p /etc/calico-agent; echo '[log]\nlevel = \"{}\"' > /etc/calico-agent/calico-agent.toml"
    started.run("sh", "-c", write.format("loud"))
    try:
        assert "failed" in started.run("systemctl", "reload", UNIT)
        started.logs('[log] level: "loud" is not one of')
        started.run("systemctl", "kill", "--signal=HUP", UNIT)  # by hand, past the check
        started.logs("event=reload_refused")
        until("it is told", lambda: "CFG-REFUSED" in started.agent("status"), started.journal)
        assert "calico_agent_config_last_reload_successful 0.0" in started.metrics()
    finally:
        started.run("sh", "-c", write.format("info"))
    assert started.run("systemctl", "reload", UNIT) == ""
    until(
        "the metric is 1",
        lambda: "calico_agent_config_last_reload_successful 1.0" in started.metrics(),
        started.journal,
    )
    started.is_active()
    assert started.pid() == pid


def test_a_hung_agent_is_killed_by_the_watchdog_and_started_again(started: Machine) -> None:
    pid = started.pid()
    started.run("kill", "-STOP", str(pid))
    until(
        "it is started again",
        lambda: started.show("NRestarts") == "1" and started.show("ActiveState") == "active",
        started.journal,
        60,
    )
    assert started.pid() not in {0, pid}
    started.logs("Watchdog timeout")


def test_a_good_agent_outlives_many_watchdog_intervals(started: Machine) -> None:
    pid = started.pid()
    time.sleep(25)
    assert (started.pid(), started.show("NRestarts")) == (pid, "0")


def test_a_stop_is_clean_and_takes_the_socket_away(started: Machine) -> None:
    before = time.monotonic()
    started.run("systemctl", "stop", UNIT)
    assert time.monotonic() - before < PATIENCE
    assert (started.show("Result"), started.show("ExecMainStatus")) == ("success", "0")
    started.logs("event=stopped")
    assert "No such file" in started.run("ls", "/run/calico-agent")


def test_a_wrong_configuration_fails_once_in_one_line(machine: Machine) -> None:
    machine.run("systemctl", "set-environment", "CALICO_AGENT_MODE=wrong")
    try:
        machine.run("systemctl", "start", UNIT)
        time.sleep(3)  # longer than RestartSec
        assert (machine.show("ExecMainStatus"), machine.show("NRestarts")) == ("2", "0")
        machine.logs('calico-agent: CALICO_AGENT_MODE: "wrong" is not "observe" or "supervise"')
    finally:
        machine.run("systemctl", "unset-environment", "CALICO_AGENT_MODE")
        machine.run("systemctl", "reset-failed", UNIT)
