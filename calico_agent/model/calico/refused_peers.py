"""Who was sent away by BIRD."""

from dataclasses import dataclass
from datetime import datetime

from calico_agent.model.network.address import IPAddress


@dataclass(frozen=True, slots=True)
class Knocks:
    """A host that BIRD sent away, by calico/node's log: it tried to open a session without being a configured peer.

    `at` are the moments of its tries, oldest first, as far as the end of the log has them and says when.
    """

    address: IPAddress
    at: tuple[datetime, ...] = ()
