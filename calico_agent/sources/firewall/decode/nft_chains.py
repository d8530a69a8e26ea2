"""NFT_MSG_NEWCHAIN messages -> the chains, the tables that they are in, and into which the kernel enters by itself.

include/uapi/linux/netfilter/nf_tables.h. A table without such a chain does nothing.
"""

from collections.abc import Iterable
from typing import NamedTuple

from calico_agent.sources.decode_error import Malformed
from calico_agent.sources.kernel.decode.rtnetlink import attributes, dump_bodies

_SUBSYSTEM = 10 << 8  # NFNL_SUBSYS_NFTABLES
_NEW_CHAIN, GET_CHAIN = _SUBSYSTEM | 3, _SUBSYSTEM | 4
ANY_FAMILY = bytes(4)  # struct nfgenmsg
_TABLE, _NAME, _HOOK = 1, 3, 4  # NFTA_CHAIN_...
_FAMILIES = {1: "inet", 2: "ip", 3: "arp", 5: "netdev", 7: "bridge", 10: "ip6"}  # NFPROTO_...


class Chain(NamedTuple):
    """`family` is nft's word for it. The kernel enters a `hooked` one by itself."""

    family: str
    table: str
    name: str
    hooked: bool


def decode_chains(datagrams: Iterable[bytes]) -> tuple[Chain, ...]:
    """All of them. Raises Malformed, Interrupted and Refused."""
    return tuple(_chain(body) for body in dump_bodies(datagrams, _NEW_CHAIN))


def _chain(body: bytes) -> Chain:
    found = attributes(body, len(ANY_FAMILY))
    if len(body) < len(ANY_FAMILY) or _NAME not in found or _TABLE not in found:
        raise Malformed("a chain of nf_tables without a name")
    family = _FAMILIES.get(body[0], str(body[0]))
    return Chain(family, _text(found[_TABLE]), _text(found[_NAME]), _HOOK in found)


def _text(value: bytes) -> str:
    return value.rstrip(b"\0").decode(errors="backslashreplace")
