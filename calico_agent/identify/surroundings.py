"""What an address is judged by."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from calico_agent.model.address import IPAddress
from calico_agent.model.container import Docker
from calico_agent.model.host import Host, Kubelet
from calico_agent.model.kernel import Kernel
from calico_agent.model.node import Datastore, Node
from calico_agent.model.observation import Unreadable


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Everything around one address. `own_names` are the node names whose records may be this host's own.

    `shared` are the addresses of this host that other machines have, too, with the names of those nodes. `reachable`
    are the addresses that the destinations of `can-reach=` stand for. `kubelet` is the one that runs here.
    """

    kernel: Kernel
    docker: Docker | Unreadable
    datastore: Datastore | Unreadable
    endpoints: tuple[IPAddress, ...]
    own_names: frozenset[str]
    shared: Mapping[IPAddress, tuple[str, ...]]
    kubelet: Kubelet | None = None
    reachable: Mapping[str, tuple[IPAddress, ...]] = field(default_factory=dict)

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
    ) -> "Surroundings":
        """The surroundings; all node records are gone through once, whatever the number of addresses."""
        here = frozenset(held.address for link in kernel.links for held in link.addresses)
        others = _others(datastore, own_names)
        shared = _shared(here, others)
        kubelet = host.kubelet if isinstance(host, Host) else None
        return cls(kernel, docker, datastore, endpoints, own_names, shared, kubelet, reachable)

    @property
    def other_nodes(self) -> tuple[Node, ...]:
        """The node records that are certainly not this host's; none while the datastore cannot be read."""
        return tuple(_others(self.datastore, self.own_names))

    @property
    def own_registered(self) -> frozenset[IPAddress]:
        """The addresses under which the cluster knows this host now."""
        if isinstance(self.datastore, Unreadable):
            return frozenset()
        own = [node for node in self.datastore.nodes if node.name in self.own_names]
        return frozenset(address.ip for node in own for address in (node.ipv4, node.ipv6) if address is not None)


def _others(datastore: Datastore | Unreadable, own_names: frozenset[str]) -> Iterator[Node]:
    if isinstance(datastore, Datastore):
        yield from (node for node in datastore.nodes if node.name not in own_names)


def _shared(here: frozenset[IPAddress], others: Iterable[Node]) -> dict[IPAddress, tuple[str, ...]]:
    """Which of the addresses `here` are on which other machine.

    An old record of this machine under another name lists its addresses, too. A record is another machine's for certain
    when it also lists an address that is not here.
    """
    shared: dict[IPAddress, tuple[str, ...]] = {}
    for node in others:
        listed = {address.ip for address in (node.ipv4, node.ipv6) if address is not None}
        listed = listed.union(*(addresses for _, addresses in node.interfaces))
        if not listed <= here:
            for address in listed & here:
                shared[address] = (*shared.get(address, ()), node.name)
    return shared
