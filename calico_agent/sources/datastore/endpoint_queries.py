"""The endpoint records of single nodes, read when somebody asks for them."""

import random
import time

from calico_agent.model.calico.workload_endpoint import WorkloadEndpoints
from calico_agent.model.network.address import IPAddress
from calico_agent.model.observation import Unreadable
from calico_agent.model.settings import DatastoreSettings
from calico_agent.sources.datastore.backends import backend_of
from calico_agent.sources.datastore.etcd_client.endpoints import endpoints_of
from calico_agent.sources.datastore.etcd_client.error import EtcdError
from calico_agent.sources.decode_error import Malformed

_SOURCE = "etcd"
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
                with backend_of(settings).connect(endpoint, settings, left) as connection:
                    found = tuple(connection.endpoint_records(nodes, deadline))
                    return WorkloadEndpoints(nodes, found, links)
            except EtcdError as error:
                trouble = error
    except EtcdError as error:
        trouble = error
    except Malformed as malformed:
        return Unreadable(_SOURCE, f"a workload endpoint cannot be understood: {malformed.what}", "malformed")
    reason, code = (trouble.reason, trouble.code) if trouble is not None else ("it has no endpoint", "unset")
    return Unreadable(_SOURCE, f"workload endpoints: {reason}", code)
