"""Links are read as pyroute2 and `ip` read them, and what did not change is not decoded again."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import ip_address, ip_interface
from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroute2 import IPRoute

from calico_agent.model.network.address import LinkAddress
from calico_agent.sources.decode_error import Malformed
from calico_agent.sources.kernel.links import _OF_ADDRESS, _OF_LINK, _abridged, link_of, read_links
from calico_agent.sources.kernel.uapi import IFADDRMSG, IFINFOMSG
from tests import ip_json
from tests.netns import NetworkNamespace, network_namespace
from tests.patience import until
from tests.sources.kernel.netlink_messages import attribute

HOST = (
    "link add eth0 mtu 1400 type veth peer name wire0",
    "link set eth0 up",
    "link set wire0 up",
    "addr add 10.77.0.11/24 dev eth0",
    "addr add 10.77.0.99/24 dev eth0",
    "addr add 10.88.0.1 peer 10.88.0.2/32 dev eth0",
    "addr add 10.99.0.1/24 dev eth0 valid_lft 7200 preferred_lft 3600",
    "addr add fd00:77::11/64 dev eth0 nodad valid_lft 7200 preferred_lft 3600",
    "link add docker0 type bridge",
    "link set docker0 up",
    "link add vxlan.calico type vxlan id 4096 dstport 4789 local 10.77.0.11",
    "link add vxlan-v6.calico type vxlan id 77 dstport 8472 local fd00:77::11",
    "link add vxlan0 type vxlan id 78 dstport 4789",
    "link add flow0 type vxlan external dstport 4790",
    "link add port0 type veth peer name port1",
    "link set port0 master docker0",
    "link set lo up",
)


@pytest.fixture
def host() -> Iterator[NetworkNamespace]:
    with network_namespace() as namespace:
        namespace.ip(*HOST)
        namespace.wait_for("state UP", "ip", "link", "show", "eth0")
        namespace.wait_for("fe80", "ip", "addr", "show", "dev", "eth0")
        namespace.output("ip", "addr", "flush", "scope", "link")
        yield namespace


@pytest.mark.real
def test_pyroute2_reads_the_same_links(host: NetworkNamespace) -> None:
    def by_pyroute2() -> dict[str, tuple[object, ...]]:
        with IPRoute() as netlink:
            found = {
                link["index"]: [
                    link.get("ifname"),
                    link.get(("linkinfo", "kind")),
                    link.get("mtu"),
                    link.get("address"),
                ]
                for link in netlink.get_links()
            }
            for message in netlink.get_addr():
                own = message.get("local") or message.get("address")
                found[message["index"]].append(f"{own}/{message['prefixlen']}")
        return {str(name): tuple(rest) for name, *rest in found.values()}

    read = {
        link.name: (link.kind or None, link.mtu, link.mac, *(str(held.interface) for held in link.addresses))
        for link in host.run(read_links)
    }
    assert read == host.run(by_pyroute2)
    assert read.keys() >= {"lo", "eth0", "docker0", "vxlan.calico", "port0"}


@pytest.mark.real
def test_ip_shows_the_same_links(host: NetworkNamespace) -> None:
    shown = {link["ifname"]: link for link in json.loads(host.output("ip", "-d", "-j", "addr", "show"))}
    for link in host.run(read_links):
        other = shown.pop(link.name)
        assert (link.index, link.mtu, link.mac) == (other["ifindex"], other["mtu"], other["address"])
        assert link.kind == other.get("linkinfo", {}).get("info_kind", "")
        assert link.vxlan == ip_json.vxlan(other.get("linkinfo", {}))
        assert (link.up, link.loopback) == ("UP" in other["flags"], "LOOPBACK" in other["flags"])
        assert [(str(held.address), held.network.prefixlen, held.scope) for held in link.addresses] == [
            (held["local"], held["prefixlen"], held["scope"]) for held in other["addr_info"]
        ]
    assert not shown


@pytest.mark.real
def test_links_that_count_packets_and_keep_time_are_not_decoded_again(host: NetworkNamespace) -> None:
    def twice() -> bool:
        first = read_links()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.sendto(b"counted", ("127.0.0.1", 9))
        host.output("sleep", "0.1")  # a bridge's timer and the lifetime of an address go on
        return len(first) > 5 and all(one is other for one, other in zip(first, read_links(), strict=True))

    # The kernel may still be giving a new link its own address.
    until("each link is the very same value as before", lambda: host.run(twice))


@pytest.mark.real
@pytest.mark.parametrize(
    "change",
    ["link set eth0 mtu 1300", "link set eth0 down", "link set eth0 name eth1", "addr del 10.77.0.99/24 dev eth0"],
)
def test_a_link_that_changed_is_read_anew(host: NetworkNamespace, change: str) -> None:
    before = host.run(read_links)
    if "name" in change:
        host.ip("link set eth0 down")
    host.ip(change)
    after = host.run(read_links)
    assert {link.index for link in before} == {link.index for link in after}
    changed = {link.name for link, other in zip(before, after, strict=True) if link != other}
    assert "eth0" in changed


@pytest.mark.real
def test_pyroute2_is_not_loaded_whole_and_can_be_loaded_later() -> None:
    program = (
        "import sys\n"
        "from calico_agent.sources.kernel.links import read_links\n"
        "assert any(link.name == 'lo' for link in read_links())\n"
        "print(sum(name.startswith('pyroute2') for name in sys.modules))\n"
        "from pyroute2 import IPRoute\n"
        "with IPRoute() as netlink:\n"
        "    assert any(link.get('ifname') == 'lo' for link in netlink.get_links())\n"
        "from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg\n"
        "assert any(link.name == 'lo' for link in read_links())\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert int(done.stdout) < 60


HEAD = pack("=BxHiII", 0, 1, 9, 0x1, 0)
NAME = attribute(3, b"eth9\0")


def test_only_what_is_asked_of_a_link_is_looked_at() -> None:
    info = attribute(1, b"bridge\0") + attribute(2, attribute(16, b"a timer of a bridge"))
    body = (
        HEAD
        + attribute(23, bytes(200))
        + NAME
        + attribute(0x8000 | 18, info)
        + attribute(26, b"?")
        + attribute(4, pack("=I", 9000))
    )
    (kept,) = _abridged([body], IFINFOMSG, _OF_LINK)
    assert kept == HEAD + NAME + attribute(18, attribute(1, b"bridge\0") + attribute(2, b"")) + attribute(
        4, pack("=I", 9000)
    )
    link = link_of(kept, ())
    assert (link.index, link.name, link.kind, link.mtu, link.up) == (9, "eth9", "bridge", 9000, True)


@pytest.mark.parametrize(
    "address",
    [
        pack("=BBBBI", 2, 24, 0x80, 0, 9),
        pack("=BBBBI", 2, 33, 0x80, 0, 9) + attribute(2, bytes(4)),
        pack("=BBBBI", 2, 24, 0x80, 0, 9) + attribute(2, bytes(3)),
    ],
    ids=["none at all", "beyond its length", "of three bytes"],
)
def test_an_address_that_cannot_be_is_malformed(address: bytes) -> None:
    with pytest.raises(Malformed):
        link_of(HEAD + NAME, (address,))


def test_a_link_cut_short_is_malformed() -> None:
    for body in (HEAD[:-1], HEAD + NAME[:-4]):
        with pytest.raises(Malformed):
            list(_abridged([body], IFINFOMSG, _OF_LINK))


def test_a_peer_is_told_from_the_links_own_address() -> None:
    parts = attribute(1, ip_address("10.88.0.2").packed) + attribute(2, ip_address("10.88.0.1").packed)
    (held,) = link_of(HEAD + NAME, (pack("=BBBBI", 2, 32, 0x80, 0, 9) + parts,)).addresses
    assert held == LinkAddress(ip_interface("10.88.0.1/32"), peer=ip_address("10.88.0.2"))


values = st.binary(max_size=20) | st.builds(attribute, st.integers(0, 3), st.binary(max_size=8))
parts = st.lists(st.builds(attribute, st.sampled_from([1, 2, 3, 4, 6, 8, 10, 18]), values), max_size=5).map(b"".join)


@given(link=parts, address=parts | st.none(), family=st.sampled_from([2, 10, 7]), length=st.integers(0, 255))
def test_nothing_crashes_it(link: bytes, address: bytes | None, family: int, length: int) -> None:
    held = [] if address is None else [pack("=BBBBI", family, length, 0, 0, 9) + address]
    with suppress(Malformed):
        (body,) = _abridged([HEAD + link], IFINFOMSG, _OF_LINK)
        str(link_of(body, tuple(_abridged(held, IFADDRMSG, _OF_ADDRESS))))
