"""What answers at the endpoint and is no etcd: junk, half an answer, another server, one that drips."""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from calico_agent.model.observation import Unreadable
from calico_agent.model.settings import DatastoreSettings, EtcdApi
from calico_agent.sources.datastore.reading import read_datastore
from tests.patience import PATIENCE

HEAD = b"HTTP/1.1 200 OK\r\nX-Etcd-Index: 5\r\nContent-Length: 100000\r\n\r\n"


@contextmanager
def server(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """The port of one that gives this answer to everybody."""
    with socket.create_server(("127.0.0.1", 0)) as door:

        def serve(client: socket.socket) -> None:
            with suppress(OSError), client:
                answer(client)

        def accept() -> None:
            with suppress(OSError):
                while True:
                    threading.Thread(target=serve, args=(door.accept()[0],), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield door.getsockname()[1]
        door.shutdown(socket.SHUT_RDWR)


def junk(client: socket.socket) -> None:
    while True:
        client.sendall(b"\x1b[31m" + os.urandom(1000))
        time.sleep(0.01)


def said(text: bytes) -> Callable[[socket.socket], None]:
    def answer(client: socket.socket) -> None:
        client.recv(4096)
        client.sendall(text)

    return answer


def drip(client: socket.socket) -> None:
    client.recv(4096)
    client.sendall(HEAD)
    while True:
        client.sendall(b" ")
        time.sleep(0.2)


def hang_up(_: socket.socket) -> None:
    pass


BROKE = "the connection broke off in the middle of an answer"
NOT_HTTP2 = "what answers there does not speak HTTP/2, and is no etcd of version 3"


@pytest.mark.parametrize(
    ("api", "answer", "told"),
    [
        pytest.param(EtcdApi.V3, junk, NOT_HTTP2, id="junk, by v3"),
        pytest.param(EtcdApi.V2, junk, "what answers there does not speak HTTP, and is no etcd", id="junk, by v2"),
        pytest.param(EtcdApi.V3, said(b"HTTP/1.1 200 OK\r\n\r\n<html>"), NOT_HTTP2, id="a web server, by v3"),
        pytest.param(
            EtcdApi.V2,
            said(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>"),
            "an answer of status 200 is not etcd's",
            id="a web server, by v2",
        ),
        pytest.param(EtcdApi.V2, said(HEAD + b'{"action": "get", "node": {"ke'), BROKE, id="half a JSON value, by v2"),
        pytest.param(EtcdApi.V2, hang_up, BROKE, id="no word, by v2"),
        pytest.param(EtcdApi.V2, drip, "no answer within 0.", id="an answer in drops, by v2"),
    ],
)
def test_what_is_no_etcd_is_told_in_a_sentence_and_in_time(
    api: EtcdApi, answer: Callable[[socket.socket], None], told: str
) -> None:
    with server(answer) as port:
        url = f"http://127.0.0.1:{port}"
        began = time.monotonic()
        read = read_datastore(DatastoreSettings((url,), api=api), timeout=0.5)
        assert time.monotonic() - began < PATIENCE
    assert isinstance(read, Unreadable)
    assert read.reason.startswith(f"{url}: {told}")
