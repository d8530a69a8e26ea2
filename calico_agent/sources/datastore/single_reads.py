"""What is read when somebody asks for it, and is not followed: the endpoint records of single nodes, single blocks."""

import random
import time
from collections.abc import Callable, Collection
from typing import TypeVar

from calico_agent.model.calico.node import Block
from calico_agent.model.calico.workload_endpoint import WorkloadEndpoint, WorkloadEndpoints
from calico_agent.model.network.address import IPAddress, IPNetwork
from calico_agent.model.observation import Unreadable
from calico_agent.model.settings import DatastoreSettings
from calico_agent.sources.datastore.backend import Backend, BackendOf, Connection
from calico_agent.sources.datastore.backends import backend_of
from calico_agent.sources.datastore.server.error import DatastoreError
from calico_agent.sources.decode_error import Malformed

# Another question may be asked after 10 s, the same one after a minute, then ever later, up to an hour: addresses that
# leaked are never explained, and 5,000 hosts must not ask for them all day.
_PAUSE, _AGAIN, _LATEST = 10.0, 60.0, 3600.0

_Question = tuple[frozenset[str], frozenset[int], frozenset[IPAddress]]
_Answer = TypeVar("_Answer")


class EndpointReader:
    """Reads the records of nodes, and keeps the last answer for a while. Not thread-safe."""

    def __init__(self, timeout: float, backends: BackendOf = backend_of) -> None:
        self._timeout = timeout
        self._backends = backends
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
        backend = self._backends(settings)
        self._question = question
        self._answer = read_endpoints(settings, nodes, links, timeout=self._timeout, backend=backend)
        self._asked_at = time.monotonic()
        return self._answer


def read_endpoints(
    settings: DatastoreSettings,
    nodes: frozenset[str],
    links: frozenset[int],
    *,
    timeout: float,
    backend: Backend | None = None,
) -> WorkloadEndpoints | Unreadable:
    """The records of these nodes as they are now."""
    backend = backend or backend_of(settings)

    def ask(connection: Connection, deadline: float) -> tuple[WorkloadEndpoint, ...]:
        return tuple(connection.endpoint_records(nodes, deadline))

    try:
        return WorkloadEndpoints(nodes, _asked(backend, settings, timeout, ask), links)
    except DatastoreError as error:
        return Unreadable(backend.source, f"workload endpoints: {error.reason}", error.code)
    except Malformed as malformed:
        reason = f"a workload endpoint cannot be understood: {malformed.what}"
        return Unreadable(backend.source, reason, "malformed")


def read_blocks(backend: Backend, settings: DatastoreSettings, wanted: Collection[IPNetwork]) -> tuple[Block, ...]:
    """Some blocks as they are now, as far as they are to be had in time."""
    found: list[Block] = []

    def ask(connection: Connection, deadline: float) -> None:
        for block in connection.blocks(wanted):
            found.append(block)
            if time.monotonic() > deadline:
                return

    try:
        _asked(backend, settings, settings.timeout, ask)
    except DatastoreError:
        return ()  # the mirror tells of it
    return tuple(found)


def _asked(
    backend: Backend, settings: DatastoreSettings, timeout: float, ask: Callable[[Connection, float], _Answer]
) -> _Answer:
    """What the first server says that answers. All of them share the time (s). Raises DatastoreError."""
    deadline = time.monotonic() + timeout
    trouble = DatastoreError("it has no endpoint", "unset")
    for endpoint in backend.endpoints(settings):
        try:
            with backend.connect(endpoint, settings, max(deadline - time.monotonic(), 0.1)) as connection:
                return ask(connection, deadline)
        except DatastoreError as error:
            trouble = error
    raise trouble
