"""Reading etcd by its v2 API, which Calico 2.x uses: recursive lists, and one long poll for each prefix.

etcd keeps the last 1,000 events of all keys together. A poll that asks for an older one is refused, and all is listed
again. So a poll waits without an end (a dead peer is noticed by the mirror's heartbeat, and by TCP's own probes): one
that is made anew after a while of silence would mostly come too late. Streaming is no way out: etcd answers a stream
that begins in the past with one event and then with nothing (etcdserver/api/v2store/watcher_hub.go of etcd@v3.4.23).

There are no pages: a list is one answer, which is bounded here.
"""

import http.client
import math
import queue
import socket
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import Self
from urllib.parse import quote

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, ProtocolError
from urllib3.response import BaseHTTPResponse
from urllib3.util import make_headers

from calico_agent.model.calico.node import Block
from calico_agent.model.calico.workload_endpoint import WorkloadEndpoint
from calico_agent.model.network.address import IPNetwork
from calico_agent.model.settings import DatastoreSettings
from calico_agent.sources.datastore.backend import Changes
from calico_agent.sources.datastore.calico.workload_endpoint import decode_endpoint_v2
from calico_agent.sources.datastore.etcd2.answer import Etcd2Answer, decode_answer
from calico_agent.sources.datastore.etcd2.decode import PREFIXES, decode_key
from calico_agent.sources.datastore.etcd3.decode import block_key
from calico_agent.sources.datastore.position import SETTLED_V2, Position, Stamp
from calico_agent.sources.datastore.server.endpoints import Endpoint
from calico_agent.sources.datastore.server.error import DatastoreError
from calico_agent.sources.datastore.server.reachability import find_cause
from calico_agent.sources.datastore.server.tls_files import UsedFiles, tls_context
from calico_agent.sources.decode_error import Malformed
from calico_agent.worker import Errand

_MAX_LIST = 512 * 1024 * 1024
_MAX_EVENT = 8 * 1024 * 1024
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
_Failures = (OSError, http.client.HTTPException, HTTPError, ValueError)


class ConnectionV2:
    """A connection to one member, to read. Every call but a poll has a deadline and raises DatastoreError."""

    def __init__(self, endpoint: Endpoint, settings: DatastoreSettings, timeout: float) -> None:
        self.endpoint = endpoint
        self._timeout = timeout
        self.files = UsedFiles(settings, tls=endpoint.tls)
        self._headers = make_headers(
            basic_auth=f"{settings.username}:{settings.password}" if settings.username else None,
            user_agent="calico-agent",
        )
        self._http = self.open()
        # Where the list of each prefix ended, and so where its watch begins. Several lists are not of one index.
        self._listed: dict[str, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the connection, from any thread."""
        shutdown(self._http)

    def renewed(self) -> bool:
        """Whether the files have changed since it was made. Raises DatastoreError where it could not be made anew."""
        return self.files.renewed()

    def readable(self) -> tuple[tuple[str, ...], str]:
        """All prefixes: there are no claims."""
        return PREFIXES, ""

    def ping(self, key: str) -> Stamp:
        """Where etcd is, confirmed by a majority of the members."""
        return self._get(f"/v2/keys{key.rstrip('/')}?quorum=true", _MAX_EVENT)[1]

    def ping_since(self, key: str, revision: int) -> Stamp:  # noqa: ARG002 - a poll tells when its events are gone
        """The same."""
        return self.ping(key)

    def read_all(self, prefixes: tuple[str, ...]) -> tuple[Stamp, Iterator[tuple[str, bytes]]]:
        """Where etcd is, and all keys below the prefixes as of then or later, prefix by prefix as they are used."""
        return self.ping("/calico/v1/Ready"), (pair for prefix in prefixes for pair in self._list(prefix))

    def position(self, prefixes: tuple[str, ...], stamp: Stamp) -> Position:
        """How far each was read, once all is read."""
        return Position(stamp, {prefix: self._listed[prefix] for prefix in prefixes}, SETTLED_V2)

    def _list(self, prefix: str) -> Iterator[tuple[str, bytes]]:
        answer, _ = self._get(f"/v2/keys{prefix.rstrip('/')}?recursive=true&quorum=true", _MAX_LIST)
        self._listed[prefix] = answer.index
        yield from answer.pairs()

    def endpoint_records(self, nodes: frozenset[str], deadline: float) -> Iterator[WorkloadEndpoint]:  # noqa: ARG002
        """The pods' records of these nodes, each in the node's own folder; one question finds those of a node."""
        for node in sorted(nodes):
            folder = quote(f"/calico/v1/host/{node}/workload")
            pairs = self._get(f"/v2/keys{folder}?recursive=true&quorum=true", _MAX_EVENT)[0].pairs()
            yield from filter(None, (decode_endpoint_v2(node, key, value) for key, value in pairs))

    def blocks(self, wanted: Collection[IPNetwork]) -> Iterator[Block]:
        """Each by a question of its own."""
        for key in map(block_key, wanted):
            for found, value in self._get(f"/v2/keys{quote(key)}?quorum=true", _MAX_EVENT)[0].pairs():
                if isinstance(block := decode_key(found, value), Block):
                    yield block

    def watch(self, starts: Mapping[str, int]) -> "WatchV2":
        """Everything that changes below the prefixes, each from its own index on."""
        return WatchV2(self, starts)

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

    def _get(self, path: str, most: int) -> tuple[Etcd2Answer, Stamp]:
        try:
            response = self.ask(self._http, path)
            answer = read_answer(response, most, self._timeout)
        except _Failures as error:
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


class WatchV2:
    """Open polls, a thread for each prefix: iterate `changes()` in one thread, `cancel()` from any."""

    def __init__(self, connection: ConnectionV2, starts: Mapping[str, int]) -> None:
        self._connection = connection
        self._found: queue.SimpleQueue[Changes | DatastoreError] = queue.SimpleQueue()
        self._cancelled = threading.Event()
        self._polls = [connection.open() for _ in starts]
        for poll, (prefix, index) in zip(self._polls, starts.items(), strict=True):
            name = f"etcd poll {prefix}"
            Errand(name, partial(self._poll, poll, prefix, index)).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cancel()

    def changes(self) -> Iterator[Changes]:
        """What changed, as etcd reports it, until the watch ends; it always ends with an DatastoreError."""
        while True:
            found = self._found.get()
            if isinstance(found, DatastoreError):
                raise found
            yield found

    def cancel(self) -> None:
        """End the polls and their threads."""
        self._cancelled.set()
        for poll in self._polls:
            shutdown(poll)
        self._found.put(DatastoreError("the watch was closed", "closed"))

    def _poll(self, poll: HTTPConnection, prefix: str, index: int) -> None:
        try:
            poll.connect()
            poll.timeout = None  # see above; each request would set it again
            poll.auto_open = 0  # one that `cancel` has closed stays closed
            while not self._cancelled.is_set():
                path = f"/v2/keys{prefix.rstrip('/')}?wait=true&recursive=true&waitIndex={index}"
                event = read_answer(self._connection.ask(poll, path), _MAX_EVENT).event()
                self._found.put(Changes(prefix, event.index, event.index, event.items, event.folders))
                index = event.index + 1
        except Malformed as malformed:
            self._found.put(DatastoreError(malformed.what, "failed"))
        except DatastoreError as error:
            self._found.put(error)
        except (*_Failures, AttributeError) as error:  # AttributeError: `cancel` took the socket away
            if not self._cancelled.is_set():
                self._found.put(self._connection.explain(error))
        finally:
            poll.close()


def shutdown(connection: HTTPConnection) -> None:
    """Close from any thread: who waits in it gets the end of the stream at once."""
    sock = connection.sock
    if sock is not None:
        with suppress(OSError):  # it may not be connected any more
            sock.shutdown(socket.SHUT_RDWR)
    connection.close()


def read_answer(response: BaseHTTPResponse, most: int, within: float = math.inf) -> Etcd2Answer:
    """What etcd answered, however long that takes as long as it comes. Raises DatastoreError, and `_Failures`."""
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
