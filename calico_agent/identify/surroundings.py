"""What an address is judged by."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from calico_agent.model.address import IPAddress, IPNetwork
from calico_agent.model.container import Docker
from calico_agent.model.host import Host, Kubelet
from calico_agent.model.kernel import Kernel
from calico_agent.model.node import Block, Datastore, Node
from calico_agent.model.observation import Unreadable
from calico_agent.model.prefix import PrefixIndex, key_of
from calico_agent.model.route import host_prefix
from calico_agent.model.unchanged import MadeOnce


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Everything around one address. `own_names` are the node names whose records may be this host's own.

    `shared` are the addresses of this host that other machines have, too, with the names of those nodes, `in_blocks`
    those that lie in a block of IPAM. `reachable` are the addresses that the destinations of `can-reach=` stand for.
    `kubelet` is the one that runs here.
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
        """The surroundings; all records are gone through once, whatever the number of addresses."""
        here = frozenset(held.address for link in kernel.links for held in link.addresses)
        shared = _shared(here, _nodes(datastore), own_names)
        kubelet = host.kubelet if isinstance(host, Host) else None
        in_blocks = _in_blocks(here, () if isinstance(datastore, Unreadable) else datastore.blocks)
        return cls(kernel, docker, datastore, endpoints, own_names, shared, in_blocks, kubelet, reachable)

    @property
    def registered_elsewhere(self) -> frozenset[IPAddress]:
        """The addresses of the node records that are certainly not this host's."""
        return _registered_elsewhere(_nodes(self.datastore), self.own_names)

    @property
    def own_registered(self) -> frozenset[IPAddress]:
        """The addresses under which the cluster knows this host now."""
        if isinstance(self.datastore, Unreadable):
            return frozenset()
        own = [node for node in self.datastore.nodes if node.name in self.own_names]
        return frozenset(address.ip for node in own for address in (node.ipv4, node.ipv6) if address is not None)


def _nodes(datastore: Datastore | Unreadable) -> tuple[Node, ...]:
    return () if isinstance(datastore, Unreadable) else datastore.nodes


@MadeOnce
def _registered_elsewhere(nodes: tuple[Node, ...], own_names: frozenset[str]) -> frozenset[IPAddress]:
    others = (node for node in nodes if node.name not in own_names)
    return frozenset(address.ip for node in others for address in (node.ipv4, node.ipv6) if address is not None)


@MadeOnce
def _shared(
    here: frozenset[IPAddress], nodes: tuple[Node, ...], own_names: frozenset[str]
) -> dict[IPAddress, tuple[str, ...]]:
    """Which of the addresses `here` are on which other machine.

    An old record of this machine under another name lists its addresses, too. A record is another machine's for certain
    when it also lists an address that is not here.
    """
    shared: dict[IPAddress, tuple[str, ...]] = {}
    for node in nodes:
        if node.name in own_names:
            continue
        listed = {address.ip for address in (node.ipv4, node.ipv6) if address is not None}
        listed = listed.union(*(addresses for _, addresses in node.interfaces))
        if not listed <= here:
            for address in listed & here:
                shared[address] = (*shared.get(address, ()), node.name)
    return shared


@MadeOnce
def _in_blocks(here: frozenset[IPAddress], blocks: tuple[Block, ...]) -> dict[IPAddress, IPNetwork]:
    """Which of the addresses `here` lie in a block, and in which."""
    index = PrefixIndex({key_of(block.cidr): block.cidr for block in blocks})
    found = {address: index.covering(key_of(host_prefix(address))) for address in here}
    return {address: cidr for address, cidr in found.items() if cidr is not None}
