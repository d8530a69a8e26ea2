"""SOCK_DIAG_BY_FAMILY messages of TCP -> which sockets listen where.

Layouts are those of include/uapi/linux/inet_diag.h: ports and addresses in network byte order, the rest in the host's.
"""

from collections.abc import Iterable, Iterator
from ipaddress import ip_address
from struct import Struct
from typing import NamedTuple

from calico_agent.model.network.address import Family, IPAddress
from calico_agent.sources.decode_error import Malformed
from calico_agent.sources.kernel.decode.rtnetlink import FAMILIES, dump_bodies
from calico_agent.sources.kernel.uapi import SOCK_DIAG_BY_FAMILY

_REQUEST = Struct("=BBBxI48x")  # struct inet_diag_req_v2: family, protocol, extensions, states; of any socket
_TCP, _LISTEN = 6, 1 << 10  # IPPROTO_TCP; the state TCP_LISTEN
_PORT = Struct("!H")
_INODE = Struct("=I")
_PORT_AT, _ADDRESS_AT, _INODE_AT, _SIZE = 4, 8, 68, 72  # in struct inet_diag_msg


class Socket(NamedTuple):
    """One that listens. `inode` is that of its descriptors."""

    port: int
    address: IPAddress
    inode: int


def ask_for_listening(family: Family) -> bytes:
    """The question after all TCP sockets of a family that listen."""
    return _REQUEST.pack(next(number for number, one in FAMILIES.items() if one is family), _TCP, 0, _LISTEN)


def decode_listening(datagrams: Iterable[bytes]) -> Iterator[Socket]:
    """What the kernel answers. Raises Malformed, Interrupted and Refused."""
    for body in dump_bodies(datagrams, SOCK_DIAG_BY_FAMILY):
        if len(body) < _SIZE or body[0] not in FAMILIES:
            raise Malformed("a socket of a family that was not asked for, or cut short")
        size = 4 if FAMILIES[body[0]] is Family.IPV4 else 16
        address = ip_address(body[_ADDRESS_AT : _ADDRESS_AT + size])
        yield Socket(_PORT.unpack_from(body, _PORT_AT)[0], address, _INODE.unpack_from(body, _INODE_AT)[0])
