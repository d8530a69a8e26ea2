"""A connection to one member of etcd: channel, certificates, login, deadlines, and errors that say what to do.

Of python-etcd3 0.12 only the generated messages and stubs are used, because its client
- drops `limit`, `revision` and `count_only` without a word, so that it can neither page nor read one revision,
- spins when etcd goes away while a watch is open (60 % of a core), and never re-creates the watch,
- falls back to plain text when a client certificate is given without an authority, and reads certificates only once.

Its generated messages are older than what today's compiled protobuf loads; the pure-Python implementation takes them.
That has to be chosen before the first import of google.protobuf, which is here.
"""

import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from calico_agent.descriptors import can_open
from calico_agent.model.settings import DatastoreSettings
from calico_agent.sources.datastore.in_use import ClosedAfterUse
from calico_agent.sources.datastore.server.endpoints import Endpoint
from calico_agent.sources.datastore.server.error import DatastoreError
from calico_agent.sources.datastore.server.reachability import find_cause
from calico_agent.sources.datastore.server.tls_files import TlsMaterial, UsedFiles

os.environ["PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION"] = "python"
os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # gRPC's own lines would repeat on stderr what we report

import grpc
from grpc import _common

# A thread that waits for a watch wakes this often (s), ten times a second by default, so that signals get through; they
# do in the main thread anyway. It was a quarter of what a quiet daemon costs. Where gRPC drops the name it is again.
_common.MAXIMUM_WAIT_TIMEOUT = 2.0

with warnings.catch_warnings():  # protobuf deprecates how the messages were generated
    warnings.simplefilter("ignore", DeprecationWarning)
    from etcd3 import etcdrpc

__all__ = ["EtcdConnection", "etcdrpc"]

_PROBE_SECONDS = 2.0
_DESCRIPTORS = 16  # where gRPC cannot open what it needs for a channel, it ends the whole process
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


class EtcdConnection(ClosedAfterUse):
    """A connection to one member. Every call has the deadline `timeout` (s) and raises DatastoreError."""

    def __init__(self, endpoint: Endpoint, settings: DatastoreSettings, timeout: float) -> None:
        if not can_open(_DESCRIPTORS):
            raise DatastoreError("calico-agent is out of file descriptors", "short")
        self.endpoint = endpoint
        self.timeout = timeout
        self.files = UsedFiles(settings, tls=endpoint.tls)
        self.channel = _open_channel(endpoint, self.files.material)
        self.metadata: tuple[tuple[str, str], ...] = ()
        self._settings = settings
        try:
            self._log_in()
        except DatastoreError:
            self.close()
            raise

    def close(self) -> None:
        """End the connection and whatever still waits on it, from any thread."""
        self.channel.close()

    def renewed(self) -> bool:
        """Whether the files have changed since it was made. Raises DatastoreError where it could not be made anew."""
        return self.files.renewed()

    def call(self, method: Callable[..., Any], request: object) -> Any:  # noqa: ANN401 - etcd's generated messages
        """One call of a stub. When the token has expired, or a change of users voids it, with a new one once more."""
        try:
            return self._call(method, request)
        except DatastoreError as error:
            if error.code != "token":
                raise
        self._log_in()
        try:
            return self._call(method, request)
        except DatastoreError as error:
            raise DatastoreError(error.reason, "denied" if error.code == "token" else error.code) from None

    def _call(self, method: Callable[..., Any], request: object) -> Any:  # noqa: ANN401
        with self.translated():
            return method(request, timeout=self.timeout, metadata=self.metadata)

    def _log_in(self) -> None:
        if not self._settings.username:
            return
        request = etcdrpc.AuthenticateRequest(name=self._settings.username, password=self._settings.password)
        with self.translated():
            answer = etcdrpc.AuthStub(self.channel).Authenticate(request, timeout=self.timeout)
        self.metadata = (("token", answer.token),)

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Turn gRPC's errors into DatastoreError."""
        try:
            yield
        except grpc.RpcError as error:
            raise self._explain(error) from None
        except ValueError:  # gRPC's word for a channel that another thread closed
            raise DatastoreError("the connection was closed", "closed") from None

    def _explain(self, error: grpc.Call) -> DatastoreError:
        status, details = error.code(), " ".join(str(error.details()).split())[:300]
        if status is grpc.StatusCode.CANCELLED:
            return DatastoreError("the connection was closed", "closed")
        if "etcdserver: " in details:
            return _explain_etcd(status, details.partition("etcdserver: ")[2])
        if status in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
            cause = find_cause(self.endpoint, self.files.files, min(_PROBE_SECONDS, self.timeout))
            if cause is not None:
                return cause
        # Before 1.82 gRPC has no word for it.
        if "Failed parsing HTTP/2" in details or details.endswith("last error: OK"):
            return DatastoreError("what answers there does not speak HTTP/2, and is no etcd of version 3", "failed")
        if status is grpc.StatusCode.DEADLINE_EXCEEDED:
            return DatastoreError(f"no answer within {self.timeout:.3g} s", "timeout")
        return DatastoreError(f"{status.name.lower().replace('_', ' ')}: {details}", "failed")


def _open_channel(endpoint: Endpoint, tls: TlsMaterial) -> grpc.Channel:
    if not endpoint.tls:
        return grpc.insecure_channel(endpoint.authority, options=_OPTIONS)
    credentials = grpc.ssl_channel_credentials(tls.ca, tls.key, tls.certificate)
    return grpc.secure_channel(endpoint.authority, credentials, options=_OPTIONS)


def _explain_etcd(status: grpc.StatusCode, said: str) -> DatastoreError:
    if "authentication failed" in said:
        return DatastoreError("etcd refuses the user name or password", "denied")
    if "user name is empty" in said:
        return DatastoreError(f"etcd demands a user name and password ({said})", "denied")
    if "invalid auth token" in said or "revision of auth store is old" in said:
        return DatastoreError(f"etcd demands a newer token ({said})", "token")
    if "permission denied" in said:
        return DatastoreError("etcd refuses these keys to this user (permission denied)", "denied")
    if "has been compacted" in said:
        return DatastoreError("etcd no longer has what happened since", "compacted")
    if "is a future revision" in said:
        return DatastoreError("etcd is behind where it was", "future")
    return DatastoreError(f"etcd says: {said}", "timeout" if status is grpc.StatusCode.DEADLINE_EXCEEDED else "failed")
