"""The Docker Engine -> Docker: its networks, and the containers that look like calico/node.

The one place that reads through Docker's SDK. What it teaches: the client talks to the daemon in its constructor, so it
is made when it is first needed; failures are requests' exceptions as well as docker's; the default timeout is 60 s; the
SDK's own `logs()` waits for ever on a daemon that is frozen. The API version is negotiated: Docker Engine 29 refuses
everything below 1.44.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import docker
from docker.errors import APIError, NotFound

from calico_agent.model.container.container import LABEL_MANAGED_BY, Container, ContainerState, Docker
from calico_agent.model.container.engine import Engine
from calico_agent.model.container.image import LocalImage
from calico_agent.model.observation import Unreadable
from calico_agent.sources.docker.decode.calico_node import is_calico_node, names_calico_node, shares_network
from calico_agent.sources.docker.decode.container import (
    decode_container,
    decode_image_env,
    decode_image_id,
    decode_network,
)
from calico_agent.sources.docker.decode.engine import decode_engine
from calico_agent.sources.docker.decode.events import EventFilter, asked_to_stop
from calico_agent.sources.docker.decode.log_lines import START_TAKES, LogLine, decode_log
from calico_agent.sources.docker.errors import DOCKER_ERRORS, why_unreadable

_MOST_CONTAINERS = 16
_MOST_IMAGES = 64
_LONGEST_LOG = 4 << 20
_LINES = 200, 4000
# An idle calico/node v1.3.0 writes two lines a second, one that starts 550 in ten seconds. What is taken from a log is
# mostly of the last 15 s (`model.evidence`).
_EVIDENCE = timedelta(minutes=1)
_LONGEST_EVENTS = 1 << 18
_CHUNK = 1 << 16


class DockerReader:
    """Reads one Engine. Not for several threads: a requests session is not safe between them."""

    def __init__(self, url: str, timeout: float = 5.0) -> None:
        self._url = url
        self._timeout = timeout
        self._deadline = 0.0
        self._client: docker.APIClient | None = None
        self._version = ""
        self._image_env: dict[str, tuple[tuple[str, str], ...]] = {}  # by image id, which is a digest: never outdated

    def read(self, container_name: str, *, image: str = "") -> Docker | Unreadable:
        """Networks, `image`, and every container that is calico/node or has this name; whole within the timeout.

        Codes of Unreadable: `absent` (no socket), `refused`, `timeout` (the daemon hangs), `denied`, `version` (an
        API version that does not fit), `malformed` (what answers is not a Docker Engine), `error` (it says no), `short`
        (we are out of file descriptors).
        """
        self._deadline = time.monotonic() + self._timeout
        try:
            networks = tuple(decode_network(network) for network in self._ask().networks())
            containers = tuple(self._containers(container_name))
            return Docker(self._version, networks, containers, self._local_image(image))
        except DOCKER_ERRORS as error:
            self.close()
            return why_unreadable(self._url, self._timeout, error)

    def read_engine(self) -> Engine | Unreadable:
        """What the Engine says of itself; within the timeout, and with the codes of `read`."""
        self._deadline = time.monotonic() + self._timeout
        try:
            return decode_engine(self._ask().info())
        except DOCKER_ERRORS as error:
            return why_unreadable(self._url, self._timeout, error)
        finally:
            self.close()

    def close(self) -> None:
        """Close the connection; the next read makes a new one."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _ask(self) -> docker.APIClient:
        """The client, with what is left of this read's time as its timeout."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        if self._client is None:
            # The stubs want whole seconds; requests, which gets it, takes fractions.
            self._client = docker.APIClient(base_url=self._url, version="auto", timeout=left)  # type: ignore[arg-type]
            # The Engine is never behind a proxy, and looking for one costs more than the request.
            self._client.trust_env = False
            # Once for each connection: dockerd runs `runc --version` to answer this.
            self._version = str(self._client.version()["Version"])
        self._client.timeout = left  # type: ignore[assignment]
        return self._client

    def _containers(self, container_name: str) -> Iterator[Container]:
        every = self._ask().containers(all=True)
        networks = {f"container:{one['Id']}": (one.get("HostConfig") or {}).get("NetworkMode", "") for one in every}
        summaries = [
            summary
            for summary in every
            if LABEL_MANAGED_BY in (summary.get("Labels") or {})
            or any(
                name == container_name or names_calico_node(name, summary["Image"])
                for name in (text.removeprefix("/") for text in summary["Names"] or ())
            )
        ]
        # Those that run first: what is cut off by the bound is old.
        summaries.sort(key=lambda summary: summary["State"] != "running")
        for summary in summaries[:_MOST_CONTAINERS]:
            try:
                attrs = self._ask().inspect_container(summary["Id"])
            except NotFound:  # removed since it was listed
                continue
            container = decode_container(attrs)
            network = networks.get(container.network_mode, "")
            # One of ours is ours under any name and image: a second beside it must never be made.
            ours = container.managed and shares_network(container, network)
            if not (ours or container.name == container_name or is_calico_node(container, network)):
                continue
            yield replace(
                decode_container(attrs, self._log_tail(container, tty=bool(attrs["Config"]["Tty"]))),
                image_env=self._env_of_image(container.image_id),
                stopped_by_hand=self._stopped_by_hand(container),
            )

    def _local_image(self, reference: str) -> LocalImage | None:
        """What the Engine has under this reference now; None for nothing, and for no reference."""
        if not reference:
            return None
        try:
            # The stubs leave this one out.
            attrs: dict[str, Any] = self._ask().inspect_image(reference)  # type: ignore[no-untyped-call]
        except APIError as refusal:
            if refusal.is_client_error():  # there is none, or the reference is none
                return None
            raise
        return LocalImage(reference, decode_image_id(attrs))

    def _env_of_image(self, image: str) -> tuple[tuple[str, str], ...] | None:
        """What the image itself sets; None when it was removed although a container of it is left."""
        if image not in self._image_env:
            try:
                # The stubs leave this one out.
                attrs: dict[str, Any] = self._ask().inspect_image(image)  # type: ignore[no-untyped-call]
            except NotFound:
                return None
            if len(self._image_env) >= _MOST_IMAGES:
                self._image_env.clear()
            self._image_env[image] = decode_image_env(attrs)
        return self._image_env[image]

    def _stopped_by_hand(self, container: Container) -> bool:
        """Whether the Engine remembers that it was asked to stop a container that ended.

        It remembers the last 256 events of all kinds, and none from before its own start: what it stopped because it
        was itself stopped is not among them.
        """
        if container.state is not ContainerState.EXITED or container.finished_at is None:
            return False
        client = self._ask()
        asked = EventFilter(container.id, container.finished_at, datetime.now(UTC))
        url = f"{client.base_url}/v{client.api_version}/events"
        answer = self._bounded(client, url, asked.parameters, _LONGEST_EVENTS)
        return asked_to_stop(answer.decode(errors="replace"))

    def _log_tail(self, container: Container, *, tty: bool) -> tuple[LogLine, ...]:
        """The end of the log, empty where it cannot be read (a logging driver that only writes).

        By lines and not `since` a moment, as the Engine would read the whole file for that; more of them where these do
        not reach back as far as is asked of them. By hand, because the SDK's `logs()` takes any length and, once the
        answer began, waits without a timeout.
        """
        client = self._ask()
        url = f"{client.base_url}/v{client.api_version}/containers/{container.id}/logs"
        end = datetime.now(UTC) if container.running else container.finished_at
        log: tuple[LogLine, ...] = ()
        for lines in _LINES:
            wanted = {"stdout": 1, "stderr": 1, "tail": lines, "timestamps": 1}
            log = decode_log(self._bounded(client, url, wanted, _LONGEST_LOG), tty=tty)[-lines:]
            if len(log) < lines or _reaches_back(log, container.started_at, end):
                break
        return log

    def _bounded(self, client: docker.APIClient, url: str, params: Mapping[str, Any], longest: int) -> bytes:
        """The body of an answer up to a length, within this read's time; empty when the Engine refuses."""
        answer = bytearray()
        with closing(client.get(url, params=params, stream=True, timeout=client.timeout)) as response:
            if not response.ok:
                return b""
            for chunk in response.iter_content(_CHUNK):
                answer += chunk
                if time.monotonic() > self._deadline:
                    raise TimeoutError
                if len(answer) > longest:
                    break
        return bytes(answer)


def _reaches_back(log: tuple[LogLine, ...], began: datetime | None, end: datetime | None) -> bool:
    """Whether the log holds the last minute, or all of the last run."""
    first = log[0].at
    return (
        first is None or end is None or first <= end - _EVIDENCE or (began is not None and first < began - START_TAKES)
    )
