"""The HTTP server: the application on its two sockets, in the background.

Each socket has its own server with its own limit of connections: clients that hold all of them on the TCP port do not
keep `calico-agent status` from its answer. Slow clients occupy a connection but no worker (waitress reads and writes
in one loop), and idle ones are closed.
"""

import threading
from contextlib import suppress
from pathlib import Path
from socket import socket
from typing import Any

from waitress import wasyncore
from waitress.server import BaseWSGIServer, create_server

from calico_agent.serve.app import App
from calico_agent.serve.latest import Latest
from calico_agent.serve.questions import Questions
from calico_agent.serve.sockets import open_tcp, open_unix

_WORKERS = 2
_CONNECTIONS = 64
_IDLE_SECONDS = 10
_STOP_SECONDS = 2


class HttpServer:
    """Serves the latest report until it is stopped."""

    def __init__(
        self,
        latest: Latest,
        listen: tuple[str, int] | None,
        socket_path: Path | None,
        questions: Questions | None = None,
    ) -> None:
        """`listen`: address and port, None for no TCP at all. `socket_path`: None for no unix socket."""
        self._app = App(latest, questions)
        self._listen = listen
        self._socket_path = socket_path
        self._socket_inode = 0
        self._services: list[_Service] = []

    @property
    def port(self) -> int | None:
        """The TCP port that is really in use; differs from the wanted one where that was 0."""
        ports = [service.port for service in self._services if service.port]
        return ports[0] if ports else None

    def start(self) -> None:
        """Open the sockets and serve. Raises ServeError, and then nothing is left open."""
        sockets: list[socket] = []
        try:
            if self._socket_path is not None:
                sockets.append(open_unix(self._socket_path))
                self._socket_inode = self._socket_path.stat().st_ino
            if self._listen is not None:
                sockets.append(open_tcp(self._listen))
        except Exception:
            for opened in sockets:
                opened.close()
            self._remove_socket_file()
            raise
        self._services = [_Service(self._app, opened) for opened in sockets]

    def stop(self) -> None:
        """Stop serving; answers that are being written get a moment."""
        for service in self._services:
            service.stop()
        self._services = []
        self._remove_socket_file()

    def _remove_socket_file(self) -> None:
        """Only our own: another agent may have replaced it."""
        if self._socket_path is None or not self._socket_inode:
            return
        with suppress(OSError):
            if self._socket_path.stat().st_ino == self._socket_inode:
                self._socket_path.unlink()
        self._socket_inode = 0


class _Service:
    """One socket with its loop and its workers."""

    def __init__(self, app: App, opened: socket) -> None:
        address = opened.getsockname()
        self.port: int | None = address[1] if isinstance(address, tuple) else None
        self._stopping = threading.Event()
        self._map: dict[int, Any] = {}
        server = create_server(
            app,
            map=self._map,
            sockets=[opened],
            threads=_WORKERS,
            connection_limit=_CONNECTIONS,
            channel_timeout=_IDLE_SECONDS,
            cleanup_interval=1,
            max_request_header_size=8192,
            max_request_body_size=8192,
            clear_untrusted_proxy_headers=True,
            log_socket_errors=False,
            ident=None,
        )
        assert isinstance(server, BaseWSGIServer), "one socket makes one server"
        self._server = server
        self._thread = threading.Thread(target=self._serve, name=f"http-{self.port or 'unix'}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._server.pull_trigger()
        self._thread.join(2 * _STOP_SECONDS)

    def _serve(self) -> None:
        while not self._stopping.is_set():
            wasyncore.loop(timeout=1, use_poll=True, map=self._map, count=1)
        self._server.task_dispatcher.shutdown(timeout=_STOP_SECONDS)
        wasyncore.close_all(self._map)
