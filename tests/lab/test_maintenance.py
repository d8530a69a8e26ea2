"""Pause, restart on demand and forgetting, with a real agent on one host: the commands are typed as root types them."""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from calico_agent.model.name_lease import CLAIMS
from tests.lab.conftest import named_lab
from tests.lab.lab import Lab
from tests.lab.options import Options
from tests.patience import until

pytestmark = [pytest.mark.lab, pytest.mark.real]

HOST = "host1"
SETTINGS = {
    "CALICO_AGENT_AGENT_HOLD_DOWN_SECONDS": "2",
    "CALICO_AGENT_SUPERVISE_STABLE_AFTER_SECONDS": "3",
    # Longer than any command waits: what is asked for must wake the agent.
    "CALICO_AGENT_AGENT_INTERVAL_SECONDS": "300",
}


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """One host that is supervised. A test puts back what it changed."""
    with named_lab("maintenance") as lab:
        lab.up(Options(hosts=1), bare=True)
        lab.agent_start(HOST, SETTINGS)
        ready = typed(lab, "wait", "--healthy", "--timeout", "90")
        assert ready == "this host is healthy\n"
        yield lab


def typed(lab: Lab, *words: str, code: int = 0) -> str:
    """What `calico-agent` says, on both outputs."""
    done = lab.exec(HOST, "calico-agent", *words, timeout=120)
    said = done.stdout + done.stderr
    assert done.returncode == code, said
    return said


def report(lab: Lab) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(lab.exec(HOST, "calico-agent", "status", "--json").stdout)
    return answer


def text(lab: Lab) -> str:
    return lab.exec(HOST, "calico-agent", "status").stdout


def docker(lab: Lab, *words: str) -> str:
    return lab.exec(HOST, "docker", *words, check=True).stdout.strip()


def container(lab: Lab) -> list[str]:
    """Id, start and state of calico-node."""
    return lab.engine(HOST).inspect("{{.Id}} {{.State.StartedAt}} {{.State.Status}}").split()


def claims(lab: Lab) -> int:
    found: dict[str, Any] = json.loads(lab.datastore.get(CLAIMS, prefix=True))
    return len(found.get("kvs", []))


def restart_agent(lab: Lab) -> None:
    lab.agent_stop(HOST)
    lab.agent_start(HOST, SETTINGS)
    until("the first pass is made", lambda: "paused" in report(lab), partial(text, lab))


def test_in_a_pause_nothing_is_done_and_all_is_said_also_by_the_next_agent(lab: Lab) -> None:
    assert typed(lab, "pause", "--for", "1h", "--why", "new disk").startswith("paused until 2")
    before = container(lab)
    docker(lab, "kill", "calico-node")
    until("it is told", lambda: "SV-EXITED" in text(lab), partial(text, lab))
    restart_agent(lab)
    until("it is confirmed", lambda: "PROBLEM SV-EXITED" in text(lab), partial(text, lab))
    assert container(lab)[:2] == before[:2], "it was not started"
    lines = text(lab).splitlines()
    assert "; paused by root" in " ".join(lines[:2])
    assert [line for line in lines[1:5] if line.startswith("  paused     by root for ")]
    assert report(lab)["supervision"]["doing"].startswith("paused by root; without that: starting calico-node")
    assert "not restarted: root paused the agent" in typed(lab, "restart-node", code=1)
    assert claims(lab) == 2, "the name stays claimed, and a sign of life is given"
    assert "the pause is over; now: " in typed(lab, "resume")
    until("it runs", lambda: container(lab)[2] == "running", partial(text, lab))
    typed(lab, "wait", "--healthy", "--timeout", "90")
    history = typed(lab, "history", "--since", "1h")
    assert "root paused the agent until 2" in history
    assert "the pause of root is over" in history


def test_a_pause_ends_by_itself(lab: Lab) -> None:
    typed(lab, "pause", "--for", "10s")
    assert report(lab)["paused"]["why"] == ""
    until("it is over", lambda: report(lab)["paused"] is None, partial(text, lab))
    assert not Path(lab.host(HOST).root, "var/lib/calico-agent/pause.json").exists()


def test_an_agent_that_is_started_in_a_pause_is_paused_from_its_first_pass_on(lab: Lab) -> None:
    lab.agent_stop(HOST)
    try:
        assert "no agent obeys it yet" in typed(lab, "pause")
        docker(lab, "kill", "calico-node")
    finally:
        lab.agent_start(HOST, SETTINGS)
    until("the first pass is made", lambda: "paused" in report(lab), partial(text, lab))
    assert report(lab)["paused"]["until"] is None
    assert container(lab)[2] == "exited"
    typed(lab, "resume")
    typed(lab, "wait", "--healthy", "--timeout", "90")


def test_calico_node_is_restarted_on_demand_and_who_asked_is_logged(lab: Lab) -> None:
    before = container(lab)
    assert "calico-node was restarted" in typed(lab, "restart-node", "--why", "new certificate")
    after = container(lab)
    assert (after[0], after[2]) == (before[0], "running")
    assert after[1] != before[1]
    assert "restarting calico-node on demand, because root asked: new certificate" in " ".join(
        typed(lab, "history", "--since", "10min").split()
    )
    typed(lab, "wait", "--ready", "--timeout", "90")
    restart_agent(lab)
    assert container(lab) == after, "another agent does not do it again"


def test_who_this_host_is_is_found_anew(lab: Lab) -> None:
    typed(lab, "wait", "--healthy", "--timeout", "90")
    restart_agent(lab)
    assert report(lab)["identity"]["ipv4"]["rule"] == "last choice"
    before = container(lab)
    assert "nobody can be asked here (--yes" in typed(lab, "forget", "identity", code=2)
    said = typed(lab, "forget", "identity", "--yes")
    assert "kept: node host1, 10.77.0.11/24 on eth0" in said
    assert "what follows: nothing changes now" in said
    assert "forgotten; the agent finds now: host1, 10.77.0.11/24" in said
    assert report(lab)["identity"]["ipv4"]["rule"] != "last choice"
    assert container(lab) == before


def test_the_name_is_given_up_only_when_nobody_lives_under_it(lab: Lab) -> None:
    assert "calico/node runs on this host as host1" in typed(lab, "forget", "claim", "--yes", code=1)
    lab.agent_stop(HOST)
    try:
        assert "calico/node runs on this host as host1" in typed(lab, "forget", "claim", "--yes", code=1)
        assert claims(lab) == 2
        docker(lab, "rm", "--force", "calico-node")
        said = typed(lab, "forget", "claim", "--yes")
        assert "any machine may take the name host1" in said
        assert said.startswith("the name host1 is free\n")
        assert claims(lab) == 0
        assert "this machine has claimed no node name" in typed(lab, "forget", "claim", "--yes")
        assert "forgotten; the agent finds name and addresses anew" in typed(lab, "forget", "identity", "--yes")
        assert "nothing is kept" in typed(lab, "forget", "identity", "--yes")
    finally:
        lab.agent_start(HOST, SETTINGS)
