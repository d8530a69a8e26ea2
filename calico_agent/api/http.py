"""The HTTP server: the application on its two sockets, in the background.

Each socket has its own server with its own limit of connections: clients that hold all of them on the TCP port do not
keep `calico-agent status` from its answer. A socket that cannot be opened stops nothing: it is tried again, and the
report tells.
"""

import resource
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from socket import socket

from calico_agent.api.access import Access
from calico_agent.api.app import App
from calico_agent.api.latest import AgentHealth
from calico_agent.api.questions import Questions
from calico_agent.api.service import Service
from calico_agent.api.sockets import open_tcp, open_unix
from calico_agent.errors import AnotherAgentError, ServeError
from calico_agent.faults.agent import AGENT_HTTP
from calico_agent.model.observation import AgentTrouble
from calico_agent.model.settings import AccessFiles

_CONNECTIONS = 64
_PROTECT = "set these, or listen on loopback, and restart calico-agent (docs/network-and-security.md)"
# Of all the files that the process may have open: its own work needs some fifty, and comes first.
_SHARE_OF_FILES = 16


class _Door:
    """One place to serve on: how it is opened, who answers there, and why it is not open."""

    def __init__(self, place: str, opener: Callable[[], socket], app: App, access: Access | None = None) -> None:
        self._place = place
        self._access = access
        self._opener = opener
        self._app = app
        self.service: Service | None = None
        self.trouble: AgentTrouble | None = None

    def open(self) -> None:
        """Open it, unless it is open. Raises AnotherAgentError."""
        if self.service is not None:
            return
        try:
            opened = self._opener()
        except AnotherAgentError:
            raise
        except ServeError as error:
            effect = "nobody gets an answer there; all else goes on, and it is tried again"
            self.trouble = AgentTrouble(AGENT_HTTP, self._place, error.message, effect=effect, cure=error.hint)
        else:
            self.trouble = None
            self.service = Service(self._app, opened, _connections(), access=self._access)

    def close(self) -> None:
        if self.service is not None:
            self.service.stop()
        self.service = None


class HttpServer:
    """Serves the latest report until it is stopped."""

    def __init__(
        self,
        latest: AgentHealth,
        listen: tuple[str, int] | None,
        socket_path: Path | None,
        questions: Questions | None = None,
        *,
        access: AccessFiles | None = None,
        group: str = "",
    ) -> None:
        """`listen`: address and port, None for no TCP at all. `socket_path`: None for no unix socket.

        `access` are the files by which those who ask over TCP and the agent know each other; None: there are none.
        `group` may use the unix socket; empty: the one that this process has.
        """
        self._socket_path = socket_path
        self._socket_inode = 0
        self._group = group
        self._listen = listen
        self._access = Access(access)
        latest.tls_ends = lambda: self._access.ends
        self._doors: list[_Door] = []
        if socket_path is not None:
            self._doors.append(_Door(str(socket_path), self._open_unix, App(latest, questions)))
        if listen is not None:
            app = App(latest, questions, self._access)
            self._doors.append(_Door(f"{listen[0]} port {listen[1]}", self._open_tcp, app, self._access))

    @property
    def port(self) -> int | None:
        """The TCP port that is really in use; differs from the wanted one where that was 0."""
        return next((door.service.port for door in self._doors if door.service and door.service.port), None)

    def start(self) -> None:
        """Serve where it can. Raises AnotherAgentError, and then nothing is left open."""
        try:
            for door in self._doors:
                door.open()
        except AnotherAgentError:
            self.stop()
            raise

    def retry(self) -> None:
        """Try again what could not be opened. By now a socket that answers is somebody else's fault, not ours."""
        for door in self._doors:
            with suppress(AnotherAgentError):
                door.open()

    def heartbeat(self) -> float:
        """Return when the slower of its threads was last seen alive (monotonic seconds)."""
        return min((door.service.heartbeat() for door in self._doors if door.service), default=time.monotonic())

    def troubles(self) -> tuple[AgentTrouble, ...]:
        """Where it cannot serve, and why; and what is wrong with its certificate."""
        return (
            *(door.trouble for door in self._doors if door.trouble is not None),
            *self._access.troubles(datetime.now(UTC)),
        )

    def stop(self) -> None:
        """Stop serving; answers that are being written get a moment."""
        for door in self._doors:
            door.close()
        self._remove_socket_file()

    def _open_tcp(self) -> socket:
        """What others reach is opened with what protects it, or not at all. Raises ServeError."""
        assert self._listen is not None, "there is such a door only with an address"
        address, port = self._listen
        if exposed := self._access.files.exposes(address):
            raise ServeError(f"cannot listen on {address} port {port}: {exposed}", hint=_PROTECT)
        self._access.open()
        return open_tcp(self._listen)

    def _open_unix(self) -> socket:
        assert self._socket_path is not None, "there is such a door only with a path"
        opened = open_unix(self._socket_path, self._group)
        self._socket_inode = self._socket_path.stat().st_ino
        return opened

    def _remove_socket_file(self) -> None:
        """Only our own: another agent may have replaced it."""
        if self._socket_path is None or not self._socket_inode:
            return
        with suppress(OSError):
            if self._socket_path.stat().st_ino == self._socket_inode:
                self._socket_path.unlink()
        self._socket_inode = 0


def _connections() -> int:
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _CONNECTIONS if files == resource.RLIM_INFINITY else max(4, min(_CONNECTIONS, files // _SHARE_OF_FILES))
