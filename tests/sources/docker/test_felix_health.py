"""sources/docker/felix_health.py against real servers: a process answers as Felix does, and others do not."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from calico_agent.model.calico.felix_health import FelixComponent, FelixHealth
from calico_agent.sources.docker.felix_health import FelixHealthReader

pytestmark = pytest.mark.real

TABLE = "| InternalDataplaneMainLoop | 1m30s | timed out | timed out | |"
HUNG = FelixHealth(live=False, hung=(FelixComponent("InternalDataplaneMainLoop", "1m30s", "timed out"),))
FELIX = """
import http.server, sys, threading
class Health(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        status, body = (int(sys.argv[1]), sys.argv[2].encode()) if self.path == "/liveness" else (404, b"")
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_): pass
class Metrics(Health):
    def do_GET(self): self.send_error(404)
class Server6(http.server.ThreadingHTTPServer):
    address_family = 10
host = sys.argv[3]
kind = Server6 if ":" in host else http.server.ThreadingHTTPServer
for handler in (Metrics, Health):
    server = kind((host, 0), handler)
    threading.Thread(target=server.serve_forever).start()
print("ready", flush=True)
"""
MUTE = """
import socket
listener = socket.create_server(("127.0.0.1", 0))
print("ready", flush=True)
listener.accept()[0].recv(1)
input()
"""


@contextmanager
def running(code: str, *arguments: str) -> Iterator[int]:
    """A Python program that says when it is ready; its process number."""
    with subprocess.Popen(
        (sys.executable, "-c", code, *arguments), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process.pid
        finally:
            process.kill()


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "::1", "::"])
@pytest.mark.parametrize(
    ("status", "said"), [(503, HUNG), (200, FelixHealth(live=True, hung=HUNG.hung))], ids=["it hangs", "it is live"]
)
def test_the_port_is_found_whatever_it_is(host: str, status: int, said: FelixHealth) -> None:
    with running(FELIX, str(status), TABLE, host) as pid:
        assert FelixHealthReader().read(pid) == said


def test_a_proxy_of_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with running(FELIX, "503", TABLE, "127.0.0.1") as pid:
        assert FelixHealthReader().read(pid) == HUNG


def test_another_process_on_the_port_is_not_believed() -> None:
    with running(FELIX, "503", TABLE, "127.0.0.1"), running("print('ready', flush=True); input()") as felix:
        assert FelixHealthReader().read(felix) is None


def test_one_that_is_started_again_is_looked_at_anew() -> None:
    reader = FelixHealthReader()
    with running(FELIX, "503", TABLE, "127.0.0.1") as first:
        assert reader.read(first) == HUNG
    with running(FELIX, "204", "", "127.0.0.1") as second:
        assert reader.read(second) == FelixHealth(live=True)
    assert reader.read(4194304) is None, "a process that is gone"


def test_one_that_answers_nothing_is_not_known_and_not_waited_for_again() -> None:
    reader = FelixHealthReader()
    with running(MUTE) as pid:
        assert reader.read(pid) is None
        assert reader.read(pid) is None
