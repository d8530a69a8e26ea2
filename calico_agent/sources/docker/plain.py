"""What the Docker Engine says, as it says it, for people: the JSON of its calls, and logs as text."""

import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from calico_agent.model.container.container import Container, Docker
from calico_agent.model.observation import Unreadable
from calico_agent.sources.docker.client import DockerReader
from calico_agent.sources.docker.decode.log_lines import LogLine, decode_log
from calico_agent.sources.docker.errors import DOCKER_ERRORS, why_unreadable

_LONGEST_LOG = 4 << 20
_LINES = 4000


@dataclass(frozen=True, slots=True)
class PlainDocker:
    """`version`, `info`, `networks`: as of `docker version`, `info`, `network inspect`. `containers` are those that are
    calico/node, as of `docker inspect`, with their logs by id; `others` are rows about all that there are.
    """

    docker: Docker
    version: Mapping[str, Any]
    info: Mapping[str, Any]
    networks: list[Mapping[str, Any]]
    containers: list[Mapping[str, Any]]
    others: list[Mapping[str, Any]]
    logs: dict[str, tuple[LogLine, ...]] = field(default_factory=dict)


def read_plain(url: str, container_name: str, timeout: float) -> PlainDocker | Unreadable:
    """All of it; each of the two readings takes at most the timeout."""
    with closing(_PlainReader(url, timeout)) as reader:
        docker = reader.read(container_name)
        return docker if isinstance(docker, Unreadable) else reader.plain(docker)


class _PlainReader(DockerReader):
    """The same door to the Engine."""

    def plain(self, docker: Docker) -> PlainDocker | Unreadable:
        self._deadline = time.monotonic() + self._timeout
        try:
            every = self._ask().containers(all=True)
            inspected = [self._ask().inspect_container(container.id) for container in docker.containers]
            return PlainDocker(
                docker,
                self._ask().version(),
                self._ask().info(),
                self._ask().networks(),
                inspected,
                [{key: one.get(key) for key in ("Id", "Names", "Image", "State", "Status")} for one in every],
                {one.id: self._log(one, attrs) for one, attrs in zip(docker.containers, inspected, strict=True)},
            )
        except DOCKER_ERRORS as error:
            return why_unreadable(self._url, self._timeout, error)

    def _log(self, container: Container, attrs: Mapping[str, Any]) -> tuple[LogLine, ...]:
        client = self._ask()
        url = f"{client.base_url}/v{client.api_version}/containers/{container.id}/logs"
        wanted = {"stdout": 1, "stderr": 1, "tail": _LINES, "timestamps": 1}
        return decode_log(self._bounded(client, url, wanted, _LONGEST_LOG), tty=bool(attrs["Config"]["Tty"]))
