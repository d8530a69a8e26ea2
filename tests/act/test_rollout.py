"""Replacing a container on a real dockerd, by an agent that is killed after each of its calls."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from calico_agent.act.container import ContainerActor
from calico_agent.model.container.action import CreateContainer, Promote, RemoveContainer, ReplaceContainer, Rollback
from calico_agent.model.container.container import ContainerSpec
from tests.act.passes import supervise
from tests.docker_engine import IMAGE, docker_engine
from tests.lab.engine import Engine

pytestmark = pytest.mark.real

NAME = "calico-node"
OLD = ContainerSpec(NAME, IMAGE, (("NODENAME", "host1"), ("VERSION", "old")))
NEW = ContainerSpec(NAME, IMAGE, (("NODENAME", "host1"), ("VERSION", "new")))
BROKEN = ContainerSpec(NAME, IMAGE, (("NODENAME", "host1"), ("SCRIPT", "exit 1"), ("VERSION", "broken")))


@pytest.fixture(scope="module")
def shared_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with docker_engine(tmp_path_factory.mktemp("docker")) as engine:
        yield engine


@pytest.fixture
def engine(shared_engine: Engine) -> Iterator[Engine]:
    """With OLD running."""
    assert ContainerActor(shared_engine.socket).perform(CreateContainer(OLD, "")).error == ""
    yield shared_engine
    if containers := shared_engine.docker("ps", "--all", "--quiet").stdout.split():
        shared_engine.docker("rm", "--force", *containers)


def found(engine: Engine) -> dict[str, tuple[str, str]]:
    """Of each container by its name: its version, and its state."""
    names = engine.docker("ps", "--all", "--format={{.Names}}").stdout.split()
    attrs: list[dict[str, Any]] = json.loads(engine.docker("inspect", *names).stdout) if names else []
    return {
        one["Name"].removeprefix("/"): (
            next(word for word in one["Config"]["Env"] if word.startswith("VERSION=")).removeprefix("VERSION="),
            one["State"]["Status"],
        )
        for one in attrs
    }


def identity(engine: Engine, name: str) -> str:
    return engine.docker("inspect", "--format={{.Id}}", name).stdout.strip()


def agent_killed_after(engine: Engine, calls: int, spec: ContainerSpec) -> bool:
    """An agent that changes to `spec`; whether it was killed before it was done."""
    words = [f"{name}={value}" for name, value in spec.env]
    command = [sys.executable, "-m", "tests.act.passes", engine.socket, str(calls), spec.image, *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode in {0, -signal.SIGKILL}, done.stderr
    return done.returncode != 0


# create, rename, rename, stop, start; remove the previous one
@pytest.mark.parametrize("calls", range(1, 7))
def test_killed_after_any_call_the_next_agent_ends_with_the_new_one(engine: Engine, calls: int) -> None:
    assert agent_killed_after(engine, calls, NEW)
    supervise(engine.socket, NEW)
    assert found(engine) == {NAME: ("new", "running")}


# the five of before, start again, then stop, rename, start, rename
@pytest.mark.parametrize("calls", range(5, 11))
def test_killed_after_any_call_the_next_agent_goes_back_from_one_that_does_not_last(engine: Engine, calls: int) -> None:
    before = identity(engine, NAME)
    assert agent_killed_after(engine, calls, BROKEN)
    supervise(engine.socket, BROKEN)
    assert found(engine) == {NAME: ("old", "running"), f"{NAME}-refused": ("broken", "exited")}
    assert identity(engine, NAME) == before
    assert supervise(engine.socket, BROKEN) == [], "it is not tried again"
    supervise(engine.socket, NEW)
    assert found(engine) == {NAME: ("new", "running")}, "another configuration is, and nothing is left behind"


def test_a_successor_that_docker_cannot_start_is_taken_back_at_once(engine: Engine) -> None:
    impossible = ContainerSpec(NAME, IMAGE, NEW.env, ())
    engine.docker("import", "--change=CMD /nothing", str(_empty(engine)), "calico/node:empty")
    impossible = ContainerSpec(NAME, "calico/node:empty", NEW.env)
    done = supervise(engine.socket, impossible)
    assert "going back" in done[1]
    assert "Docker could not start it" in done[1]
    assert found(engine)[NAME] == ("old", "running")


def _empty(engine: Engine) -> str:
    """An image's archive without any program."""
    path = engine.host.directory / "empty.tar"
    subprocess.run(["tar", "--create", f"--file={path}", "--files-from=/dev/null"], check=True)
    return str(path)


def test_what_was_done_before_is_not_done_twice(engine: Engine) -> None:
    actor, before = ContainerActor(engine.socket), identity(engine, NAME)
    assert actor.perform(ReplaceContainer(before, NEW, "")).error == ""
    after = identity(engine, NAME)
    running = engine.docker("inspect", "--format={{.State.StartedAt}}", NAME).stdout
    assert actor.perform(Promote(after, before, NAME, "")).error == ""
    assert engine.docker("inspect", "--format={{.State.StartedAt}}", NAME).stdout == running
    assert found(engine) == {NAME: ("new", "running"), f"{NAME}-previous": ("old", "exited")}
    assert actor.perform(Rollback(after, before, NAME, "")).error == ""
    assert actor.perform(Rollback(after, before, NAME, "")).error == ""
    assert found(engine) == {NAME: ("old", "running"), f"{NAME}-refused": ("new", "exited")}
    assert actor.perform(RemoveContainer(after, "")).error == ""
    assert actor.perform(RemoveContainer(after, "")).error == "", "somebody removed it: that is what was wanted"


def test_a_container_of_somebody_else_in_the_way_is_never_removed(engine: Engine) -> None:
    engine.docker("run", "--name", f"{NAME}-previous", "--env=VERSION=theirs", "--env=SCRIPT=exit 0", IMAGE)
    outcome = ContainerActor(engine.socket).perform(ReplaceContainer(identity(engine, NAME), NEW, ""))
    assert "another container is in the way" in outcome.error
    assert found(engine)[f"{NAME}-previous"] == ("theirs", "exited")
    assert found(engine)[NAME] == ("old", "running")
