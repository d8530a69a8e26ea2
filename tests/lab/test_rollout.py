"""Upgrades on three real hosts: no host is without a route at any moment, and what does not work is taken back."""

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.lab.agent import Agent
from tests.lab.conftest import named_lab
from tests.lab.lab import Lab
from tests.lab.options import Options
from tests.lab.sampling import sampled
from tests.patience import until
from tests.registry import docker_registry

pytestmark = [pytest.mark.lab, pytest.mark.real]

HOSTS = ("host1", "host2", "host3")
HOST = "host2"


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with named_lab("rollout") as lab:
        lab.up(Options())
        yield lab


@pytest.fixture(autouse=True)
def all_good_before(lab: Lab) -> None:
    """The replacement that the test before has asked for last is finished: nothing of it is aside any more.

    A host that is good may be in the middle of one, and then what a test asks for next is another thing.
    """
    until("what was put back runs", lambda: containers(lab) == {"calico-node": "running"}
          and inspect(lab, "{{.Config.Image}}") == Options().image, lambda: text(lab))  # fmt: skip
    until("all hosts are good", lambda: all(code(lab, host) == 0 for host in HOSTS), lambda: text(lab))


def code(lab: Lab, host: str) -> int:
    return lab.exec(host, "calico-agent", "status").returncode


def text(lab: Lab) -> str:
    return lab.exec(HOST, "calico-agent", "status").stdout + Agent(lab.host(HOST)).log.read_text()[-3000:]


def report(lab: Lab) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(lab.exec(HOST, "calico-agent", "status", "--json").stdout)
    return answer


def containers(lab: Lab) -> dict[str, str]:
    return lab.engine(HOST).containers()


def inspect(lab: Lab, what: str) -> str:
    return lab.engine(HOST).inspect(what)


@contextmanager
def configured(lab: Lab, *changes: tuple[str, str]) -> Iterator[None]:
    """The agent's configuration file with texts replaced, and put back at the end; reloaded both times."""
    file = lab.host(HOST).root / "etc/calico-agent/calico-agent.toml"
    before = after = file.read_text()
    for old, new in changes:
        assert old in after
        after = after.replace(old, new)
    try:
        _reload(lab, file, after)
        yield
    finally:
        _reload(lab, file, before)


def _reload(lab: Lab, file: Path, content: str) -> None:
    """Returns when the agent has taken it: from then on nothing that it does is by the one of before."""

    def taken() -> str:
        return str(report(lab)["agent"]["configuration"]["taken_at"])

    file.write_text(content)
    process, before = Agent(lab.host(HOST)).process(), taken()
    assert process is not None
    os.kill(process.pid, signal.SIGHUP)
    until("it is reloaded", lambda: taken() != before, lambda: text(lab))


def test_an_upgrade_is_pulled_first_and_no_host_misses_a_route(lab: Lab, tmp_path: Path) -> None:
    image = Options().image
    before = inspect(lab, "{{.Id}}")
    with docker_registry(lab.engine(HOST), tmp_path) as registry:
        reference = registry.push("calico/node:next", image=image)
        with sampled(lab) as samples, configured(lab, (f'image = "{image}"', f'image = "{reference}"')):
            until("the new one is ready", lambda: containers(lab) == {"calico-node": "running"}
                  and inspect(lab, "{{.Id}}") != before, lambda: text(lab))  # fmt: skip
            assert inspect(lab, "{{.Config.Image}}") == reference
            until("all is good with it", lambda: code(lab, HOST) == 0, lambda: text(lab))
            log = Agent(lab.host(HOST)).log.read_text()
            assert log.index("pull_done") < log.index("replacing calico-node")
        until("the old image is back", lambda: inspect(lab, "{{.Config.Image}}") == image, lambda: text(lab))
    print(f"{samples.taken} samples of all hosts, the longest pause {samples.longest_pause * 1000:.0f} ms")
    assert samples.taken > 100
    assert samples.lost == {}


def test_an_image_that_does_not_work_is_taken_back_and_no_host_misses_a_route(lab: Lab) -> None:
    image, before = Options().image, inspect(lab, "{{.Id}} {{.Config.Image}}")
    lab.engine(HOST).docker("commit", "--change", 'CMD ["sleep", "1000"]', "calico-node", "calico/node:broken")
    changes = ((f'image = "{image}"', 'image = "calico/node:broken"'),
               ("[node]", "[supervise]\nstart_deadline_seconds = 20\n\n[node]"),
               ("[datastore]", "[agent]\nhold_down_seconds = 3\n\n[datastore]"))  # fmt: skip
    with sampled(lab) as samples, configured(lab, *changes):
        trial = {"calico-node": "running", "calico-node-previous": "exited"}
        until("it is tried", lambda: containers(lab) == trial
              and inspect(lab, "{{.Config.Image}}") == "calico/node:broken", lambda: text(lab))  # fmt: skip
        until("the old one is back", lambda: inspect(lab, "{{.Id}} {{.Config.Image}}") == before, lambda: text(lab))
        until(
            "the report says so, and BIRD is back",
            lambda: [one["code"] for one in report(lab)["problems"]] == ["SV-ROLLED-BACK"],
            lambda: text(lab),
        )
        started = inspect(lab, "{{.State.StartedAt}}")
        assert containers(lab) == {"calico-node": "running", "calico-node-refused": "exited"}
        told = " ".join(lab.exec(HOST, "calico-agent", "status").stdout.split())
        assert "its successor from calico/node:broken did not get ready" in told
        assert "it was not ready within 20 s" in told
        assert Agent(lab.host(HOST)).stop()
        lab.agent_start(HOST)
        until("the new agent says the same", lambda: "SV-ROLLED-BACK" in text(lab), lambda: text(lab))
        time.sleep(6)  # longer than the hold-down
        assert inspect(lab, "{{.State.StartedAt}}") == started, "it is not tried again"
    until("nothing is left of it", lambda: containers(lab) == {"calico-node": "running"}, lambda: text(lab))
    print(f"{samples.taken} samples of all hosts, the longest pause {samples.longest_pause * 1000:.0f} ms")
    assert samples.lost == {}


def test_while_the_registry_gives_no_image_the_container_of_before_runs_and_the_reason_is_told(lab: Lab) -> None:
    before = inspect(lab, "{{.Id}} {{.State.StartedAt}}")
    with configured(lab, (f'image = "{Options().image}"', 'image = "127.0.0.1:5999/calico/node:v1"')):
        until(
            "the report says so",
            lambda: [one["code"] for one in report(lab)["problems"]] == ["SV-IMAGE"],
            lambda: text(lab),
        )
        until("it is tried again", lambda: report(lab)["supervision"]["pull"]["failures"] > 2, lambda: text(lab))
        told = " ".join(lab.exec(HOST, "calico-agent", "status").stdout.split())
        assert "connection refused" in told
        assert "the container of before goes on running" in told
        assert {one["status"] for one in report(lab)["conditions"]} == {"True"}
        lab.exec(HOST, "docker", "kill", "calico-node", check=True)
        until("the same one runs again", lambda: inspect(lab, "{{.State.Running}}") == "true", lambda: text(lab))
    assert inspect(lab, "{{.Id}}") == before.split()[0]
