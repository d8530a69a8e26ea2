"""The programs of a recorded container: `ps.txt` or `docker-top.txt`, `felix-health.txt`, and their files in `log`."""

import re
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from calico_agent.model.calico.felix_health import FelixHealth
from calico_agent.model.container.container import Container, Docker
from calico_agent.model.observation import Unreadable
from calico_agent.sources.docker.decode.felix_health import decode_health
from calico_agent.sources.docker.decode.log_lines import felix_ends, knocks, log_lines
from calico_agent.sources.docker.decode.programs import Process, find_programs
from tests.replay.files import text

_PS = re.compile(r"\s*(?P<pid>\d+)\s+(?P<parent>\d+)\s+(?P<seconds>\d+)\s+(?P<state>\S+)\s+(?P<command>.+)")
_TOP = re.compile(r"\S+\s+(?P<pid>\d+)\s+(?P<parent>\d+)\s+\d+\s+\S+\s+\S+\s+\S+\s+(?P<command>.+)")
_STATUS = re.compile(r"HTTP/1\.1 (\d{3})")
_LONG_AGO = "3600"  # `docker top` does not tell since when


def with_programs(docker: Docker | Unreadable, folder: Path, at: datetime) -> Docker | Unreadable:
    """The same, with what was recorded of the programs of the container that runs."""
    if isinstance(docker, Unreadable):
        return docker
    return replace(docker, containers=tuple(_looked_into(container, folder, at) for container in docker.containers))


def _looked_into(container: Container, folder: Path, at: datetime) -> Container:
    if not container.running:
        return container
    processes = tuple(_processes(folder, at))
    health = _health(text(folder / "felix-health.txt") or "")
    programs = tuple(
        replace(program, health=health) if program.name == "felix" else program for program in find_programs(processes)
    )
    bird, bird6, felix = (
        log_lines((text(folder / "log" / program / "current") or "").splitlines())
        for program in ("bird", "bird6", "felix")
    )
    return replace(
        container,
        programs=programs if processes else None,
        knocks=(*container.knocks, *knocks((*bird, *bird6))),
        felix_ends=(*container.felix_ends, *felix_ends(felix)),
    )


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
