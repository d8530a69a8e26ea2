"""What a client may take of the server, with deadlines that a test can wait for."""

import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from calico_agent.api.service import Service
from calico_agent.api.sockets import open_tcp
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

LARGE = b"x" * (24 << 20)


def app(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
    """A large answer, or a small one."""
    body = LARGE if environ["PATH_INFO"] == "/large" else b"small"
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]


@pytest.fixture
def port() -> Iterator[int]:
    opened = open_tcp(("127.0.0.1", 0))
    service = Service(app, opened, 8, deadline=1)
    assert service.port is not None
    yield service.port
    service.stop()


def small_answer(port: int) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as client:
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        return client.recv(100)[:12]


def is_cut(client: socket.socket) -> bool:
    """Whether the server closes the connection while somebody waits with patience."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            client.send(b" ")
        except OSError:
            return True
        time.sleep(0.1)
    return False


def test_clients_that_ask_for_much_and_do_not_take_it_hold_no_worker_for_long(port: int) -> None:
    with ExitStack() as held:
        for _ in range(6):
            deaf = held.enter_context(socket.create_connection(("127.0.0.1", port), timeout=PATIENCE))
            deaf.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n" * 3)
        assert small_answer(port) == b"HTTP/1.0 200"


def test_a_client_that_takes_its_large_answer_gets_all_of_it(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as client:
        client.sendall(b"GET /large HTTP/1.0\r\n\r\n")
        received = 0
        while chunk := client.recv(1 << 20):
            received += len(chunk)
    assert received > len(LARGE)


def test_a_request_that_does_not_end_is_cut(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as slow:
        slow.sendall(b"GET / HTTP/1.1\r\nX: ")
        assert is_cut(slow)


def test_whoever_waits_longest_makes_room(port: int) -> None:
    with ExitStack() as held:
        first = held.enter_context(socket.create_connection(("127.0.0.1", port), timeout=PATIENCE))
        for _ in range(8):
            held.enter_context(socket.create_connection(("127.0.0.1", port), timeout=PATIENCE))
        assert small_answer(port) == b"HTTP/1.0 200"
        assert is_cut(first)
