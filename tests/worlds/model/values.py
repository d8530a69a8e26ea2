"""A whole cluster as a value: wires, hosts, what is in etcd, and how calico/node was started on each host."""

from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network

from tests.worlds.model.peering import Bgp, Router
from tests.worlds.model.releases import Release
from tests.worlds.model.routing import KernelRoute, Rule
from tests.worlds.model.trouble import Trouble

IPAddress = IPv4Address | IPv6Address
IPInterface = IPv4Interface | IPv6Interface
IPNetwork = IPv4Network | IPv6Network

NEVER, ALWAYS, CROSS_SUBNET = "Never", "Always", "CrossSubnet"
CONFIRMED, PENDING, PENDING_DELETION = "confirmed", "pending", "pendingDeletion"
ETCD, KUBERNETES, MANY_NODES = "etcd", "Kubernetes", "Kubernetes with many nodes"


@dataclass(frozen=True, slots=True)
class Segment:
    """One wire. Who is on it reaches the others; its router has the first address of each of its networks."""

    name: str
    networks: tuple[IPNetwork, ...]

    def network(self, version: int) -> IPNetwork | None:
        return next((one for one in self.networks if one.version == version), None)


@dataclass(frozen=True, slots=True)
class Link:
    """One link of a host that Calico has not made. `segment` is the wire that it ends on, empty for none.

    `over` is the link that it was made on. `announced`: the router knows its single addresses, because a routing
    protocol on the host says so.
    """

    name: str
    kind: str = ""
    segment: str = ""
    addresses: tuple[IPInterface, ...] = ()
    up: bool = True
    carrier: bool = True
    master: str = ""
    table: int = 0
    announced: bool = False
    over: str = ""


@dataclass(frozen=True, slots=True)
class DockerNetwork:
    """A network of Docker's, of driver bridge."""

    name: str
    bridge: str
    subnet: IPNetwork


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod on a host: its link there, its addresses, and the node that was written into its record; "" without one."""

    name: str
    link: str
    addresses: tuple[IPAddress, ...]
    node: str


@dataclass(frozen=True, slots=True)
class Host:
    """A machine. `env` is what its calico/node was started with; `down` are tunnel devices that were switched off.

    `stopped` are programs of calico/node that do not run any more (`calico` for the whole container).
    `routes` are those that people or other programs wrote. `ipip`, `wireguard`: its kernel has the tunnel. `disk` is
    the machine whose disk was copied to make this one, 0 for none: a clone has its machine-id. `zone` is a label of its
    node. It `recovers`: its BIRD was just started and waits for its peers; its kernel has the routes of `before`.
    `known` is the cluster as confd here saw it last, where it does not follow; `trouble` is what else ails it.
    """

    hostname: str
    links: tuple[Link, ...]
    docker: tuple[DockerNetwork, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    pods: tuple[Pod, ...] = ()
    routes: tuple[KernelRoute, ...] = ()
    rules: tuple[Rule, ...] = ()
    nodename_file: str | None = None
    machine: int = 0
    disk: int = 0
    boots: int = 1
    zone: str = ""
    ipip: bool = True
    wireguard: bool = True
    down: frozenset[str] = frozenset()
    stopped: frozenset[str] = frozenset()
    recovers: bool = False
    before: "World | None" = None
    known: "World | None" = None
    trouble: Trouble = field(default_factory=Trouble)

    def given(self, variable: str) -> str:
        return dict(self.env).get(variable, "")


@dataclass(frozen=True, slots=True)
class Node:
    """A node's record."""

    name: str
    ipv4: IPInterface | None = None
    ipv6: IPInterface | None = None
    as_number: int | None = None
    cluster_id: str | None = None
    ipip: IPAddress | None = None
    vxlan: IPAddress | None = None
    vxlan6: IPAddress | None = None
    mac: str = ""
    mac6: str = ""
    wireguard: IPAddress | None = None
    wireguard6: IPAddress | None = None
    keys: tuple[int, ...] = ()
    interfaces: tuple[tuple[str, tuple[IPAddress, ...]], ...] = ()
    labels: tuple[tuple[str, str], ...] = ()

    def registered(self, version: int) -> IPInterface | None:
        return self.ipv4 if version == 4 else self.ipv6

    def vtep(self, version: int) -> IPAddress | None:
        return self.vxlan if version == 4 else self.vxlan6

    def key(self, version: int) -> str:
        """Its public key for WireGuard, empty without one."""
        return f"{self.name}-{version}" if version in self.keys else ""

    def encrypting(self, version: int) -> IPAddress | None:
        """The address of its WireGuard device."""
        return self.wireguard if version == 4 else self.wireguard6


@dataclass(frozen=True, slots=True)
class Pool:
    """An IP pool. `nodes` is the value of the label `zone` for which it is meant, None for all nodes. `services`: for
    services of type LoadBalancer alone."""

    name: str
    cidr: IPNetwork
    ipip: str = NEVER
    vxlan: str = NEVER
    block_size: int = 26
    disabled: bool = False
    exported: bool = True
    nodes: str | None = None
    services: bool = False


@dataclass(frozen=True, slots=True)
class Given:
    """An address of a block that was given away. `kind` is empty for a pod's."""

    ordinal: int
    node: str
    handle: str
    kind: str = ""
    pod: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    """An IPAM block: whose it is by its own record, which nodes claim it by keys of theirs, what of it was given.

    `virtual` is an owner that is no node (`load-balancer`).
    """

    cidr: IPNetwork
    owner: str | None
    claims: tuple[tuple[str, str], ...] = ()
    given: tuple[Given, ...] = ()
    virtual: str = ""

    def claim(self, node: str) -> str | None:
        return dict(self.claims).get(node)


@dataclass(frozen=True, slots=True)
class Claim:
    """A node's claim on a block that has no record."""

    node: str
    cidr: IPNetwork
    state: str


@dataclass(frozen=True, slots=True)
class World:
    """A cluster. `strict`: nobody borrows from another node's block. `by_felix`: programClusterRoutes is Felix's.

    `store` has its data; of an API of Kubernetes `with many nodes` nobody reads all blocks. `encrypted`: the IP
    versions for which WireGuard is asked for. `keys` are keys of the store that somebody else wrote, in place of
    Calico's or beside them; None for a deleted one.
    """

    release: Release
    segments: tuple[Segment, ...]
    hosts: tuple[Host, ...]
    nodes: tuple[Node, ...] = ()
    pools: tuple[Pool, ...] = ()
    blocks: tuple[Block, ...] = ()
    claims: tuple[Claim, ...] = ()
    bgp: Bgp = field(default_factory=Bgp)
    strict: bool = False
    by_felix: bool = False
    routers: tuple[Router, ...] = ()
    encrypted: tuple[int, ...] = ()
    keys: tuple[tuple[str, bytes | None], ...] = ()
    store: str = ETCD

    @property
    def versions(self) -> tuple[int, ...]:
        """The IP versions that the wires have."""
        return tuple(sorted({network.version for wire in self.segments for network in wire.networks}))

    def host(self, hostname: str) -> Host:
        return next(one for one in self.hosts if one.hostname == hostname)

    def node(self, name: str) -> Node | None:
        return next((one for one in self.nodes if one.name == name), None)

    def pool_of(self, network: IPNetwork) -> Pool | None:
        """The pool with the longest prefix around it."""
        around = [one for one in self.pools if one.cidr.version == network.version and within(network, one.cidr)]
        return max(around, key=lambda one: one.cidr.prefixlen, default=None)


def within(inner: IPNetwork, outer: IPNetwork) -> bool:
    """Whether one network lies in another one of its family."""
    same = inner.version == outer.version and inner.prefixlen >= outer.prefixlen
    return same and inner.network_address in outer


def network_of(address: IPAddress) -> IPNetwork:
    """The network of this address alone."""
    number = int(address)
    return IPv4Network((number, 32)) if isinstance(address, IPv4Address) else IPv6Network((number, 128))


__all__ = ["KernelRoute", "Rule"]  # from elsewhere
