"""What the kernel says of a host that looks like one with Calico and Docker."""

import os
import pickle
from collections.abc import Iterator
from ipaddress import ip_address, ip_interface, ip_network
from pathlib import Path

import pytest

from calico_agent.model.network.address import Family, Link, LinkAddress
from calico_agent.model.network.kernel import Kernel, RouteLookup
from calico_agent.model.network.neighbor import ForwardingEntry, Neighbour
from calico_agent.model.observation import Unreadable
from calico_agent.sources.kernel.reader import KernelReader, read_kernel
from tests.netns import NetworkNamespace, network_namespace

pytestmark = pytest.mark.real

HOST = (
    "link add eth0 address 02:00:00:00:00:11 mtu 1400 type veth peer name wire0",
    "link set eth0 up",
    "link set wire0 up",
    "addr add 10.77.0.11/24 dev eth0",
    "route add default via 10.77.0.1",
)


@pytest.fixture
def host() -> Iterator[NetworkNamespace]:
    with network_namespace() as namespace:
        namespace.ip(*HOST)
        namespace.wait_for("state UP", "ip", "link", "show", "eth0")
        yield namespace


def read(host: NetworkNamespace, *destinations: str) -> Kernel:
    kernel = host.run(read_kernel, tuple(ip_address(text) for text in destinations))
    assert not isinstance(kernel, Unreadable), kernel
    return kernel


def link(host: NetworkNamespace, name: str) -> Link:
    found = read(host).link(name)
    assert found is not None
    return found


def addresses(host: NetworkNamespace, name: str = "eth0", version: int = 4) -> list[LinkAddress]:
    """Without the link-local ones, which the kernel makes when it likes."""
    held = link(host, name).addresses
    return [one for one in held if one.interface.version == version and one.scope != "link"]


def test_the_tables_that_rules_lead_to_before_the_main_one(host: NetworkNamespace) -> None:
    host.ip(
        "route add 192.168.2.0/26 via 10.77.0.12 table 100",
        "route add 192.168.3.0/26 via 10.77.0.12 table 200",
        "rule add to 192.168.0.0/16 lookup 100 priority 50",
        "rule add lookup 200 priority 40000",
        "rule add lookup 300 priority 60",
    )
    kernel = read(host)
    assert [rule.priority for rule in kernel.rules[Family.IPV4]] == [0, 50, 60, 32766, 32767, 40000]
    assert {table: [str(route.prefix) for route in fib.routes] for table, fib in kernel.tables.items()} == {
        100: ["192.168.2.0/26"],
        300: [],
    }
    assert not kernel.fib.exact(ip_network("192.168.2.0/26"))


def test_on_which_links_packets_are_forwarded(host: NetworkNamespace) -> None:
    for setting, value in (
        ("ipv4/ip_forward", "1"),
        ("ipv4/conf/eth0/forwarding", "0"),
        ("ipv6/conf/all/forwarding", "0"),
    ):
        host.run(Path("/proc/sys/net", setting).write_text, value)
    forwards = read(host).ip_forward
    assert forwards[Family.IPV4] == {"all": True, "lo": True, "eth0": False, "wire0": True}
    assert not forwards[Family.IPV6]["all"]
    host.run(Path("/proc/sys/net/ipv4/ip_forward").write_text, "0")
    assert not any(read(host).ip_forward[Family.IPV4].values())


def test_what_has_not_changed_is_the_same_object_in_the_next_reading(host: NetworkNamespace) -> None:
    reader = KernelReader()

    def look() -> Kernel:
        kernel = host.run(reader.read, (ip_address("8.8.8.8"),))
        assert isinstance(kernel, Kernel), kernel
        return kernel

    first, second = look(), look()
    assert first.lookups is second.lookups
    host.ip("route add 192.168.2.0/26 via 10.77.0.12")
    third = look()
    assert third.lookups == first.lookups
    assert third.fib.exact(ip_network("192.168.2.0/26"))


def test_a_link_with_all_that_is_asked_of_it(host: NetworkNamespace) -> None:
    eth0 = link(host, "eth0")
    assert (eth0.kind, eth0.up, eth0.running, eth0.loopback, eth0.master) == ("veth", True, True, False, 0)
    assert (eth0.mtu, eth0.mac) == (1400, "02:00:00:00:00:11")
    assert addresses(host) == [LinkAddress(ip_interface("10.77.0.11/24"), label="eth0")]
    loopback = link(host, "lo")
    assert (loopback.kind, loopback.loopback, loopback.running) == ("", True, True)


def test_a_bridge_and_its_port(host: NetworkNamespace) -> None:
    host.ip("link add docker0 type bridge", "link set wire0 master docker0")
    bridge = link(host, "docker0")
    assert (bridge.kind, bridge.up) == ("bridge", False)
    assert link(host, "wire0").master == bridge.index


def test_a_link_that_is_down_and_one_whose_other_end_is(host: NetworkNamespace) -> None:
    host.ip("link set wire0 down")
    host.wait_for("state LOWERLAYERDOWN", "ip", "link", "show", "eth0")
    assert (link(host, "wire0").up, link(host, "wire0").running) == (False, False)
    assert (link(host, "eth0").up, link(host, "eth0").running) == (True, False)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("10.77.0.99/24", LinkAddress(ip_interface("10.77.0.99/24"), label="eth0", secondary=True)),
        ("10.77.0.100/32 label eth0:vip", LinkAddress(ip_interface("10.77.0.100/32"), label="eth0:vip")),
        ("10.88.0.1/24 scope link", None),
        ("10.88.0.1/24 scope host", LinkAddress(ip_interface("10.88.0.1/24"), "host", label="eth0")),
        (
            "10.88.0.1 peer 10.88.0.2/32",
            LinkAddress(ip_interface("10.88.0.1/32"), label="eth0", peer=ip_address("10.88.0.2")),
        ),
        (
            "10.88.0.1/24 preferred_lft 0",
            LinkAddress(ip_interface("10.88.0.1/24"), label="eth0", deprecated=True),
        ),
        (
            "10.88.0.1/24 valid_lft 3600 preferred_lft 3600",
            LinkAddress(ip_interface("10.88.0.1/24"), label="eth0", leased=True),
        ),
        (
            "fd00:77::11/128 nodad valid_lft 3600 preferred_lft 3600",
            LinkAddress(ip_interface("fd00:77::11/128"), leased=True),
        ),
        ("fd00:77::11/64 nodad", LinkAddress(ip_interface("fd00:77::11/64"))),
        ("fd00:77::11/64 nodad preferred_lft 0", LinkAddress(ip_interface("fd00:77::11/64"), deprecated=True)),
        (
            "fd00:77::11 peer fd00:77::12/128 nodad",
            LinkAddress(ip_interface("fd00:77::11/128"), peer=ip_address("fd00:77::12")),
        ),
    ],
    ids=[
        "a second one in the same network",
        "one with a label",
        "of link scope",
        "of host scope",
        "of a point-to-point link",
        "deprecated",
        "leased",
        "IPv6, leased",
        "IPv6",
        "IPv6, deprecated",
        "IPv6, of a point-to-point link",
    ],
)
def test_an_address_with_all_that_is_asked_of_it(
    host: NetworkNamespace, line: str, expected: LinkAddress | None
) -> None:
    host.ip(f"addr add {line} dev eth0")
    found = addresses(host, version=6 if ":" in line.split(maxsplit=1)[0] else 4)
    assert [one for one in found if one.address != ip_address("10.77.0.11")] == ([expected] if expected else [])


def test_an_address_that_another_host_has_too_stays_tentative(host: NetworkNamespace) -> None:
    with network_namespace() as other:
        host.ip(f"link set wire0 netns {other.path}")
        other.ip("link set wire0 up", "addr add fd00:77::11/64 dev wire0 nodad")
        host.ip("addr add fd00:77::11/64 dev eth0")
        assert addresses(host, version=6)[0].tentative  # not decided yet
        host.wait_for("dadfailed", "ip", "addr", "show", "dev", "eth0")
        assert addresses(host, version=6)[0].tentative


def test_a_temporary_address_is_told_from_a_secondary_one(host: NetworkNamespace) -> None:
    host.run(Path("/proc/sys/net/ipv6/conf/eth0/use_tempaddr").write_text, "2")
    host.ip("addr add fd00:77::11/64 dev eth0 mngtmpaddr valid_lft 7200 preferred_lft 3600")
    flags = {(one.temporary, one.secondary) for one in addresses(host, version=6)}
    assert flags == {(False, False), (True, False)}


def test_the_default_source_is_where_the_default_route_leaves(host: NetworkNamespace) -> None:
    host.ip("addr add fd00:77::11/64 dev eth0 nodad", "route add default via fd00:77::1")
    default_sources = read(host).default_lookups
    assert [(str(one.address), one.device, str(one.gateway)) for one in default_sources] == [
        ("10.77.0.11", "eth0", "10.77.0.1"),
        ("fd00:77::11", "eth0", "fd00:77::1"),
    ]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (("route replace default via 10.77.0.1 src 10.77.0.99",), ["10.77.0.99"]),
        (("route add blackhole 8.8.8.8", "route add 1.0.0.0/8 via 10.77.0.2 src 10.77.0.99"), ["10.77.0.11"]),
        (("route add 0.0.0.0/1 via 10.77.0.2", "route add 128.0.0.0/1 via 10.77.0.2"), []),
        (("route del default",), []),
        (("route replace blackhole default",), []),
    ],
    ids=[
        "a route that prefers a source",
        "far addresses with routes of their own",
        "a VPN that takes all traffic from the default route",
        "no default route",
        "a default that leads nowhere",
    ],
)
def test_the_default_source(host: NetworkNamespace, lines: tuple[str, ...], expected: list[str]) -> None:
    host.ip("addr add 10.77.0.99/24 dev eth0", *lines)
    assert [str(one.address) for one in read(host).default_lookups] == expected


def test_the_sources_towards_the_destinations_that_were_asked_for(host: NetworkNamespace) -> None:
    host.ip("route add unreachable 10.99.0.0/24")
    assert read(host, "10.77.0.12", "10.99.0.1", "fd00::1").lookups == (
        RouteLookup(ip_address("10.77.0.12"), ip_address("10.77.0.11"), "eth0"),
        RouteLookup(ip_address("10.99.0.1"), None, error="unreachable"),
        RouteLookup(ip_address("fd00::1"), None, error="no route"),
    )


def test_neighbours_and_the_forwarding_database_behind_a_vxlan_route(host: NetworkNamespace) -> None:
    host.ip(
        "link add vxlan.calico type vxlan id 4096 dstport 4789 local 10.77.0.11",
        "link set vxlan.calico up",
        "neigh add 192.168.55.65 lladdr 66:3b:00:00:00:01 nud permanent dev vxlan.calico",
        "neigh add 10.77.0.13 lladdr 02:00:00:00:00:13 nud stale dev eth0",
    )
    host.output("bridge", "fdb", "add", "66:3b:00:00:00:01", "dev", "vxlan.calico", "dst", "10.77.0.13")
    kernel = host.run(read_kernel, every_neighbour=True)
    assert isinstance(kernel, Kernel)
    assert kernel.neighbours is not None
    assert {one for one in kernel.neighbours if one.state != "NOARP"} == {
        Neighbour(ip_address("192.168.55.65"), "vxlan.calico", "PERMANENT", "66:3b:00:00:00:01"),
        Neighbour(ip_address("10.77.0.13"), "eth0", "STALE", "02:00:00:00:00:13"),
    }
    assert (
        kernel.fdb
        == read(host).fdb
        == (ForwardingEntry("66:3b:00:00:00:01", "vxlan.calico", ip_address("10.77.0.13")),)
    )


def test_of_the_neighbours_an_audit_reads_those_in_tunnels_and_those_that_do_not_answer(host: NetworkNamespace) -> None:
    host.ip(
        "link add vxlan.calico type vxlan id 4096 dstport 4789 local 10.77.0.11",
        "link set vxlan.calico up",
        "neigh add 192.168.55.65 lladdr 66:3b:00:00:00:01 nud permanent dev vxlan.calico",
        *(f"neigh add 10.77.0.{number} lladdr 02:00:00:00:00:13 nud stale dev eth0" for number in range(100, 120)),
        "neigh add 10.77.0.99 nud failed dev eth0",
        "neigh add fd00:77::99 nud incomplete dev eth0",
    )
    found = read(host).neighbours
    assert found is not None
    assert {(str(one.address), one.device, one.state) for one in found if one.state != "NOARP"} == {
        ("192.168.55.65", "vxlan.calico", "PERMANENT"),
        ("10.77.0.99", "eth0", "FAILED"),
        ("fd00:77::99", "eth0", "INCOMPLETE"),
    }


def test_a_host_without_ipv6_is_read_all_the_same(host: NetworkNamespace) -> None:
    host.run(Path("/proc/sys/net/ipv6/conf/all/disable_ipv6").write_text, "1")
    kernel = read(host, "fd00::1")
    assert {route.prefix.version for route in kernel.fib.routes} == {4}
    assert kernel.lookups[0].error == "no route"


def test_reading_needs_no_privilege(host: NetworkNamespace) -> None:
    wanted = read(host, "10.77.0.12")  # also imports all that is imported late, which nobody else may read
    assert host.run(_read_as_nobody, "10.77.0.12").lookups == wanted.lookups


def _read_as_nobody(destination: str) -> Kernel:
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.setresgid(65534, 65534, 65534)
            os.setresuid(65534, 65534, 65534)
            os.write(writer, pickle.dumps(read_kernel((ip_address(destination),))))
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as answer:
        written = answer.read()
    os.waitpid(child, 0)
    kernel = pickle.loads(written)
    assert isinstance(kernel, Kernel)
    return kernel


def test_reading_again_and_again_keeps_no_descriptor(host: NetworkNamespace) -> None:
    def descriptors() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    def many() -> tuple[int, int]:
        read_kernel()
        before = descriptors()
        for _ in range(50):
            read_kernel()
        return before, descriptors()

    before, after = host.run(many)
    assert after <= before
