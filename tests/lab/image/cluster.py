"""The cluster as the datastore shows it at one revision, and what BIRD's and Felix's roles ask of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
    ip_address,
    ip_interface,
    ip_network,
)
from typing import Any

from tests.lab.image.keys import BGP_DEFAULT, BLOCKS, ENDPOINTS, NODES, PEERS, POOLS, affinities_of, cidr_of
from tests.lab.image.store import Listing

Address = IPv4Address | IPv6Address
Interface = IPv4Interface | IPv6Interface
Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Pool:
    """One IP pool."""

    cidr: Network
    vxlan: str
    ipip: str
    exported: bool


@dataclass(frozen=True, slots=True)
class Block:
    """One IPAM block: its owner, and which node uses each address that is given out."""

    cidr: Network
    owner: str
    users: Mapping[Address, str]


@dataclass(frozen=True, slots=True)
class Cluster:
    """All of Calico's keys; read only through the questions below."""

    listing: Listing

    def node_names(self) -> tuple[str, ...]:
        """Every node with a record, in order."""
        return tuple(sorted(key.removeprefix(NODES) for key in self._below(NODES)))

    def node_spec(self, name: str) -> dict[str, Any]:
        """A node's spec; empty for a node without a record."""
        spec: dict[str, Any] = (self.listing.items.get(NODES + name) or {}).get("spec") or {}
        return spec

    def address(self, name: str, version: int) -> Interface | None:
        """A node's registered address."""
        text = (self.node_spec(name).get("bgp") or {}).get(f"ipv{version}Address")
        return ip_interface(text) if text else None

    def tunnel_address(self, name: str) -> Address | None:
        """The address of a node's VXLAN device."""
        text = self.node_spec(name).get("ipv4VXLANTunnelAddr")
        return ip_address(text) if text else None

    def ipip_address(self, name: str) -> Address | None:
        """The address of a node's tunl0."""
        text = (self.node_spec(name).get("bgp") or {}).get("ipv4IPIPTunnelAddr")
        return ip_address(text) if text else None

    @property
    def has_ipip(self) -> bool:
        """Whether a pool uses IPIP, always or across subnets."""
        return any(pool.ipip != "Never" for pool in self.pools())

    def pools(self) -> tuple[Pool, ...]:
        """Every pool."""
        return tuple(
            Pool(
                ip_network(value["spec"]["cidr"]),
                value["spec"].get("vxlanMode", "Never"),
                value["spec"].get("ipipMode", "Never"),
                not value["spec"].get("disableBGPExport", False),
            )
            for value in self._below(POOLS).values()
        )

    def pool_of(self, network: Network) -> Pool | None:
        """The pool that contains `network`."""
        return next((pool for pool in self.pools() if _contains(pool.cidr, network)), None)

    def blocks(self) -> tuple[Block, ...]:
        """Every block that is not deleted."""
        return tuple(_block(value) for value in self._below(BLOCKS).values() if not value.get("deleted"))

    def claims(self, node: str, version: int) -> tuple[tuple[Network, str], ...]:
        """The blocks a node claims, with the claim's state; a value without state is from before there were states."""
        prefix = f"{affinities_of(node)}ipv{version}/block/"
        return tuple(
            (ip_network(cidr_of(key)), (value or {}).get("state", "confirmed"))
            for key, value in sorted(self.listing.items.items())
            if key.startswith(prefix)
        )

    def bgp(self) -> dict[str, Any]:
        """bgpconfigurations/default, empty if nobody wrote it."""
        spec: dict[str, Any] = (self.listing.items.get(BGP_DEFAULT) or {}).get("spec") or {}
        return spec

    def as_number(self, node: str) -> int:
        """A node's AS: its own, else the cluster's, else 64512."""
        return int((self.node_spec(node).get("bgp") or {}).get("asNumber") or self.bgp().get("asNumber") or 64512)

    def peers(self) -> tuple[dict[str, Any], ...]:
        """The specs of the configured BGP peers."""
        return tuple(value["spec"] for value in self._below(PEERS).values())

    def pods(self, node: str) -> dict[Network, str]:
        """Addresses of a node's pods, and the host's end of each pod's link."""
        return {
            ip_network(address): value["spec"]["interfaceName"]
            for value in self._below(ENDPOINTS).values()
            if value["spec"].get("node") == node
            for address in value["spec"].get("ipNetworks", ())
        }

    def _below(self, prefix: str) -> dict[str, dict[str, Any]]:
        return {key: value for key, value in self.listing.items.items() if key.startswith(prefix) and value}


def _block(value: dict[str, Any]) -> Block:
    cidr = ip_network(value["cidr"])
    owner = value.get("affinity") or ""
    users = {}
    for ordinal, index in enumerate(value.get("allocations", ())):
        if index is not None:
            users[cidr[ordinal]] = (value["attributes"][index].get("secondary") or {}).get("node", "")
    return Block(cidr, owner.removeprefix("host:") if owner.startswith("host:") else "", users)


def _contains(outer: Network, inner: Network) -> bool:
    if isinstance(outer, IPv4Network) and isinstance(inner, IPv4Network):
        return inner.subnet_of(outer)
    return isinstance(outer, IPv6Network) and isinstance(inner, IPv6Network) and inner.subnet_of(outer)
