"""Kinds of links that a test machine's kernel may not have, as the messages with which a kernel reports them.

The messages are built from the layouts of include/uapi/linux/if_link.h (IFLA_*, IFLA_INFO_*) and the device types of
if_arp.h. They are decoded by the same code that decodes the kernel's, and then judged as an address on that link is.
"""

from ipaddress import ip_address, ip_interface
from struct import pack

import pytest

from calico_agent.identity.links import VIRTUAL_KINDS
from calico_agent.model.network.address import Link, LinkAddress
from calico_agent.sources.kernel.links import link_of
from tests.identity.machine import DOCKER0, ETH0, LO, Machine, source
from tests.sources.kernel.netlink_messages import attribute, number

_IFNAME, _MTU, _LINK, _MASTER, _LINKINFO, _LINK_NETNSID = 3, 4, 5, 10, 18, 37
_INFO_KIND, _INFO_DATA = 1, 2
_ETHER, _TUNNEL, _TUNNEL6, _SIT, _GRE, _NONE = 1, 768, 769, 776, 778, 65534  # ARPHRD_*
_UP_AND_RUNNING = 0x1 | 0x40

HERE = ip_address("10.0.0.13").packed
# Each kind with its device type and the part of IFLA_INFO_DATA that says what it is.
KINDS = {
    "bareudp": (_NONE, attribute(1, pack("!H", 6635))),
    "dummy": (_ETHER, b""),
    "erspan": (_ETHER, number(1, 2)),
    "geneve": (_ETHER, number(1, 7)),
    "gtp": (_NONE, b""),
    "ip6erspan": (_ETHER, number(1, 2)),
    "ip6gretap": (_ETHER, number(1, 2)),
    "nlmon": (824, b""),
    "vti6": (_TUNNEL6, number(1, 2)),
    "gre": (_GRE, number(1, 2) + attribute(6, HERE)),
    "gretap": (_ETHER, number(1, 2) + attribute(6, HERE)),
    "ifb": (_ETHER, b""),
    "ip6gre": (823, number(1, 2)),
    "ip6tnl": (_TUNNEL6, number(1, 2)),
    "ipip": (_TUNNEL, number(1, 2) + attribute(2, HERE)),
    "sit": (_SIT, number(1, 2) + attribute(2, HERE)),
    "tun": (_NONE, attribute(3, b"\x01")),
    "vti": (_TUNNEL, number(1, 2)),
    "vxlan": (_ETHER, number(1, 4096) + attribute(4, HERE)),
    "wireguard": (_NONE, b""),
    "xfrm": (_NONE, number(1, 2)),
}
WIRES = {
    "": (_ETHER, b""),
    "bond": (_ETHER, attribute(1, b"\x04")),
    "team": (_ETHER, b""),
    "vlan": (_ETHER, attribute(1, pack("=H", 100))),
    "macvlan": (_ETHER, number(1, 4)),
    "ipvlan": (_ETHER, attribute(1, pack("=H", 1))),
    "a kind of tomorrow": (_ETHER, b""),
}


def reported(kind: str, device_type: int, data: bytes, *, name: str = "x0", master: int = 0) -> Link:
    """The link as it comes out of the kernel's message."""
    info = attribute(_INFO_KIND, kind.encode() + b"\0") + (attribute(_INFO_DATA, data) if data else b"")
    attributes = (
        attribute(_IFNAME, name.encode() + b"\0")
        + number(_MTU, 1500)
        + number(_LINK, 2)
        + (number(_MASTER, master) if master else b"")
        + (attribute(_LINKINFO, info) if kind else b"")
    )
    header = pack("=BxHiII", 0, device_type, 9, _UP_AND_RUNNING, 0)
    address = pack("=BBBBI", 2, 24, 0x80, 0, 9) + attribute(2, ip_address("10.9.0.3").packed)
    return link_of(header + attributes, (address + attribute(3, name.encode() + b"\0"),))


def test_the_link_it_was_made_on_may_be_in_another_namespace() -> None:
    own, info = (
        attribute(_IFNAME, b"mac0\0") + number(_LINK, 2),
        attribute(_LINKINFO, attribute(_INFO_KIND, b"macvlan")),
    )
    header = pack("=BxHiII", 0, _ETHER, 9, _UP_AND_RUNNING, 0)
    assert link_of(header + own + info, ()).parent == 2
    assert link_of(header + own + info + number(_LINK_NETNSID, 0), ()).parent == 0, "an index in that namespace"


def test_every_virtual_kind_has_its_message() -> None:
    assert KINDS.keys() == VIRTUAL_KINDS.keys()


@pytest.mark.parametrize("kind", KINDS)
def test_a_virtual_kind_is_recognised_and_its_address_rejected(kind: str) -> None:
    link = reported(kind, *KINDS[kind])
    assert (link.kind, link.name, link.up, link.running) == (kind, "x0", True, True)
    verdict = Machine(links=(LO, ETH0, DOCKER0, link)).verdict("10.9.0.3")
    assert verdict.reason == "virtual-link"
    assert verdict.evidence.startswith("is on a")


@pytest.mark.parametrize("kind", WIRES, ids=lambda kind: kind or "a physical device")
def test_a_wire_is_recognised_and_its_address_accepted(kind: str) -> None:
    link = reported(kind, *WIRES[kind])
    assert link.kind == kind
    assert Machine(links=(LO, link, DOCKER0)).verdict("10.9.0.3").accepted


@pytest.mark.parametrize("kind", ["", "bond", "team", "vlan", "macvlan", "ipvlan"])
def test_a_bridge_over_a_wire_is_the_hosts_interface(kind: str) -> None:
    """br0 over eth0, over a bond, over a VLAN of it."""
    bridge = Link(8, "br0", "bridge", addresses=(LinkAddress(ip_interface("10.8.0.3/24")),))
    port = reported(kind, *WIRES[kind], name="port0", master=8)
    assert port.master == 8
    assert Machine(links=(LO, bridge, port)).verdict("10.8.0.3").accepted


@pytest.mark.parametrize("kind", ["dummy", "vxlan", "tun", "gretap"])
def test_a_bridge_over_a_virtual_link_is_not(kind: str) -> None:
    """The bridge of virtual machines has a tap, that of a mesh network a VXLAN tunnel as its port."""
    bridge = Link(8, "br0", "bridge", addresses=(LinkAddress(ip_interface("10.8.0.3/24")),))
    port = reported(kind, *KINDS[kind], name="port0", master=8)
    assert Machine(links=(LO, ETH0, bridge, port)).verdict("10.8.0.3").reason == "bridge-without-port"


def test_a_default_route_over_a_tunnel_makes_it_no_wire() -> None:
    """A laptop behind a VPN: all its packets leave from an address that is only borrowed."""
    link = reported("wireguard", *KINDS["wireguard"], name="wg0")
    machine = Machine(links=(LO, ETH0, link), default_route="wg0", default_sources=(source("9.9.9.9", "10.9.0.3"),))
    assert str(machine.identify().ipv4.chosen) == "10.0.0.13/24"
