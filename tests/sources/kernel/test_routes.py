"""Our reader and other people's readers see the same table."""

import random
import subprocess
import threading
import time
from collections.abc import Iterator
from ipaddress import IPv4Network, ip_address, ip_network
from pathlib import Path

import pytest

from calico_agent.model.network.address import Family
from calico_agent.model.network.fib import Fib
from calico_agent.model.network.route import TABLE_LOCAL, TABLE_MAIN, NextHop
from calico_agent.sources.kernel.decode.fib import Learned
from calico_agent.sources.kernel.netlink_socket import NetlinkSocket
from calico_agent.sources.kernel.routes import dump_routes, look_up
from tests import ip_json
from tests.by_pyroute2 import read_routes
from tests.netns import NetworkNamespace, network_namespace

pytestmark = pytest.mark.real

NAMES = {1: "lo", 2: "eth0", 3: "wire0", 4: "eth1", 5: "wire1"}
HOST = (
    "link add eth0 index 2 type veth peer name wire0 index 3",
    "link add eth1 index 4 type veth peer name wire1 index 5",
    # Without link-local addresses, which the kernel adds some time later.
    *(f"link set {name} addrgenmode none up" for name in ("eth0", "wire0", "eth1", "wire1")),
    "addr add 10.77.0.11/24 dev eth0",
    "addr add 10.78.0.11/24 dev eth1",
    "addr add fd00:77::11/64 dev eth0 nodad",
)
ROUTES = (
    "default via 10.77.0.1",
    "default via 10.78.0.1 metric 500",
    "192.168.5.64/26 via 10.77.0.13 proto bird",
    "192.168.5.64/26 via 10.78.0.13 proto static metric 77",
    "192.168.5.65 dev wire0 scope link src 10.77.0.11",
    "blackhole 192.168.6.0/26 proto 80",
    "unreachable 192.168.6.64/26",
    "prohibit 192.168.6.128/26",
    "throw 192.168.6.192/26",
    "192.168.7.0/26 via 192.168.7.1 dev eth0 onlink mtu 1450",
    "192.168.8.0/26 proto bird nexthop via 10.77.0.12 dev eth0 weight 3 nexthop via 192.168.8.1 dev eth1 onlink",
    "192.168.10.0/24 via inet6 fe80::1 dev eth0",
    "192.168.11.0/24 via 10.77.0.1 table 1000",
    "192.168.12.0/24 tos 8 via 10.77.0.1",
    "192.168.13.0/24 nhid 7 proto bird",
    "192.168.14.0/24 nhid 9",
    "192.168.15.0/24 nhid 10",
    "192.168.16.0/24 encap ip id 5 dst 10.77.0.13 via 10.77.0.12 dev eth0 proto bird",
    "192.168.17.0/24 nexthop encap ip6 id 5 dst fd00:77::13 via 10.77.0.12 dev eth0 nexthop via 10.77.0.13 dev eth0",
    "192.168.18.0/24 nhid 11",
    "192.168.19.0/24 nhid 12",
    "192.168.20.0/24 dev eth0 metric 3",
    "192.168.21.0/24 via 10.77.0.1 table 100000",
    "fd00:192::40/122 via fd00:77::13 dev eth0 proto bird",
    "fd00:192::80/122 proto bird nexthop via fd00:77::12 dev eth0 nexthop via fd00:77::13 dev eth0 weight 2",
    "blackhole fd00:192::/122 proto bird",
    "unreachable fd00:194::/64 metric 50",
    "fd00:195::/64 via fd00:77::13 metric 30",
    "fd00:195::/64 via fd00:77::12 metric 20",
    "fd00:196::/64 encap seg6 mode encap segs fd00:77::13 dev eth0",
    "fd00:197::/64 from fd00:77::/64 via fd00:77::12",
    "default via fd00:77::1",
)
OBJECTS = (
    "7 via 10.77.0.12 dev eth0 onlink",
    "8 via 10.78.0.12 dev eth1",
    "9 group 7,5/8,2",
    "10 blackhole",
    "11 encap ip id 5 dst 10.77.0.13 via 10.77.0.12 dev eth0",
    "12 group 7/11",
)


@pytest.fixture
def host() -> Iterator[NetworkNamespace]:
    with network_namespace() as namespace:
        namespace.ip(*HOST)
        for name in ("eth0", "eth1"):
            namespace.wait_for("state UP", "ip", "link", "show", name)
        yield namespace


def shown(host: NetworkNamespace, table: int) -> Fib:
    """The table according to `ip`."""
    text = host.output("ip", "-d", "-j", "route", "show", "table", "all")
    return Fib.of(ip_json.routes(ip_json.read(text)), table)


def test_every_kind_of_route_is_read_as_ip_shows_it(host: NetworkNamespace) -> None:
    host.ip(*(f"nexthop add id {line}" for line in OBJECTS), *(f"route add {line}" for line in ROUTES))
    host.ip(
        "route append 192.168.20.0/24 via 10.77.0.7 metric 3", "route append 192.168.20.0/24 via 10.77.0.8 metric 3"
    )
    for table in (TABLE_MAIN, TABLE_LOCAL, 1000, 100_000):
        read = host.run(dump_routes, NAMES, table)
        assert read.index == shown(host, table).index, "the routes of one prefix in the same order"
    # None was overlooked by both: two are in other tables, one is for a type of service, one for a source; two were
    # appended; three networks are connected.
    assert len(host.run(dump_routes, NAMES)) == len(ROUTES) - 4 + 2 + 3


def test_next_hop_objects_are_followed_when_routes_do_not_repeat_them(host: NetworkNamespace) -> None:
    host.ip(
        *(f"nexthop add id {line}" for line in OBJECTS), *(f"route add {line}" for line in ROUTES if "nhid" in line)
    )
    repeated = host.run(dump_routes, NAMES)
    host.run(Path("/proc/sys/net/ipv4/nexthop_compat_mode").write_text, "0")
    assert host.run(dump_routes, NAMES) == repeated
    assert len(repeated.exact(ip_network("192.168.14.0/24"))[0].next_hops) == 2


def test_a_link_without_carrier_marks_its_routes(host: NetworkNamespace) -> None:
    host.ip("route add 192.168.5.64/26 via 10.77.0.13", "link set wire0 down")
    host.wait_for("linkdown", "ip", "route")
    (route,) = host.run(dump_routes, NAMES).exact(ip_network("192.168.5.64/26"))
    assert route.next_hops == (NextHop(ip_address("10.77.0.13"), "eth0", linkdown=True),)


def by_pyroute2(host: NetworkNamespace, table: int = TABLE_MAIN) -> Fib:
    return Fib.of(host.run(read_routes, NAMES, table), table)


def test_pyroute2_reads_the_same_routes(host: NetworkNamespace) -> None:
    host.ip(*(f"nexthop add id {line}" for line in OBJECTS), *(f"route add {line}" for line in ROUTES))
    for table in (TABLE_MAIN, TABLE_LOCAL, 1000, 100_000):
        assert host.run(dump_routes, NAMES, table).index == by_pyroute2(host, table).index


def random_lines(seed: int) -> list[str]:
    """Commands that make routes of every kind, without a plan."""
    choose = random.Random(seed)
    prefixes = [f"192.168.{number}.{64 * part}/26" for number in range(30, 40) for part in range(4)]
    prefixes += [f"10.{number}.0.0/{choose.choice((16, 20, 30, 32))}" for number in range(100, 120)]
    six = [f"fd00:{number:x}::/{choose.choice((48, 64, 122, 128))}" for number in range(0x200, 0x220)]
    lines = []
    for _ in range(300):
        prefix = choose.choice((*prefixes, *six))
        gateways = ("fd00:77::",) if ":" in prefix else ("10.77.0.", "10.77.0.", "10.78.0.")

        def hop(among: tuple[str, ...] = gateways) -> str:
            network = choose.choice(among)
            device = "eth1" if network.startswith("10.78") else "eth0"
            around = choose.choice(("", "", "", "encap ip id 5 dst 10.77.0.13", "encap ip6 id 5 dst fd00:77::13"))
            return f"{around} via {network}{choose.randint(12, 99)} dev {device}{choose.choice(('', '', ' onlink'))}"

        kind = choose.choice(("", "", "", "blackhole", "unreachable", "prohibit", "throw"))
        weights = (choose.randint(1, 9) for _ in range(choose.randint(2, 4)))
        end = "" if kind else choose.choice((hop(), " ".join(f"nexthop {hop()} weight {one}" for one in weights)))
        if end and ":" not in prefix and choose.random() < 0.1:
            end = "via inet6 fe80::1 dev eth0"
        metric = choose.choice(("", f"metric {choose.randint(1, 5)}"))
        table = choose.choice(("", "", "table 1000", "table 100000"))
        protocol = f"proto {choose.choice((3, 4, 12, 16, 80, 200))}"
        lines.append(
            f"route {choose.choice(('add', 'append', 'replace'))} {kind} {prefix} {table} {protocol} {metric} {end}"
        )
    return lines


@pytest.mark.parametrize("seed", range(4))
def test_whatever_is_in_a_table_all_three_read_the_same(host: NetworkNamespace, seed: int) -> None:
    """What the kernel does not take is not in the table; each of the four gets more than a hundred routes into it."""
    text = "".join(f"{line}\n" for line in random_lines(seed))
    subprocess.run(host.command("ip", "-force", "-batch", "-"), input=text, text=True, capture_output=True, check=False)
    learned = Learned()
    for table in (TABLE_MAIN, 1000, 100_000):
        read = host.run(dump_routes, NAMES, table, learned)
        assert read.index == shown(host, table).index
        assert read.index == by_pyroute2(host, table).index
    assert len(host.run(dump_routes, NAMES)) > 100


def test_a_table_of_many_datagrams_is_read_whole(host: NetworkNamespace) -> None:
    blocks = list(IPv4Network("172.16.0.0/14").subnets(new_prefix=26))[:4000]
    host.batch(f"route add {block} via 10.77.0.{2 + i % 250} proto bird" for i, block in enumerate(blocks))
    host.batch(f"route add {block} via 10.78.0.{2 + i % 250} metric 9" for i, block in enumerate(blocks[::40]))
    read = host.run(dump_routes, NAMES)
    for i, block in enumerate(blocks):
        assert read.paths(block)[0].next_hops == (NextHop(ip_address(f"10.77.0.{2 + i % 250}"), "eth0"),)
        assert len(read.paths(block)) == (2 if i % 40 == 0 else 1)


def test_a_table_that_is_as_it_was_is_found_again_whoever_else_talks_to_the_kernel(host: NetworkNamespace) -> None:
    host.ip("route add 192.168.5.64/26 via 10.77.0.13 proto bird", "route add fd00:192::40/122 via fd00:77::13")

    def read() -> tuple[Fib, Fib, Fib]:
        learned = Learned()
        first = dump_routes(NAMES, learned=learned)
        with NetlinkSocket() as other, NetlinkSocket():
            next(other.dump(26, bytes(12)))
            second = dump_routes(NAMES, learned=learned)
        host.ip("route replace 192.168.5.64/26 via 10.77.0.12 proto bird")
        return first, second, dump_routes(NAMES, learned=learned)

    first, second, third = host.run(read)
    assert all(second.index[family] is first.index[family] for family in Family)
    assert third.exact(ip_network("192.168.5.64/26"))[0].next_hops == (NextHop(ip_address("10.77.0.12"), "eth0"),)


def test_a_host_without_any_route_has_none() -> None:
    with network_namespace() as namespace:
        assert namespace.run(dump_routes, {}).routes == ()


def test_a_host_without_ipv6_has_the_other_half(host: NetworkNamespace) -> None:
    host.run(Path("/proc/sys/net/ipv6/conf/all/disable_ipv6").write_text, "1")
    read = host.run(dump_routes, NAMES)
    assert {route.prefix.version for route in read.routes} == {4}


def test_routes_that_stay_are_never_missing_while_others_come_and_go(host: NetworkNamespace) -> None:
    blocks = list(IPv4Network("172.16.0.0/16").subnets(new_prefix=28))
    stay, come_and_go = blocks[::2], blocks[1::2]
    host.batch(f"route add {block} via 10.77.0.13" for block in stay)
    churn = [f"route {verb} {block} via 10.77.0.12" for verb in ("add", "del") for block in come_and_go]
    ended = threading.Event()

    def churn_until_ended() -> None:
        while not ended.is_set():
            host.batch(churn)

    thread = threading.Thread(target=churn_until_ended)
    thread.start()
    try:
        counts = set()
        end = time.monotonic() + 3
        while time.monotonic() < end:
            read = host.run(dump_routes, NAMES)
            assert [block for block in stay if not read.paths(block)] == []
            counts.add(len(read))
    finally:
        ended.set()
        thread.join()
    assert len(counts) > 1  # there was churn


@pytest.mark.parametrize(
    ("destination", "expected"),
    [
        ("10.77.0.12", ("10.77.0.11", "eth0", "", "")),
        ("192.168.5.65", ("10.77.0.11", "wire0", "", "")),
        ("192.168.5.66", ("10.77.0.11", "eth0", "10.77.0.13", "")),
        ("10.77.0.11", ("10.77.0.11", "lo", "", "")),
        ("192.168.6.1", ("", "", "", "blackhole")),
        ("192.168.6.65", ("", "", "", "unreachable")),
        ("192.168.6.129", ("", "", "", "prohibited")),
        ("192.168.6.193", ("", "", "", "no route")),
        ("8.8.8.8", ("", "", "", "no route")),
        ("fd00:77::12", ("fd00:77::11", "eth0", "", "")),
        ("fd00:192::1", ("", "", "", "blackhole")),
        ("fd00:194::1", ("", "", "", "unreachable")),
        ("2001:db8::1", ("", "", "", "no route")),
    ],
)
def test_a_look_up_says_how_a_packet_would_leave(
    host: NetworkNamespace, destination: str, expected: tuple[str, str, str, str]
) -> None:
    host.ip(*(f"route add {line}" for line in ROUTES if "nhid" not in line and "default" not in line))
    (found,) = host.run(look_up, [ip_address(destination)], NAMES)
    said = tuple(str(value or "") for value in (found.address, found.device, found.gateway, found.error))
    assert (found.destination, said) == (ip_address(destination), expected)
