"""What is remembered from one pass to the next: one value, handed in and out. Nothing else is."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

from calico_agent.config import Config
from calico_agent.model.assessment import PeerSession
from calico_agent.model.container.supervision import Attempts
from calico_agent.model.identity import KeptIdentity
from calico_agent.model.maintenance import Deed, Order
from calico_agent.model.settings import Mode
from calico_agent.model.unreadable import Unreadable
from calico_agent.report.timeline import Sightings
from calico_agent.state.attempts import AttemptsFile
from calico_agent.state.identity import IdentityFile


@dataclass(frozen=True, slots=True)
class Memory:
    """`sightings`: since when conditions and problems are as they are. `attempts`: how often the container was started.

    `kept` is the last choice of name and addresses, which a restart must not move. `sessions` are the BGP sessions by
    name, with how often each went down.
    """

    sightings: Sightings = field(default_factory=Sightings)
    attempts: Attempts = field(default_factory=Attempts)
    kept: KeptIdentity = field(default_factory=KeptIdentity)
    sessions: Mapping[str, PeerSession] = field(default_factory=dict)

    def after(self, order: Order | None) -> "Memory":
        """Return what is left once `order` was obeyed: nothing of who this host is, where it is to be forgotten."""
        if order is None or order.deed is not Deed.FORGET or order.id == self.attempts.order:
            return self
        return replace(self, kept=KeptIdentity(), attempts=replace(self.attempts, order=order.id))

    def moved(self, jump: timedelta) -> "Memory":
        """Return the same with all times moved, as the system clock was."""
        return replace(self, sightings=self.sightings.moved(jump), attempts=self.attempts.moved(jump))


class MemoryFiles:
    """The part of a Memory that outlives a restart. An agent that only observes decides nothing and keeps nothing."""

    def __init__(self, config: Config) -> None:
        directory = config.agent.state_dir if config.mode is Mode.SUPERVISE else ""
        self.place = directory
        self._attempts = AttemptsFile(directory)
        self._identity = IdentityFile(directory)

    def load(self, memory: Memory) -> Memory:
        """Return `memory` with what is on the disk."""
        return replace(memory, attempts=self._attempts.load(), kept=self._identity.load())

    def load_identity(self) -> KeptIdentity:
        """Return the last choice of name and addresses alone, for one look that starts nothing."""
        return self._identity.load()

    def save(self, memory: Memory) -> None:
        """Write what has changed. What fails is told by `troubles`."""
        self._attempts.save(memory.attempts)
        self._identity.save(memory.kept)

    def troubles(self) -> tuple[Unreadable, ...]:
        """Return why files cannot be used, as found the last time."""
        found = (self._identity.trouble, self._attempts.trouble)
        return tuple(trouble for trouble in found if trouble is not None)
