"""Felix's health port, found among the ports on which the Felix process itself listens.

Environment, configuration file and two FelixConfigurations can name the port, so Felix's own sockets are looked at
instead: whatever its settings are, it is nobody else's answer that is believed. Mostly it listens on 127.0.0.1:9099
(FELIX_HEALTHENABLED, FELIX_HEALTHHOST, FELIX_HEALTHPORT) and for Prometheus on another, which knows no `/liveness`.
calico/node v1.3.0 (Felix 2.3.0) has no such port.
"""

import time
from contextlib import closing
from http.client import HTTPConnection, HTTPException

from calico_agent.model.calico.felix_health import FelixHealth
from calico_agent.model.network.address import IPAddress
from calico_agent.sources.docker.decode.felix_health import decode_health
from calico_agent.sources.host.listeners import listeners, reachable_host

_TIMEOUT, _DEADLINE = 1.0, 1.5  # of one port, and of all
_LONGEST_ANSWER = 1 << 16
_MOST_PORTS = 8
_FRESH_SECONDS = 5.0  # Felix's parts report every ten seconds
_LEISURE_SECONDS = 30.0  # a Felix without a port, or one that does not answer, is asked again after that


class FelixHealthReader:
    """Asks one Felix after the other, each at most every few seconds."""

    def __init__(self) -> None:
        self._pid = 0
        self._port: tuple[IPAddress, int] | None = None
        self._said: FelixHealth | None = None
        self._next = 0.0

    def read(self, pid: int) -> FelixHealth | None:
        """What the Felix with this process number says; None where it has no health port, or does not answer."""
        now = time.monotonic()
        if pid == self._pid and now < self._next:
            return self._said
        known = self._port if pid == self._pid else None
        self._pid, self._port, self._said = pid, None, None
        for port in (known,) if known else listeners(pid)[:_MOST_PORTS]:
            said = _ask(*port)
            if said is not None:
                self._port, self._said = port, said
            if said is not None or time.monotonic() - now > _DEADLINE:
                break
        self._next = time.monotonic() + (_FRESH_SECONDS if self._said else _LEISURE_SECONDS)
        return self._said


def _ask(address: IPAddress, port: int) -> FelixHealth | None:
    try:
        with closing(HTTPConnection(reachable_host(address), port, timeout=_TIMEOUT)) as connection:
            connection.request("GET", "/liveness", headers={"Connection": "close"})
            answer = connection.getresponse()
            return decode_health(answer.status, answer.read(_LONGEST_ANSWER).decode(errors="replace"))
    except (OSError, HTTPException):
        return None
