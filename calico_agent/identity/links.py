"""Whether a link leads out of this host, or only to containers, into a tunnel, or nowhere.

The link's kind decides, not its name: rtnetlink's IFLA_INFO_KIND, which is empty for a physical device. A bridge is
what its ports are: `br0` over `eth0` is the host's own interface, a bridge with nothing but container ends is not. A
VLAN is what it was made on. A kind that is not known here is taken for a wire.
"""

import re
from ipaddress import ip_network

from calico_agent.model.network.address import IPAddress, Link
from calico_agent.model.network.kernel import Kernel

# Kinds of links whose addresses are not the host's place in its network, in words for people.
VIRTUAL_KINDS = {
    "bareudp": "a UDP tunnel",
    "dummy": "a dummy device, which leads nowhere",
    "erspan": "an ERSPAN tunnel",
    "geneve": "a Geneve tunnel",
    "gre": "a GRE tunnel",
    "gretap": "a GRE tunnel",
    "gtp": "a GTP tunnel",
    "ifb": "an ifb device, which only shapes traffic",
    "ip6erspan": "an ERSPAN tunnel",
    "ip6gre": "a GRE tunnel",
    "ip6gretap": "a GRE tunnel",
    "ip6tnl": "an IPv6 tunnel",
    "ipip": "an IPIP tunnel",
    "nlmon": "a netlink monitor",
    "sit": "a SIT (IPv6 in IPv4) tunnel",
    "tun": "a tun/tap device: a VPN or a virtual machine",
    "vti": "an IPsec tunnel",
    "vti6": "an IPsec tunnel",
    "vxlan": "a VXLAN tunnel",
    "wireguard": "a WireGuard tunnel",
    "xfrm": "an IPsec tunnel",
}
# As a port they connect a bridge to containers, virtual machines or a tunnel, not to the network outside.
_NO_WIRE = VIRTUAL_KINDS.keys() | {"veth"}

# Kinds that are made on another link, and lead where that does.
_STACKED_KINDS = frozenset({"vlan", "macvlan", "macvtap", "ipvlan", "ipvtap", "macsec"})
_DEEPEST = 8  # links on each other, as in the kernel (MAX_NEST_DEV in include/linux/netdevice.h)

# What Calico's first-found skips: DEFAULT_INTERFACES_TO_EXCLUDE in
# node/pkg/lifecycle/startup/autodetection/autodetection_linux.go@v3.32.1. A name proves nothing, it only adds to doubt.
_CALICO_EXCLUDES = re.compile(
    r"docker|cbr|dummy|podman|virbr|lxcbr|veth|lo|br-|cali|tunl|flannel|kube-ipvs|cni|vxlan\.calico|vxlan-v6\.calico"
    r"|wireguard\.cali|wg-v6\.cali|nodelocaldns"
)
# The same list of calico/node v1.1 to v2.6, found anywhere in the name (calico_node/startup/autodetection in
# calico-containers@v1.3.0): it knows no user-defined network of Docker.
_OLD_CALICO_EXCLUDES = re.compile(r"docker|cbr|dummy|virbr|lxcbr|veth|lo|cali|tunl|flannel")
_DEFAULTS = (ip_network("0.0.0.0/0"), ip_network("::/0"))
# Names that Docker gives: docker0, docker_gwbridge, and br- with the first 12 digits of the network's id.
_DOCKER_NAMES = re.compile(r"docker0|docker_gwbridge|br-[0-9a-f]{12}")
# The locally administered prefix of the addresses that Docker made up for its bridges (random since Docker 28).
_DOCKER_MAC = "02:42:"


def default_route_devices(kernel: Kernel) -> frozenset[str]:
    """Return the links over which a default route leaves."""
    looked_up = {source.device for source in kernel.default_lookups if source.device}
    routed = {hop.device for prefix in _DEFAULTS for path in kernel.fib.paths(prefix) for hop in path.next_hops}
    return frozenset(looked_up | routed)


def ports(bridge: Link, kernel: Kernel) -> tuple[Link, ...]:
    """Return the links that are ports of `bridge`."""
    return tuple(link for link in kernel.links if link.master == bridge.index)


def bridge_leads_out(bridge: Link, kernel: Kernel) -> bool:
    """True if a bridge has a physical port, or one that stands for it.

    On a host that is itself a container the port is a veth; then the default route over the bridge is the proof.
    """
    kinds = {port.kind if port.kind == "veth" else ground(port, kernel).kind for port in ports(bridge, kernel)}
    return not kinds <= _NO_WIRE or ("veth" in kinds and bridge.name in default_route_devices(kernel))


def ground(link: Link, kernel: Kernel) -> Link:
    """Return the link on which a VLAN, a macvlan and the like stand in the end: bond0 for bond0.100; any other link
    itself.

    One that was made on a link of another network namespace stands for itself.
    """
    for _ in range(_DEEPEST):
        if link.kind not in _STACKED_KINDS:
            break
        link = next((other for other in kernel.links if other.index == link.parent), link)
    return link


def leads_out(link: Link, kernel: Kernel) -> bool:
    """True if other machines can be reached over `link` itself."""
    below = ground(link, kernel)
    if below.loopback or below.kind in VIRTUAL_KINDS:
        return False
    if below.kind == "bridge":
        return bridge_leads_out(below, kernel)
    if link.kind == "veth":
        return not link.master and link.name in default_route_devices(kernel)
    return True


def vrf_of(link: Link, kernel: Kernel) -> Link | None:
    """Return the VRF whose member a link is, or that it is itself.

    A VRF has routing tables of its own: its members' routes are not in main, where Felix and BIRD look and write
    (Documentation/networking/vrf.rst).
    """
    if link.kind == "vrf":
        return link
    master = next((other for other in kernel.links if other.index == link.master), None) if link.master else None
    return master if master is not None and master.kind == "vrf" else None


def is_announced(link: Link) -> bool:
    """True if addresses of `link` are reached, if at all, because a routing protocol on this host announces them."""
    return link.loopback or link.kind == "dummy"


def own_addresses(kernel: Kernel) -> dict[IPAddress, str]:
    """Return the addresses by which this host may be known to others, with their links: no bridge's that every host
    has.
    """
    return {
        held.address: link.name
        for link in kernel.links
        if is_announced(link) or leads_out(link, kernel)
        for held in link.addresses
        if held.scope != "host" and not held.address.is_loopback and not held.address.is_link_local
    }


def named_like_docker(link: Link) -> bool:
    """True if a bridge has the name or the hardware address that Docker gives to its bridges."""
    return bool(_DOCKER_NAMES.fullmatch(link.name)) or link.mac.lower().startswith(_DOCKER_MAC)


def skipped_by_calico(name: str) -> bool:
    """True if Calico's first-found, since v3.25, skips a link of this name."""
    return bool(_CALICO_EXCLUDES.match(name))


def skipped_by_old_calico(name: str) -> bool:
    """True if Calico's first-found of v1.1 to v2.6 skips a link of this name."""
    return bool(_OLD_CALICO_EXCLUDES.search(name))
