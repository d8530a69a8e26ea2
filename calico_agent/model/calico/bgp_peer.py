"""BGPPeer resources: which nodes are to have BGP sessions beyond the mesh, and with whom.

api/pkg/apis/projectcalico/v3/bgppeer.go of projectcalico/calico@v3.28.5.
"""

from dataclasses import dataclass

from calico_agent.model.calico.selector import Selector
from calico_agent.model.network.address import IPAddress


@dataclass(frozen=True, slots=True)
class Peering:
    """One BGPPeer.

    Those who have the sessions are the nodes that `nodes` matches, else the one called `node`, else all. Their peers
    are the nodes that `peers` matches, or `address`; the AS number is then in `as_number`, and the port is `port` or,
    if the address is a node's, the one that this node listens on. In these sessions those who have them may be of
    another AS than usual: `local_as`.

    `mutual`: peers that are nodes get the same sessions in the opposite direction, without a BGPPeer of their own.
    `next_hop_self`: routes have the sender as their next hop. `filters` are the names of BGPFilters, in their order.
    """

    name: str
    address: IPAddress | None = None
    port: int | None = None
    as_number: int | None = None
    local_as: int | None = None
    peers: Selector | None = None
    node: str = ""
    nodes: Selector | None = None
    mutual: bool = True
    next_hop_self: bool = False
    filters: tuple[str, ...] = ()

    @property
    def plain(self) -> bool:
        """Whether routes pass as through the sessions of the mesh."""
        return not (self.next_hop_self or self.filters)
