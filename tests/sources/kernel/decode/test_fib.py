"""Route messages become the table that they were made from; anything else is an error of ours and never a crash."""

import json
from contextlib import suppress
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from itertools import permutations
from pathlib import Path
from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calico_agent.model.network.address import Family, IPAddress, IPNetwork
from calico_agent.model.network.fib import Fib
from calico_agent.model.network.route import TABLE_LOCAL, TABLE_MAIN, NextHop, Route, RouteType
from calico_agent.sources.decode_error import Interrupted, KernelRefusal, Malformed
from calico_agent.sources.kernel.decode.fib import Learned, decode_routes
from calico_agent.sources.kernel.decode.next_hops import decode_next_hops
from tests import ip_json
from tests.places import DATA
from tests.sources.kernel.netlink_messages import (
    DUMP_INTERRUPTED,
    ENCAPSULATIONS,
    LINKS,
    NLMSG_OVERRUN,
    RTM_NEWROUTE,
    attribute,
    both,
    done,
    dump,
    message,
    number,
    route_body,
)

IPV4, IPV6 = Family.IPV4, Family.IPV6
ETH0 = NextHop(None, "eth0")
PEER = NextHop(ip_address("10.77.0.13"), "eth0")
BLOCK = Route(ip_network("192.168.5.64/26"), next_hops=(PEER,), protocol=12)
UNUSUAL = [
    BLOCK,
    Route(ip_network("0.0.0.0/0"), next_hops=(PEER,), metric=100),
    Route(ip_network("10.77.0.0/24"), next_hops=(ETH0,), protocol=2, source=ip_address("10.77.0.11")),
    Route(ip_network("192.168.6.0/26"), RouteType.BLACKHOLE, protocol=80),
    Route(ip_network("192.168.6.64/26"), RouteType.UNREACHABLE),
    Route(ip_network("192.168.6.128/26"), RouteType.PROHIBIT),
    Route(ip_network("192.168.6.192/26"), RouteType.THROW),
    Route(ip_network("192.168.7.0/26"), next_hops=(NextHop(ip_address("192.168.7.1"), "vxlan.calico", onlink=True),)),
    Route(ip_network("192.168.7.64/26"), next_hops=(NextHop(None, "eth0", dead=True, linkdown=True),)),
    Route(ip_network("192.168.7.128/26"), next_hops=(PEER, NextHop(ip_address("10.77.0.12"), "eth0", weight=5))),
    Route(ip_network("192.168.8.0/26"), next_hops=(NextHop(ip_address("fe80::1"), "eth0"),)),
    Route(ip_network("192.168.8.64/26"), next_hops=(NextHop(PEER.gateway, "eth0", encapsulation="mpls"),), protocol=12),
    Route(ip_network("192.168.8.128/26"), next_hops=(PEER, NextHop(None, "eth0", weight=3, encapsulation="seg6"))),
    Route(ip_network("192.168.8.192/26"), next_hops=(NextHop(None, "eth0", encapsulation="of type 99"),)),
    # IPIP and WireGuard devices cannot be made on the test machine's kernel: routes over them exist as messages only.
    Route(ip_network("192.168.9.0/26"), next_hops=(NextHop(PEER.gateway, "tunl0", onlink=True),), protocol=12),
    Route(ip_network("192.168.9.64/26"), next_hops=(NextHop(None, "wireguard.cali"),), protocol=80),
    Route(ip_network("::/0"), next_hops=(NextHop(ip_address("fe80::1"), "eth0"),), metric=1024),
    Route(ip_network("fd00:192::40/122"), next_hops=(NextHop(ip_address("fd00:77::13"), "eth0"),), metric=1024),
    Route(ip_network("fd00:192::80/122"), RouteType.BLACKHOLE, metric=1024),
]


def decoded(*routes: Route, table: int = TABLE_MAIN) -> Fib:
    return decode_routes(both(routes), LINKS, table=table)


@pytest.mark.parametrize("route", UNUSUAL, ids=str)
def test_a_route_comes_back_as_it_was(route: Route) -> None:
    assert decoded(route).routes == (route,)


def test_all_of_them_come_back_together() -> None:
    assert set(decoded(*UNUSUAL).routes) == set(UNUSUAL)


@pytest.mark.parametrize("prefix", [BLOCK.prefix, ip_network("fd00:192::40/122"), ip_network("::/0")], ids=str)
def test_the_best_metric_of_a_prefix_comes_first(prefix: IPNetwork) -> None:
    best, worse, worst = (Route(prefix, next_hops=(ETH0,), metric=metric) for metric in (10, 100, 200))
    for order in permutations((best, worse, worst)):
        assert decoded(*order).exact(prefix) == (best, worse, worst)


@pytest.mark.parametrize("per_datagram", [1, 2, 100])
def test_routes_of_one_prefix_come_together_wherever_they_stand(per_datagram: int) -> None:
    first, second, third, fourth = (
        Route(BLOCK.prefix, next_hops=(NextHop(ip_address(f"10.77.0.{number}"), "eth0"),)) for number in range(4)
    )
    better = Route(ip_network("192.168.5.0/26"), next_hops=(PEER,), metric=5)
    worse = Route(better.prefix, next_hops=(PEER,), metric=7)
    table = [worse, first, second, better, first, third, fourth]
    fib = decode_routes(both(table, per_datagram=per_datagram), LINKS)
    assert fib.exact(better.prefix) == (better, worse)
    assert list(dict.fromkeys(fib.exact(BLOCK.prefix))) == [first, second, third, fourth]


@pytest.mark.parametrize("table", [TABLE_LOCAL, 100, 256, 2**32 - 1])
def test_only_one_table_is_decoded(table: int) -> None:
    other = Route(ip_network("10.0.0.0/8"), next_hops=(ETH0,), table=table)
    assert decoded(BLOCK, other).routes == (BLOCK,)
    assert decoded(BLOCK, other, table=table).routes == (other,)


def test_a_link_that_nobody_knows_is_named_by_its_index() -> None:
    (route,) = decode_routes(both([BLOCK]), {}).routes
    assert route.next_hops == (NextHop(PEER.gateway, "if2"),)


@pytest.mark.parametrize(
    "body",
    [
        route_body(BLOCK, flags=0x200),
        route_body(BLOCK, tos=8),
        route_body(Route(ip_network("fd00::/64"), next_hops=(ETH0,)), source_length=64),
    ],
    ids=["a cached route", "for one type of service", "for one source prefix"],
)
def test_what_traffic_in_general_does_not_follow_is_left_out(body: bytes) -> None:
    datagrams = dump([message(RTM_NEWROUTE, body), message(RTM_NEWROUTE, route_body(BLOCK))])
    fib = decode_routes({IPV4: datagrams, IPV6: datagrams}, LINKS)
    assert fib.routes == (BLOCK,)


def test_a_kernel_without_ipv6_answers_with_ipv4_routes_and_they_count_once() -> None:
    datagrams = both([BLOCK])[IPV4]
    assert decode_routes({IPV4: datagrams, IPV6: datagrams}, LINKS).routes == (BLOCK,)


def test_a_type_that_is_not_known_yet_does_not_forward() -> None:
    body = bytearray(route_body(BLOCK))
    body[7] = 200
    (route,) = decode_routes({IPV4: dump([message(RTM_NEWROUTE, bytes(body))])}, LINKS).routes
    assert (route.type, route.next_hops) == (RouteType.UNSPEC, ())


def test_attributes_of_no_interest_are_passed_over() -> None:
    metrics = attribute(0x8000 | 8, number(2, 1400) + number(8, 10))
    body = route_body(BLOCK, extra=metrics + number(16, 5) + attribute(21, bytes(2)) + attribute(999, b"new"))
    assert decode_routes({IPV4: dump([message(RTM_NEWROUTE, body)])}, LINKS).routes == (BLOCK,)


@pytest.mark.parametrize("flag", [2, 8, 32, 64, 0x100, 0x4000, 0x8000], ids=hex)
def test_flags_of_no_interest_are_passed_over(flag: int) -> None:
    """Of the next hop: pervasive, offloaded, unresolved, trapped. Of the route: notify, offloaded, trapped."""
    body = route_body(BLOCK, flags=flag)
    assert decode_routes({IPV4: dump([message(RTM_NEWROUTE, body)])}, LINKS).routes == (BLOCK,)


def test_a_kernel_that_puts_the_destination_elsewhere_is_understood() -> None:
    usual = route_body(BLOCK)
    header, table, destination, rest = usual[:12], usual[12:20], usual[20:28], usual[28:]
    body = header + destination + table + rest
    other = header + attribute(1, ip_network("192.168.9.0/26").network_address.packed) + table + rest
    fib = decode_routes({IPV4: dump([message(RTM_NEWROUTE, one) for one in (usual, body, other)])}, LINKS)
    assert {str(route.prefix) for route in fib.routes} == {"192.168.5.64/26", "192.168.9.0/26"}
    assert fib.exact(ip_network("192.168.9.0/26"))[0].next_hops == (PEER,)


def test_next_hops_are_aligned_though_their_length_is_not() -> None:
    via = pack("=HHH", 22, 18, 10) + ip_address("fe80::1").packed  # an IPv6 gateway, 22 bytes
    hops = pack("=HBBi", 8 + 22, 0, 0, 2) + via + bytes(2) + pack("=HBBi", 8, 0, 0, 3)
    body = route_body(Route(BLOCK.prefix), extra=attribute(9, hops))
    (route,) = decode_routes({IPV4: dump([message(RTM_NEWROUTE, body)])}, LINKS).routes
    assert route.next_hops == (NextHop(ip_address("fe80::1"), "eth0"), NextHop(None, "vxlan.calico"))


def test_next_hop_objects_are_followed() -> None:
    body = route_body(Route(BLOCK.prefix, protocol=12), extra=number(30, 77))
    datagrams = {IPV4: dump([message(RTM_NEWROUTE, body)])}
    assert decode_routes(datagrams, LINKS, objects={77: (PEER,)}).routes == (BLOCK,)
    with pytest.raises(Interrupted):
        decode_routes(datagrams, LINKS, objects={76: (PEER,)})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        route_body(BLOCK)[:11],
        route_body(BLOCK)[:-1],
        route_body(BLOCK, extra=b"\x02\0\x01\0"),
        route_body(BLOCK).replace(bytes([10, 77, 0, 13]), b""),
        pack("=BBBBBBBBI", 2, 33, 0, 0, 254, 12, 0, 1, 0) + attribute(1, bytes(4)),
        pack("=BBBBBBBBI", 2, 24, 0, 0, 254, 12, 0, 1, 0) + attribute(1, bytes(16)),
        pack("=BBBBBBBBI", 2, 24, 0, 0, 254, 12, 0, 1, 0) + attribute(1, bytes([10, 0, 0, 1])),
        pack("=BBBBBBBBI", 2, 24, 0, 0, 254, 12, 0, 1, 0) + attribute(9, b"\x04\0\0\0\x02\0\0\0"),
        pack("=BBBBBBBBI", 2, 24, 0, 0, 254, 12, 0, 1, 0) + attribute(9, b"\x08\0"),
        pack("=BBBBBBBBI", 2, 24, 0, 0, 254, 12, 0, 1, 0) + attribute(5, bytes(16)),
        pack("=BBBBBBBBI", 2, 24, 0, 0, 254, 12, 0, 1, 0) + attribute(18, b"\x0a"),
        pack("=BBBBBBBBI", 2, 24, 0, 0, 254, 12, 0, 1, 0) + attribute(18, b"\x0a\0\1\2\3\4"),
        pack("=BBBBBBBBI", 2, 24, 0, 0, 254, 12, 0, 1, 0) + attribute(7, bytes(3)),
        route_body(BLOCK, extra=attribute(21, b"\1")),
    ],
    ids=[
        "nothing",
        "half a header",
        "an attribute cut short",
        "an attribute shorter than its header",
        "a gateway taken out",
        "a prefix longer than an address",
        "a destination of the other family",
        "a destination beyond its prefix",
        "a next hop shorter than its header",
        "half a next hop",
        "a gateway of the other family",
        "half a gateway",
        "a gateway of a wrong size",
        "a source of a wrong size",
        "an encapsulation of a wrong size",
    ],
)
def test_a_route_that_cannot_be_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        decode_routes({IPV4: dump([message(RTM_NEWROUTE, body)])}, LINKS)


@pytest.mark.parametrize(
    ("prefix", "beyond"),
    [
        ("192.168.5.64/26", "192.168.5.65"),
        ("192.168.5.0/25", "192.168.5.64"),
        ("192.168.0.0/16", "192.168.1.0"),
        ("192.0.0.0/10", "192.32.0.0"),
        ("fd00::40/122", "fd00::41"),
        ("fd00::/63", "fd00:0:0:1::"),
    ],
)
def test_no_destination_of_many_reaches_beyond_its_prefix(prefix: str, beyond: str) -> None:
    network = ip_network(prefix)
    good = route_body(Route(network, next_hops=(ETH0,)))
    bad = good.replace(network.network_address.packed, ip_address(beyond).packed)
    version = Family(network.version)
    assert len(decode_routes({version: dump([message(RTM_NEWROUTE, good)] * 3)}, LINKS)) == 1
    with pytest.raises(Malformed):
        decode_routes({version: dump([message(RTM_NEWROUTE, body) for body in (good, good, bad, good)])}, LINKS)


def test_no_route_of_many_is_cut_short() -> None:
    good = route_body(BLOCK)
    for end in set(range(len(good) - 18, len(good))) - {len(good) - 8, len(good) - 16}:  # without a whole attribute
        with pytest.raises(Malformed):
            decode_routes({IPV4: dump([message(RTM_NEWROUTE, body) for body in (good, good, good[:end])])}, LINKS)


@pytest.mark.parametrize("table", [TABLE_MAIN, TABLE_LOCAL, 1000])
@pytest.mark.parametrize("kernel", sorted((DATA / "netlink").glob("linux-*")), ids=lambda path: path.name)
def test_a_recorded_dump_is_what_ip_showed(kernel: Path, table: int) -> None:
    def datagrams(name: str) -> list[bytes]:
        return [bytes.fromhex(line) for line in (kernel / f"{name}.hex").read_text().splitlines()]

    links = {1: "lo", 2: "eth0", 3: "wire0", 4: "eth1", 5: "wire1"}
    objects = decode_next_hops(datagrams("next-hops"), links)
    dumps = {IPV4: datagrams("routes-ipv4"), IPV6: datagrams("routes-ipv6")}
    shown = Fib.of(ip_json.routes(json.loads((kernel / "ip-route.json").read_text())), table)
    decoded_routes = decode_routes(dumps, links, table=table, objects=objects).routes
    assert decoded_routes
    assert set(decoded_routes) == set(shown.routes)


v4, v6 = st.integers(0, 2**32 - 1).map(IPv4Address), st.integers(0, 2**128 - 1).map(IPv6Address)
networks = st.one_of(
    st.builds(lambda a, n: IPv4Network((int(a) >> (32 - n) << (32 - n), n)), v4, st.integers(0, 32)),
    st.builds(lambda a, n: IPv6Network((int(a) >> (128 - n) << (128 - n), n)), v6, st.integers(0, 128)),
)


@st.composite
def routes(draw: st.DrawFn) -> Route:
    prefix = draw(networks)
    addresses: st.SearchStrategy[IPAddress] = v4 if prefix.version == 4 else v6
    hop = st.builds(
        NextHop,
        st.none() | addresses | v6,
        st.sampled_from(sorted(LINKS.values())),
        onlink=st.booleans(),
        weight=st.integers(1, 256),
        dead=st.booleans(),
        linkdown=st.booleans(),
        encapsulation=st.sampled_from(["", "", *ENCAPSULATIONS, "of type 11", "of type 65535"]),
    )
    kind = draw(st.sampled_from(RouteType))
    forwards = RouteType.UNICAST <= kind <= RouteType.MULTICAST
    hops = draw(st.lists(hop, min_size=1, max_size=3)) if forwards else []
    return Route(
        prefix,
        kind,
        tuple(hops),
        protocol=draw(st.integers(0, 255)),
        metric=draw(st.sampled_from([0, 1, 1024, 2**32 - 1])),
        table=draw(st.sampled_from([TABLE_MAIN, TABLE_MAIN, TABLE_LOCAL, 1000])),
        source=draw(st.none() | addresses),
    )


tables = st.lists(routes(), max_size=20, unique=True)


@given(table=tables, per_datagram=st.integers(1, 7))
def test_what_was_built_is_decoded(table: list[Route], per_datagram: int) -> None:
    assert decode_routes(both(table, per_datagram=per_datagram), LINKS) == Fib.of(table)


@given(table=tables, per_datagram=st.integers(1, 7), cut=st.integers(0, 10**6))
def test_a_dump_that_is_cut_anywhere_is_no_table(table: list[Route], per_datagram: int, cut: int) -> None:
    """What it lacks would look like missing routes."""
    for datagrams in both(table, per_datagram=per_datagram).values():
        left = cut % sum(map(len, datagrams))
        taken = []
        for datagram in datagrams:
            taken.append(datagram[:left])
            left = max(0, left - len(datagram))
        with pytest.raises(Malformed):
            decode_routes({IPV4: taken}, LINKS)


@given(table=tables, per_datagram=st.integers(1, 7), position=st.integers(0, 200))
def test_a_dump_that_was_interrupted_anywhere_is_no_table(table: list[Route], per_datagram: int, position: int) -> None:
    messages = [message(RTM_NEWROUTE, route_body(route)) for route in table if route.prefix.version == IPV4]
    for mark in (
        message(RTM_NEWROUTE, route_body(BLOCK), flags=DUMP_INTERRUPTED),
        message(NLMSG_OVERRUN, b""),
    ):
        torn = [*messages]
        torn.insert(position % (len(messages) + 1), mark)
        with pytest.raises(Interrupted):
            decode_routes({IPV4: dump(torn, per_datagram=per_datagram)}, LINKS)


@given(first=tables, second=tables)
def test_what_a_dump_before_has_taught_changes_no_answer(first: list[Route], second: list[Route]) -> None:
    learned = Learned()
    for table in (first, second, first):
        assert decode_routes(both(table), LINKS, learned=learned) == Fib.of(table)


def test_paths_that_are_known_are_the_same_objects_and_a_renamed_link_makes_them_new() -> None:
    learned = Learned()
    before = decode_routes(both([BLOCK]), LINKS, learned=learned).paths(BLOCK.prefix)
    again = decode_routes(both([BLOCK]), LINKS, learned=learned).paths(BLOCK.prefix)
    assert again[0] is before[0]
    renamed = {**LINKS, 2: "bond0"}
    (path,) = decode_routes(both([BLOCK]), renamed, learned=learned).paths(BLOCK.prefix)
    assert path.next_hops[0].device == "bond0"


def test_a_dump_that_is_as_it_was_is_not_decoded_again() -> None:
    learned = Learned()
    table = [BLOCK, *UNUSUAL]
    first = decode_routes(both(table), LINKS, learned=learned)
    again = decode_routes(both(table), LINKS, learned=learned)
    assert again == first
    assert all(again.index[family] is first.index[family] for family in Family)
    changed = decode_routes(both([*table[:-1], Route(table[-1].prefix, next_hops=(ETH0,))]), LINKS, learned=learned)
    assert changed.index[IPV4] is first.index[IPV4]
    assert changed.exact(table[-1].prefix)[0].next_hops == (ETH0,)
    renamed = decode_routes(both(table), {**LINKS, 2: "bond0"}, learned=learned)
    assert {hop.device for route in renamed.exact(BLOCK.prefix) for hop in route.next_hops} == {"bond0"}
    assert decode_routes(both(table), {**LINKS, 2: "bond0"}, table=TABLE_LOCAL, learned=learned).routes == ()


def test_a_dump_that_fails_teaches_nothing_and_loses_nothing() -> None:
    learned = Learned()
    first = decode_routes(both([BLOCK]), LINKS, learned=learned)
    with pytest.raises(Malformed):
        decode_routes({IPV4: both([BLOCK])[IPV4][:-1]}, LINKS, learned=learned)
    assert decode_routes(both([BLOCK]), LINKS, learned=learned).index[IPV4] is first.index[IPV4]


def decode_or_refuse(datagrams: list[bytes]) -> None:
    """No other error than ours may come out, now or when the routes are looked at."""
    with suppress(Malformed, Interrupted, KernelRefusal):
        str(decode_routes({IPV4: datagrams, IPV6: datagrams}, LINKS).routes)


@given(datagrams=st.lists(st.binary(max_size=200), max_size=3))
def test_no_bytes_crash_it(datagrams: list[bytes]) -> None:
    decode_or_refuse([*datagrams, done()])


@given(data=st.data())
def test_no_change_to_a_good_dump_crashes_it(data: st.DataObject) -> None:
    table = data.draw(tables)
    version = data.draw(st.sampled_from(Family))
    datagrams = [bytearray(one) for one in both(table, per_datagram=4)[version]]
    for _ in range(data.draw(st.integers(1, 4))):
        datagram = data.draw(st.sampled_from(datagrams))
        if datagram:
            datagram[data.draw(st.integers(0, len(datagram) - 1))] = data.draw(st.integers(0, 255))
            if data.draw(st.booleans()):
                del datagram[data.draw(st.integers(0, len(datagram))) :]
    decode_or_refuse([bytes(one) for one in datagrams])
