"""RTM_NEWRULE messages -> policy rules, which decide in which table a packet is looked up.

Layout and meanings are those of include/uapi/linux/fib_rules.h.
"""

from collections.abc import Iterable, Iterator
from ipaddress import ip_network
from struct import Struct

from calico_agent.decode.errors import Malformed
from calico_agent.decode.rtnetlink import FAMILIES, Attributes, address, attributes, dump_bodies, number
from calico_agent.model.address import Family, IPNetwork
from calico_agent.model.tracing import Rule

_NEW_RULE = 32  # RTM_NEWRULE
_RULE = Struct(
    "=BBBBBxxBI"
)  # struct fib_rule_hdr: family, destination's and source's length, tos, table, action, flags
_INVERTED = 2  # FIB_RULE_INVERT
_TO_TABLE = 1  # FR_ACT_TO_TBL
_DST, _SRC, _IIF, _PRIORITY, _MARK, _TABLE, _MASK, _OIF = 1, 2, 3, 6, 10, 15, 16, 17  # FRA_
_OTHERS = {19: "l3mdev", 20: "uidrange", 22: "ipproto", 23: "sport", 24: "dport"}


def decode_rules(datagrams: Iterable[bytes], family: Family) -> tuple[Rule, ...]:
    """The rules of one family out of one dump, first the one that is asked first. Raises Malformed and Refused."""
    return tuple(sorted(_rules(datagrams, family), key=lambda rule: rule.priority))


def _rules(datagrams: Iterable[bytes], family: Family) -> Iterator[Rule]:
    for body in dump_bodies(datagrams, _NEW_RULE):
        if len(body) < _RULE.size:
            raise Malformed("a policy rule is cut short")
        kind, to_length, from_length, tos, table, action, flags = _RULE.unpack_from(body)
        if FAMILIES.get(kind) is not family:
            continue
        found = attributes(body, _RULE.size)
        yield Rule(
            priority=number(found.get(_PRIORITY)),
            table=number(found.get(_TABLE), table) if action == _TO_TABLE else 0,
            source=_network(found.get(_SRC), from_length, family),
            destination=_network(found.get(_DST), to_length, family),
            selectors=tuple(_selectors(found, tos, flags)),
        )


def _network(value: bytes | None, length: int, family: Family) -> IPNetwork | None:
    if value is None:
        return None
    try:
        return ip_network((address(value, family), length))
    except ValueError as error:
        raise Malformed(f"a policy rule for {error}") from error


def _selectors(found: Attributes, tos: int, flags: int) -> Iterator[str]:
    if flags & _INVERTED:
        yield "not"
    if tos:
        yield f"tos {tos}"
    if _MARK in found or _MASK in found:
        yield f"fwmark {number(found.get(_MARK)):#x}/{number(found.get(_MASK)):#x}"
    for kind, word in ((_IIF, "iif"), (_OIF, "oif")):
        if kind in found:
            yield f"{word} {found[kind].rstrip(bytes(1)).decode(errors='replace')}"
    for kind, word in _OTHERS.items():
        if kind in found:
            yield word
