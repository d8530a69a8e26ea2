"""The nodes' registered addresses: where the kernel is asked for the way, and which of its neighbours matter."""

from calico_agent.model.calico.node import Datastore, Node
from calico_agent.model.last_value_cache import LastValueCache
from calico_agent.model.network.address import IPAddress
from calico_agent.model.observation import Unreadable

# How many other nodes the kernel is asked about in a pass. They vote on which address this host uses towards the
# cluster; 64 voters settle that, and 5,000 look-ups would cost more than the rest of the pass.
_VOTERS = 64


def registered(datastore: Datastore | Unreadable) -> tuple[IPAddress, ...]:
    """The addresses of all nodes."""
    return () if isinstance(datastore, Unreadable) else _all_addresses(datastore.nodes)


def voters(datastore: Datastore | Unreadable) -> tuple[IPAddress, ...]:
    """Those of nodes that vote, spread evenly over all of them."""
    nodes = () if isinstance(datastore, Unreadable) else datastore.nodes
    return _addresses(nodes[:: max(1, len(nodes) // _VOTERS)])


def _addresses(nodes: tuple[Node, ...]) -> tuple[IPAddress, ...]:
    return tuple(address.ip for node in nodes for address in (node.ipv4, node.ipv6) if address is not None)


_all_addresses = LastValueCache(_addresses)
