"""sources/docker/watch.py on a real dockerd: what wakes, what does not, and that it always ends."""

import queue
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from calico_agent.sources.docker import watch as watch_docker
from calico_agent.sources.docker.watch import DockerWatch
from tests.docker_engine import IMAGE, docker_engine, frozen, kill_dockerd
from tests.lab.engine import Engine
from tests.own_process import open_files, threads
from tests.patience import PATIENCE, until

pytestmark = pytest.mark.real

Wakes = queue.SimpleQueue[str]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with docker_engine(tmp_path_factory.mktemp("docker")) as engine:
        engine.docker("tag", IMAGE, "example/app:1")
        yield engine


@contextmanager
def watching(url: str, *, container_name: str = "calico-node") -> Iterator[tuple[DockerWatch, Wakes]]:
    wakes: Wakes = queue.SimpleQueue()
    watch = DockerWatch(url, wakes.put, container_name=container_name)
    watch.start()
    try:
        yield watch, wakes
    finally:
        began = time.monotonic()
        watch.stop()
        assert time.monotonic() - began < PATIENCE
        assert not watch._thread.is_alive()


def drain(wakes: Wakes, *, seconds: float = 0.3) -> list[str]:
    """What woke until nothing has for `seconds`."""
    reasons = []
    while True:
        try:
            reasons.append(wakes.get(timeout=seconds))
        except queue.Empty:
            return reasons


def wait_for(wakes: Wakes, reason: str, *, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while wakes.get(timeout=max(0.0, deadline - time.monotonic())) != reason:
        pass


def run(engine: Engine, name: str, image: str = IMAGE) -> None:
    engine.docker("run", "--detach", "--name", name, "--net=host", image)


def test_the_life_of_calico_node_wakes(engine: Engine) -> None:
    with watching(engine.socket) as (_, wakes):
        drain(wakes)
        run(engine, "calico-node")
        assert drain(wakes) == ["docker: create calico-node", "docker: start calico-node"]
        engine.docker("kill", "calico-node")
        assert "docker: die calico-node" in drain(wakes)
        engine.docker("rm", "calico-node")
        assert drain(wakes) == ["docker: destroy calico-node"]


def test_other_containers_do_not_wake(engine: Engine) -> None:
    with watching(engine.socket) as (_, wakes):
        run(engine, "web", "example/app:1")
        run(engine, "calico-node")
        engine.docker("exec", "calico-node", "ls")
        engine.docker("rm", "--force", "web", "calico-node")
        reasons = drain(wakes)
    assert "docker: start calico-node" in reasons
    assert not [reason for reason in reasons if "web" in reason or "exec" in reason]


def test_a_container_of_the_configured_name_wakes(engine: Engine) -> None:
    with watching(engine.socket, container_name="cn") as (_, wakes):
        run(engine, "cn", "example/app:1")
        wait_for(wakes, "docker: start cn")
        engine.docker("rm", "--force", "cn")


def test_a_new_network_wakes(engine: Engine) -> None:
    with watching(engine.socket) as (_, wakes):
        time.sleep(0.1)
        engine.docker("network", "create", "app")
        wait_for(wakes, "docker: create network app")
        engine.docker("network", "rm", "app")
        wait_for(wakes, "docker: destroy network app")


def test_silence_gives_a_heartbeat_and_wakes_nobody(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch_docker, "_SILENCE", 0.2)
    with watching(engine.socket) as (watch, wakes):
        drain(wakes)
        first = watch.heartbeat()
        assert drain(wakes, seconds=0.6) == []
        assert watch.heartbeat() > first


def test_no_event_is_lost_between_two_connections(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch_docker, "_SILENCE", 0.02)
    with watching(engine.socket) as (_, wakes):
        for number in range(20):
            engine.docker("network", "create", f"app{number}")
            wait_for(wakes, f"docker: create network app{number}")
            engine.docker("network", "rm", f"app{number}")


def test_a_frozen_daemon_does_not_hold_the_thread(engine: Engine) -> None:
    with watching(engine.socket) as (_, wakes):
        drain(wakes)
        with frozen(engine):
            with watching(engine.socket):
                time.sleep(0.2)
            assert drain(wakes) == []
        run(engine, "calico-node")
        wait_for(wakes, "docker: start calico-node")
        engine.docker("rm", "--force", "calico-node")


def test_a_daemon_that_dies_and_comes_back_wakes_twice(tmp_path: Path) -> None:
    with docker_engine(tmp_path) as engine, watching(engine.socket) as (watch, wakes):
        drain(wakes)
        kill_dockerd(engine)
        wait_for(wakes, "docker: its events ended")
        before = (open_files(), threads())
        gone = watch.heartbeat()
        time.sleep(1.0)
        assert drain(wakes) == []  # once, not with each attempt
        assert (open_files(), threads()) <= (before[0] + 1, before[1])
        engine.start()
        wait_for(wakes, "docker: answers again", seconds=30)
        assert watch.heartbeat() > gone
        run(engine, "calico-node")
        wait_for(wakes, "docker: start calico-node")


def test_a_daemon_that_is_not_there_yet(tmp_path: Path) -> None:
    with watching(f"unix://{tmp_path}/docker.sock") as (watch, wakes):
        assert wakes.get(timeout=5) == "docker: its events ended"
        first = watch.heartbeat()
        until("the watch is as wanted", lambda: watch.heartbeat() > first)


def test_an_address_of_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="ssh://host"):
        DockerWatch("ssh://host", print)
