"""Reading Calico's records in the Kubernetes API: lists, a watch, single objects."""

import math
from collections.abc import Collection, Iterator, Mapping
from itertools import chain
from urllib.parse import quote

import msgspec

from calico_agent.model.calico.node import Block
from calico_agent.model.calico.workload_endpoint import WorkloadEndpoint
from calico_agent.model.network.address import IPNetwork
from calico_agent.sources.datastore.in_use import ClosedAfterUse
from calico_agent.sources.datastore.kubernetes.client import ApiClient
from calico_agent.sources.datastore.kubernetes.decode import BLOCKS, block_key, decode_key
from calico_agent.sources.datastore.kubernetes.kinds import STAMP, FollowedKind, group_of, kinds_of, path_of
from calico_agent.sources.datastore.kubernetes.objects import decode_page, revision
from calico_agent.sources.datastore.kubernetes.pods import decode_pod
from calico_agent.sources.datastore.kubernetes.poll_rounds import PollRounds
from calico_agent.sources.datastore.kubernetes.watch import Known, KubernetesWatch
from calico_agent.sources.datastore.position import Position, Stamp
from calico_agent.sources.datastore.server.endpoints import Endpoint
from calico_agent.sources.datastore.server.error import DatastoreError

# A watch is over after 60 s and 10 more, and until then may have been silent.
_SETTLED = 90.0
# Up to here all is watched, as Calico's own programs do without Typha.
_SMALL = 50


class _Group(msgspec.Struct):
    name: str


class _Groups(msgspec.Struct):
    groups: list[_Group] = []


class Seen:
    """What is known of one API over all connections to it: which kinds it has, how large it is, what was handed on.

    `moved`: Calico's resources are in another group since the connection before.
    """

    def __init__(self) -> None:
        self.group = ""
        self.moved = False
        self.kinds: tuple[FollowedKind, ...] = ()
        self.nodes = 0
        self.known: Known = {}
        self.rounds = PollRounds()

    @property
    def prefixes(self) -> tuple[str, ...]:
        return tuple(kind.prefix for kind in self.kinds)


class KubernetesConnection(ClosedAfterUse):
    """A connection to the API, to read. Every call has a deadline and raises DatastoreError."""

    def __init__(self, endpoint: Endpoint, client: ApiClient, seen: Seen, *, pod_cidrs: bool, group: str = "") -> None:
        self.endpoint = endpoint
        self._client = client
        self._seen = seen
        self._pod_cidrs = pod_cidrs
        self._told_group = group
        self._listed: dict[str, int] = {}
        self._begun = math.inf

    def close(self) -> None:
        """End the connection. What still waits on it ends by its deadline."""
        self._client.close()

    def renewed(self) -> bool:
        """Whether certificates or the server are others by now; a new token is used at once."""
        return self._client.renewed()

    def readable(self) -> tuple[tuple[str, ...], str]:
        """All that is read of a cluster of this size, without claims."""
        self._discover()
        first = decode_page(self._client.get("/api/v1/nodes", {"limit": 1}))
        self._seen.nodes = nodes = len(first.items) + first.metadata.remaining
        self._seen.kinds = kinds_of(self._seen.group, large=nodes > _SMALL, pod_cidrs=self._pod_cidrs)
        return self._seen.prefixes, ""

    def ping(self, key: str) -> Stamp:  # noqa: ARG002 - any small answer tells
        """Where the API is, confirmed by its etcd."""
        page = decode_page(self._client.get(path_of(self._group(), STAMP), {"limit": 1}))
        return Stamp("", 0, revision(page.metadata.resource_version))

    def ping_since(self, key: str, revision: int) -> Stamp:  # noqa: ARG002 - a watch tells when its events are gone
        """The same, while Calico's resources are where they were."""
        if self._seen.moved:
            raise DatastoreError("Calico's resources were moved to another group", "future")
        return self.ping(key)

    def read_all(self, prefixes: tuple[str, ...]) -> tuple[Stamp, Iterator[tuple[str, bytes]]]:
        """Where the API is, and all objects as of then or later, kind by kind as they are used up."""
        self._begun = self._seen.rounds.begin(self._seen.nodes)
        wanted = [kind for kind in self._seen.kinds if kind.prefix in prefixes]
        return self.ping(""), chain.from_iterable(map(self._list, wanted))

    def _list(self, kind: FollowedKind) -> Iterator[tuple[str, bytes]]:
        """One kind. One that the API does not have has no objects: older releases have fewer."""
        known: dict[str, str] = {}
        at = 0
        try:
            for version, page in self._client.pages(kind.path, accept=kind.listed_as, cached=kind.cached):
                at = revision(version)
                for found in page:
                    known[found.name] = found.version
                    yield f"{kind.prefix}{found.name}", found.raw
        except DatastoreError as error:
            if error.code != "absent":
                raise
        self._seen.known[kind.prefix] = known
        self._listed[kind.prefix] = at

    def position(self, prefixes: tuple[str, ...], stamp: Stamp) -> Position:
        """How far each kind was read, once all is read."""
        self._seen.rounds.taken = self._begun if any(kind.polled for kind in self._seen.kinds) else math.inf
        return Position(stamp, {prefix: self._listed[prefix] for prefix in prefixes}, _SETTLED)

    def watch(self, starts: Mapping[str, int]) -> KubernetesWatch:
        """Everything that changes in the kinds of these prefixes, each after its own revision."""
        seen = self._seen
        return KubernetesWatch(self._client, seen.kinds, starts, seen.known, seen.nodes, seen.rounds)

    def blocks(self, wanted: Collection[IPNetwork]) -> Iterator[Block]:
        """Each by a question of its own."""
        folder = path_of(self._group(), BLOCKS)
        for key in map(block_key, wanted):
            try:
                raw = self._client.get(f"{folder}/{quote(key.removeprefix(BLOCKS))}")
            except DatastoreError as error:
                if error.code != "absent":
                    raise
                continue
            if isinstance(block := decode_key(key, raw), Block):
                yield block

    def endpoint_records(self, nodes: frozenset[str], deadline: float) -> Iterator[WorkloadEndpoint]:  # noqa: ARG002
        """The endpoints of the pods on these nodes; one question finds those of a node."""
        for node in sorted(nodes):
            chosen = {"fieldSelector": f"spec.nodeName={node}", "limit": 1000}
            found = decode_page(self._client.get("/api/v1/pods", chosen)).items
            yield from (one for one in (decode_pod(bytes(raw)) for raw in found) if one is not None)

    def _group(self) -> str:
        if not self._seen.group:
            self._discover()
        return self._seen.group

    def _discover(self) -> None:
        try:
            found = msgspec.json.decode(self._client.get("/apis"), type=_Groups)
        except (msgspec.DecodeError, ValueError):
            raise DatastoreError("what answers there is no API of Kubernetes", "failed") from None
        group = group_of(frozenset(one.name for one in found.groups), self._told_group)
        if group is None:
            raise DatastoreError(
                "the API has no resources of Calico: neither crd.projectcalico.org/v1 nor projectcalico.org/v3",
                "absent",
            )
        self._seen.moved = self._seen.group not in {"", group}
        self._seen.group = group
