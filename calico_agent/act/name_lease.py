"""The name claim in the datastore: made in one transaction, kept alive on a lease. What it means: `model.name_lease`.

A thread of its own, because a frozen datastore must hold up no pass: each pass says what is wanted (`want`), the thread
makes it so and says what went wrong (`trouble`). What came of it the pass sees where it sees all, in the datastore.

A claim is not given up when the agent stops: calico/node runs on under the name.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self

from calico_agent.model.name_lease import LEASE_SECONDS, ClaimName
from calico_agent.model.observation import Unreadable
from calico_agent.model.settings import DatastoreSettings
from calico_agent.sources.datastore.backend import BackendOf, Claims
from calico_agent.sources.datastore.backends import backend_of
from calico_agent.sources.datastore.calico.name_lease import encode_owner
from calico_agent.sources.datastore.server.error import DatastoreError
from calico_agent.worker import Worker

_SHORTEST_RETRY, _LONGEST_RETRY = 0.5, 20.0


@dataclass(frozen=True, slots=True)
class _DesiredLease:
    settings: DatastoreSettings
    claim: ClaimName


@dataclass(frozen=True, slots=True)
class _HeldLease:
    """A claim that was made, the lease that its sign of life is on, and when that is to be renewed (monotonic s)."""

    wish: _DesiredLease
    lease: int
    renew_at: float

    def satisfies(self, wish: _DesiredLease) -> bool:
        """True if `wish` is what was written, be it that the reader already has seen it or not yet.

        It is not when the reader saw it once and sees it no more: somebody removed it.
        """
        wanted, made = wish.claim, self.wish.claim
        if made.kept and not wanted.kept:
            return False
        return (
            wish.settings == self.wish.settings
            and (wanted.name, wanted.machine) == (made.name, made.machine)
            and wanted.seen in {made.seen, encode_owner(made)}
        )


class NameLeaseKeeper(Worker):
    """Keeps the name that is wanted. `wake(reason)` is called, from its thread, when it is had or cannot be had."""

    def __init__(
        self, wake: Callable[[str], None], *, lease_seconds: int = LEASE_SECONDS, backends: BackendOf = backend_of
    ) -> None:
        super().__init__("name claim")
        self._wake = wake
        self._backends = backends
        self._lease_seconds = lease_seconds
        # Guarded by the condition: what is wanted, what went wrong, and whether to end.
        self._changed = threading.Condition()
        self._wish: _DesiredLease | None = None
        self._trouble: Unreadable | None = None
        # The thread's own.
        self._link: Claims | None = None
        self._settings: DatastoreSettings | None = None
        self._held: _HeldLease | None = None
        self._endpoint = 0
        self._retry = _SHORTEST_RETRY

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def want(self, settings: DatastoreSettings | None, claim: ClaimName | None) -> None:
        """From now on, hold this claim; None: write nothing and let the lease run out. Returns at once."""
        wish = _DesiredLease(settings, claim) if settings is not None and claim is not None else None
        with self._changed:
            if self.stopping.is_set() or _same(self._wish, wish):
                return
            self._wish = wish
            if wish is None:
                self._trouble = None
            self._changed.notify()
            if not self.started:
                self.start()

    def error(self) -> Unreadable | None:
        """Return why the claim that is wanted is not had; None when it is, or was not tried yet."""
        with self._changed:
            return self._trouble

    def stop(self) -> None:
        """End the thread. The claim stays, its sign of life ends with the lease."""
        settings = self._settings
        self.stop_seconds = 2 * settings.timeout if settings is not None else _SHORTEST_RETRY
        super().stop()

    def interrupt(self) -> None:
        """Wake it, and end the call that it waits for."""
        with self._changed:
            self._changed.notify()
        if self._link is not None:
            self._link.close()

    def work(self) -> None:
        """Hold what is wanted."""
        pause = 0.0
        seen: _DesiredLease | None = None
        while True:
            with self._changed:
                if not self.stopping.is_set() and self._wish is seen:
                    self._changed.wait(pause)
                if self.stopping.is_set():
                    break
                if self._wish is not seen:
                    self._retry = _SHORTEST_RETRY
                seen = self._wish
            self.beat()
            pause = self._step(seen)
        self._disconnect()

    def _step(self, wish: _DesiredLease | None) -> float:
        """Hold `wish` or make it held; returns after how many seconds to look again."""
        if wish is None:
            self._held = None
            self._disconnect()
            return _LONGEST_RETRY
        try:
            return self._hold(wish)
        except DatastoreError as error:
            self._disconnect()
            self._endpoint += 1
            self._say(Unreadable(self._backends(wish.settings).source, error.reason, error.code))
            pause, self._retry = self._retry, min(2 * self._retry, _LONGEST_RETRY)
            return pause

    def _hold(self, wish: _DesiredLease) -> float:
        link = self._connect(wish.settings)
        held, claim = self._held, wish.claim
        if held is not None and held.satisfies(wish):
            made = held.wish.claim
            self._held = held = replace(
                held, wish=replace(wish, claim=replace(made, seen=wish.claim.seen, kept=wish.claim.kept))
            )
            left = held.renew_at - time.monotonic()
            if left > 0:
                return left
            if link.renew(held.lease):
                return self._keep(held)
            claim = replace(made, seen=encode_owner(made))
        lease = link.claim(claim, self._lease_seconds)
        if lease is not None:
            pause = self._keep(_HeldLease(replace(wish, claim=replace(claim, seen=wish.claim.seen)), lease, 0.0))
            self._wake("name claim")
            return pause
        self._held = None
        # Somebody else wrote it since it was read. Whoever has it now, the next pass sees it.
        raise DatastoreError(f"the claim on {wish.claim.name} was changed by somebody else meanwhile", "changed")

    def _keep(self, held: _HeldLease) -> float:
        """Note that the claim is alive; the next sign of life is due when a third of the lease has passed."""
        seconds = self._lease_seconds / 3
        self._held = replace(held, renew_at=time.monotonic() + seconds)
        self._retry = _SHORTEST_RETRY
        self._say(None)
        return seconds

    def _say(self, trouble: Unreadable | None) -> None:
        with self._changed:
            changed, self._trouble = trouble != self._trouble, trouble
        if changed:
            self._wake("name claim")

    def _connect(self, settings: DatastoreSettings) -> Claims:
        if self._link is None or self._settings != settings or _renewed(self._link):
            self._disconnect()
            backend = self._backends(settings)
            endpoints = backend.endpoints(settings)
            self._link = backend.claims(endpoints[self._endpoint % len(endpoints)], settings, settings.timeout)
            self._settings = settings
        return self._link

    def _disconnect(self) -> None:
        if self._link is not None:
            self._link.close()
            self._link = None


def _renewed(link: Claims) -> bool:
    try:
        return link.renewed()
    except DatastoreError:
        return False  # what this connection was made with still works; the reading tells of it


def _same(one: _DesiredLease | None, other: _DesiredLease | None) -> bool:
    """Whether both want the same. `since` is now, as long as nobody has the name."""
    if one is None or other is None:
        return one is other
    return replace(one, claim=replace(one.claim, since=other.claim.since)) == other
