"""Wakes the agent when Docker does something to calico/node or to its networks.

An event is a reason to look again, never data. The stream of `GET /events` ends without an error when dockerd dies, and
says nothing for ever when dockerd is frozen: so its end counts as a failure, and a silent connection is made anew every
few seconds, from the moment of the last one on. The SDK's `events()` has no timeout, and closing it needs its private
parts; the call is plain HTTP, so this is the standard library's client on a socket of our own.
"""

import http.client
import json
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from urllib.parse import quote, urlsplit

from calico_agent.sources.docker.decode.calico_node import names_calico_node
from calico_agent.worker import Worker

_SILENCE = 10.0  # seconds without an event before the connection is made anew
_BACKOFF_FIRST = 0.2
_BACKOFF_LONGEST = 10.0
_LONGEST_EVENT = 1 << 20
_CONTAINER_ACTIONS = frozenset(
    ("create", "destroy", "die", "oom", "pause", "rename", "restart", "start", "stop", "unpause", "update")
)
_NETWORK_ACTIONS = frozenset(("create", "destroy"))
_FILTERS = quote(json.dumps({"type": ["container", "network"]}))


class DockerWatch(Worker):
    """A thread that follows the events of one Engine. `wake` is called from that thread.

    `url` is `unix:///path` or `tcp://host:port`.
    """

    def __init__(self, url: str, wake: Callable[[str], None], *, container_name: str = "calico-node") -> None:
        super().__init__("watch-docker")
        parts = urlsplit(url)
        if parts.scheme not in {"unix", "tcp"}:
            raise ValueError(f"{url!r} is no address of a Docker Engine: unix:///path or tcp://host:port")
        self._address = parts.path if parts.scheme == "unix" else (parts.hostname or "", parts.port or 2375)
        self._wake = wake
        self._container_name = container_name
        self._socket: socket.socket | None = None
        self._socket_lock = threading.Lock()

    def interrupt(self) -> None:
        """Shut the connection down that the thread waits for."""
        with self._socket_lock:
            if self._socket is not None:
                with suppress(OSError):
                    self._socket.shutdown(socket.SHUT_RDWR)  # wakes a thread that waits for it; close() does not

    def work(self) -> None:
        """Follow the events; connect anew when they end."""
        backoff = 0.0
        since = time.time()
        while not self.pause(backoff * random.uniform(0.5, 1.0)):  # noqa: S311 - spread, not secrecy
            self.beat()
            try:
                for reason in self._events(since):
                    if backoff:
                        self._wake("docker: answers again")
                    backoff = 0.0
                    self.beat()
                    if reason:
                        self._wake(reason)
            except TimeoutError:  # nothing happened; an event of the last moment may come a second time
                since = time.time() - 1.0
                continue
            except (OSError, http.client.HTTPException, ValueError):
                pass
            if not backoff and not self.stopping.is_set():
                self._wake("docker: its events ended")
            backoff = min(max(_BACKOFF_FIRST, 2 * backoff), _BACKOFF_LONGEST)
            since = time.time()

    def _events(self, since: float) -> Iterator[str]:
        """An empty text once the Engine answers, then a reason for each event that matters, until the stream ends."""
        with self._connect() as connection:
            client = http.client.HTTPConnection("docker", timeout=_SILENCE)
            client.sock = connection
            client.request("GET", f"/events?since={since:.3f}&filters={_FILTERS}")
            with client.getresponse() as response:
                if response.status != http.HTTPStatus.OK:
                    raise ValueError(f"GET /events: {response.status}")
                yield ""
                while line := response.readline(_LONGEST_EVENT):
                    yield self._reason(line)

    def _connect(self) -> socket.socket:
        family = socket.AF_UNIX if isinstance(self._address, str) else socket.AF_INET
        connection = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        connection.settimeout(_SILENCE)
        with self._socket_lock:
            self._socket = connection
        try:
            if self.stopping.is_set():  # stop() has not seen this socket
                raise ConnectionAbortedError
            connection.connect(self._address)
        except OSError:
            connection.close()
            raise
        return connection

    def _reason(self, line: bytes) -> str:
        """Why this event matters to us, empty when it does not. Raises ValueError on what is not an event."""
        event = json.loads(line)
        try:
            kind, action, attributes = event["Type"], event["Action"], event["Actor"]["Attributes"]
            name, image = attributes.get("name", ""), attributes.get("image", "")
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError("not an event of Docker's") from error
        if kind == "network" and action in _NETWORK_ACTIONS:
            return f"docker: {action} network {name}"
        ours = name == self._container_name or names_calico_node(name, image)
        return f"docker: {action} {name}" if ours and action in _CONTAINER_ACTIONS else ""
