"""A container that is replaced by another: how long any host of a cluster is without any of its routes meanwhile."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.bench.entry import Entry
from tests.lab.agent import Agent
from tests.lab.conftest import named_lab
from tests.lab.lab import Lab
from tests.lab.options import Options
from tests.lab.sampling import sampled

_HOST = "host2"
_CHANGE = 'FELIX_LOGSEVERITYSCREEN = "Warning"'


def measure(_folder: Path) -> Iterator[Entry]:
    """Three real hosts; the environment of one's calico/node is changed, and the agent rolls that out."""
    with named_lab("replacement") as lab:
        lab.up(Options())
        _wait(lambda: _good(lab))
        before = _container(lab)
        with sampled(lab) as samples:
            _reconfigure(lab)
            _wait(lambda: _container(lab) not in {"", before})
            _wait(lambda: _good(lab))
    how = (
        "the container of one host replaced for another environment, the routes of all three looked at "
        f"{samples.taken} times, at least every {samples.longest_pause * 1000:.0f} ms, until all hosts were good "
        "again: the sum over all routes and hosts"
    )
    yield Entry("replacement_without_route", sum(samples.lost.values()), "s without a route", 0, how)


def _reconfigure(lab: Lab) -> None:
    file = lab.host(_HOST).root / "etc/calico-agent/calico-agent.toml"
    file.write_text(f"{file.read_text()}{_CHANGE}\n")  # the file ends with [node.env]
    process = Agent(lab.host(_HOST)).process()
    assert process is not None
    os.kill(process.pid, signal.SIGHUP)


def _container(lab: Lab) -> str:
    """The id of calico-node; empty for the moment in which the name passes from one container to the other."""
    return lab.exec(_HOST, "docker", "inspect", "-f", "{{.Id}}", "calico-node").stdout.strip()


def _good(lab: Lab) -> bool:
    return all(lab.exec(host, "calico-agent", "status").returncode == 0 for host in lab.options.names)


def _wait(happened: Callable[[], bool]) -> None:
    end = time.monotonic() + 90
    while not happened():
        assert time.monotonic() < end, "the replacement does not come to its end"
        time.sleep(0.2)
