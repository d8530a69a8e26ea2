"""What a real dockerd says of itself, and does: with users mapped, as it usually is, frozen."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest

from calico_agent.checks.preflight.machine.engine import check_engine
from calico_agent.model.container.container import Docker
from calico_agent.model.container.engine import Engine as Said
from calico_agent.model.observation import Unreadable
from calico_agent.model.preflight import Verdict
from calico_agent.sources.docker.client import DockerReader
from tests.checks.cluster import HEALTHY
from tests.checks.preflight.case import prepared, view
from tests.docker_engine import IMAGE, docker_engine, frozen
from tests.lab.engine import Engine

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """One that maps users, as --userns-remap has it."""
    with docker_engine(tmp_path_factory.mktemp("docker"), "--userns-remap=nobody:nogroup") as engine:
        yield engine


def read(engine: Engine, timeout: float = 5.0) -> Said | Unreadable:
    with closing(DockerReader(engine.socket, timeout)) as reader:
        return reader.read_engine()


def test_a_dockerd_that_maps_users_refuses_calico_node_unless_it_is_told_not_to(engine: Engine) -> None:
    said = read(engine)
    assert isinstance(said, Said)
    assert "userns" in said.security
    stopped = replace(HEALTHY, docker=Docker(), bird=Unreadable("BIRD", "no socket", "absent"))
    found = {one.subject: one for one in check_engine(view(prepared(stopped, engine=said)))}
    assert found["userns-remap"].verdict is Verdict.WARNING
    assert "--userns=host" in found["userns-remap"].cure
    run = ("run", "--rm", "--privileged", "--net=host")
    assert "incompatible with user namespaces" in engine.docker(*run, IMAGE, "echo", check=False).stderr
    engine.docker(*run, "--userns=host", IMAGE, "echo")


def test_it_says_what_docker_info_prints(engine: Engine) -> None:
    said = read(engine)
    assert isinstance(said, Said)
    shown = "{{.ServerVersion}} {{.DockerRootDir}} {{.Driver}} {{.CgroupDriver}} {{.LiveRestoreEnabled}}"
    printed = engine.docker("info", "--format", shown).stdout.split()
    assert printed == [said.version, said.root_dir, said.driver, said.cgroup_driver, str(said.live_restore).lower()]


def test_one_that_hangs_is_not_waited_for(engine: Engine) -> None:
    with frozen(engine):
        found = read(engine, 0.5)
    assert isinstance(found, Unreadable)
    assert found.code == "timeout"
