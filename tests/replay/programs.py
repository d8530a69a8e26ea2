"""The programs of a recorded container: `ps.txt` or `docker-top.txt`, and `felix-health.txt`."""

import re
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from calico_agent.decode.felix_health import decode_health
from calico_agent.decode.processes import Process, find_programs
from calico_agent.model.container import Container, Docker
from calico_agent.model.felix import FelixHealth
from calico_agent.model.observation import Unreadable
from tests.replay.files import text

_PS = re.compile(r"\s*(?P<pid>\d+)\s+(?P<parent>\d+)\s+(?P<seconds>\d+)\s+(?P<state>\S+)\s+(?P<command>.+)")
_TOP = re.compile(r"\S+\s+(?P<pid>\d+)\s+(?P<parent>\d+)\s+\d+\s+\S+\s+\S+\s+\S+\s+(?P<command>.+)")
_STATUS = re.compile(r"HTTP/1\.1 (\d{3})")
_LONG_AGO = "3600"  # `docker top` does not tell since when


def with_programs(docker: Docker | Unreadable, folder: Path, at: datetime) -> Docker | Unreadable:
    """The same, with the programs of the container that runs, where they were recorded."""
    processes = tuple(_processes(folder, at))
    if isinstance(docker, Unreadable) or not processes:
        return docker
    health = _health(text(folder / "felix-health.txt") or "")

    def looked_into(container: Container) -> Container:
        programs = tuple(
            replace(program, health=health) if program.name == "felix" else program
            for program in find_programs(processes)
        )
        return replace(container, programs=programs) if container.running else container

    return replace(docker, containers=tuple(map(looked_into, docker.containers)))


def _processes(folder: Path, at: datetime) -> list[Process]:
    listed = (text(folder / "ps.txt") or "").splitlines() or (text(folder / "docker-top.txt") or "").splitlines()
    found = []
    for line in listed:
        if match := _PS.fullmatch(line) or _TOP.fullmatch(line):
            row = match.groupdict()
            arguments = tuple(row["command"].split())
            began = at - timedelta(seconds=int(row.get("seconds", _LONG_AGO)))
            stopped = row.get("state", "").startswith("T")
            name = arguments[0].rpartition("/")[2]
            found.append(Process(int(row["pid"]), int(row["parent"]), name, arguments, began, stopped))
    return found


def _health(recorded: str) -> FelixHealth | None:
    """What wget printed of `GET /liveness`."""
    status = _STATUS.search(recorded)
    return decode_health(int(status[1]), recorded) if status else None
