"""Reading etcd by its v2 API, which Calico 2.x uses: recursive lists, and a watch.

There are no pages: a list is one answer, which is bounded here.
"""

from collections.abc import Collection, Iterator, Mapping
from urllib.parse import quote

from calico_agent.model.calico.node import Block
from calico_agent.model.calico.workload_endpoint import WorkloadEndpoint
from calico_agent.model.network.address import IPNetwork
from calico_agent.model.settings import DatastoreSettings
from calico_agent.sources.datastore.calico.workload_endpoint import decode_endpoint_v2
from calico_agent.sources.datastore.etcd2.decode import PREFIXES, decode_key
from calico_agent.sources.datastore.etcd2.link import Etcd2Connection
from calico_agent.sources.datastore.etcd2.watch import WatchV2
from calico_agent.sources.datastore.etcd3.decode import block_key
from calico_agent.sources.datastore.position import SETTLED_V2, Position, Stamp
from calico_agent.sources.datastore.server.endpoints import Endpoint

_MAX_LIST = 512 * 1024 * 1024


class ConnectionV2(Etcd2Connection):
    """A connection to one member, to read. Every call but a poll has a deadline and raises DatastoreError."""

    def __init__(self, endpoint: Endpoint, settings: DatastoreSettings, timeout: float) -> None:
        super().__init__(endpoint, settings, timeout)
        # Where the list of each prefix ended, and so where its watch begins. Several lists are not of one index.
        self._listed: dict[str, int] = {}

    def readable(self) -> tuple[tuple[str, ...], str]:
        """All prefixes: there are no claims."""
        return PREFIXES, ""

    def ping(self, key: str) -> Stamp:
        """Where etcd is, confirmed by a majority of the members."""
        return self.get(f"/v2/keys{key.rstrip('/')}?quorum=true")[1]

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
        answer, _ = self.get(f"/v2/keys{prefix.rstrip('/')}?recursive=true&quorum=true", _MAX_LIST)
        self._listed[prefix] = answer.index
        yield from answer.pairs()

    def endpoint_records(self, nodes: frozenset[str], deadline: float) -> Iterator[WorkloadEndpoint]:  # noqa: ARG002
        """The pods' records of these nodes, each in the node's own folder; one question finds those of a node."""
        for node in sorted(nodes):
            folder = quote(f"/calico/v1/host/{node}/workload")
            pairs = self.get(f"/v2/keys{folder}?recursive=true&quorum=true")[0].pairs()
            yield from filter(None, (decode_endpoint_v2(node, key, value) for key, value in pairs))

    def blocks(self, wanted: Collection[IPNetwork]) -> Iterator[Block]:
        """Each by a question of its own."""
        for key in map(block_key, wanted):
            for found, value in self.get(f"/v2/keys{quote(key)}?quorum=true")[0].pairs():
                if isinstance(block := decode_key(found, value), Block):
                    yield block

    def watch(self, starts: Mapping[str, int]) -> WatchV2:
        """Everything that changes below the prefixes, each from its own index on."""
        return WatchV2(self, starts)
