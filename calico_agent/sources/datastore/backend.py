"""What a store of Calico's data offers: the mirror and the readers use it, and do not know which one it is.

It is made so that each of these may differ:

- A store has prefixes, one for each kind of record or a few together. Each has a revision of its own (`Position`): a
  reading need not be of one instant, and a watch goes on for each prefix from where its list ended.
- `Connection.watch` says what changed. Whether it is told (a stream), waits (long polls) or lists again now and then
  and compares, is its own business: who iterates sees changes, and may `cancel` at any time.
- What changes with every pod is not among the prefixes. It is read when it is asked for (`endpoint_records`).
- Claims on node names are optional: `Connection.readable` leaves out what this user may not read and says why, and a
  store without any makes a `Datastore` that is not `claimable`.

Every call has a deadline and raises EtcdError, whose code says what is to be done: `compacted` (list again), `future`
(another cluster), `denied`, `file`, `timeout`, `closed`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Any, Protocol, Self

from calico_agent.model.calico.node import Datastore
from calico_agent.model.calico.workload_endpoint import WorkloadEndpoint
from calico_agent.model.network.address import IPNetwork
from calico_agent.model.settings import DatastoreSettings
from calico_agent.sources.datastore.etcd_client.endpoints import EtcdEndpoint
from calico_agent.sources.datastore.etcd_client.tls_files import UsedFiles
from calico_agent.sources.datastore.position import Position, Stamp


@dataclass(frozen=True, slots=True)
class Changes:
    """What one message of the watch says: keys with their new value, None where the key was deleted.

    `prefix` is the watched one that they are below, `at` the revision of the last of them, `revision` that of the
    store. `folders` are those that were deleted with all keys below them; only etcd's v2 API has such. They end in `/`.
    """

    prefix: str
    at: int
    revision: int
    items: tuple[tuple[str, bytes | None], ...]
    folders: tuple[str, ...] = ()


class Context(Protocol):
    """Something that ends with the block it is used in."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Watch(Context, Protocol):
    """An open watch: `changes` is iterated in one thread, `cancel` may be called from any."""

    def changes(self) -> Iterator[Changes]:
        """What changed, until the watch ends; it always ends with an EtcdError."""

    def cancel(self) -> None:
        """End the watch."""


class Connection(Context, Protocol):
    """A connection to one server, to read. `files` are the certificates that it was made with."""

    @property
    def endpoint(self) -> EtcdEndpoint: ...

    @property
    def files(self) -> UsedFiles: ...

    def close(self) -> None:
        """End the connection, from any thread."""

    def readable(self) -> tuple[tuple[str, ...], str]:
        """The prefixes to read; without the claims for a user who may read Calico's keys alone, and why."""

    def ping(self, key: str) -> Stamp:
        """Where the store is, as a majority of its servers knows it. `key` is one that this user may read."""

    def ping_since(self, key: str, revision: int) -> Stamp:
        """The same, while a watch can go on from this revision; else an EtcdError of the code `compacted`."""

    def read_all(self, prefixes: tuple[str, ...]) -> tuple[Stamp, Iterator[tuple[str, bytes]]]:
        """Where the store is, and all keys below the prefixes as of then or later, as they are used up."""

    def position(self, prefixes: tuple[str, ...], stamp: Stamp) -> Position:
        """How far each prefix was read, once all is read."""

    def watch(self, starts: Mapping[str, int]) -> Watch:
        """Everything that changes below the prefixes, each from its own revision on."""

    def endpoint_records(self, nodes: frozenset[str], deadline: float) -> Iterator[WorkloadEndpoint]:
        """The pods' records of these nodes as they are now, until `deadline` (monotonic s). Raises Malformed, too."""


class Backend(Protocol):
    """A store: how its servers are spoken to, what of it is read, and how that is understood."""

    @property
    def prefixes(self) -> tuple[str, ...]:
        """Where Calico's own records are."""

    def connect(self, endpoint: EtcdEndpoint, settings: DatastoreSettings, timeout: float) -> Connection:
        """A connection to one server; each of its calls may take `timeout` seconds."""

    def decode(self, key: str, value: bytes) -> Any:  # noqa: ANN401 - what it is, `assemble` alone needs to know
        """What a key holds, a BadKey where it cannot be understood; None: nothing of interest. Never raises."""

    def assemble(self, decoded: Mapping[str, Any], *, revision: int, read_at: datetime | None) -> Datastore:
        """The datastore made of what each key holds."""

    def block_key(self, cidr: IPNetwork) -> str:
        """Where the record of a block is."""
