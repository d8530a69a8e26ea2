"""The docker commands that wait for calico/node to end, and what systemd would do then.

A unit whose ExecStart is `docker run` in the foreground, or `docker start --attach`, is such a one. Only root's count:
any user can start a process of that name and with those arguments.

While such a unit waits to start its container again (RestartSec=), nothing of it is left but what systemd knows.
"""

import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import psutil

from calico_agent.model.container.container import Container, Docker
from calico_agent.model.container.waiting_command import Client
from calico_agent.model.observation import Unreadable
from calico_agent.sources.docker.decode.waiting_commands import waits_for
from calico_agent.sources.host.decode.conflicting_processes import decode_cgroup
from calico_agent.sources.host.processes import ENDED, command_line, control_group, is_root, pids_named

_NAME = "docker"

# To go through all processes of a large host is not free, and a unit is not written in a moment.
_LEISURE_SECONDS = 30.0

# systemctl answers in some milliseconds; a systemd that hangs must not hold up a pass.
_ASK_SECONDS = 2.0
# What `systemctl show` calls a unit that will not start anything by itself (src/basic/unit-def.c@systemd v252).
_AT_REST = frozenset({"", "inactive", "failed"})


class ClientReader:
    """Finds them for containers that somebody else made, at most once in half a minute while these are the same."""

    def __init__(self) -> None:
        self._found: dict[str, Client] = {}
        self._ids: frozenset[str] = frozenset()
        self._read_at = -_LEISURE_SECONDS
        self._unit = ""

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
            return replace(docker, unit=self._active_unit()) if self._unit and not others else docker
        self._unit = next((client.unit for client in self._found.values() if client.unit), self._unit)
        found = tuple(replace(one, client=self._found.get(one.id)) for one in docker.containers)
        return replace(docker, containers=found)

    def _active_unit(self) -> str:
        """The unit that was seen last, until it is at rest."""
        if not _is_active(self._unit):
            self._unit = ""
        return self._unit


def _is_active(unit: str) -> bool:
    """Whether systemd still has it in hand. Where nobody can be asked: no, as nobody starts it again then."""
    question = ("systemctl", "show", "--property=ActiveState", "--value", "--", unit)
    try:
        done = subprocess.run(question, capture_output=True, text=True, timeout=_ASK_SECONDS, check=False)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0 and done.stdout.strip() not in _AT_REST


def _clients(containers: list[Container]) -> Iterator[tuple[str, Client]]:
    for pid in pids_named({_NAME}):
        with suppress(*ENDED):
            process = psutil.Process(pid)
            arguments = command_line(process)
            for container in containers:
                if waits_for(arguments, container.name, container.id) and is_root(process):
                    unit, _ = decode_cgroup(control_group(pid))
                    yield container.id, Client(pid, unit if unit.endswith(".service") else "")
