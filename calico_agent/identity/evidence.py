"""What an address is judged by."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from calico_agent.model.calico.bird import Bird, PeerKind
from calico_agent.model.calico.node import Block, Datastore, Node
from calico_agent.model.container.container import Docker
from calico_agent.model.host.claimant import machine_of
from calico_agent.model.host.machine import Host, Kubelet
from calico_agent.model.last_value_cache import LastValueCache
from calico_agent.model.name_lease import claim_on, claims_of
from calico_agent.model.network.address import IPAddress, IPNetwork, address_in
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.network.prefix import PrefixIndex, key_of
from calico_agent.model.network.route import host_prefix
from calico_agent.model.observation import Unreadable


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything around one address. `own_names` are the node names whose records may be this host's own.

    `shared` are the addresses of this host that other machines have, too, with the names of those nodes, `in_blocks`
    those that lie in a block of IPAM. `reachable` are the addresses that the destinations of `can-reach=` stand for.
    `kubelet` is the one that runs here. `speaking` are the addresses of this host from which BIRD has BGP sessions,
    `claimed` the address with which this machine claimed its name. `internal` are the InternalIPs of its Kubernetes
    Node, the first one first; empty where that was not asked for.
    """

    kernel: Kernel
    docker: Docker | Unreadable
    datastore: Datastore | Unreadable
    endpoints: tuple[IPAddress, ...]
    own_names: frozenset[str]
    shared: Mapping[IPAddress, tuple[str, ...]]
    in_blocks: Mapping[IPAddress, IPNetwork]
    kubelet: Kubelet | None = None
    reachable: Mapping[str, tuple[IPAddress, ...]] = field(default_factory=dict)
    speaking: frozenset[IPAddress] = frozenset()
    claimed: frozenset[IPAddress] = frozenset()
    internal: tuple[IPAddress, ...] = ()

    @classmethod
    def of(
        cls,
        kernel: Kernel,
        docker: Docker | Unreadable,
        datastore: Datastore | Unreadable,
        endpoints: tuple[IPAddress, ...],
        own_names: frozenset[str],
        host: Host | Unreadable,
        reachable: Mapping[str, tuple[IPAddress, ...]],
        birds: Iterable[Bird | Unreadable | None],
        *,
        name: str,
    ) -> "Evidence":
        """Return the surroundings; all records are gone through once, whatever the number of addresses."""
        here = frozenset(held.address for link in kernel.links for held in link.addresses)
        shared = _shared(here, _nodes(datastore), own_names)
        kubelet = host.kubelet if isinstance(host, Host) else None
        in_blocks = _in_blocks(here, () if isinstance(datastore, Unreadable) else datastore.blocks)
        return cls(
            kernel,
            docker,
            datastore,
            endpoints,
            own_names,
            shared,
            in_blocks,
            kubelet,
            reachable,
            speaking=_speaking(birds),
            claimed=_claimed(host, kernel, datastore),
            internal=_internal(name, datastore),
        )

    @property
    def registered_elsewhere(self) -> frozenset[IPAddress]:
        """Return the addresses of the node records that are certainly not this host's."""
        return _registered_elsewhere(_nodes(self.datastore), self.own_names)

    @property
    def own_registered(self) -> frozenset[IPAddress]:
        """Return the addresses under which the cluster knows this host now."""
        return frozenset(
            address.ip for node in self.own_records for address in (node.ipv4, node.ipv6) if address is not None
        )

    @property
    def own_records(self) -> tuple[Node, ...]:
        """Return the node records that may be this host's."""
        return _own_records(_nodes(self.datastore), self.own_names)

    @property
    def given(self) -> frozenset[IPAddress]:
        """Return the addresses that calico/node was told when it was started here."""
        return frozenset() if isinstance(self.docker, Unreadable) else self.docker.given_addresses


def _speaking(birds: Iterable[Bird | Unreadable | None]) -> frozenset[IPAddress]:
    """Where the established sessions with other hosts begin: they prove that the address is this host's for them."""
    return frozenset(
        session.source_address
        for bird in birds
        if isinstance(bird, Bird)
        for session in bird.sessions
        if session.established and session.source_address and session.kind is not PeerKind.LOCAL_WORKLOAD
    )


def _internal(name: str, datastore: Datastore | Unreadable) -> tuple[IPAddress, ...]:
    found = None if isinstance(datastore, Unreadable) else claim_on(name, datastore.claims).kubelet
    return found.addresses if found is not None else ()


def _claimed(host: Host | Unreadable, kernel: Kernel, datastore: Datastore | Unreadable) -> frozenset[IPAddress]:
    """The address in the claim of this very machine on its name."""
    if isinstance(host, Unreadable) or isinstance(datastore, Unreadable):
        return frozenset()
    texts = {owner.machine.address for owner in claims_of(machine_of(host, kernel.links), datastore.claims)}
    return frozenset(address for text in texts if (address := address_in(text)) is not None)


def _nodes(datastore: Datastore | Unreadable) -> tuple[Node, ...]:
    return () if isinstance(datastore, Unreadable) else datastore.nodes


@LastValueCache
def _own_records(nodes: tuple[Node, ...], own_names: frozenset[str]) -> tuple[Node, ...]:
    return tuple(node for node in nodes if node.name in own_names)


@LastValueCache
def _registered_elsewhere(nodes: tuple[Node, ...], own_names: frozenset[str]) -> frozenset[IPAddress]:
    others = (node for node in nodes if node.name not in own_names)
    return frozenset(address.ip for node in others for address in (node.ipv4, node.ipv6) if address is not None)


@LastValueCache
def _shared(
    here: frozenset[IPAddress], nodes: tuple[Node, ...], own_names: frozenset[str]
) -> dict[IPAddress, tuple[str, ...]]:
    """Which of the addresses `here` are on which other machine.

    An old record of this machine under another name lists its addresses, too. A record is another machine's for certain
    when it also lists an address that is not here. That a machine is registered with an address does not mean that it
    has it: its links tell, where the record has them, and an address of this host's own record is this host's.
    """
    shared: dict[IPAddress, tuple[str, ...]] = {}
    own = {address.ip for node in _own_records(nodes, own_names) for address in (node.ipv4, node.ipv6) if address}
    for node in nodes:
        if node.name in own_names:
            continue
        registered = {address.ip for address in (node.ipv4, node.ipv6) if address is not None}
        on_links = {address for _, addresses in node.interfaces for address in addresses}
        if not registered | on_links <= here:
            for address in (on_links or registered - own) & here:
                shared[address] = (*shared.get(address, ()), node.name)
    return shared


@LastValueCache
def _in_blocks(here: frozenset[IPAddress], blocks: tuple[Block, ...]) -> dict[IPAddress, IPNetwork]:
    """Which of the addresses `here` lie in a block, and in which."""
    index = PrefixIndex({key_of(block.cidr): block.cidr for block in blocks if not block.virtual})
    found = {address: index.covering(key_of(host_prefix(address))) for address in here}
    return {address: cidr for address, cidr in found.items() if cidr is not None}
