"""Two agents never share a state directory, nor the container that they supervise."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec import structs

from calico_agent.config import Config
from calico_agent.config.node import NodeSection
from calico_agent.config.schema import AgentSection, DockerSection
from calico_agent.errors import ConfigError
from calico_agent.model.settings import Mode
from calico_agent.runtime.single import Locks


def config(tmp_path: Path, state: str = "state", mode: Mode = Mode.SUPERVISE, engine: str = "docker.sock") -> Config:
    return Config(
        mode=mode,
        agent=AgentSection(state_dir=str(tmp_path / state) if state else ""),
        docker=DockerSection(url=f"unix://{tmp_path / engine}"),
        node=NodeSection(container_name="calico-node"),
    )


@pytest.fixture
def first(tmp_path: Path) -> Locks:
    locks = Locks(tmp_path / "run")
    locks.take(config(tmp_path))
    return locks


def test_a_second_agent_with_the_same_state_directory_is_refused_with_the_first_ones_process(
    tmp_path: Path, first: Locks
) -> None:
    with pytest.raises(ConfigError) as refused:
        Locks(tmp_path / "run").take(config(tmp_path, mode=Mode.OBSERVE))
    said = str(refused.value)
    assert f"another calico-agent (process {os.getpid()}) uses the state directory {tmp_path}/state" in said
    assert refused.value.exit_code == 1, "a unit tries again: the first one may be about to end"
    first.release()


def test_a_second_one_for_the_same_container_is_refused_whatever_its_state_directory(
    tmp_path: Path, first: Locks
) -> None:
    (tmp_path / "link.sock").symlink_to(tmp_path / "docker.sock")
    with pytest.raises(ConfigError, match="supervises the container calico-node"):
        Locks(tmp_path / "run").take(config(tmp_path, "other", engine="link.sock"))
    first.release()


def test_who_only_watches_another_engine_or_container_is_no_second_one(tmp_path: Path, first: Locks) -> None:
    for other in (
        config(tmp_path, "watching", Mode.OBSERVE),
        config(tmp_path, "", engine="another.sock"),
        structs.replace(config(tmp_path, ""), node=NodeSection(container_name="calico-node-2")),
    ):
        beside = Locks(tmp_path / "run")
        beside.take(other)
        beside.release()
    first.release()


def test_a_refused_reload_keeps_what_was_held_and_a_good_one_gives_up_the_rest(tmp_path: Path, first: Locks) -> None:
    second = Locks(tmp_path / "run")
    second.take(config(tmp_path, "second", Mode.OBSERVE))
    with pytest.raises(ConfigError):
        second.take(config(tmp_path, "third"))
    with pytest.raises(ConfigError):
        first.take(config(tmp_path, "second"))
    first.take(config(tmp_path, "", Mode.OBSERVE))
    second.take(config(tmp_path, "state"))
    second.release()


def test_a_killed_agent_leaves_no_lock(tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from tests.runtime.test_single import Locks, config\n"
        "held = Locks(Path(sys.argv[1], 'run')); held.take(config(Path(sys.argv[1])))\n"
        "print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True) as agent:
        assert agent.stdout is not None
        try:
            assert agent.stdout.readline() == "held\n"
            with pytest.raises(ConfigError, match=f"process {agent.pid}"):
                Locks(tmp_path / "run").take(config(tmp_path))
        finally:
            agent.send_signal(signal.SIGKILL)
            agent.wait()
    Locks(tmp_path / "run").take(config(tmp_path))


def test_a_directory_that_cannot_be_is_no_reason_not_to_run(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    Locks(tmp_path / "file").take(config(tmp_path, "file/state"))
