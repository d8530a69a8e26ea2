"""Where the addresses of this cluster's services are, as far as programs on this host were told."""

from dataclasses import dataclass

from calico_agent.model.network.address import IPNetwork


@dataclass(frozen=True, slots=True)
class ServiceRange:
    """A network of service addresses, and who says so."""

    network: IPNetwork
    source: str


@dataclass(frozen=True, slots=True)
class ServiceRanges:
    """All that were found: none does not mean that there are no services."""

    found: tuple[ServiceRange, ...] = ()
