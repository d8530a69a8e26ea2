"""What the kernel answers over rtnetlink: whole replies to dumps, and to single questions (include/uapi/linux)."""

import struct
from collections.abc import Iterable, Iterator

from tests.worlds.model.felix import Entry
from tests.worlds.model.kernel import TUNNELS, Device, Tables, holder, indexes_of
from tests.worlds.model.reach import Machine
from tests.worlds.model.values import IPAddress, IPInterface, KernelRoute, Rule, network_of

_HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")
_LINK = struct.Struct("=BxHiII")
_ADDRESS = struct.Struct("=BBBBI")
_ROUTE = struct.Struct("=BBBBBBBBI")
_RULE = struct.Struct("=BBBBBxxBI")
_NEIGHBOUR = struct.Struct("=BxxxiHBB")
_HOP = struct.Struct("=HBBi")
_DONE, _ERROR, _MULTI = 3, 2, 2
_AF = {4: 2, 6: 10}
_TYPES = {"unicast": 1, "blackhole": 6, "unreachable": 7, "prohibit": 8, "throw": 9}
_ERRNO = {"blackhole": 22, "unreachable": 113, "prohibit": 13, "throw": 101}
_UP, _BROADCAST, _LOOPBACK, _RUNNING, _NOARP = 0x1, 0x2, 0x8, 0x40, 0x80
_PERMANENT, _SECONDARY = 0x80, 0x01


def links(devices: Iterable[Device]) -> bytes:
    """RTM_GETLINK."""
    return _dump(16, map(_link, devices))


def addresses(devices: Iterable[Device]) -> bytes:
    """RTM_GETADDR: IPv4 first, as the kernel tells them."""
    devices = tuple(devices)
    return _dump(
        20,
        (
            _held(one, held, version)
            for version in (4, 6)
            for one in devices
            for held in one.addresses
            if held.version == version
        ),
    )


def routes(tables: Tables, devices: tuple[Device, ...], version: int) -> bytes:
    """RTM_GETROUTE of one family."""
    indexes = indexes_of(devices)
    return _dump(24, (_route(one, indexes) for one in tables.routes if one.prefix.version == version))


def rules(asked: Iterable[Rule], version: int) -> bytes:
    """RTM_GETRULE of one family, with the three that are always there."""
    usual = (Rule(0, 255), *asked, Rule(32766, 254), *((Rule(32767, 253),) if version == 4 else ()))
    return _dump(32, (_rule(one, version) for one in usual if _of_family(one, version)))


def neighbours(entries: Iterable[tuple[str, IPAddress, str, int]], devices: tuple[Device, ...]) -> bytes:
    """RTM_GETNEIGH: link, address, hardware address and state (NUD_) of each."""
    indexes = indexes_of(devices)
    return _dump(
        28,
        (_neighbour(_AF[address.version], indexes[link], state, address, mac) for link, address, mac, state in entries),
    )


def forwarding(entries: Iterable[Entry], devices: tuple[Device, ...]) -> bytes:
    """RTM_GETNEIGH of AF_BRIDGE."""
    indexes = indexes_of(devices)
    return _dump(
        28, (_neighbour(7, indexes[one.device], 0x80, one.address, one.mac) for one in entries if one.device in indexes)
    )


def forwards(devices: Iterable[Device], version: int, *, forwarding: bool) -> bytes:
    """RTM_GETNETCONF: everything is forwarded, or nothing."""
    indexes = (-1, -2, *(one.index for one in devices))
    return _dump(
        80,
        (
            bytes((_AF[version], 0, 0, 0)) + _attr(1, struct.pack("=i", one)) + _attr(2, struct.pack("=i", forwarding))
            for one in indexes
        ),
    )


def look_up(machine: Machine, destination: IPAddress) -> bytes:
    """RTM_GETROUTE for one address."""
    route, source = machine.way(destination)
    family, length = _AF[destination.version], destination.max_prefixlen
    if route is None:
        if holder(machine.devices, destination) is None:
            return _message(_ERROR, struct.pack("=i", -101), 0)
        route = KernelRoute(network_of(destination), device="lo", protocol=2)
    if route.kind != "unicast":
        return _message(_ERROR, struct.pack("=i", -_ERRNO[route.kind]), 0)
    indexes = indexes_of(machine.devices)
    body = _ROUTE.pack(family, length, 0, 0, 254, 0, 0, 1, 0x200)
    body += (
        _attr(15, struct.pack("=I", 254))
        + _attr(1, destination.packed)
        + _attr(4, struct.pack("=I", indexes[route.device]))
    )
    if route.via is not None:
        body += _attr(5, route.via.packed)
    if source is not None:
        body += _attr(7, source.packed)
    return _message(24, body, 0)


def _link(one: Device) -> bytes:
    flags = (_UP if one.up else 0) | (_RUNNING | 0x10000 if one.carrier else 0)
    flags |= _LOOPBACK if one.loopback else _NOARP if one.kind in TUNNELS else _BROADCAST
    kind = 772 if one.loopback else TUNNELS.get(one.kind, 1)
    body = _LINK.pack(0, kind, one.index, flags, 0) + _attr(3, one.name.encode() + b"\0")
    body += _attr(4, struct.pack("=I", one.mtu))
    if one.mac:
        body += _attr(1, bytes.fromhex(one.mac.replace(":", "")))
    if one.over:
        body += _attr(5, struct.pack("=I", one.over))
    if one.master:
        body += _attr(10, struct.pack("=I", one.master))
    if one.kind:
        info = _attr(1, one.kind.encode() + b"\0")
        if one.kind == "vxlan" and one.local is not None:
            local = _attr(4 if one.local.version == 4 else 17, one.local.packed)
            info += _attr(2, _attr(1, struct.pack("=I", one.vni)) + local + _attr(15, struct.pack(">H", one.port)))
        body += _attr(18, info)
    return body


def _held(one: Device, held: IPInterface, version: int) -> bytes:
    scope = 254 if held.ip.is_loopback else 253 if held.ip.is_link_local else 0
    flags = _PERMANENT | (_SECONDARY if one.secondary(held) else 0)
    body = _ADDRESS.pack(_AF[version], held.network.prefixlen, flags, scope, one.index) + _attr(1, held.ip.packed)
    if version == 4:
        body += _attr(2, held.ip.packed) + _attr(3, one.name.encode() + b"\0")
    return body + _attr(8, struct.pack("=I", flags))


def _route(one: KernelRoute, indexes: dict[str, int]) -> bytes:
    version = one.prefix.version
    flags = 4 if one.onlink else 0
    table = one.table if one.table < 256 else 252
    body = _ROUTE.pack(
        _AF[version],
        one.prefix.prefixlen,
        0,
        0,
        table,
        one.protocol,
        one.scope,
        _TYPES[one.kind],
        0 if one.more else flags,
    )
    body += _attr(15, struct.pack("=I", one.table))
    if one.prefix.prefixlen:
        body += _attr(1, one.prefix.network_address.packed)
    if one.metric:
        body += _attr(6, struct.pack("=I", one.metric))
    if one.source is not None:
        body += _attr(7, one.source.packed)
    if one.more:
        hops = ((one.via, one.device), *one.more)
        return body + _attr(9, b"".join(_hop(via, indexes[device], flags) for via, device in hops))
    if one.via is not None:
        body += _attr(5, one.via.packed)
    if one.device:
        body += _attr(4, struct.pack("=I", indexes[one.device]))
    elif version == 6:
        body += _attr(4, struct.pack("=I", 1))
    return body


def _hop(via: IPAddress | None, index: int, flags: int) -> bytes:
    gateway = _attr(5, via.packed) if via is not None else b""
    return _HOP.pack(_HOP.size + len(gateway), flags, 0, index) + gateway


def _rule(one: Rule, version: int) -> bytes:
    to = one.destination.prefixlen if one.destination is not None else 0
    origin = one.source.prefixlen if one.source is not None else 0
    flags = 2 if one.inverted else 0
    body = _RULE.pack(_AF[version], to, origin, 0, one.table if one.table < 256 else 252, 1, flags)
    body += _attr(15, struct.pack("=I", one.table)) + _attr(14, struct.pack("=I", 0xFFFFFFFF))
    if one.priority:
        body += _attr(6, struct.pack("=I", one.priority))
    if one.destination is not None:
        body += _attr(1, one.destination.network_address.packed)
    if one.source is not None:
        body += _attr(2, one.source.network_address.packed)
    if one.mark:
        mask = one.mark if one.inverted else 0xFFFFFFFF
        body += _attr(10, struct.pack("=I", one.mark)) + _attr(16, struct.pack("=I", mask))
    return body


def _of_family(one: Rule, version: int) -> bool:
    told = all(found is None or found.version == version for found in (one.destination, one.source))
    return told and one.version in {0, version}


def _neighbour(family: int, index: int, state: int, address: IPAddress, mac: str) -> bytes:
    body = _NEIGHBOUR.pack(family, index, state, 0, 0) + _attr(1, address.packed)
    body += _attr(2, bytes.fromhex(mac.replace(":", ""))) if mac else b""
    return body + _attr(3, struct.pack("=IIII", 100, 100, 100, 1))


def _attr(kind: int, value: bytes) -> bytes:
    return _ATTRIBUTE.pack(_ATTRIBUTE.size + len(value), kind) + value + bytes(-len(value) % 4)


def _message(kind: int, body: bytes, flags: int) -> bytes:
    return _HEADER.pack(_HEADER.size + len(body), kind, flags, 1, 1) + body


def _dump(kind: int, bodies: Iterable[bytes]) -> bytes:
    return b"".join(_framed(kind, bodies)) + _message(_DONE, struct.pack("=i", 0), _MULTI)


def _framed(kind: int, bodies: Iterable[bytes]) -> Iterator[bytes]:
    for body in bodies:
        yield _message(kind, body, _MULTI)
