"""The endpoint records of single nodes, read when somebody asks for them.

In etcd v3 they lie by namespace, and within one those of a node lie together: two small questions for each namespace
find all of them, however many pods the cluster has. In v2 they lie in the node's own folder.
"""

import random
import time
from collections.abc import Iterator

from calico_agent.model.calico.workload_endpoint import WorkloadEndpoint, WorkloadEndpoints
from calico_agent.model.network.address import IPAddress
from calico_agent.model.observation import Unreadable
from calico_agent.model.settings import DatastoreSettings
from calico_agent.sources.datastore.backend import AnyConnection, dialect_of
from calico_agent.sources.datastore.calico.workload_endpoint import (
    PREFIX,
    decode_endpoint,
    decode_endpoint_v2,
    namespace_of,
    prefix_of_node,
)
from calico_agent.sources.datastore.etcd2.reader import ConnectionV2
from calico_agent.sources.datastore.etcd3.reader import Connection
from calico_agent.sources.datastore.etcd_client.endpoints import endpoints_of
from calico_agent.sources.datastore.etcd_client.error import EtcdError
from calico_agent.sources.decode_error import Malformed

_SOURCE = "etcd"
_PAGE = 1000  # ten times the pods that a node has by default (kubelet's maxPods is 110)
_MOST_NAMESPACES = 2000
# Another question may be asked after 10 s, the same one after a minute, then ever later, up to an hour: addresses that
# leaked are never explained, and 5,000 hosts must not ask for them all day.
_PAUSE, _AGAIN, _LATEST = 10.0, 60.0, 3600.0

_Question = tuple[frozenset[str], frozenset[int], frozenset[IPAddress]]


class EndpointReader:
    """Reads the records of nodes, and keeps the last answer for a while. Not thread-safe."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._answer: WorkloadEndpoints | Unreadable | None = None
        self._question: _Question | None = None
        self._asked_at = 0.0
        self._again = _AGAIN

    def read(
        self, settings: DatastoreSettings, nodes: frozenset[str], links: frozenset[int], lost: frozenset[IPAddress]
    ) -> WorkloadEndpoints | Unreadable:
        """The records of these nodes, for what is to be explained: links, and addresses that lead nowhere."""
        question = (nodes, links, lost)
        same = question == self._question
        patience = self._again if same else _PAUSE
        if self._answer is not None and time.monotonic() - self._asked_at < patience:
            return self._answer
        self._again = min(2 * self._again, _LATEST) * random.uniform(0.9, 1.0) if same else _AGAIN  # noqa: S311
        self._question, self._answer = question, read_endpoints(settings, nodes, links, timeout=self._timeout)
        self._asked_at = time.monotonic()
        return self._answer


def read_endpoints(
    settings: DatastoreSettings, nodes: frozenset[str], links: frozenset[int], *, timeout: float
) -> WorkloadEndpoints | Unreadable:
    """The records of these nodes as they are now. All endpoints of etcd share the time."""
    deadline = time.monotonic() + timeout
    trouble: EtcdError | None = None
    try:
        for endpoint in endpoints_of(settings):
            try:
                left = max(deadline - time.monotonic(), 0.1)
                with dialect_of(settings).connect(endpoint, settings, left) as connection:
                    found = tuple(_records(connection, nodes, deadline))
                    return WorkloadEndpoints(nodes, found, links)
            except EtcdError as error:
                trouble = error
    except EtcdError as error:
        trouble = error
    except Malformed as malformed:
        return Unreadable(_SOURCE, f"a workload endpoint cannot be understood: {malformed.what}", "malformed")
    reason, code = (trouble.reason, trouble.code) if trouble is not None else ("it has no endpoint", "unset")
    return Unreadable(_SOURCE, f"workload endpoints: {reason}", code)


def _records(connection: AnyConnection, nodes: frozenset[str], deadline: float) -> Iterator[WorkloadEndpoint]:
    if isinstance(connection, ConnectionV2):
        for node in sorted(nodes):
            pairs = connection.below(f"/calico/v1/host/{node}/workload")
            yield from filter(None, (decode_endpoint_v2(node, key, value) for key, value in pairs))
        return
    for namespace in _namespaces(connection, deadline):
        for node in sorted(nodes):
            found = (decode_endpoint(key, value) for key, value in _below(connection, prefix_of_node(namespace, node)))
            yield from (one for one in found if one is not None and one.node == node)


def _namespaces(connection: Connection, deadline: float) -> Iterator[str]:
    """Each namespace that has endpoints: the first key, then the first one after all of its namespace."""
    start, end = PREFIX, _after(PREFIX)
    for _ in range(_MOST_NAMESPACES):
        if time.monotonic() > deadline:
            raise EtcdError("they lie in too many namespaces to be read in time", "timeout")
        first = connection.some(start, end, 1, keys_only=True)
        if not first:
            return
        namespace = namespace_of(first[0][0])
        yield namespace
        start = _after(f"{PREFIX}{namespace}/")
    raise EtcdError(f"they lie in more than {_MOST_NAMESPACES} namespaces", "failed")


def _below(connection: Connection, prefix: str) -> tuple[tuple[str, bytes], ...]:
    found = connection.some(prefix, _after(prefix), _PAGE)
    if len(found) == _PAGE:
        raise EtcdError(f"there are {_PAGE} and more below {prefix}", "failed")
    return found


def _after(prefix: str) -> str:
    """The first key after all keys with this prefix, which ends in ASCII."""
    return prefix[:-1] + chr(ord(prefix[-1]) + 1)
