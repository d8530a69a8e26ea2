"""Whose is this address: the one index that the audit and a trace ask.

An address may be a node's own, that of a tunnel device, a pod's by the block's word, or one that a link here leads to;
these words may differ, and what differs is what is found: borrowed, given twice, left over, of nobody.
"""

from dataclasses import dataclass

from calico_agent.expected.cluster import Cluster, TunnelEnd
from calico_agent.expected.pods import pod_link
from calico_agent.expected.view import View
from calico_agent.model.calico.node import Block, Borrowed, Pool
from calico_agent.model.network.address import IPAddress
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.network.prefix import key_of
from calico_agent.model.network.route import RouteType, host_prefix


@dataclass(frozen=True, slots=True)
class AddressFacts:
    """All that is known of one address.

    `registered` are the nodes that have it as theirs, `tunnels` those that have it on a tunnel device. `given` is the
    node to whose pod Calico gave it, None where that is not known. `carrier` is the link of this host that carries it,
    `pod_link` the one of a pod here into which a route leads.
    """

    address: IPAddress
    pool: Pool | None
    block: Block | None
    borrowed: Borrowed | None
    registered: tuple[str, ...]
    tunnels: tuple[TunnelEnd, ...]
    given: str | None
    carrier: str
    pod_link: str

    @property
    def owner(self) -> str | None:
        """Return the node whose block it is in."""
        return self.block.owner if self.block is not None and not self.block.virtual else None

    @property
    def tunnel(self) -> TunnelEnd | None:
        """Return the node whose tunnel address it rightly is: of several the one to which Calico gave it."""
        if len(self.tunnels) < 2:
            return next(iter(self.tunnels), None)
        rightful = self.borrowed.node if self.borrowed is not None else self.owner
        return next((end for end in self.tunnels if end.node == rightful), self.tunnels[0])

    @property
    def holder(self) -> str | None:
        """Return the node on which it is in use."""
        if self.tunnel is not None:
            return self.tunnel.node
        return self.borrowed.node if self.borrowed is not None else self.given or self.owner


def standing_of(view: View, cluster: Cluster, kernel: Kernel, address: IPAddress) -> AddressFacts:
    """Return what the records, the links and the routes of this host say of an address."""
    key = key_of(host_prefix(address))
    block, borrowed = cluster.block_index.covering(key), cluster.borrowers.get(address)
    held = kernel.holder(address)
    paths = kernel.fib.paths(host_prefix(address))
    led = pod_link(paths[0]) if paths and paths[0].type is RouteType.UNICAST else None
    given = view.observation.given.get(address) or (block.holder(address) if block is not None else None)
    return AddressFacts(
        address,
        pool=cluster.pools.covering(key),
        block=block,
        borrowed=borrowed,
        registered=cluster.holders.get(address, ()),
        tunnels=cluster.tunnels.get(address, ()),
        given=view.local.name if address in (view.observation.held or ()) else given,
        carrier=held[0].name if held is not None else "",
        pod_link=led or "",
    )
