"""One instant: everything that was read for one pass."""

from dataclasses import dataclass
from datetime import datetime

from calico_agent.model.bgp import Bird
from calico_agent.model.container import Docker
from calico_agent.model.host import Host
from calico_agent.model.kernel import Kernel
from calico_agent.model.node import Datastore


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A source that could not be read. Not knowing is a value of its own, never "nothing there".

    `source` names it for people (`etcd`, `Docker`, `BIRD`), `reason` is one sentence. `code` is a machine word for
    what kept us out, where a later stage tells cases apart: `absent`, `refused`, `timeout`, `denied`, ...
    """

    source: str
    reason: str
    code: str = ""


@dataclass(frozen=True, slots=True)
class Observation:
    """Everything outside, as of `at` (aware, UTC).

    `bird6` is None where the IPv6 daemon is not used.
    """

    at: datetime
    host: Host | Unreadable
    kernel: Kernel | Unreadable
    docker: Docker | Unreadable
    datastore: Datastore | Unreadable
    bird: Bird | Unreadable
    bird6: Bird | Unreadable | None = None

    def unreadable(self) -> tuple[Unreadable, ...]:
        """The sources that could not be read, in the order above."""
        sources = (self.host, self.kernel, self.docker, self.datastore, self.bird, self.bird6)
        return tuple(source for source in sources if isinstance(source, Unreadable))
