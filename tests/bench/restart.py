"""A killed container: how soon it runs again under the agent, and under `docker run --restart=always`."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from tests.bench.cluster import BigCluster
from tests.bench.entry import Entry
from tests.bench.world import big_host
from tests.docker_engine import IMAGE, docker_engine
from tests.lab.engine import Engine

_ROUNDS = 3
_STEADY_SECONDS = 11  # after ten, Docker counts a container as well again and restarts it at once
_PLAIN = "plain:tiny"
_OURS, _THEIRS = "calico-node", "always"


def measure(folder: Path) -> Iterator[Entry]:
    """Both on one engine, in turns."""
    with docker_engine(folder / "docker") as engine:
        engine.docker("tag", IMAGE, _PLAIN)  # a second calico/node would not be left unnoticed
        engine.docker("run", "--detach", "--name", _THEIRS, "--restart=always", "--net=host", "--privileged", _PLAIN)
        supervise: dict[str, dict[str, object]] = {
            "supervise": {"stable_after_seconds": 10.0},
            "node": {"image": IMAGE, "container_name": _OURS},
        }
        with (
            big_host(folder / "host", BigCluster(3, 3), engine.socket) as world,
            world.agent(mode="supervise", **supervise),
        ):
            world.write_routes()
            _wait_for_pid(engine, _OURS, 0, 60)
            times: dict[str, list[float]] = {_OURS: [], _THEIRS: []}
            for _ in range(_ROUNDS):
                time.sleep(_STEADY_SECONDS)
                for name, seconds in times.items():
                    seconds.append(_kill(engine, name))
    ours, theirs = median(times[_OURS]), median(times[_THEIRS])
    how = (
        f"process 1 of the container killed {_ROUNDS} times on one engine, medians until it runs with another pid: "
        f"{ours:.2f} s supervised, {theirs:.2f} s with --restart=always; both after {_STEADY_SECONDS} s of running"
    )
    yield Entry("container_restart", ours / theirs, "x --restart=always", 2, how)


def _kill(engine: Engine, name: str) -> float:
    pid = _pid(engine, name)
    engine.host.run("kill", "-KILL", str(pid))
    begun = time.monotonic()
    _wait_for_pid(engine, name, pid, 60)
    return time.monotonic() - begun


def _wait_for_pid(engine: Engine, name: str, other_than: int, seconds: float) -> None:
    end = time.monotonic() + seconds
    while _pid(engine, name) in {0, other_than}:
        assert time.monotonic() < end, f"{name} does not run again"
        time.sleep(0.02)


def _pid(engine: Engine, name: str) -> int:
    """The container's first process as this machine sees it; 0 while it does not run."""
    shown = engine.docker("inspect", name, check=False)
    return int(json.loads(shown.stdout)[0]["State"]["Pid"]) if shown.returncode == 0 else 0
