"""What changes in the Kubernetes API: a watch for each kind, and kinds that are listed again now and then.

Each in a thread of its own; what they hear is told in one order. A watch is asked for anew when its time is over. So a
server that went silent is noticed soon, and a bookmark at its end says how far it was. When the API no longer has what
happened since, that kind alone is listed.
"""

import queue
import random
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from calico_agent.sources.datastore.backend import Changes
from calico_agent.sources.datastore.in_use import CancelledAfterUse
from calico_agent.sources.datastore.kubernetes.client import ApiClient
from calico_agent.sources.datastore.kubernetes.decode import NODES
from calico_agent.sources.datastore.kubernetes.event_stream import EventStream
from calico_agent.sources.datastore.kubernetes.kinds import FollowedKind
from calico_agent.sources.datastore.kubernetes.objects import Object, named, revision, status_of
from calico_agent.sources.datastore.kubernetes.poll_rounds import PollRounds
from calico_agent.sources.datastore.reconnect_pace import list_delay
from calico_agent.sources.datastore.server.error import DatastoreError
from calico_agent.worker import Errand

_SHORTEST_WATCH, _LONGEST_WATCH = 45, 60
_ABSENT_SECONDS = 300.0  # until somebody is asked again who had no such kind

Known = dict[str, dict[str, str]]
"""By prefix and name, the state of each object that was handed on."""


@dataclass(frozen=True, slots=True)
class _Heard:
    """One event; `found` is None for a bookmark, `gone`: it was deleted."""

    kind: FollowedKind
    at: int
    found: Object | None = None
    gone: bool = False


@dataclass(frozen=True, slots=True)
class _Listed:
    """All objects of a kind."""

    kind: FollowedKind
    at: int
    objects: tuple[Object, ...]


@dataclass(frozen=True, slots=True)
class _Round:
    """All that is not watched was listed, and asked for at `begun` (monotonic seconds) or later."""

    begun: float


class KubernetesWatch(CancelledAfterUse):
    """Iterate `changes()` in one thread, `cancel()` from any. `known` is brought up to date with what is handed on.

    `nodes` is the size of the cluster: so many hosts list anew when this one has to. `rounds` says when it is time
    to list what is not watched.
    """

    def __init__(
        self,
        client: ApiClient,
        kinds: Iterable[FollowedKind],
        starts: Mapping[str, int],
        known: Known,
        nodes: int,
        rounds: PollRounds,
    ) -> None:
        self._client = client
        self._known = known
        self._nodes = nodes
        self._rounds = rounds
        self._found: queue.SimpleQueue[_Heard | _Listed | _Round | DatastoreError] = queue.SimpleQueue()
        self._cancelled = threading.Event()
        self._lock = threading.Lock()
        self._streams: set[EventStream] = set()
        followed = [kind for kind in kinds if kind.prefix in starts]
        for kind in followed:
            if not kind.polled:
                self._start(f"api watch {kind.prefix}", partial(self._follow, kind, starts[kind.prefix] - 1))
        if polled := [kind for kind in followed if kind.polled]:
            self._start("api poll", partial(self._poll, polled))

    def _start(self, name: str, work: Callable[[], object]) -> None:
        Errand(name, partial(self._guarded, work)).start()

    def cancel(self) -> None:
        """End the watches and their threads."""
        self._cancelled.set()
        self._rounds.wake()
        with self._lock:
            streams = tuple(self._streams)
        for stream in streams:
            stream.close()
        self._found.put(DatastoreError("the watch was closed", "closed"))

    def changes(self) -> Iterator[Changes]:
        """What changed, until the watch ends; it always ends with a DatastoreError."""
        while True:
            found = self._found.get()
            if isinstance(found, DatastoreError):
                raise found
            if isinstance(found, _Round):
                self._rounds.taken = found.begun
                continue
            prefix = found.kind.prefix
            known = self._known.setdefault(prefix, {})
            if isinstance(found, _Listed):
                now = {one.name: one.version for one in found.objects}
                changed = (one for one in found.objects if known.get(one.name) != one.version)
                items = [(f"{prefix}{one.name}", one.raw) for one in changed]
                gone = [(f"{prefix}{name}", None) for name in known.keys() - now.keys()]
                yield Changes(prefix, found.at, found.at, (*items, *gone))
                self._known[prefix] = now  # not before it was taken over
            elif found.found is None:
                yield Changes(prefix, found.at, found.at, ())
            else:
                one = found.found
                yield Changes(prefix, found.at, found.at, ((f"{prefix}{one.name}", None if found.gone else one.raw),))
                known.pop(one.name, None)
                if not found.gone:
                    known[one.name] = one.version

    def _follow(self, kind: FollowedKind, start: int) -> None:
        while not self._cancelled.is_set():
            if start == 0:  # the API had no such kind
                if self._cancelled.wait(_ABSENT_SECONDS):
                    return
                start = self._list(kind)
                continue
            try:
                for heard in self._events(kind, start):
                    self._found.put(heard)
                    start = max(start, heard.at)
            except DatastoreError as error:
                if error.code == "compacted":
                    self._cancelled.wait(list_delay(self._nodes))
                    start = 0 if self._cancelled.is_set() else self._list(kind)
                elif error.code == "absent" and not self._known.get(kind.prefix):
                    start = 0
                else:
                    raise

    def _events(self, kind: FollowedKind, start: int) -> Iterator[_Heard]:
        seconds = random.randint(_SHORTEST_WATCH, _LONGEST_WATCH)  # noqa: S311 - no secret
        stream = self._client.watch(kind.path, start, seconds, kind.watched_as)
        with self._lock:
            self._streams.add(stream)
        try:
            if self._cancelled.is_set():
                return
            for event in stream.events():
                if event.type == "ERROR":
                    raise status_of(event)
                found = named(event.object)
                bookmark = event.type == "BOOKMARK"
                yield _Heard(kind, revision(found.version), None if bookmark else found, event.type == "DELETED")
        finally:
            with self._lock:
                self._streams.discard(stream)
            stream.close()

    def _poll(self, kinds: list[FollowedKind]) -> None:
        first = True
        while not self._rounds.wait(self._cancelled, self._nodes, first=first):
            begun = self._rounds.with_nodes(self._nodes)
            for kind in kinds:
                if kind.prefix != NODES or begun is not None:
                    self._list(kind)
            if begun is not None:
                self._found.put(_Round(begun))
            first = False

    def _list(self, kind: FollowedKind) -> int:
        """Tell all objects of a kind. The revision of the list; 0 where the API has no such kind, and never had."""
        objects: list[Object] = []
        at = 0
        try:
            for version, page in self._client.pages(kind.path, accept=kind.listed_as, cached=kind.cached):
                at = revision(version)
                objects.extend(page)
        except DatastoreError as error:
            if error.code != "absent" or self._known.get(kind.prefix):
                raise
            return 0
        self._found.put(_Listed(kind, at, tuple(objects)))
        return at

    def _guarded(self, work: Callable[[], object]) -> None:
        try:
            work()
        except DatastoreError as error:
            if not self._cancelled.is_set():
                self._found.put(error)
        except Exception as error:  # noqa: BLE001 - a thread that ends without a word would never be missed
            words = f"this is a bug of calico-agent: {type(error).__name__}: {error}"
            self._found.put(DatastoreError(words[:300], "bug"))
