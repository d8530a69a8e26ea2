"""The Docker Engine -> Docker: its networks, and the containers that look like calico/node.

The one place that reads through Docker's SDK. What it teaches: the client talks to the daemon in its constructor, so it
is made when it is first needed; failures are requests' exceptions as well as docker's; the default timeout is 60 s; the
SDK's own `logs()` waits for ever on a daemon that is frozen. The API version is negotiated: Docker Engine 29 refuses
everything below 1.44.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any

import docker
from docker.errors import APIError, DockerException, InvalidVersion, NotFound
from requests.exceptions import RequestException, Timeout

from calico_agent.decode.container import decode_container, decode_network, names_calico_node
from calico_agent.decode.errors import Malformed
from calico_agent.decode.log_lines import decode_log
from calico_agent.model.container import Container, Docker
from calico_agent.model.observation import Unreadable

_MOST_CONTAINERS = 16
_LONGEST_LOG = 4 << 20
_CHUNK = 1 << 16
# An answer that is JSON, but not of the Engine's form.
_OTHER_FORM = (AttributeError, KeyError, TypeError, ValueError)


class DockerReader:
    """Reads one Engine. Not for several threads: a requests session is not safe between them."""

    def __init__(self, url: str, timeout: float = 5.0) -> None:
        self._url = url
        self._timeout = timeout
        self._deadline = 0.0
        self._client: docker.APIClient | None = None
        self._version = ""

    def read(self, container_name: str, *, log_lines: int = 200) -> Docker | Unreadable:
        """Networks, and every container that is calico/node or has this name; whole within the timeout.

        Codes of Unreadable: `absent` (no socket), `refused`, `timeout` (the daemon hangs), `denied`, `version` (an
        API version that does not fit), `malformed` (what answers is not a Docker Engine), `error` (it says no).
        """
        self._deadline = time.monotonic() + self._timeout
        try:
            networks = tuple(decode_network(network) for network in self._ask().networks())
            return Docker(self._version, networks, tuple(self._containers(container_name, log_lines)))
        except (DockerException, RequestException, OSError, Malformed, *_OTHER_FORM) as error:
            self.close()
            return self._why(error)

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
            # Once for each connection: dockerd runs `runc --version` to answer this.
            self._version = str(self._client.version()["Version"])
        self._client.timeout = left  # type: ignore[assignment]
        return self._client

    def _containers(self, container_name: str, log_lines: int) -> Iterator[Container]:
        summaries = [
            summary
            for summary in self._ask().containers(all=True)
            if any(
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
            yield decode_container(attrs, self._log_tail(attrs, log_lines))

    def _log_tail(self, attrs: Mapping[str, Any], lines: int) -> tuple[str, ...]:
        """The end of the log, empty where it cannot be read (a logging driver that only writes).

        By hand, because the SDK's `logs()` takes any length and, once the answer began, waits without a timeout.
        """
        client = self._ask()
        url = f"{client.base_url}/v{client.api_version}/containers/{attrs['Id']}/logs"
        wanted = {"stdout": 1, "stderr": 1, "tail": lines}
        answer = bytearray()
        with closing(client.get(url, params=wanted, stream=True, timeout=client.timeout)) as response:
            if not response.ok:
                return ()
            for chunk in response.iter_content(_CHUNK):
                answer += chunk
                if time.monotonic() > self._deadline:
                    raise TimeoutError
                if len(answer) > _LONGEST_LOG:
                    break
        return decode_log(bytes(answer), tty=bool(attrs["Config"]["Tty"]))[-lines:]

    def _why(self, error: Exception) -> Unreadable:
        """The failure in a sentence. Docker's errors wrap requests', which wrap urllib3's, which wrap the socket's."""
        causes = list(_causes(error))
        socket_path = self._url.removeprefix("unix://")

        def caused_by(*kinds: type[BaseException]) -> bool:
            return any(isinstance(cause, kinds) for cause in causes)

        if caused_by(Timeout, TimeoutError, BlockingIOError):
            return Unreadable("Docker", f"dockerd does not answer within {self._timeout:g} s: it hangs", "timeout")
        if caused_by(FileNotFoundError, NotADirectoryError):
            return Unreadable("Docker", f"there is no socket {socket_path}: dockerd does not run here", "absent")
        if caused_by(PermissionError):
            return Unreadable("Docker", f"no permission to use {socket_path}; calico-agent runs as root", "denied")
        if caused_by(ConnectionError):
            return Unreadable("Docker", f"nobody answers on {socket_path}: dockerd does not run", "refused")
        for refusal in causes:
            if isinstance(refusal, APIError) and "API version" not in str(refusal.explanation):
                return Unreadable("Docker", f"dockerd refuses: {refusal.explanation}", "error")
            if isinstance(refusal, APIError | InvalidVersion):
                return Unreadable(
                    "Docker", f"dockerd and calico-agent have no API version in common: {error}", "version"
                )
        return Unreadable(
            "Docker", f"what answers on {socket_path} is not a Docker Engine: {causes[-1]!r}", "malformed"
        )


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and everything that it wraps, whether as cause, as context or as an argument."""
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        cause = waiting.pop()
        if isinstance(cause, BaseException) and id(cause) not in seen:
            seen.add(id(cause))
            yield cause
            waiting += [cause.__cause__, cause.__context__, *cause.args]
