"""How each node is reached, by the encapsulation of the pool and by who writes the routes.

felix/dataplane/linux and confd's templates of projectcalico/calico@v3.32.1:

    none                    via the owner's registered address when it is in a connected network, else via whatever
                            BIRD resolved it to; a device of the host
    IPIP                    via the owner's registered address, dev tunl0
    VXLAN                   via the owner's tunnel address, dev vxlan.calico (vxlan-v6.calico)
    CrossSubnet             as none when the owner's address is inside this node's registered network, else the tunnel
    WireGuard               dev wireguard.cali (wg-v6.cali) between two nodes that both have a key, whatever the pool;
                            the route is in a table of its own, to which a policy rule leads

Felix writes the routes of VXLAN and WireGuard, and since v3.31 others if it is told to (`ClusterRoutes`); the rest is
BIRD's. Protocol and metric differ between versions and are not judged. Where BIRD brings the route, the next hop is
judged only if it is certain by the sessions through which it comes (`expected.bgp_sessions`), else that there is one.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from calico_agent.expected.bgp_need import is_by_bgp
from calico_agent.expected.bgp_sessions import bgp_plan
from calico_agent.expected.cluster import Cluster
from calico_agent.expected.local_node import Standpoint
from calico_agent.model.calico.node import EncapsulationMode, Node, Pool
from calico_agent.model.finding import Writer
from calico_agent.model.network.address import Family, IPAddress, IPInterface
from calico_agent.model.network.tunnel import IPIP_DEVICE, VXLAN_DEVICES, WIREGUARD_DEVICES


class Encapsulation(StrEnum):
    """How packets to a block travel."""

    NONE = "none"
    IPIP = "IPIP"
    VXLAN = "VXLAN"
    WIREGUARD = "WireGuard"


@dataclass(frozen=True, slots=True, eq=False)
class ForwardingPath:
    """How one node is reached; all its blocks of one pool share it.

    `gateway` None means any next hop, `device` empty any device of the host that is no tunnel. `judged` is False where
    nothing but the presence of a route can be asked for. `writer` is who writes the routes into the kernel.
    """

    node: str
    registered: IPAddress
    encapsulation: Encapsulation
    gateway: IPAddress | None
    device: str
    judged: bool = True
    writer: Writer = Writer.BIRD

    @property
    def family(self) -> Family:
        """Return the family of the addresses that it leads to."""
        return Family(self.registered.version)

    @property
    def by_bgp(self) -> bool:
        """True if BIRD brings the routes."""
        return self.writer is Writer.BIRD

    def __str__(self) -> str:
        via = f"via {self.gateway} " if self.gateway else "" if self.device else f"via the way to {self.registered} "
        return f"{via}{f'dev {self.device}' if self.device else ''}".strip()


class BlockKind(NamedTuple):
    """What the ways to all blocks of one kind have in common: the pool, and whether BIRD advertises what is in it."""

    pool: Pool
    exported: bool


class ForwardingResolver:
    """The way to each node for each pool, made once: thousands of blocks share a few hundred."""

    def __init__(self, cluster: Cluster, local: Standpoint) -> None:
        self._cluster = cluster
        self._local = local
        self._ways: dict[tuple[str, str, bool, Family], ForwardingPath | None] = {}
        self._plan = bgp_plan(cluster, local.name or "", local.node, local.registered)

    def known(self, node: str) -> bool:
        """True if the node has a record with an address of some family."""
        record = self._cluster.nodes.get(node)
        return record is not None and (record.ipv4 is not None or record.ipv6 is not None)

    def by_bgp(self, pool: Pool) -> bool:
        """True if BIRD writes the routes to the blocks of a pool."""
        return is_by_bgp(pool, self._local.felix.cluster_routes)

    def blackholed(self, pool: Pool) -> bool:
        """True if a program of calico/node puts a blackhole on own blocks of this pool.

        Felix has its own on those to which it leads others, and BIRD leaves these to it.
        """
        return self._local.uses_bird if self.by_bgp(pool) else self._local.felix.block_routes

    def is_tunnel_address(self, node: str, address: IPAddress) -> bool:
        """True if `address` is that of a tunnel device of this node."""
        return any(end.node == node for end in self._cluster.tunnels.get(address, ()))

    def to(self, node: str, kind: BlockKind, family: Family) -> ForwardingPath | None:
        """Return the way to a node's addresses in this kind, None when none is to be expected."""
        key = (node, kind.pool.name, kind.exported, family)
        if key not in self._ways:
            self._ways[key] = self._make(node, kind, family)
        return self._ways[key]

    def _make(self, node: str, kind: BlockKind, family: Family) -> ForwardingPath | None:
        record, me = self._cluster.nodes.get(node), self._local.node
        own = self._local.registered[family]
        registered = record.registered(family) if record else None
        if record is None or registered is None or own is None:
            return None
        felix = self._local.felix
        encrypted = record.wireguard_key(family) and me is not None and me.wireguard_key(family)
        if encrypted and felix.syncs_routes:
            return ForwardingPath(
                node, registered.ip, Encapsulation.WIREGUARD, None, WIREGUARD_DEVICES[family], writer=Writer.FELIX
            )
        by_bgp = self.by_bgp(kind.pool)
        if not (self._local.uses_bird and kind.exported if by_bgp else felix.block_routes):
            return None
        encapsulation = _encapsulation(kind.pool, registered, own)
        if encapsulation is Encapsulation.VXLAN:
            gateway = record.vtep(family)
            return ForwardingPath(
                node, registered.ip, encapsulation, gateway, VXLAN_DEVICES[family], writer=Writer.FELIX
            )
        writer = Writer.BIRD if by_bgp else Writer.FELIX
        judged = not by_bgp or self._keeps_next_hop(record, family)
        if encapsulation is Encapsulation.IPIP:
            return ForwardingPath(node, registered.ip, encapsulation, registered.ip, IPIP_DEVICE, judged, writer)
        near = registered.ip in own.network if not by_bgp else self._is_connected(registered.ip, family)
        return ForwardingPath(node, registered.ip, encapsulation, registered.ip if near else None, "", judged, writer)

    def _is_connected(self, address: IPAddress, family: Family) -> bool:
        return any(address in network for network in self._local.networks[family])

    def _keeps_next_hop(self, record: Node, family: Family) -> bool:
        """Whether BIRD certainly has a node's own routes with its registered address as next hop."""
        plan = self._plan[family]
        alike = (record.as_number or self._cluster.bgp.as_number) == plan.as_number
        return plan.steady and alike and record.name in plan.reached


def _encapsulation(pool: Pool, remote: IPInterface, own: IPInterface) -> Encapsulation:
    """The tunnel between two nodes; CrossSubnet asks whether the remote address is inside our registered network."""
    for mode, encapsulation in ((pool.ipip, Encapsulation.IPIP), (pool.vxlan, Encapsulation.VXLAN)):
        if encapsulation is Encapsulation.IPIP and remote.version == 6:
            continue  # Calico has no IPIP for IPv6
        far = mode is EncapsulationMode.CROSS_SUBNET and remote.ip not in own.network
        if far or mode is EncapsulationMode.ALWAYS:
            return encapsulation
    return Encapsulation.NONE
