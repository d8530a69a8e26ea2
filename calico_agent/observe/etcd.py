"""The one door to etcd: consistent lists, a watch, and errors that say what to do.

Of python-etcd3 0.12 only the generated messages and stubs are used, because its client
- drops `limit`, `revision` and `count_only` without a word, so that it can neither page nor read one revision,
- spins when etcd goes away while a watch is open (60 % of a core), and never re-creates the watch,
- falls back to plain text when a client certificate is given without an authority, and reads certificates only once.

Its generated messages are older than what today's compiled protobuf loads; the pure-Python implementation takes them.
That has to be chosen before the first import of google.protobuf, which is here.
"""

import os
import queue
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from calico_agent.model.settings import DatastoreSettings
from calico_agent.observe.endpoints import Endpoint
from calico_agent.observe.etcd_error import EtcdError
from calico_agent.observe.reachability import find_cause
from calico_agent.observe.tls_files import TlsFiles, TlsMaterial, read_tls

os.environ["PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION"] = "python"
os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # gRPC's own lines would repeat on stderr what we report

import grpc

with warnings.catch_warnings():  # protobuf deprecates how the messages were generated
    warnings.simplefilter("ignore", DeprecationWarning)
    from etcd3 import etcdrpc

_PAGE = 500
_PROBE_SECONDS = 2.0
_OPTIONS = [
    # A page of blocks exceeds gRPC's 4 MiB; etcd bounds what it sends by what it once accepted.
    ("grpc.max_receive_message_length", -1),
    # A dead peer is noticed after 15 s. Older gRPC reads the second, newer the third. etcd allows no ping below 5 s.
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.http2.ping_timeout_ms", 5_000),
    ("grpc.http2.max_pings_without_data", 0),
    # A connection of our own: channels share theirs otherwise, and renewed certificates would not be used.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    # etcd is never reached through a web proxy that happens to be in the environment.
    ("grpc.enable_http_proxy", 0),
]


@dataclass(frozen=True, slots=True)
class Changes:
    """What one message of the watch says: keys with their new value, None where the key was deleted."""

    revision: int
    items: tuple[tuple[str, bytes | None], ...]


class Connection:
    """A connection to one member of etcd. Every call has a deadline and raises EtcdError; close() ends them all."""

    def __init__(self, endpoint: Endpoint, settings: DatastoreSettings, timeout: float) -> None:
        self.endpoint = endpoint
        self._timeout = timeout
        self._files = TlsFiles(settings.ca_file, settings.cert_file, settings.key_file)
        self._tls = read_tls(self._files) if endpoint.tls else TlsMaterial()
        self._channel = _open_channel(endpoint, self._tls)
        self._kv = etcdrpc.KVStub(self._channel)
        self._metadata: tuple[tuple[str, str], ...] = ()
        if settings.username:
            try:
                self._metadata = (("token", self._authenticate(settings.username, settings.password)),)
            except EtcdError:
                self.close()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the connection and whatever still waits on it, from any thread."""
        self._channel.close()

    def ping(self, key: str) -> int:
        """The current revision, confirmed by a majority of the members. Reads no value."""
        revision: int = self._range(etcdrpc.RangeRequest(key=key.encode(), count_only=True)).header.revision
        return revision

    def read_all(self, prefixes: tuple[str, ...]) -> tuple[int, dict[str, bytes]]:
        """All keys below the prefixes at one revision, and that revision."""
        revision = self.ping(prefixes[0])
        found: dict[str, bytes] = {}
        for prefix in prefixes:
            found.update(self._pages(prefix, revision))
        return revision, found

    def _pages(self, prefix: str, revision: int) -> Iterator[tuple[str, bytes]]:
        start, end = prefix.encode(), _end_of(prefix)
        while True:
            page = self._range(etcdrpc.RangeRequest(key=start, range_end=end, limit=_PAGE, revision=revision))
            for pair in page.kvs:
                yield _key(pair.key), pair.value
            if not page.more:
                return
            start = page.kvs[-1].key + b"\0"

    def watch(self, prefixes: tuple[str, ...], start_revision: int) -> "Watch":
        """Everything that changes below the prefixes from `start_revision` on."""
        return Watch(self, etcdrpc.WatchStub(self._channel), self._metadata, prefixes, start_revision)

    def certificates_changed(self) -> bool:
        """Whether the files hold something else than what this connection was made with."""
        try:
            return self.endpoint.tls and read_tls(self._files) != self._tls
        except EtcdError:
            return False  # in the middle of a renewal; what this connection was made with still works

    def _range(self, request: etcdrpc.RangeRequest) -> etcdrpc.RangeResponse:
        with self.translated():
            return self._kv.Range(request, timeout=self._timeout, metadata=self._metadata)

    def _authenticate(self, username: str, password: str) -> str:
        request = etcdrpc.AuthenticateRequest(name=username, password=password)
        with self.translated():
            token: str = etcdrpc.AuthStub(self._channel).Authenticate(request, timeout=self._timeout).token
        return token

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Turn gRPC's errors into EtcdError."""
        try:
            yield
        except grpc.RpcError as error:
            raise self._explain(error) from None
        except ValueError:  # gRPC's word for a channel that another thread closed
            raise EtcdError("the connection was closed", "closed") from None

    def _explain(self, error: grpc.Call) -> EtcdError:
        status, details = error.code(), " ".join(str(error.details()).split())[:300]
        if status is grpc.StatusCode.CANCELLED:
            return EtcdError("the connection was closed", "closed")
        if "etcdserver: " in details:
            return _explain_etcd(status, details.partition("etcdserver: ")[2])
        if status in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
            cause = find_cause(self.endpoint, self._files, min(_PROBE_SECONDS, self._timeout))
            if cause is not None:
                return cause
        if status is grpc.StatusCode.DEADLINE_EXCEEDED:
            return EtcdError(f"no answer within {self._timeout:g} s", "timeout")
        return EtcdError(f"{status.name.lower().replace('_', ' ')}: {details}", "failed")


class Watch:
    """An open watch: iterate `changes()` in one thread, `cancel()` from any. As a context it ends with the block."""

    def __init__(
        self,
        connection: Connection,
        stub: etcdrpc.WatchStub,
        metadata: tuple[tuple[str, str], ...],
        prefixes: tuple[str, ...],
        start: int,
    ) -> None:
        self._connection = connection
        self._requests: queue.SimpleQueue[etcdrpc.WatchRequest | None] = queue.SimpleQueue()
        for prefix in prefixes:
            create = etcdrpc.WatchCreateRequest(key=prefix.encode(), range_end=_end_of(prefix), start_revision=start)
            self._requests.put(etcdrpc.WatchRequest(create_request=create))
        with connection.translated():
            # `hasleader`: a member that lost its leader ends the watch instead of keeping silent.
            self._call = stub.Watch(iter(self._requests.get, None), metadata=(*metadata, ("hasleader", "true")))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cancel()

    def changes(self) -> Iterator[Changes]:
        """What changed, as etcd reports it, until the watch ends; it always ends with an EtcdError."""
        with self._connection.translated():
            for response in self._call:
                if response.compact_revision:
                    raise EtcdError(f"the revisions up to {response.compact_revision} were compacted", "compacted")
                if response.canceled:
                    raise EtcdError(
                        f"etcd ended the watch: {response.cancel_reason or 'no reason given'}"[:300], "canceled"
                    )
                if response.events:
                    yield Changes(response.header.revision, tuple(_change(event) for event in response.events))
        raise EtcdError("etcd ended the watch", "canceled")

    def cancel(self) -> None:
        """End the watch and the thread that gRPC keeps for its requests."""
        self._requests.put(None)
        self._call.cancel()


def _open_channel(endpoint: Endpoint, tls: TlsMaterial) -> grpc.Channel:
    if not endpoint.tls:
        return grpc.insecure_channel(endpoint.authority, options=_OPTIONS)
    credentials = grpc.ssl_channel_credentials(tls.ca, tls.key, tls.certificate)
    return grpc.secure_channel(endpoint.authority, credentials, options=_OPTIONS)


def _explain_etcd(status: grpc.StatusCode, said: str) -> EtcdError:
    if "authentication failed" in said:
        return EtcdError("etcd refuses the user name or password", "denied")
    if "user name is empty" in said or "invalid auth token" in said:
        return EtcdError(f"etcd demands a user name and password, or a newer token ({said})", "denied")
    if "permission denied" in said:
        return EtcdError("etcd does not let this user read Calico's keys (permission denied)", "denied")
    return EtcdError(f"etcd says: {said}", "timeout" if status is grpc.StatusCode.DEADLINE_EXCEEDED else "failed")


def _change(event: etcdrpc.WatchResponse) -> tuple[str, bytes | None]:
    return _key(event.kv.key), None if event.type == event.DELETE else event.kv.value


def _key(raw: bytes) -> str:
    return raw.decode(errors="backslashreplace")


def _end_of(prefix: str) -> bytes:
    """The first key after all keys with this prefix. Prefixes end in ASCII, so the last byte can be counted up."""
    start = prefix.encode()
    return start[:-1] + bytes([start[-1] + 1])
