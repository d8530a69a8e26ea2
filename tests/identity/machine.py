"""Small builders: a host in a few words."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from ipaddress import ip_address, ip_interface, ip_network
from typing import Any

from calico_agent.identity.select import identify_host
from calico_agent.model.calico.autodetection import parse_method
from calico_agent.model.calico.bird import Bird
from calico_agent.model.calico.node import Datastore, Node, Pool
from calico_agent.model.container.container import Docker
from calico_agent.model.container.docker_network import DockerNetwork
from calico_agent.model.host.machine import Host, Kubelet
from calico_agent.model.identity import Candidate, Identity, KeptAddress, KeptIdentity
from calico_agent.model.network.address import IPAddress, Link, LinkAddress
from calico_agent.model.network.fib import Fib
from calico_agent.model.network.kernel import Kernel, RouteLookup
from calico_agent.model.network.route import NextHop, Route
from calico_agent.model.observation import Unreadable
from calico_agent.model.settings import AddressSettings, IdentitySettings


def held(text: str, **flags: Any) -> LinkAddress:
    """One address, `10.0.0.1/24`."""
    return LinkAddress(ip_interface(text), **flags)


def link(name: str, *addresses: str | LinkAddress, **fields: Any) -> Link:
    """One link; the index follows from the name where none is given."""
    carried = tuple(held(address) if isinstance(address, str) else address for address in addresses)
    return Link(fields.pop("index", sum(name.encode())), name, addresses=carried, **fields)


def docker_network(name: str, bridge: str, subnet: str, gateway: str = "", driver: str = "bridge") -> DockerNetwork:
    """One network of `docker network ls`."""
    gateways = (ip_address(gateway),) if gateway else ()
    return DockerNetwork(name, driver, bridge, (ip_network(subnet),), gateways)


def node(name: str, ipv4: str = "", *interface_addresses: str, ipv6: str = "") -> Node:
    """One node record, with the addresses that it lists for its links."""
    listed = tuple((f"eth{n}", (ip_address(address),)) for n, address in enumerate(interface_addresses))
    return Node(
        name,
        ipv4=ip_interface(ipv4) if ipv4 else None,
        ipv6=ip_interface(ipv6) if ipv6 else None,
        interfaces=listed,
    )


def pool(cidr: str, name: str = "default-ipv4-ippool") -> Pool:
    """One IP pool."""
    return Pool(name, ip_network(cidr))


def source(destination: str, address: str, device: str = "eth0") -> RouteLookup:
    """The kernel's answer for one destination; an empty address means that there is no way."""
    return RouteLookup(ip_address(destination), ip_address(address) if address else None, device)


def kept(address: str, device: str = "eth0", **fields: Any) -> KeptIdentity:
    """The last choice: this IPv4 address, by the default route three days ago."""
    rule = fields.pop("rule", "default route")
    return KeptIdentity(ipv4=KeptAddress(ip_interface(address), device, rule, CHOSEN_AT, **fields))


CHOSEN_AT = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
LO = link("lo", "127.0.0.1/8", "::1/128", loopback=True)
ETH0 = link("eth0", "10.0.0.13/24")
DOCKER0 = link("docker0", "172.17.0.1/16", kind="bridge", running=False, mac="02:42:56:5d:73:7b")
BRIDGE_NETWORK = docker_network("bridge", "docker0", "172.17.0.0/16", "172.17.0.1")


@dataclass(frozen=True)
class Machine:
    """A host with eth0 and docker0 as it comes, changed with `having`."""

    links: tuple[Link, ...] = (LO, ETH0, DOCKER0)
    default_route: str = "eth0"
    default_sources: tuple[RouteLookup, ...] = ()
    sources: tuple[RouteLookup, ...] = ()
    docker: Docker | Unreadable = field(default_factory=lambda: Docker(networks=(BRIDGE_NETWORK,)))
    datastore: Datastore | Unreadable = field(default_factory=Datastore)
    endpoints: tuple[str, ...] = ()
    host: Host | Unreadable = field(default_factory=lambda: Host("host3"))
    settings: IdentitySettings = field(default_factory=IdentitySettings)
    kept: KeptIdentity = field(default_factory=KeptIdentity)
    reachable: Mapping[str, tuple[IPAddress, ...]] = field(default_factory=dict)
    birds: tuple[Bird | Unreadable | None, ...] = ()

    def having(self, **changes: Any) -> "Machine":
        """The same host, otherwise."""
        return replace(self, **changes)

    def configured(self, ipv4: str) -> "Machine":
        """The same host with this address in the configuration."""
        return self.having(settings=IdentitySettings(ipv4=AddressSettings("configured", ip_interface(ipv4))))

    def with_method(self, text: str, *, allow_rejected: bool = False) -> "Machine":
        """The same host with one of Calico's methods for IPv4."""
        method = AddressSettings("calico", calico=parse_method(text, 4), allow_rejected=allow_rejected)
        return self.having(settings=replace(self.settings, ipv4=method))

    def with_kubelet(self, *node_ips: str, name: str = "") -> "Machine":
        """The same host with a kubelet."""
        assert isinstance(self.host, Host)
        kubelet = Kubelet(77, tuple(ip_address(address) for address in node_ips), name)
        return self.having(host=replace(self.host, kubelet=kubelet))

    def with_ipv6(self, method: str) -> "Machine":
        """The same host, using IPv6 by this method."""
        return self.having(settings=replace(self.settings, ipv6=AddressSettings(method)))

    @property
    def kernel(self) -> Kernel:
        """What the kernel says."""
        gateway = NextHop(ip_address("10.0.0.1"), self.default_route)
        routes = (Route(ip_network("0.0.0.0/0"), next_hops=(gateway,)),) if self.default_route else ()
        return Kernel(self.links, Fib.of(routes), self.sources, self.default_sources)

    def identify(self) -> Identity:
        """Who this host is."""
        endpoints = tuple(ip_address(endpoint) for endpoint in self.endpoints)
        return identify_host(
            self.host,
            self.kernel,
            self.docker,
            self.datastore,
            self.settings,
            endpoints,
            kept=self.kept,
            reachable=self.reachable,
            birds=self.birds,
        )

    def verdict(self, address: str) -> Candidate:
        """The verdict on one address, given without its prefix length."""
        identity = self.identify()
        every = identity.ipv4.candidates + identity.ipv6.candidates
        return next(candidate for candidate in every if str(candidate.interface.ip) == address)
