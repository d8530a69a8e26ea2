"""The container stays up, or the agent says why not: everything that can happen to it, on one host with real parts."""

import json
import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.lab.agent import Agent
from tests.lab.lab import Lab
from tests.lab.options import Options
from tests.patience import until

pytestmark = [pytest.mark.lab, pytest.mark.real]

HOST = "host1"
SETTINGS = {
    "CALICO_AGENT_AGENT_INTERVAL_SECONDS": "1",
    "CALICO_AGENT_AGENT_HOLD_DOWN_SECONDS": "3",
    "CALICO_AGENT_SUPERVISE_HUNG_DEADLINE_SECONDS": "5",
    "CALICO_AGENT_SUPERVISE_START_DEADLINE_SECONDS": "20",
    # Each test begins with a container that counts as well.
    "CALICO_AGENT_SUPERVISE_STABLE_AFTER_SECONDS": "3",
}
KILLS = 20
ROUNDS = 60


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """One host. A test puts back what it changed."""
    from tests.lab.conftest import named_lab  # noqa: PLC0415

    with named_lab("supervision") as lab:
        lab.up(Options(hosts=1), bare=True)
        lab.agent_start(HOST, SETTINGS)
        yield lab


@pytest.fixture(autouse=True)
def all_good(lab: Lab) -> Iterator[None]:
    """Before each test all is well, there is one container, and its backoff is forgotten."""
    until("all is good", lambda: code(lab) == 0 and counted(lab) == 0, partial(text, lab))
    yield
    running = docker(lab, "ps", "--format", "{{.Names}}").split()
    assert len(running) <= 1, "there is never a second one that runs"  # in a replacement it may have another name


def counted(lab: Lab) -> int:
    """The starts that are remembered as not yet having lasted."""
    file = Path(lab.host(HOST).root, "var/lib/calico-agent/attempts.json")
    return int(json.loads(file.read_text())["failures"]) if file.exists() else 0


def docker(lab: Lab, *arguments: str) -> str:
    return lab.exec(HOST, "docker", *arguments, check=True).stdout.strip()


def code(lab: Lab) -> int:
    return lab.exec(HOST, "calico-agent", "status").returncode


def text(lab: Lab) -> str:
    return lab.exec(HOST, "calico-agent", "status").stdout


def report(lab: Lab) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(lab.exec(HOST, "calico-agent", "status", "--json").stdout)
    return answer


def codes(lab: Lab) -> set[str]:
    """The codes of all findings; none before the first pass."""
    problems = report(lab).get("problems", [])
    return {one["code"] for problem in problems for one in (problem, *problem["consequences"])}


def container(lab: Lab) -> tuple[str, ...]:
    """Id and start time of calico-node."""
    return tuple(inspect(lab, "{{.Id}} {{.State.StartedAt}}").split())


def inspect(lab: Lab, form: str) -> str:
    return lab.engine(HOST).inspect(form)


def age(lab: Lab) -> float:
    """Seconds since calico-node was started."""
    return (datetime.now(UTC) - datetime.fromisoformat(container(lab)[1])).total_seconds()


def signal_bird(lab: Lab, name: str) -> None:
    """Send BIRD inside the container a signal."""
    find = 'for d in /proc/[0-9]*; do read -r n <$d/comm; [ "$n" = bird ] && echo ${d#/proc/}; done'
    docker(lab, "exec", "calico-node", "sh", "-c", f"kill -{name} $({find})")


@contextmanager
def nobody_starts_bird(lab: Lab) -> Iterator[None]:
    """The container's process 1 is stopped: by itself it starts BIRD again after a second, between two passes maybe."""
    pid = inspect(lab, "{{.State.Pid}}")
    lab.exec(HOST, "kill", "-STOP", pid, check=True)
    try:
        yield
    finally:
        lab.exec(HOST, "kill", "-CONT", pid, check=True)


@contextmanager
def agent_with(lab: Lab, settings: Mapping[str, str]) -> Iterator[None]:
    """The agent with other settings, then with the usual ones again."""
    lab.agent_stop(HOST)
    lab.agent_start(HOST, {**SETTINGS, **settings})
    try:
        yield
    finally:
        lab.agent_stop(HOST)
        lab.agent_start(HOST, SETTINGS)


def agent_pid(lab: Lab) -> int:
    process = Agent(lab.host(HOST)).process()
    assert process is not None
    return process.pid


def test_the_printed_line_makes_the_container_that_the_agent_makes(lab: Lab) -> None:
    line = lab.exec(HOST, "calico-agent", "run", "--dry-run", check=True).stdout
    ours = inspected(lab)
    lab.agent_stop(HOST)
    try:
        docker(lab, "rm", "--force", "calico-node")
        lab.exec(HOST, "sh", "-c", line, check=True)
        theirs = inspected(lab)
        assert ours["Config"] == theirs["Config"]
        assert ours["HostConfig"] == theirs["HostConfig"]
        assert ours["Mounts"] == theirs["Mounts"]
        by_hand = container(lab)
    finally:
        lab.agent_start(HOST, SETTINGS)
    until("the agent adopts it", lambda: code(lab) == 0, partial(text, lab))
    assert container(lab) == by_hand


def inspected(lab: Lab) -> dict[str, Any]:
    """What makes a container what it is; lists that are sets, and the terminal's size, put aside."""
    attrs = json.loads(inspect(lab, "{{json .}}"))
    config, host_config = attrs["Config"], attrs["HostConfig"]
    config["Env"].sort()
    host_config["Binds"].sort()
    host_config = {key: value for key, value in host_config.items() if value and key != "ConsoleSize"}
    mounts = sorted(attrs["Mounts"], key=lambda mount: str(mount["Destination"]))
    return {"Config": config, "HostConfig": host_config, "Mounts": mounts}


def test_an_agent_that_is_killed_again_and_again_never_touches_the_container(lab: Lab) -> None:
    before = container(lab)
    for _ in range(KILLS):
        os.kill(agent_pid(lab), signal.SIGKILL)
        until("it is dead", lambda: Agent(lab.host(HOST)).process() is None, partial(text, lab))
        lab.agent_start(HOST, SETTINGS)
    until("all is good", lambda: code(lab) == 0, partial(text, lab))
    assert container(lab) == before


def test_a_removed_container_is_made_anew(lab: Lab) -> None:
    before = container(lab)
    docker(lab, "rm", "--force", "calico-node")
    assert container(lab)[0] != before[0]
    until("all is good", lambda: code(lab) == 0, partial(text, lab))


def test_a_renamed_container_gets_its_name_back_and_runs_on(lab: Lab) -> None:
    before = container(lab)
    docker(lab, "rename", "calico-node", "somebody")
    until("it is back", lambda: docker(lab, "ps", "--format", "{{.Names}}") == "calico-node", partial(text, lab))
    assert container(lab) == before


def test_a_restart_policy_is_taken_back_and_the_container_runs_on(lab: Lab) -> None:
    before = container(lab)
    docker(lab, "update", "--restart=always", "calico-node")
    until("it is taken back", lambda: inspect(lab, "{{.HostConfig.RestartPolicy.Name}}") == "no", partial(text, lab))
    assert container(lab) == before


def test_a_paused_container_is_reported_with_the_command_that_cures_it(lab: Lab) -> None:
    before = container(lab)
    docker(lab, "pause", "calico-node")
    try:
        until("it is said", lambda: "SV-NOT-RUNNING" in codes(lab), partial(text, lab))
        assert "docker unpause calico-node" in text(lab)
        time.sleep(7)
        assert "SV-NOT-RUNNING" in codes(lab), "BIRD hangs with it, which is no reason for a restart"
    finally:
        docker(lab, "unpause", "calico-node")
    until("all is good", lambda: code(lab) == 0, partial(text, lab))
    assert container(lab) == before


def test_one_that_is_stopped_by_hand_is_started_again(lab: Lab) -> None:
    docker(lab, "stop", "--time", "1", "calico-node")
    until("it is started", lambda: inspect(lab, "{{.State.Running}}") == "true", partial(text, lab))
    until("all is good", lambda: code(lab) == 0, partial(text, lab))


def test_one_that_is_stopped_by_hand_stays_so_where_that_is_respected(lab: Lab) -> None:
    with agent_with(lab, {"CALICO_AGENT_SUPERVISE_RESPECT_STOP": "true"}):
        docker(lab, "stop", "--time", "1", "calico-node")
        until("it is said", lambda: "SV-STOPPED" in codes(lab), partial(text, lab))
        time.sleep(3)
        assert inspect(lab, "{{.State.Running}}") == "false"
        docker(lab, "start", "calico-node")
        until("all is good", lambda: code(lab) == 0, partial(text, lab))
        docker(lab, "kill", "calico-node")
        running = partial(inspect, lab, "{{.State.Running}}")
        until("one that was killed is started", lambda: running() == "true", partial(text, lab))


def test_a_killed_bird_is_seen_and_is_no_confirmed_problem(lab: Lab) -> None:
    until("its programs are asked of", lambda: age(lab) > 21, partial(text, lab))
    before = container(lab)
    log = Agent(lab.host(HOST)).log
    said_before = log.stat().st_size
    with nobody_starts_bird(lab):
        signal_bird(lab, "KILL")
        # The log is asked: the status of that moment may be gone.
        seen = "type=BGPEstablished status=Unknown"
        until("it is seen", lambda: seen in log.read_text()[said_before:], partial(text, lab))
    until("it is over", lambda: code(lab) == 0, partial(text, lab))
    assert container(lab) == before


def test_a_hung_bird_is_named_and_the_container_is_restarted_beyond_the_deadline(lab: Lab) -> None:
    before = container(lab)
    with agent_with(lab, {"CALICO_AGENT_SUPERVISE_HUNG_DEADLINE_SECONDS": "20"}):
        until("all is good", lambda: code(lab) == 0, partial(text, lab))
        signal_bird(lab, "STOP")
        until("it is named", lambda: "BIRD-HUNG" in codes(lab), partial(text, lab))
        assert container(lab) == before, "not before the deadline"
        until("it is restarted", lambda: container(lab)[1] != before[1], partial(text, lab))
        assert container(lab)[0] == before[0]
        until("all is good", lambda: code(lab) == 0, partial(text, lab))


def test_a_start_that_waits_for_etcd_is_named_and_not_restarted(lab: Lab) -> None:
    lab.datastore.stop()
    try:
        docker(lab, "kill", "calico-node")
        until("it is started", lambda: inspect(lab, "{{.State.Running}}") == "true", partial(text, lab))
        before = container(lab)
        until("it is named", lambda: "SV-STUCK" in codes(lab), partial(text, lab))
        assert report(lab)["stage"]["name"] == "starting"
        time.sleep(5)  # it is older than its deadline by now
        assert container(lab) == before, "a restart would change nothing"
    finally:
        lab.datastore.start()
    until("all is good", lambda: code(lab) == 0, partial(text, lab))
    assert container(lab) == before


def test_a_crash_loop_is_told_with_its_reason_kept_over_a_killed_agent_and_ended_by_a_correction(lab: Lab) -> None:
    wrong = {"CALICO_AGENT_NODE_ENV": "DATASTORE_TYPE=etcd", "CALICO_AGENT_SUPERVISE_STABLE_AFTER_SECONDS": "60"}
    lab.agent_stop(HOST)
    docker(lab, "rm", "--force", "calico-node")  # with one that worked before, the agent would go back to that
    with agent_with(lab, wrong):
        until("it is a loop", lambda: "SV-CRASHLOOP" in codes(lab), partial(text, lab))
        said = text(lab)
        assert "times in a row and did not last; the last time it exited with code 1" in " ".join(said.split())
        assert "DATASTORE_TYPE=etcd is none of its datastores" in " ".join(said.split())
        failures = report(lab)["supervision"]["failures"]
        os.kill(agent_pid(lab), signal.SIGKILL)
        until("it is dead", lambda: Agent(lab.host(HOST)).process() is None, partial(text, lab))
        lab.agent_start(HOST, {**SETTINGS, **wrong})
        until("it has looked", lambda: "supervision" in report(lab), partial(text, lab))
        assert report(lab)["supervision"]["failures"] >= failures, "it does not start afresh"
    until("the corrected one is made", lambda: code(lab) == 0, partial(text, lab))


def test_drift_is_only_reported_where_that_is_the_policy_and_replaced_otherwise(lab: Lab) -> None:
    before = container(lab)
    other = {"CALICO_AGENT_NODE_ENV": "FELIX_LOGSEVERITYSCREEN=warning,MY_TOKEN=hush"}
    with agent_with(lab, {**other, "CALICO_AGENT_SUPERVISE_ON_DRIFT": "report"}):
        until("it is said", lambda: "SV-DRIFT" in codes(lab), partial(text, lab))
        said = " ".join(text(lab).split())
        assert "FELIX_LOGSEVERITYSCREEN is not set, wanted 'warning'" in said
        assert "hush" not in said
        time.sleep(4)
        assert container(lab) == before
    with agent_with(lab, other):
        until("it is replaced", lambda: container(lab)[0] != before[0], partial(text, lab))
        until("all is good", lambda: code(lab) == 0, partial(text, lab))


def test_what_taking_over_would_change_is_said_before_anything_is_touched(lab: Lab) -> None:
    lab.node_stop(HOST)
    lab.node_start(HOST, {"IP": "10.77.0.11"})
    before = container(lab)
    lab.agent_start(HOST, {**SETTINGS, "KEEP_NODE": "1"})
    until("it is said", lambda: "SV-FOREIGN" in codes(lab), partial(text, lab))
    said = " ".join(text(lab).split())
    assert "IP is '10.77.0.11', wanted '10.77.0.11/24'" in said
    assert "NODENAME is not set, wanted 'host1'" in said
    assert container(lab) == before
    docker(lab, "rm", "--force", "calico-node")
    until("then the agent makes its own", lambda: code(lab) == 0, partial(text, lab))


def test_a_frozen_docker_is_unknown_and_costs_nothing(lab: Lab) -> None:
    before = container(lab)
    pids = [process.pid for process in lab.host(HOST).processes() if process.name == "dockerd"]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        until("it is Unknown", lambda: condition(lab, "ContainerRunning") == "Unknown", partial(text, lab))
        assert "dockerd does not answer" in text(lab)
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
    until("all is good", lambda: code(lab) == 0, partial(text, lab))
    assert container(lab) == before


def test_a_killed_docker_that_comes_back_finds_its_container_started_again(lab: Lab) -> None:
    before = container(lab)
    for process in lab.host(HOST).processes():
        if process.name == "dockerd":
            os.kill(process.pid, signal.SIGKILL)
    until("it is Unknown", lambda: condition(lab, "ContainerRunning") == "Unknown", partial(text, lab))
    lab.engine(HOST).start()
    until("all is good", lambda: code(lab) == 0, partial(text, lab))
    assert container(lab)[0] == before[0]


def condition(lab: Lab, kind: str) -> str:
    return next(str(each["status"]) for each in report(lab)["conditions"] if each["type"] == kind)


def test_many_rounds_leave_no_thread_and_no_descriptor_behind(lab: Lab) -> None:
    def held() -> tuple[int, int]:
        process = Path(f"/proc/{agent_pid(lab)}")
        return len(list((process / "fd").iterdir())), len(list((process / "task").iterdir()))

    def reloaded() -> str:
        return str(report(lab)["agent"]["configuration"]["taken_at"])  # the log repeats itself after minutes only

    def reload() -> None:
        before = reloaded()
        os.kill(agent_pid(lab), signal.SIGHUP)
        until("it is reloaded", lambda: reloaded() != before, partial(text, lab))

    def stir(rounds: int) -> tuple[int, int]:
        """Each route wakes the agent for a pass, each SIGHUP has it open all sources anew; what is held in the end."""
        for _ in range(rounds // 10):
            wakes = "ip route add 203.0.113.$i dev lo; sleep .2; ip route del 203.0.113.$i; sleep .2"
            lab.exec(HOST, "sh", "-c", f"for i in 1 2 3 4 5; do {wakes}; done", check=True)
            reload()
        until("all is good", lambda: code(lab) == 0, partial(text, lab))
        seen: list[tuple[int, int]] = []

        def settled() -> bool:
            """For five seconds nothing came or went: what a reload opens and what it ends takes its time."""
            seen.append(held())
            return len(seen) > 50 and len(set(seen[-50:])) == 1

        until("nothing comes or goes any more", settled, lambda: str(seen[-50:]))
        return seen[-1]

    before = stir(20)  # whatever is made once is made
    after = stir(ROUNDS)
    assert all(now <= then + 2 for then, now in zip(before, after, strict=True)), (before, after)
