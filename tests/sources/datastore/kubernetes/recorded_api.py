"""Plays answers that were recorded on a real kube-apiserver: one gives most of them only when it is about to fall."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.places import DATA

WIRE = DATA / "calico-kubernetes" / "wire"
ERRORS: dict[str, Any] = json.loads((WIRE / "errors.json").read_text())


@dataclass(frozen=True)
class Answer:
    """One that is given; `lines` are sent one by one and then the connection is kept, as of a watch that lasts."""

    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    lines: tuple[bytes, ...] = ()
    lasts: bool = False


def recorded(name: str) -> Answer:
    """One of `wire/errors.json`."""
    told = ERRORS[name]
    if isinstance(told, list):
        return Answer(lines=tuple(json.dumps(event).encode() + b"\n" for event in told))
    return Answer(told["status"], told["body"].encode(), tuple(told["headers"].items()))


@dataclass
class Question:
    """One that was asked."""

    path: str
    parameters: dict[str, str]
    token: str
    accept: str


@dataclass
class RecordedApi:
    """`answer` says what is answered to each question; `asked` are all of them."""

    answer: Callable[[Question], Answer]
    asked: list[Question] = field(default_factory=list)
    port: int = 0
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def playing(answer: Callable[[Question], Answer]) -> Iterator[RecordedApi]:
    """While the block runs."""
    api = RecordedApi(answer)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            parameters = {name: values[0] for name, values in parse_qs(parts.query).items()}
            token = self.headers.get("Authorization", "").removeprefix("Bearer ")
            question = Question(parts.path, parameters, token, self.headers.get("Accept", ""))
            api.asked.append(question)
            given = api.answer(question)
            self.send_response(given.status)
            for name, value in given.headers:
                self.send_header(name, value)
            if given.lines or given.lasts:
                self.send_header("Connection", "close")
                self.end_headers()
                for line in given.lines:
                    self.wfile.write(line)
                    self.wfile.flush()
                if given.lasts:
                    api.ended.wait(30)
                self.close_connection = True
                return
            self.send_header("Content-Length", str(len(given.body)))
            self.end_headers()
            self.wfile.write(given.body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        api.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield api
        finally:
            api.ended.set()
            server.shutdown()


def page(*names: str, version: str = "9", further: str = "") -> Answer:
    """A list."""
    items = [{"metadata": {"name": name, "resourceVersion": version}, "spec": {}} for name in names]
    metadata = {"resourceVersion": version, **({"continue": further} if further else {})}
    return Answer(body=json.dumps({"metadata": metadata, "items": items}).encode())
