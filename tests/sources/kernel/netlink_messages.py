"""Builds rtnetlink messages as the kernel does, for tests that go both ways."""

from collections.abc import Iterable, Sequence
from ipaddress import ip_address
from struct import pack

from calico_agent.model.network.address import Family
from calico_agent.model.network.route import NextHop, Route

AF_INET, AF_INET6, AF_BRIDGE = 2, 10, 7
RTM_NEWLINK, RTM_NEWROUTE, RTM_NEWNEIGH, RTM_NEWNEXTHOP = 16, 24, 28, 104
NLMSG_NOOP, NLMSG_ERROR, NLMSG_DONE, NLMSG_OVERRUN = 1, 2, 3, 4
MULTI, DUMP_INTERRUPTED = 0x2, 0x10
SEQUENCE, PORT = 7, 4242
MAC = bytes.fromhex("663b00aa01ff")

AF = {4: AF_INET, 6: AF_INET6}
LINKS = {1: "lo", 2: "eth0", 3: "vxlan.calico", 4: "cali1234", 5: "tunl0", 6: "wireguard.cali"}
INDEXES = {name: index for index, name in LINKS.items()}
ENCAPSULATIONS = ("", "mpls", "ip", "ila", "ip6", "seg6", "bpf", "seg6local", "rpl", "ioam6", "xfrm")


def message(kind: int, body: bytes, *, flags: int = MULTI, sequence: int = SEQUENCE, port: int = PORT) -> bytes:
    """One message with its header, padded."""
    return _padded(pack("=IHHII", 16 + len(body), kind, flags, sequence, port) + body)


def done(error: int = 0, **header: int) -> bytes:
    """The message that ends a dump."""
    return message(NLMSG_DONE, pack("=i", error), **header)


def failure(error: int) -> bytes:
    """The message that refuses a request."""
    return message(NLMSG_ERROR, pack("=i", -error) + bytes(16), flags=0)


def attribute(kind: int, value: bytes) -> bytes:
    """One attribute, padded."""
    return _padded(pack("=HH", 4 + len(value), kind) + value)


def number(kind: int, value: int) -> bytes:
    """One attribute with a 32-bit number."""
    return attribute(kind, pack("=I", value))


def route_body(route: Route, *, flags: int = 0, tos: int = 0, source_length: int = 0, extra: bytes = b"") -> bytes:
    """The body of RTM_NEWROUTE in the order of fib_dump_info."""
    prefix, version = route.prefix, route.prefix.version
    destination = attribute(1, prefix.network_address.packed) if prefix.prefixlen else b""
    single = route.next_hops if len(route.next_hops) == 1 and route.next_hops[0].weight == 1 else ()
    header = pack(
        "=BBBBBBBBI",
        AF[version],
        prefix.prefixlen,
        source_length,
        tos,
        route.table if route.table < 256 else 252,
        route.protocol,
        0,
        route.type,
        flags | (_hop_flags(single[0]) if single else 0),
    )
    return b"".join(
        (
            header,
            number(15, route.table),
            destination,
            number(6, route.metric) if route.metric else b"",
            attribute(7, route.source.packed) if route.source else b"",
            _gateway(single[0], version) if single else b"",
            number(4, INDEXES[single[0].device]) if single else b"",
            encapsulation(single[0].encapsulation) if single else b"",
            b"" if single or not route.next_hops else attribute(9, _multipath(route.next_hops, version)),
            extra,
        )
    )


def route_dump(routes: Iterable[Route], *, per_datagram: int = 100) -> list[bytes]:
    """The datagrams of a dump of these routes."""
    return dump([message(RTM_NEWROUTE, route_body(route)) for route in routes], per_datagram=per_datagram)


def dump(messages: Sequence[bytes], *, per_datagram: int = 100) -> list[bytes]:
    """The datagrams of a dump of these messages."""
    starts = range(0, len(messages), per_datagram)
    return [b"".join(messages[start : start + per_datagram]) for start in starts] + [done()]


def both(routes: Iterable[Route], *, per_datagram: int = 100) -> dict[Family, list[bytes]]:
    """One dump per family."""
    kept = list(routes)
    return {
        family: route_dump((route for route in kept if route.prefix.version == family), per_datagram=per_datagram)
        for family in Family
    }


def entry(family: int, index: int, state: int, *parts: bytes) -> bytes:
    """RTM_NEWNEIGH, with the attributes that are its parts."""
    return message(RTM_NEWNEIGH, pack("=BxxxiHBB", family, index, state, 0, 1) + b"".join(parts))


def destination(address: str) -> bytes:
    """NDA_DST."""
    return attribute(1, ip_address(address).packed)


def ages(confirmed: int) -> bytes:
    """NDA_CACHEINFO: confirmed, used, updated in hundredths of a second, references."""
    return attribute(3, pack("=IIII", confirmed, 0, 0, 1))


def encapsulation(word: str, kind: int = 22) -> bytes:
    """RTA_ENCAP and RTA_ENCAP_TYPE; the first is the other program's affair. NHA_ENCAP has another number."""
    if not word:
        return b""
    number_of_type = ENCAPSULATIONS.index(word) if word in ENCAPSULATIONS else int(word.removeprefix("of type "))
    return attribute(0x8000 | kind, b"\x08\0\x01\0\0\0\x01\x01") + attribute(kind - 1, pack("=H", number_of_type))


def _gateway(hop: NextHop, version: int) -> bytes:
    if hop.gateway is None:
        return b""
    if hop.gateway.version == version:
        return attribute(5, hop.gateway.packed)
    return attribute(18, pack("=H", AF[hop.gateway.version]) + hop.gateway.packed)


def _multipath(hops: Iterable[NextHop], version: int) -> bytes:
    parts = []
    for hop in hops:
        inner = _gateway(hop, version) + encapsulation(hop.encapsulation)
        parts.append(pack("=HBBi", 8 + len(inner), _hop_flags(hop), hop.weight - 1, INDEXES[hop.device]) + inner)
    return b"".join(parts)


def _hop_flags(hop: NextHop) -> int:
    return hop.dead * 1 | hop.onlink * 4 | hop.linkdown * 16


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
