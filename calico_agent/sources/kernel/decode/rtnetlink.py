"""The frame of rtnetlink: datagrams hold messages, messages hold attributes, a dump ends with NLMSG_DONE.

Layouts are those of include/uapi/linux/netlink.h and rtnetlink.h: native byte order, everything aligned to 4 bytes.
Strict on purpose: a dump that is cut short, or that the kernel marks as mixed from two states of its table, must not
pass for the table, because what it lacks would look like missing routes.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from struct import Struct
from typing import Any, NamedTuple

from calico_agent.model.network.address import Family, IPAddress
from calico_agent.sources.decode_error import Interrupted, KernelRefusal, Malformed
from calico_agent.sources.kernel.uapi import (
    NLA_TYPE_MASK,
    NLATTR,
    NLM_F_DUMP_INTR,
    NLMSG_DONE,
    NLMSG_ERROR,
    NLMSG_NOOP,
    NLMSG_OVERRUN,
    NLMSGERR,
    NLMSGHDR,
)

FAMILIES = {2: Family.IPV4, 10: Family.IPV6}  # AF_INET, AF_INET6

_NUMBER = Struct("=I")


Attributes = Mapping[int, bytes]


class Run(NamedTuple):
    """Messages of one dump that lie one behind the other and begin alike. Each is `length` bytes long."""

    data: bytes
    length: int

    @property
    def messages(self) -> int:
        """How many there are."""
        return len(self.data) // self.length

    def bodies(self) -> Iterator[bytes]:
        """The messages without their headers."""
        for start in range(0, len(self.data), self.length):
            yield self.data[start + NLMSGHDR.size : start + self.length]

    def unpack(self, order: str, message: str) -> tuple[Any, ...]:
        """The values of all messages, one behind the other; `order` and `message` are struct's format for one."""
        return _format(order, message, self.messages).unpack(self.data)

    def alike(self, places: Iterable[int]) -> bool:
        """Whether all messages have the same bytes there. By columns that is four times as fast as one by one."""
        column = (self.data[place :: self.length] for place in places)
        return all(found == found[:1] * len(found) for found in column)


def dump_runs(datagrams: Iterable[bytes], kind: int, alike: int = NLMSGHDR.size) -> Iterator[Run]:
    """All messages of one dump, which must be of type `kind`. Takes no datagram beyond the one that ends the dump.

    The first `alike` bytes of a run's messages are the same, at least their headers.
    Raises Malformed, Interrupted, and Refused when the kernel gave up.
    """
    conversation: list[int] = []
    for datagram in datagrams:
        position = 0
        while position < len(datagram):
            length, type_, flags, *talk = _header(datagram, position)
            conversation = conversation or talk
            if talk != conversation:
                raise Malformed("messages of two netlink conversations are mixed")
            if flags & NLM_F_DUMP_INTR or type_ == NLMSG_OVERRUN:
                raise Interrupted("the table changed while the kernel dumped it")
            if type_ == NLMSG_DONE:
                _raise_error(datagram[position + NLMSGHDR.size : position + length])
                return
            end = position + length
            if type_ == NLMSG_ERROR:
                _raise_error(datagram[position + NLMSGHDR.size : end])
                raise Malformed("an acknowledgement in the middle of a netlink dump")
            if type_ == kind:
                run = _run_at(datagram, position, length, alike)
                yield run
                end = position + len(run.data)
            elif type_ != NLMSG_NOOP:
                raise Malformed(f"a netlink message of type {type_} in a dump of type {kind}")
            position = _aligned(end)
    raise Malformed("a netlink dump without its end")


def dump_bodies(datagrams: Iterable[bytes], kind: int) -> Iterator[bytes]:
    """The bodies of all messages of one dump; as `dump_runs`."""
    for run in dump_runs(datagrams, kind):
        yield from run.bodies()


def answer(datagram: bytes, kind: int) -> bytes:
    """The body of the one message that answers a request which is not a dump. Raises Malformed and Refused."""
    length, type_, _flags, _sequence, _port = _header(datagram, 0)
    body = datagram[NLMSGHDR.size : length]
    if type_ == NLMSG_ERROR:
        _raise_error(body)
    if type_ != kind:
        raise Malformed(f"a netlink message of type {type_} where one of type {kind} was asked for")
    return body


def acknowledge(datagram: bytes) -> None:
    """The kernel did what it was told. Raises Malformed, and Refused when it did not."""
    length, type_, _flags, _sequence, _port = _header(datagram, 0)
    if type_ != NLMSG_ERROR:
        raise Malformed(f"a netlink message of type {type_} where an acknowledgement was asked for")
    _raise_error(datagram[NLMSGHDR.size : length])


def attributes(data: bytes, start: int) -> dict[int, bytes]:
    """The attributes from `start` to the end, by type. Of several of one type the first counts."""
    found: dict[int, bytes] = {}
    for type_, place in places(data, start):
        found.setdefault(type_, data[place])
    return found


def places(data: bytes, start: int) -> Iterator[tuple[int, slice]]:
    """The type of each attribute from `start` to the end, and where its value stands, right behind its header."""
    while start < len(data):
        if len(data) - start < NLATTR.size:
            raise Malformed("a netlink attribute is cut short")
        length, type_ = NLATTR.unpack_from(data, start)
        if not NLATTR.size <= length <= len(data) - start:
            raise Malformed(f"a netlink attribute of {length} bytes where {len(data) - start} are left")
        yield type_ & NLA_TYPE_MASK, slice(start + NLATTR.size, start + length)
        start += _aligned(length)


def number(value: bytes | None, absent: int = 0) -> int:
    """An unsigned 32-bit attribute, or `absent` when it is not there."""
    if value is None:
        return absent
    if len(value) != _NUMBER.size:
        raise Malformed(f"a netlink number of {len(value)} bytes")
    return int(_NUMBER.unpack(value)[0])


def address(value: bytes, family: Family | None = None) -> IPAddress:
    """An address in network byte order; of any family, or of the given one."""
    if len(value) == 4 and family is not Family.IPV6:
        return IPv4Address(value)
    if len(value) == 16 and family is not Family.IPV4:
        return IPv6Address(value)
    raise Malformed(f"a netlink address of {len(value)} bytes")


def link_name(index: int, names: Mapping[int, str]) -> str:
    """The name of a link; `if7` for one that came or went between two dumps, as `ip` prints it."""
    return names.get(index) or f"if{index}"


def _header(datagram: bytes, position: int) -> tuple[int, int, int, int, int]:
    left = len(datagram) - position
    if left < NLMSGHDR.size:
        raise Malformed("a netlink header is cut short")
    length, type_, flags, sequence, port = NLMSGHDR.unpack_from(datagram, position)
    if not NLMSGHDR.size <= length <= left:
        raise Malformed(f"a netlink message of {length} bytes where {left} are left")
    return length, type_, flags, sequence, port


def _run_at(datagram: bytes, start: int, length: int, alike: int) -> Run:
    """The messages from `start` on that begin like the one there."""
    beginning, end = datagram[start : start + min(alike, length)], start + length
    if length == _aligned(length) and datagram.startswith(beginning, end):
        run = Run(datagram[start : len(datagram) - (len(datagram) - start) % length], length)
        if run.alike(range(len(beginning))):  # mostly they go on to the end
            return run
        while datagram.startswith(beginning, end) and end + length <= len(datagram):
            end += length
    return Run(datagram[start:end], length)


def _raise_error(body: bytes) -> None:
    if len(body) < NLMSGERR.size:
        raise Malformed("a netlink error is cut short")
    (error,) = NLMSGERR.unpack_from(body)
    if error:
        raise KernelRefusal(abs(error))


@lru_cache(32)  # struct's own memory of formats is larger, and one of these may take 50 KiB
def _format(order: str, message: str, times: int) -> Struct:
    return Struct(order + message * times)


def _aligned(length: int) -> int:
    return (length + 3) & ~3
