"""DNS names that the configuration mentions, resolved beside the passes.

getaddrinfo() has no deadline, so it runs in a thread of its own. Only the first question is waited for; later ones
refresh the answer once a minute, as often as calico/node itself would look, and until then the last good one stands.
"""

import socket
import time
from ipaddress import ip_address

from calico_agent.model.network.address import IPAddress
from calico_agent.worker import Errand

_WAIT_SECONDS = 2.0
_REFRESH_SECONDS = 60.0
_MOST_ADDRESSES = 16


class NameLookup:
    """One name. `ask` may be called from one thread only."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._answer: tuple[IPAddress, ...] = ()
        self._errand: Errand | None = None
        self._asked_at = 0.0

    def ask(self) -> tuple[IPAddress, ...]:
        """Its addresses in the resolver's order; none when it has none, or while nobody knows."""
        first = self._errand is None
        running = self._errand is not None and self._errand.alive
        if not running and (first or time.monotonic() - self._asked_at > _REFRESH_SECONDS):
            self._asked_at = time.monotonic()
            self._errand = Errand(f"resolve {self._name}", self._resolve)
            self._errand.start()
        if first and self._errand is not None:
            self._errand.wait(_WAIT_SECONDS)
        return self._answer

    def _resolve(self) -> None:
        try:
            found = socket.getaddrinfo(self._name, None, type=socket.SOCK_DGRAM)
        except (OSError, UnicodeError):
            return
        addresses = (ip_address(str(address[0]).partition("%")[0]) for *_, address in found[:_MOST_ADDRESSES])
        self._answer = tuple(dict.fromkeys(addresses))
