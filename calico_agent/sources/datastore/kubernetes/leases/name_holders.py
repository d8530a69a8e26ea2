"""Who has some node names, by the Kubernetes API: the Leases of agents, and the Nodes of kubelets.

Two small questions for each name, asked now and then by a thread: what other hosts claim is not read. A Lease is alive
while it is seen to change within the time that it is good for. Of one that is seen for the first time that cannot be
told, so it counts as alive until that time is over.
"""

import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from calico_agent.model.name_lease import AliveSign, Claim, KubeletSign
from calico_agent.model.observation import Unreadable
from calico_agent.model.settings import KubernetesSettings
from calico_agent.sources.datastore.backend import Holders
from calico_agent.sources.datastore.kubernetes.client import ApiClient
from calico_agent.sources.datastore.kubernetes.leases.lease import NameClaim, decode_kubelet
from calico_agent.sources.datastore.kubernetes.leases.lease_claims import read_claim
from calico_agent.sources.datastore.kubernetes.logins import Logins
from calico_agent.sources.datastore.kubernetes.objects import decode_page
from calico_agent.sources.datastore.server.error import DatastoreError
from calico_agent.sources.decode_error import Malformed
from calico_agent.worker import Worker

_SOURCE = "the Kubernetes API"
_EVERY = 15.0  # s; a kubelet asks for its Node every 10 s, and writes a Lease as often
_STALE = 40.0  # s: two answers in a row may be missed
_FORGOTTEN = 60.0  # s without anybody who asks about a name


@dataclass(frozen=True, slots=True)
class _Found:
    """What was read of a name, and since when its Lease is seen with this sign of life (monotonic s)."""

    lease: NameClaim | None
    since: float
    kubelet: KubeletSign | None

    def claims(self, now: float) -> Iterator[Claim]:
        if self.kubelet is not None:
            yield self.kubelet
        if self.lease is not None:
            yield self.lease.owner
            if now - self.since < self.lease.seconds:
                yield AliveSign(self.lease.owner.name, self.lease.owner.machine)

    def says_the_same(self, other: "_Found") -> bool:
        """True if nobody needs to know what came after a sign of life but that there was one."""
        texts = [one.lease.owner.text if one.lease is not None else None for one in (self, other)]
        return texts[0] == texts[1] and self.kubelet == other.kubelet


class NameHolders(Worker):
    """Asks about the names that `of` is called with. `wake(reason)` is called, from its thread, when one has another
    holder. Without `leases` the Nodes alone are asked for.
    """

    def __init__(
        self,
        settings: KubernetesSettings,
        timeout: float,
        wake: Callable[[str], None],
        *,
        leases: bool = True,
        every: float = _EVERY,
    ) -> None:
        super().__init__("name holders")
        self.stop_seconds = 2 * timeout
        self._logins = Logins(settings)
        self._timeout = timeout
        self._wake = wake
        self._leases = leases
        self._every = every
        # Guarded by the condition: when each name was asked about last, what was found, and how the last try ended.
        self._changed = threading.Condition()
        self._asked: dict[str, float] = {}
        self._found: dict[str, _Found] = {}
        self._refused = ""
        self._trouble: Unreadable | None = None
        self._good_at = time.monotonic()
        self._failures = 0
        self._soon = False
        # The thread's own.
        self._client: ApiClient | None = None

    def of(self, names: frozenset[str], patience: float) -> Holders:
        """What is known of these names. Waits so long (s) for an answer about new ones, or a refusal to give one."""
        with self._changed:
            now = time.monotonic()
            self._asked |= dict.fromkeys(names, now)
            if not names <= self._found.keys() and not self.stopping.is_set():
                failed = self._failures
                self._hurry()
                self._changed.wait_for(lambda: names <= self._found.keys() or self._failures > failed, patience)
                now = time.monotonic()
            found = [self._found[name] for name in sorted(names) if name in self._found]
            claims = tuple(claim for one in found for claim in one.claims(now))
            if len(found) < len(names):
                return Holders(claims, trouble=self._trouble or Unreadable(_SOURCE, "no answer yet", "pending"))
            stale = now - self._good_at > _STALE
            return Holders(claims, self._refused, self._trouble if stale else None)

    def look_again(self) -> None:
        """Ask now: somebody here wrote a claim. Returns at once."""
        with self._changed:
            if self._asked:
                self._hurry()

    def _hurry(self) -> None:
        self._soon = True
        self._changed.notify_all()
        if not self.started and not self.stopping.is_set():
            self.start()

    def interrupt(self) -> None:
        """Wake it, and who waits for it."""
        with self._changed:
            self._changed.notify_all()

    def work(self) -> None:
        """Ask, until it is stopped."""
        while not self.stopping.is_set():
            self.beat()
            if self._ask():
                self._wake("node name")
            with self._changed:
                failures = self._failures
                pause = self._every if not failures else min(0.5 * 2 ** min(failures, 8), self._every)
                self._changed.wait_for(lambda: self._soon or self.stopping.is_set(), pause * random.uniform(0.8, 1.2))  # noqa: S311
                self._soon = False
        self._disconnect()

    def _ask(self) -> bool:
        """One question about each name. Whether somebody needs to know of the answer."""
        with self._changed:
            now = time.monotonic()
            self._asked = {name: at for name, at in self._asked.items() if now - at < _FORGOTTEN}
            names, before = tuple(self._asked), self._found
        refused = ""
        found: dict[str, _Found] = {}
        try:
            client = self._connected()
            for name in names:
                lease = None
                if self._leases and not refused:
                    lease, refused = _claim_of(client, name)
                found[name] = _Found(lease, _since(before.get(name), lease), _kubelet_of(client, name))
        except DatastoreError as error:
            self._disconnect()
            return self._failed(Unreadable(_SOURCE, error.reason, error.code))
        with self._changed:
            news = self._trouble is not None or refused != self._refused
            news = news or any(name in before and not before[name].says_the_same(one) for name, one in found.items())
            self._found, self._refused, self._trouble, self._failures = found, refused, None, 0
            self._good_at = time.monotonic()
            self._changed.notify_all()
        return news

    def _failed(self, trouble: Unreadable) -> bool:
        with self._changed:
            news = trouble != self._trouble
            self._trouble = trouble
            self._failures += 1
            self._changed.notify_all()
        return news

    def _connected(self) -> ApiClient:
        if self._client is None or self._client.renewed():
            self._disconnect()
            self._client = ApiClient(self._logins, self._timeout)
        return self._client

    def _disconnect(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None


def _since(before: _Found | None, lease: NameClaim | None) -> float:
    """Since when the Lease is seen with its sign of life (monotonic s)."""
    if before is None or before.lease is None or lease is None or before.lease.sign != lease.sign:
        return time.monotonic()
    return before.since


def _claim_of(client: ApiClient, name: str) -> tuple[NameClaim | None, str]:
    """The claim, and why it may not be read."""
    try:
        return read_claim(client, name), ""
    except DatastoreError as error:
        if error.code != "denied":
            raise
        return None, error.reason


def _kubelet_of(client: ApiClient, name: str) -> KubeletSign | None:
    """By a list of one, for which there is a right already; from the server's memory."""
    chosen = {"fieldSelector": f"metadata.name={name}", "resourceVersion": "0"}
    items = decode_page(client.get("/api/v1/nodes", chosen)).items
    try:
        return decode_kubelet(bytes(items[0])) if items else None
    except Malformed as malformed:
        raise DatastoreError(f"the Node {name} cannot be understood: {malformed.what}", "failed") from None
