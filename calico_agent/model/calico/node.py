"""Calico's own records, whatever datastore generation they came from: nodes, pools, blocks, affinities, BGP settings.

Field meanings: libcalico-go/lib/apis/internalapi/node.go, api/pkg/apis/projectcalico/v3, and
libcalico-go/lib/backend/model/{block,block_affinity}.go of projectcalico/calico@v3.32.1.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from calico_agent.model.calico.bad_key import BadKey, ResourceKind
from calico_agent.model.calico.bgp_filter import BgpFilter
from calico_agent.model.calico.bgp_peer import Peering
from calico_agent.model.calico.felix import FelixSettings, Said
from calico_agent.model.name_lease import Claim
from calico_agent.model.network.address import Family, IPAddress, IPInterface, IPNetwork


@dataclass(frozen=True, slots=True)
class Node:
    """A Calico node resource: what other nodes believe about a host.

    `ipv4` and `ipv6` are the registered addresses with their prefix length, None where the record has none.
    `interfaces` are the addresses the node last saw on its own links (recorded since Calico v3.31), `labels` the pairs
    by which BGPPeers choose nodes, in the order of their names.
    """

    name: str
    ipv4: IPInterface | None = None
    ipv6: IPInterface | None = None
    as_number: int | None = None
    route_reflector_cluster_id: str | None = None
    ipip_tunnel_address: IPAddress | None = None
    vxlan_tunnel_address: IPAddress | None = None
    vxlan_tunnel_address_v6: IPAddress | None = None
    vxlan_tunnel_mac: str | None = None
    vxlan_tunnel_mac_v6: str | None = None
    wireguard_public_key: str | None = None
    wireguard_public_key_v6: str | None = None
    wireguard_address: IPAddress | None = None
    wireguard_address_v6: IPAddress | None = None
    interfaces: tuple[tuple[str, tuple[IPAddress, ...]], ...] = ()
    labels: tuple[tuple[str, str], ...] = ()

    def registered(self, family: Family) -> IPInterface | None:
        """The registered address of one family, with its prefix length."""
        return self.ipv4 if family is Family.IPV4 else self.ipv6

    def wireguard_key(self, family: Family) -> str | None:
        """The key of its WireGuard device for one family; None while it does not take part."""
        return self.wireguard_public_key if family is Family.IPV4 else self.wireguard_public_key_v6

    def vtep_mac(self, family: Family) -> str | None:
        """The hardware address of its VXLAN device."""
        return self.vxlan_tunnel_mac if family is Family.IPV4 else self.vxlan_tunnel_mac_v6

    def tunnel_addresses(self) -> Iterator[tuple[str, IPAddress]]:
        """The addresses of its tunnel devices, each with the tunnel's name."""
        kinds = (
            ("IPIP", self.ipip_tunnel_address),
            ("VXLAN", self.vxlan_tunnel_address),
            ("VXLAN", self.vxlan_tunnel_address_v6),
            ("WireGuard", self.wireguard_address),
            ("WireGuard", self.wireguard_address_v6),
        )
        yield from ((kind, address) for kind, address in kinds if address is not None)

    def vtep(self, family: Family) -> IPAddress | None:
        """The address of its VXLAN tunnel device, which is the next hop of VXLAN routes towards it."""
        return self.vxlan_tunnel_address if family is Family.IPV4 else self.vxlan_tunnel_address_v6


class EncapsulationMode(Enum):
    """When a pool encapsulates: between no nodes, all nodes, or nodes of different subnets."""

    NEVER = "Never"
    ALWAYS = "Always"
    CROSS_SUBNET = "CrossSubnet"


@dataclass(frozen=True, slots=True)
class Pool:
    """An IP pool. A block belongs to the pool with the longest prefix that contains it; no reference is stored.

    `for_pods`: its addresses are for pods or tunnels, by `allowedUses`, and not for services of type LoadBalancer only.
    """

    name: str
    cidr: IPNetwork
    ipip: EncapsulationMode = EncapsulationMode.NEVER
    vxlan: EncapsulationMode = EncapsulationMode.NEVER
    disabled: bool = False
    bgp_export: bool = True
    block_size: int | None = None
    for_pods: bool = True

    @property
    def gives_addresses(self) -> bool:
        """Whether new pods may get addresses of it. A disabled one only says which destinations need no NAT."""
        return self.for_pods and not self.disabled


@dataclass(frozen=True, slots=True)
class Borrowed:
    """One address of a block that is in use on another node than the block's owner.

    `kind` is empty for a pod's; those of tunnel devices have one (`vxlanTunnelAddress`).
    """

    address: IPAddress
    node: str
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    """An IPAM block: a pod CIDR. `owner` is the node of its affinity, None when nobody owns it.

    `virtual` marks an owner that is not a host (`virtual:load-balancer`, Calico v3.30). `in_use`: it holds at least one
    address that was given to somebody. Bit n of `at_home` is set where its n-th address was given to a pod of the
    owner: that changes with every pod, calls for no route on other nodes, and makes no other block of it.
    """

    cidr: IPNetwork
    owner: str | None = None
    virtual: bool = False
    borrowed: tuple[Borrowed, ...] = ()
    in_use: bool = True
    at_home: int = field(default=0, compare=False, repr=False)

    def held_by(self, node: str) -> Iterator[IPAddress]:
        """The addresses in it that were given to pods of a node."""
        if self.owner == node and not self.virtual:
            given = (ordinal for ordinal in range(self.at_home.bit_length()) if self.at_home >> ordinal & 1)
            yield from (self.cidr.network_address + ordinal for ordinal in given)
        yield from (borrowed.address for borrowed in self.borrowed if borrowed.node == node and not borrowed.kind)

    def holder(self, address: IPAddress) -> str | None:
        """The node to whose pod the address was given, as far as the block says."""
        borrower = next((one for one in self.borrowed if one.address == address), None)
        if borrower is not None:
            return None if borrower.kind else borrower.node
        ordinal = int(address) - int(self.cidr.network_address)
        return self.owner if not self.virtual and self.at_home >> ordinal & 1 else None


class AffinityState(Enum):
    """The life of a claim on a block. A value without a state (written before states existed) is confirmed."""

    CONFIRMED = "confirmed"
    PENDING = "pending"
    PENDING_DELETION = "pendingDeletion"


@dataclass(frozen=True, slots=True)
class Affinity:
    """A node's claim on a block, a key of its own beside the block."""

    node: str
    cidr: IPNetwork
    state: AffinityState = AffinityState.CONFIRMED


@dataclass(frozen=True, slots=True)
class BgpSettings:
    """BGPConfiguration `default` and the BGPPeers. Absent resources mean these defaults.

    `peers` are the names of all BGPPeers, `peerings` those of them that are between nodes and their peers, and not
    between nodes and their pods. `filters` are the BGPFilters that they may name. `node_listen_ports` are the ports of
    the nodes that have a BGPConfiguration `node.<name>` with one of its own. `binds_to_address`: BIRD listens on the
    node's own address alone (bindMode: NodeIP), and on every address without that. `services` are the networks of
    service addresses that it advertises.
    """

    mesh: bool = True
    as_number: int = 64512
    listen_port: int = 179
    peers: tuple[str, ...] = ()
    node_listen_ports: tuple[tuple[str, int], ...] = ()
    peerings: tuple[Peering, ...] = ()
    filters: tuple[BgpFilter, ...] = ()
    binds_to_address: bool = False
    services: tuple[IPNetwork, ...] = ()

    def port_of(self, node: str) -> int:
        """The port on which BIRD of a node listens."""
        return dict(self.node_listen_ports).get(node, self.listen_port)

    @property
    def ports(self) -> frozenset[int]:
        """Those of all nodes."""
        return frozenset((self.listen_port, *(port for _, port in self.node_listen_ports)))


@dataclass(frozen=True, slots=True)
class Datastore:
    """Everything of Calico's that this agent needs, at one revision.

    `read_at` is when the revision was last known to be current (aware, UTC). `cluster_guid` is what Calico called this
    cluster when it was set up (ClusterInformation), empty where it gave no name; `calico_version` is that of the node
    that was started last, likewise. `felix` is what Felix is told where no more is said, `felix_nodes` what it is told
    on single nodes. `claimable`: names can be claimed in it. `is_of_calico_2`: Calico 2.x uses it. Without
    `blocks_read` the blocks are those that nodes claim, and who borrowed an address of one is not known. `api_group` is
    where the Kubernetes API has Calico's resources, empty for etcd.
    """

    nodes: tuple[Node, ...] = ()
    pools: tuple[Pool, ...] = ()
    blocks: tuple[Block, ...] = ()
    affinities: tuple[Affinity, ...] = ()
    bgp: BgpSettings = field(default_factory=BgpSettings)
    felix: FelixSettings = field(default_factory=FelixSettings)
    felix_nodes: tuple[tuple[str, Said], ...] = ()
    bad_keys: tuple[BadKey, ...] = ()
    cluster_guid: str = ""
    calico_version: str = ""
    claims: tuple[Claim, ...] = ()
    claims_trouble: str = ""
    claimable: bool = True
    is_of_calico_2: bool = False
    blocks_read: bool = True
    api_group: str = field(default="", compare=False)
    revision: int = 0
    read_at: datetime | None = None

    def bad(self, *kinds: ResourceKind) -> tuple[BadKey, ...]:
        """The records of these kinds that could not be understood."""
        return tuple(bad for bad in self.bad_keys if bad.kind in kinds)

    def node(self, name: str) -> Node | None:
        """The node record of this name."""
        return next((node for node in self.nodes if node.name == name), None)

    def registered(self, name: str) -> frozenset[IPAddress]:
        """The addresses in the record of this name; none when there is no record."""
        node = self.node(name)
        return frozenset(found.ip for found in (node.ipv4, node.ipv6) if found is not None) if node else frozenset()
