"""sources/docker/waiting_commands.py with a real `docker run` in the foreground, as a unit of 2017 has it."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from calico_agent.model.container.container import Container, Docker
from calico_agent.sources.docker.client import DockerReader
from calico_agent.sources.docker.waiting_commands import ClientReader
from tests.docker_engine import IMAGE, docker_engine
from tests.lab.engine import Engine
from tests.patience import until

pytestmark = pytest.mark.real

NAME = "calico-node"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with docker_engine(tmp_path_factory.mktemp("docker")) as engine:
        yield engine


@contextmanager
def running(engine: Engine, *options: str) -> Iterator[int]:
    """A client whose container runs; its pid."""
    command = ("docker", f"--host={engine.socket}", "run", "--net=host", f"--name={NAME}", *options, IMAGE)
    client = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until("it runs", lambda: bool(engine.docker("ps", "--quiet").stdout), lambda: engine.docker("ps", "-a").stdout)
        yield client.pid
    finally:
        engine.docker("rm", "--force", NAME, check=False)
        client.kill()
        client.wait()


def container(engine: Engine) -> Container:
    reader = DockerReader(engine.socket)
    try:
        docker = ClientReader().read(reader.read(NAME))
        assert isinstance(docker, Docker)
        return docker.containers[0]
    finally:
        reader.close()


@pytest.mark.parametrize("remove", [True, False], ids=["--rm", "kept when it ends"])
def test_a_docker_run_in_the_foreground_is_found(engine: Engine, remove: bool) -> None:
    with running(engine, *(("--rm",) if remove else ())) as pid:
        found = container(engine)
    assert found.client is not None
    assert found.client.pid == pid
    assert found.auto_remove is remove


def test_nobody_waits_for_a_detached_one(engine: Engine) -> None:
    with running(engine, "--detach"):
        assert container(engine).client is None


@contextmanager
def in_the_group_of_a_unit(pid: int) -> Iterator[None]:
    root = Path("/sys/fs/cgroup")
    root = root if (root / "cgroup.procs").exists() else root / "pids"
    group = root / "calico-agent-test" / "calico-node.service"
    group.mkdir(parents=True)
    try:
        (group / "cgroup.procs").write_text(str(pid))
        yield
    finally:
        (root / "cgroup.procs").write_text(str(pid))
        group.rmdir()
        group.parent.rmdir()


def test_a_unit_is_known_by_its_control_group(engine: Engine) -> None:
    with running(engine) as pid, in_the_group_of_a_unit(pid):
        found = container(engine)
    assert found.client is not None
    assert found.client.unit == "calico-node.service"


STATES = {"activating": True, "active": True, "deactivating": True, "inactive": False, "failed": False, "": False}


@pytest.mark.parametrize(("state", "waits"), STATES.items(), ids=[state or "no word" for state in STATES])
def test_a_unit_that_is_still_active_when_its_container_is_gone_is_told(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: str, waits: bool
) -> None:
    """No systemd runs here; tests/systemd has one, without Docker. What it would answer is written down."""
    program = tmp_path / "systemctl"
    program.write_text(f'#!/bin/sh\n[ "$5" = calico-node.service ] && echo {state}\n')
    program.chmod(0o755)
    reader, clients = DockerReader(engine.socket), ClientReader()
    with running(engine) as pid, in_the_group_of_a_unit(pid):
        clients.read(reader.read(NAME))
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    docker = clients.read(reader.read(NAME))
    reader.close()
    assert isinstance(docker, Docker)
    assert docker.unit == ("calico-node.service" if waits else "")
