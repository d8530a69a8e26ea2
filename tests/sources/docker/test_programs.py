"""sources/docker/programs.py on the processes of a real container.

Its supervisors have the shape of runit's (`runsv NAME`, whose child is the program) and are shell scripts, because the
test machine has no runit. The reader runs beside dockerd, where Docker's process numbers mean something.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from calico_agent.model.calico.refused_peers import Knocks
from calico_agent.model.container.container import Container, ContainerState, Docker
from calico_agent.model.observation import Unreadable
from calico_agent.sources.docker.decode.log_lines import felix_ends, knocks
from calico_agent.sources.docker.program_logs import read_program_logs
from calico_agent.sources.docker.programs import ProgramReader
from tests.docker_engine import IMAGE, docker_engine
from tests.lab.engine import Engine
from tests.lab.namespaces import REPOSITORY
from tests.patience import eventually, until

pytestmark = pytest.mark.real

READ = """
import json, sys
from calico_agent.sources.docker.client import DockerReader
from calico_agent.sources.docker.programs import ProgramReader
docker = ProgramReader().read(DockerReader(sys.argv[1]).read("calico-node"))
programs = docker.containers[0].programs
print(json.dumps(None if programs is None else [
    [one.name, one.pid, str(one.started_at), str(one.kept_since), one.stopped, one.child and one.child.name]
    for one in programs
]))
"""
RUNIT = r"""
busybox mkdir /x
busybox mkfifo /x/never
printf '#!/bin/sh\nwhile :; do "/x/$1"; read -t 2 x <>/x/never; done\n' >/x/runsv
printf '#!/bin/sh\nsleep 1000\n' >/x/felix
printf '#!/bin/sh\nexit 1\n' >/x/complete-startup
busybox chmod +x /x/runsv /x/felix /x/complete-startup
/x/runsv felix &
/x/runsv complete-startup &
"""


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with docker_engine(tmp_path_factory.mktemp("docker")) as engine:
        script = f"SCRIPT={RUNIT}"
        engine.docker("run", "--detach", "--name", "calico-node", "--net=host", "--env", script, IMAGE)
        yield engine


def programs(engine: Engine) -> list[list[Any]] | None:
    done = engine.host.run(sys.executable, "-c", READ, engine.socket, cwd=str(REPOSITORY))
    found: list[list[Any]] | None = json.loads(done.stdout)
    return found


def felix(engine: Engine) -> tuple[int, datetime | None, datetime]:
    """Its process number, when it was started, and its supervisor."""
    found = eventually(lambda: programs(engine) or [], lambda them: bool(them) and not (them[0][1] and not them[0][5]))
    assert found, "no programs were found"
    ((name, pid, started, kept, _stopped, child),) = found
    assert name == "felix", "services that say nothing about routes are left out"
    assert child in {"sleep", None}, "what it waits for"
    return pid, None if started == "None" else datetime.fromisoformat(started), datetime.fromisoformat(kept)


def test_a_program_that_ends_is_seen_and_so_is_that_it_was_started_again(engine: Engine) -> None:
    pid, started, kept = felix(engine)
    assert pid > 0
    assert started is not None
    assert abs((started - kept).total_seconds()) < 1
    assert abs((datetime.now(UTC) - started).total_seconds()) < 20, "the kernel's clock was read right"
    engine.host.run("kill", "-9", str(pid))
    assert felix(engine)[0] == 0, "its supervisor waits"
    time.sleep(2.5)
    again, restarted, kept_still = felix(engine)
    assert again not in {0, pid}
    assert restarted is not None
    assert (restarted - started).total_seconds() > 1.5
    assert abs((kept_still - kept).total_seconds()) < 0.1


def test_a_program_that_a_signal_holds_is_seen(engine: Engine) -> None:
    pid, *_ = felix(engine)
    for signal, stopped in (("-STOP", True), ("-CONT", False)):
        engine.host.run("kill", signal, str(pid))
        assert [one[4] for one in programs(engine) or ()] == [stopped]


KNOCK = "2026-11-26_21:28:44.38103 bird: BGP: Unexpected connect from unknown address 10.77.0.13 (port 55395)"
ENDED = '2026-11-26_21:28:45.00000 2026-11-26 21:28:44.381 [WARNING][77] felix.go 1: down reason="config changed"'


@pytest.mark.parametrize(
    ("owner", "mode", "found"),
    [
        pytest.param(0, 0o644, True, id="root's"),
        pytest.param(65534, 0o644, False, id="another user's"),
        pytest.param(0, 0o666, False, id="everybody's"),
    ],
)
def test_what_programs_write_into_files_is_read(tmp_path: Path, owner: int, mode: int, found: bool) -> None:
    inside = tmp_path / "var/log/calico"
    for program, line in (("bird", KNOCK), ("felix", ENDED)):
        (inside / program).mkdir(parents=True)
        current = inside / program / "current"
        current.write_text(f"{'x' * 70_000}\n{line}\n")
        os.chown(current, owner, owner)
        current.chmod(mode)
    command = ("unshare", "--mount", "--root", str(tmp_path), "--", "/bin/busybox", "sleep", "1000")
    (tmp_path / "bin").mkdir()
    shutil.copy("/bin/busybox", tmp_path / "bin/busybox")
    with subprocess.Popen(command) as process:
        try:
            node = Container("c1", "calico-node", IMAGE, ContainerState.RUNNING, pid=process.pid)
            wait_for_root(process.pid, tmp_path)
            logs = read_program_logs(node)
            quiet = read_program_logs(replace(node, env=(("CALICO_DISABLE_FILE_LOGGING", "true"),)))
        finally:
            process.kill()
    moment = datetime(2026, 11, 26, 21, 28, 44, 381030, UTC)
    assert quiet == {}
    assert logs["bird6"] == ()
    assert knocks(logs["bird"]) == ((Knocks(ip_address("10.77.0.13"), (moment,)),) if found else ())
    assert felix_ends(logs["felix"]) == ((datetime(2026, 11, 26, 21, 28, 45, 0, UTC),) if found else ())


def wait_for_root(pid: int, root: Path) -> None:
    inside = Path(f"/proc/{pid}/root")
    until(f"{pid} lives in {root}", lambda: (inside / "var/log/calico").exists() and not inside.samefile("/"))


def test_processes_of_another_namespace_are_not_taken_for_the_containers() -> None:
    docker = Docker(containers=(Container("0" * 64, "calico-node", IMAGE, ContainerState.RUNNING, pid=1),))
    seen = ProgramReader().read(docker)
    assert isinstance(seen, Docker)
    assert seen.containers[0].programs is None


def test_a_process_that_is_gone_is_not_known() -> None:
    assert not Path("/proc/4194304").exists(), "beyond the largest process number"
    gone = Docker(containers=(Container("c1", "calico-node", IMAGE, ContainerState.RUNNING, pid=4194304),))
    seen = ProgramReader().read(gone)
    assert isinstance(seen, Docker)
    assert seen.containers[0].programs is None


def test_one_that_does_not_run_is_not_looked_into() -> None:
    exited = Docker(containers=(Container("c1", "calico-node", IMAGE, ContainerState.EXITED),))
    assert ProgramReader().read(exited) == exited
    silent = Unreadable("Docker", "no answer", "timeout")
    assert ProgramReader().read(silent) is silent
