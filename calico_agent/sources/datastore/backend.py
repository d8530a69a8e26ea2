"""What a store of Calico's data offers: the mirror and the readers use it, and do not know which one it is.

It is made so that each of these may differ:

- A store has prefixes, one for each kind of record or a few together. Each has a revision of its own (`Position`): a
  reading need not be of one instant, and a watch goes on for each prefix from where its list ended.
- `Connection.watch` says what changed. Whether it is told (a stream), waits (long polls) or lists again now and then
  and compares, is its own business: who iterates sees changes, and may `cancel` at any time.
- What changes with every pod need not be among the prefixes. It is read when it is asked for: pods' records always
  (`endpoint_records`), blocks where the store is not `follows_blocks` (`blocks`).
- Claims on node names are optional: `Connection.readable` leaves out what this user may not read and says why, and a
  store without any makes a `Datastore` that is not `claimable`. They are the only thing that is written (`Claims`).

Every call has a deadline and raises DatastoreError, whose code says what is to be done: `compacted` (list again),
`future` (another cluster), `denied`, `file`, `timeout`, `closed`.
"""

import math
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Any, Protocol, Self

from calico_agent.model.calico.node import Block, Datastore
from calico_agent.model.calico.workload_endpoint import WorkloadEndpoint
from calico_agent.model.host.cluster_node import ClusterNode
from calico_agent.model.name_lease import Claim, ClaimName, NameOwner
from calico_agent.model.network.address import IPNetwork
from calico_agent.model.settings import DatastoreSettings
from calico_agent.model.unreadable import Unreadable
from calico_agent.sources.datastore.position import Position, Stamp
from calico_agent.sources.datastore.server.endpoints import Endpoint


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
        """What changed, until the watch ends; it always ends with an DatastoreError."""

    def cancel(self) -> None:
        """End the watch."""


class Connection(Context, Protocol):
    """A connection to one server, to read."""

    @property
    def endpoint(self) -> Endpoint: ...

    def close(self) -> None:
        """End the connection, from any thread."""

    def renewed(self) -> bool:
        """Whether one that is made now would use other credentials than this one. Raises where none can be made."""

    def readable(self) -> tuple[tuple[str, ...], str]:
        """The prefixes to read; without the claims for a user who may read Calico's keys alone, and why."""

    def ping(self, key: str) -> Stamp:
        """Where the store is, as a majority of its servers knows it. `key` is one that this user may read."""

    def ping_since(self, key: str, revision: int) -> Stamp:
        """The same, while a watch can go on from this revision; else a DatastoreError of the code `compacted`."""

    def read_all(self, prefixes: tuple[str, ...]) -> tuple[Stamp, Iterator[tuple[str, bytes]]]:
        """Where the store is, and all keys below the prefixes as of then or later, as they are used up."""

    def position(self, prefixes: tuple[str, ...], stamp: Stamp) -> Position:
        """How far each prefix was read, once all is read."""

    def watch(self, starts: Mapping[str, int]) -> Watch:
        """Everything that changes below the prefixes, each from its own revision on."""

    def endpoint_records(self, nodes: frozenset[str], deadline: float) -> Iterator[WorkloadEndpoint]:
        """The pods' records of these nodes as they are now, until `deadline` (monotonic s). Raises Malformed, too."""

    def blocks(self, wanted: Collection[IPNetwork]) -> Iterator[Block]:
        """Some blocks as they are now, asked for one by one as they are used; without what cannot be understood."""


class Claims(Context, Protocol):
    """A connection to one server, to claim node names. It ends with the block or by `close`, from any thread."""

    def close(self) -> None:
        """End the connection."""

    def renewed(self) -> bool:
        """As of a `Connection`."""

    def claim(self, wanted: ClaimName, seconds: int) -> int | None:
        """Write a claim, alive for so long, if the owner's record still is as it was seen; None where it is not.

        What is given back keeps it alive, by `renew`.
        """

    def renew(self, lease: int) -> bool:
        """Keep a claim alive for as long again. Whether it still was."""

    def release(self, owner: NameOwner) -> bool:
        """Remove a claim and its sign of life, if the owner's record still is as it was seen. Whether it was."""


@dataclass(frozen=True, slots=True)
class Holders:
    """What is known of some names. `refused` is why claims cannot be read, `trouble` why nothing is known now."""

    claims: tuple[Claim, ...] = ()
    refused: str = ""
    trouble: Unreadable | None = None


class HolderReader(Protocol):
    """Asks who has single names, beside the passes, where the reading of the datastore does not have all claims."""

    def of(self, names: frozenset[str], patience: float) -> Holders:
        """What is known of these names. Waits so long (s) for an answer about new ones, or a refusal to give one."""

    def look_again(self) -> None:
        """Ask now: somebody here wrote a claim. Returns at once."""

    def heartbeat(self) -> float:
        """When it was last seen alive (monotonic seconds)."""

    def stop(self) -> None:
        """End it."""


class NodeObjectReader(Protocol):
    """Reads what Kubernetes says of single nodes, where the datastore is its API. Not thread-safe."""

    settings: DatastoreSettings

    def read(self, names: Collection[str]) -> Mapping[str, ClusterNode | None]:
        """Those of these names: None for one that there is not, nothing for what may not or cannot be read now."""


class Backend(Protocol):
    """A store: how its servers are spoken to, what of it is read, and how that is understood."""

    @property
    def source(self) -> str:
        """What it is called where it cannot be read."""

    @property
    def prefixes(self) -> tuple[str, ...]:
        """Where Calico's own records are."""

    @property
    def follows_blocks(self) -> bool:
        """Whether the blocks are among them."""

    @property
    def nodes_listed(self) -> float:
        """When was asked for what is known of nodes, pools and peers (monotonic seconds), or later.

        Infinite where all that changes is told.
        """
        return math.inf

    def list_nodes(self, after: float) -> None:
        """Have them listed soon, unless that was begun after that moment (monotonic seconds). Returns at once."""
        del after  # where all that changes is told there is nothing to do

    def endpoints(self, settings: DatastoreSettings) -> tuple[Endpoint, ...]:
        """All its servers. Raises where none is known."""

    def probe(self, endpoint: Endpoint, settings: DatastoreSettings, timeout: float) -> None:
        """Raise where there is nothing to connect to. Costs next to nothing, as an outage may last."""

    def connect(self, endpoint: Endpoint, settings: DatastoreSettings, timeout: float) -> Connection:
        """A connection to one server; each of its calls may take `timeout` seconds."""

    def claims(self, endpoint: Endpoint, settings: DatastoreSettings, timeout: float) -> Claims:
        """The same, to claim node names. Raises where they cannot be claimed."""

    def decode(self, key: str, value: bytes) -> Any:  # noqa: ANN401 - what it is, `assemble` alone needs to know
        """What a key holds, a BadKey where it cannot be understood; None: nothing of interest. Never raises."""

    def assemble(self, decoded: Mapping[str, Any], *, revision: int, read_at: datetime | None) -> Datastore:
        """The datastore made of what each key holds."""

    def block_key(self, cidr: IPNetwork) -> str:
        """Where the record of a block is."""


BackendOf = Callable[[DatastoreSettings], Backend]
"""Which store settings ask for."""
