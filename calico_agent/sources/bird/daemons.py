"""The BIRD daemons of this host, one for each family."""

from collections.abc import Collection
from dataclasses import replace

from calico_agent.model.calico.bird import Bird
from calico_agent.model.network.address import Family, IPNetwork
from calico_agent.model.observation import Observation, Unreadable
from calico_agent.sources.bird.client import BirdReader


class BirdsReader:
    """Both of them, behind these sockets."""

    def __init__(self, socket: str, socket6: str) -> None:
        self._bird, self._bird6 = BirdReader(socket, Family.IPV4), BirdReader(socket6, Family.IPV6)

    def read(self, *, ipv6: bool) -> tuple[Bird | Unreadable, Bird | Unreadable | None]:
        """How they are now; None where that of IPv6 is not used."""
        return self._bird.read(), self._bird6.read() if ipv6 else None

    def with_routes(self, observation: Observation, about: Collection[IPNetwork]) -> Observation:
        """The same, with the routes that BIRD knows to some prefixes.

        A BIRD with a large table may not tell them in time. It answered a moment ago, so that is no fault of it: what
        was read then stays.
        """
        bird, bird6 = observation.bird, observation.bird6
        return replace(
            observation,
            bird=_with_routes(self._bird, bird, about),
            bird6=None if bird6 is None else _with_routes(self._bird6, bird6, about),
        )


def _with_routes(reader: BirdReader, known: Bird | Unreadable, about: Collection[IPNetwork]) -> Bird | Unreadable:
    if isinstance(known, Unreadable):
        return known
    found = reader.read(about)
    return known if isinstance(found, Unreadable) else found
