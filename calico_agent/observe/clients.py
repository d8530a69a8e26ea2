"""The docker commands that wait for calico/node to end, and what systemd would do then.

A unit whose ExecStart is `docker run` in the foreground, or `docker start --attach`, is such a one. Only root's count:
any user can start a process of that name and with those arguments.
"""

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import psutil

from calico_agent.decode.clients import waits_for
from calico_agent.decode.rivals import decode_cgroup
from calico_agent.model.container import Container, Docker
from calico_agent.model.observation import Unreadable
from calico_agent.model.starter import Client
from calico_agent.observe.processes import ENDED, command_line, control_group, is_root, pids_named

_NAME = "docker"

# To go through all processes of a large host is not free, and a unit is not written in a moment.
_LEISURE_SECONDS = 10.0


class ClientReader:
    """Finds them for containers that somebody else made, at most once in ten seconds while these are the same."""

    def __init__(self) -> None:
        self._found: dict[str, Client] = {}
        self._ids: frozenset[str] = frozenset()
        self._read_at = -_LEISURE_SECONDS

    def read(self, docker: Docker | Unreadable) -> Docker | Unreadable:
        """The same, with the client of each container."""
        if isinstance(docker, Unreadable):
            return docker
        others = [one for one in docker.containers if one.alive and not one.managed]
        ids = frozenset(one.id for one in others)
        if ids != self._ids or time.monotonic() - self._read_at >= _LEISURE_SECONDS:
            with suppress(OSError):
                self._found = dict(_clients(others)) if others else {}
            self._ids, self._read_at = ids, time.monotonic()
        if not self._found:
            return docker
        found = tuple(replace(one, client=self._found.get(one.id)) for one in docker.containers)
        return replace(docker, containers=found)


def _clients(containers: list[Container]) -> Iterator[tuple[str, Client]]:
    for pid in pids_named({_NAME}):
        with suppress(*ENDED):
            process = psutil.Process(pid)
            arguments = command_line(process)
            for container in containers:
                if waits_for(arguments, container.name, container.id) and is_root(process):
                    unit, _ = decode_cgroup(control_group(pid))
                    yield container.id, Client(pid, unit if unit.endswith(".service") else "")
