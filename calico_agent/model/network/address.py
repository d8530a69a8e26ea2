"""Addresses and links of this host, as the kernel reports them (rtnetlink)."""

from dataclasses import dataclass
from enum import IntEnum
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
    ip_interface,
)

IPAddress = IPv4Address | IPv6Address
IPInterface = IPv4Interface | IPv6Interface
IPNetwork = IPv4Network | IPv6Network


class Family(IntEnum):
    """An address family by its IP version number."""

    IPV4 = 4
    IPV6 = 6


@dataclass(frozen=True, slots=True)
class LinkAddress:
    """One address of one link (an RTM_NEWADDR message).

    `secondary`, `deprecated`, `tentative` and `temporary` are the IFA_F_ flags; `tentative` includes a failed
    duplicate address detection. `leased` is one that has an end, as DHCP and router advertisements give it (not
    IFA_F_PERMANENT). `scope` is the kernel's word: `global`, `site`, `link` or `host`.
    """

    interface: IPInterface
    scope: str = "global"
    label: str = ""
    secondary: bool = False
    deprecated: bool = False
    tentative: bool = False
    temporary: bool = False
    leased: bool = False
    peer: IPAddress | None = None

    @property
    def address(self) -> IPAddress:
        return self.interface.ip

    @property
    def network(self) -> IPNetwork:
        return self.interface.network

    @property
    def family(self) -> Family:
        return Family(self.interface.version)


@dataclass(frozen=True, slots=True)
class Vxlan:
    """What makes a VXLAN device one end of a tunnel: network identifier, UDP port, the source of the outer packets.

    `local` is None for a device that takes whatever the route to the other end gives.
    """

    vni: int
    port: int
    local: IPAddress | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """One network interface (an RTM_NEWLINK message) with its addresses in the kernel's order.

    `kind` is rtnetlink's IFLA_INFO_KIND: `bridge`, `veth`, `vxlan`, ...; empty for a physical device.
    `up` is the administrative state, `running` whether it has a carrier. `master` is the index of the bridge
    or bond it is a port of, `parent` that of the link it was made on (a VLAN's, a macvlan's); 0 for none, and for one
    in another network namespace. `vxlan` is None for other kinds, and for a VXLAN device in flow-based mode.
    """

    index: int
    name: str
    kind: str = ""
    up: bool = True
    running: bool = True
    loopback: bool = False
    master: int = 0
    parent: int = 0
    mtu: int = 1500
    mac: str = ""
    addresses: tuple[LinkAddress, ...] = ()
    vxlan: Vxlan | None = None


def address_in(text: str) -> IPAddress | None:
    """The address of `10.0.0.13/24` or `10.0.0.13`; None for words like `autodetect`, and with a scope."""
    try:
        return ip_interface(text).ip if "%" not in text else None
    except ValueError:
        return None


def interface_of(address: IPAddress, prefix_length: int) -> IPInterface:
    """The address together with its prefix length."""
    return ip_interface((address, prefix_length))
