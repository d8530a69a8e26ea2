"""`supervise.take_over` on real hosts: with a way back, without a route lost, and not against what would undo it."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.lab.agent import Agent
from tests.lab.conftest import named_lab
from tests.lab.founding import Founding
from tests.lab.lab import Lab
from tests.lab.options import Options
from tests.lab.sampling import sampled
from tests.patience import until

pytestmark = [pytest.mark.lab, pytest.mark.real]

HOST = "host2"
BROKEN = "calico/node:broken"
LEAVE = {"CALICO_AGENT_SUPERVISE_TAKE_OVER": "true", "KEEP_NODE": "1", "CALICO_AGENT_AGENT_HOLD_DOWN_SECONDS": "3"}
QUICKLY = {**LEAVE, "CALICO_AGENT_SUPERVISE_START_DEADLINE_SECONDS": "20"}


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """Three hosts with calico/node by hand, which Docker itself starts again."""
    with named_lab("taking") as lab:
        lab.up(Options(), bare=True)
        for host in lab.options.names:
            lab.node_start(host, {"IP": ""})
            lab.exec(host, "docker", "update", "--restart=always", "calico-node", check=True)
        for host in lab.options.names:
            lab.pod(host, f"pod{host.removeprefix('host')}-a")
        until("there are routes", lambda: all(lab.exec(host, "ip", "route").stdout.count("proto bird") == 3
                                              for host in lab.options.names))  # fmt: skip
        yield lab


def containers(lab: Lab) -> dict[str, str]:
    return lab.engine(HOST).containers()


def inspect(lab: Lab, what: str) -> str:
    return lab.engine(HOST).inspect(what)


def told(lab: Lab) -> str:
    return " ".join(lab.exec(HOST, "calico-agent", "status").stdout.split())


def log(lab: Lab) -> str:
    return told(lab) + Agent(lab.host(HOST)).log.read_text()[-3000:]


def codes(lab: Lab) -> list[str]:
    answer = json.loads(lab.exec(HOST, "calico-agent", "status", "--json").stdout)
    return [one["code"] for one in answer.get("problems", [{"code": "no report yet"}])]


@contextmanager
def agent(lab: Lab, **environment: str) -> Iterator[None]:
    lab.agent_start(HOST, environment)
    try:
        yield
    finally:
        lab.agent_stop(HOST)


def test_one_whose_successor_does_not_get_ready_runs_again(lab: Lab) -> None:
    before = inspect(lab, "{{.Id}} {{.HostConfig.RestartPolicy.Name}}")
    lab.engine(HOST).docker("commit", "--change", 'CMD ["sleep", "1000"]', "calico-node", BROKEN)
    with sampled(lab) as samples, agent(lab, **QUICKLY, CALICO_AGENT_NODE_IMAGE=BROKEN):
        trial = {"calico-node": "running", "calico-node-previous": "exited"}
        until("it is tried", lambda: containers(lab) == trial, lambda: log(lab))
        until("the other runs again", lambda: inspect(lab, "{{.Id}} {{.HostConfig.RestartPolicy.Name}}") == before
              and inspect(lab, "{{.State.Running}}") == "true", lambda: log(lab))  # fmt: skip
        until("the report says so", lambda: "SV-ROLLED-BACK" in codes(lab), lambda: log(lab))
        started = inspect(lab, "{{.State.StartedAt}}")
        time.sleep(6)  # longer than the hold-down
        assert inspect(lab, "{{.State.StartedAt}}") == started, "it is not tried again"
    assert containers(lab) == {"calico-node": "running", "calico-node-refused": "exited"}
    assert samples.taken > 100
    assert samples.lost == {}


def test_one_that_works_is_taken_over_and_kept_aside(lab: Lab) -> None:
    before = inspect(lab, "{{.Id}}")
    with sampled(lab) as samples, agent(lab, **LEAVE):
        aside = f"calico-node-before-calico-agent-{before[:6]}"
        after = {"calico-node": "running", aside: "exited"}
        until("it is taken over", lambda: containers(lab) == after, lambda: log(lab))
        until("all is good", lambda: codes(lab) == [], lambda: log(lab))
        policy = lab.engine(HOST).inspect("{{.HostConfig.RestartPolicy.Name}}", aside)
        assert policy == "no", "two that start after a reboot would fight"
    assert samples.taken > 100
    assert samples.lost == {}


def test_a_unit_that_would_start_it_again_is_named_and_nothing_is_taken_over(lab: Lab) -> None:
    founding = Founding(lab)
    lab.node_stop(HOST)
    founding.by_unit(HOST)
    until("the unit runs it", lambda: containers(lab).get("calico-node") == "running")
    before = inspect(lab, "{{.Id}}")
    with agent(lab, **LEAVE, **founding.environment(HOST)):
        until("it is said", lambda: "SV-FOREIGN" in codes(lab), lambda: log(lab))
        assert "calico-node.service would start it again" in told(lab)
        assert "systemctl disable --now calico-node.service" in told(lab)
        time.sleep(6)  # longer than the hold-down
        assert inspect(lab, "{{.Id}}") == before
        # What the agent would make now, the unit would remove when it starts its own: `docker rm -f calico-node`.
        lab.exec(HOST, "docker", "kill", "calico-node", check=True)
        until("that is said", lambda: "calico-node.service is still active" in told(lab), lambda: log(lab))
        until("the unit starts another", lambda: inspect(lab, "{{.State.Running}}") == "true", lambda: log(lab))
        assert "creating calico-node" not in Agent(lab.host(HOST)).log.read_text().rpartition("event=started")[2]
        founding.typed(HOST, "systemctl disable --now calico-node.service")
        until("the agent makes its own", lambda: "managed-by" in inspect(lab, "{{.Config.Labels}}"), lambda: log(lab))
