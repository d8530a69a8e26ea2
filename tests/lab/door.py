"""A door into a host's agent: a port of loopback on the machine that leads to its socket."""

import contextlib
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread

from tests.lab.lab import Lab

_SOCKET = Path("run/calico-agent/agent.sock")


class _Door(ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, path: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Passage)
        self.path = path


class _Passage(StreamRequestHandler):
    """One connection: what comes from each side goes to the other until both are through."""

    def handle(self) -> None:
        assert isinstance(self.server, _Door)
        with socket.socket(socket.AF_UNIX) as inside, contextlib.suppress(OSError):
            inside.connect(str(self.server.path))
            back = Thread(target=self._back, args=(inside,), daemon=True)
            back.start()
            while data := self.connection.recv(65536):
                inside.sendall(data)
            inside.shutdown(socket.SHUT_WR)
            back.join()

    def _back(self, inside: socket.socket) -> None:
        with contextlib.suppress(OSError), inside.makefile("rb", buffering=0) as answers:
            shutil.copyfileobj(answers, self.wfile)
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def door(lab: Lab, host: str) -> Iterator[int]:
    """The port, while it is open. An agent that is away is one that does not answer there."""
    with _Door(lab.host(host).root / _SOCKET) as server:
        serving = Thread(target=server.serve_forever, daemon=True)
        serving.start()
        try:
            yield int(server.server_address[1])
        finally:
            server.shutdown()
            serving.join()
