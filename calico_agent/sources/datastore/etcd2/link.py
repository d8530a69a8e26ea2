"""A connection to one member of etcd by its v2 API: what is sent over it, how much may come back, and why it failed."""

import http.client
import math
import socket
import time
from contextlib import suppress

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, ProtocolError
from urllib3.response import BaseHTTPResponse
from urllib3.util import make_headers

from calico_agent.model.settings import DatastoreSettings
from calico_agent.sources.datastore.etcd2.answer import Etcd2Answer, decode_answer
from calico_agent.sources.datastore.in_use import ClosedAfterUse
from calico_agent.sources.datastore.position import Stamp
from calico_agent.sources.datastore.server.endpoints import Endpoint
from calico_agent.sources.datastore.server.error import DatastoreError
from calico_agent.sources.datastore.server.reachability import find_cause
from calico_agent.sources.datastore.server.tls_files import UsedFiles, tls_context
from calico_agent.sources.decode_error import Malformed

LARGEST_EVENT = 8 * 1024 * 1024
_PROBE_SECONDS = 2.0
_CHUNK = 1 << 16
# Bytes a second below which nothing is a link any more.
_SLOWEST = 1000
# A peer that is gone is noticed by the kernel after 10 + 3 x 5 s.
_KEEPALIVE = [
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 10),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
]
FAILURES = (OSError, http.client.HTTPException, HTTPError, ValueError)
"""What a request may fail with, beside DatastoreError."""


class Etcd2Connection(ClosedAfterUse):
    """An HTTP connection to one member. Every call has a deadline and raises DatastoreError."""

    def __init__(self, endpoint: Endpoint, settings: DatastoreSettings, timeout: float) -> None:
        self.endpoint = endpoint
        self._timeout = timeout
        self.files = UsedFiles(settings, tls=endpoint.tls)
        self._headers = make_headers(
            basic_auth=f"{settings.username}:{settings.password}" if settings.username else None,
            user_agent="calico-agent",
        )
        self._http = self.open()

    def close(self) -> None:
        """End the connection, from any thread."""
        shutdown(self._http)

    def renewed(self) -> bool:
        """Whether the files have changed since it was made. Raises DatastoreError where it could not be made anew."""
        return self.files.renewed()

    def open(self) -> HTTPConnection:
        """Another connection to the same member, not connected yet."""
        host, port = self.endpoint.host, self.endpoint.port
        options = [*HTTPConnection.default_socket_options, *_KEEPALIVE]
        if not self.endpoint.tls:
            return HTTPConnection(host, port, timeout=self._timeout, socket_options=options)
        context = tls_context(self.files.files)
        return HTTPSConnection(host, port, timeout=self._timeout, socket_options=options, ssl_context=context)

    def ask(self, connection: HTTPConnection, path: str) -> BaseHTTPResponse:
        """Send one request and wait for the head of its answer."""
        connection.request("GET", path, headers=self._headers, preload_content=False)
        return connection.getresponse()

    def get(self, path: str, most: int = LARGEST_EVENT) -> tuple[Etcd2Answer, Stamp]:
        """Return the answer to one request, of at most so many bytes, and where etcd is as of then."""
        try:
            response = self.ask(self._http, path)
            answer = read_answer(response, most, self._timeout)
        except FAILURES as error:
            shutdown(self._http)
            raise self.explain(error) from None
        term = response.headers.get("X-Raft-Term", "")
        cluster = response.headers.get("X-Etcd-Cluster-Id", "")
        return answer, Stamp(cluster, int(term) if term.isascii() and term.isdigit() else 0, answer.index)

    def explain(self, error: Exception) -> DatastoreError:
        """The reason for people."""
        cause = find_cause(self.endpoint, self.files.files, min(_PROBE_SECONDS, self._timeout))
        if cause is not None:
            return cause
        if isinstance(error, TimeoutError):
            return DatastoreError(f"no answer within {self._timeout:.3g} s", "timeout")
        if isinstance(error, ConnectionError | http.client.IncompleteRead | ProtocolError):
            return DatastoreError("the connection broke off in the middle of an answer", "failed")
        if isinstance(error, http.client.HTTPException | HTTPError):
            # Not the error itself, which quotes what came.
            return DatastoreError("what answers there does not speak HTTP, and is no etcd", "failed")
        return DatastoreError(" ".join(str(error).split())[:300] or type(error).__name__, "failed")


def shutdown(connection: HTTPConnection) -> None:
    """Close from any thread: who waits in it gets the end of the stream at once."""
    sock = connection.sock
    if sock is not None:
        with suppress(OSError):  # it may not be connected any more
            sock.shutdown(socket.SHUT_RDWR)
    connection.close()


def read_answer(response: BaseHTTPResponse, most: int, within: float = math.inf) -> Etcd2Answer:
    """What etcd answered, however long that takes as long as it comes. Raises DatastoreError, and those of FAILURES."""
    began, body = time.monotonic(), bytearray()
    while chunk := response.read1(_CHUNK):
        body += chunk
        if len(body) > most:
            raise DatastoreError(f"an answer is larger than {most} bytes", "failed")
        elapsed = time.monotonic() - began
        if elapsed > within and len(body) < elapsed * _SLOWEST:
            raise TimeoutError
    if not body and response.status == 200:
        raise DatastoreError("etcd ended the watch", "canceled")
    try:
        answer = decode_answer(response.status, response.headers.get("X-Etcd-Index", ""), bytes(body))
    except Malformed as malformed:
        raise DatastoreError(malformed.what, "failed") from None
    if answer.refusal:
        raise DatastoreError(answer.refusal, answer.code)
    return answer
