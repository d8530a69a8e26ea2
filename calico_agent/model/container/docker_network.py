"""The networks of Docker, each with the bridge it lives on."""

from dataclasses import dataclass

from calico_agent.model.network.address import IPAddress, IPNetwork


@dataclass(frozen=True, slots=True)
class DockerNetwork:
    """One network that Docker manages. `bridge` is the link it lives on, empty for host, none and overlay networks."""

    name: str
    driver: str
    bridge: str = ""
    subnets: tuple[IPNetwork, ...] = ()
    gateways: tuple[IPAddress, ...] = ()
