"""RTM_NEWRULE messages -> policy rules, which decide in which table a packet is looked up.

Layout and meanings are those of include/uapi/linux/fib_rules.h.
"""

from collections.abc import Iterable, Iterator
from ipaddress import ip_network
from struct import Struct

from calico_agent.model.network.address import Family, IPNetwork
from calico_agent.model.network.policy_rule import Mark, PolicyRule, RuleAction
from calico_agent.sources.decode_error import Malformed
from calico_agent.sources.kernel.decode.rtnetlink import FAMILIES, Attributes, address, attributes, dump_bodies, number
from calico_agent.sources.kernel.uapi import (
    FIB_RULE_INVERT,
    FRA_DST,
    FRA_FWMARK,
    FRA_FWMASK,
    FRA_GOTO,
    FRA_IIFNAME,
    FRA_OIFNAME,
    FRA_PRIORITY,
    FRA_SRC,
    FRA_SUPPRESS_PREFIXLEN,
    FRA_TABLE,
    RTM_NEWRULE,
)

_RULE = Struct(
    "=BBBBBxxBI"
)  # struct fib_rule_hdr: family, destination's and source's length, tos, table, action, flags
_CONDITIONS = {12: "tunnel", 19: "l3mdev", 20: "uidrange", 22: "ipproto", 23: "sport", 24: "dport", 25: "dscp"}
_NEWEST = max(_CONDITIONS)  # what came after it are conditions too
_NOT_SUPPRESSED = 0xFFFFFFFF
_ACTIONS = {action.value: action for action in RuleAction}


def decode_rules(datagrams: Iterable[bytes], family: Family) -> tuple[PolicyRule, ...]:
    """The rules of one family out of one dump, first the one that is asked first. Raises Malformed and Refused."""
    return tuple(sorted(_rules(datagrams, family), key=lambda rule: rule.priority))


def _rules(datagrams: Iterable[bytes], family: Family) -> Iterator[PolicyRule]:
    for body in dump_bodies(datagrams, RTM_NEWRULE):
        if len(body) < _RULE.size:
            raise Malformed("a policy rule is cut short")
        kind, to_length, from_length, tos, table, action, flags = _RULE.unpack_from(body)
        if FAMILIES.get(kind) is not family:
            continue
        found = attributes(body, _RULE.size)
        suppressed = number(found.get(FRA_SUPPRESS_PREFIXLEN), _NOT_SUPPRESSED)
        yield PolicyRule(
            priority=number(found.get(FRA_PRIORITY)),
            table=number(found.get(FRA_TABLE), table) if action == RuleAction.TABLE else 0,
            action=_ACTIONS.get(action, RuleAction.UNKNOWN),
            source=_network(found.get(FRA_SRC), from_length, family),
            destination=_network(found.get(FRA_DST), to_length, family),
            mark=_mark(found),
            iif=_name(found.get(FRA_IIFNAME)),
            selectors=tuple(_selectors(found, tos)),
            inverted=bool(flags & FIB_RULE_INVERT),
            target=number(found.get(FRA_GOTO)),
            suppressed=None if suppressed == _NOT_SUPPRESSED else suppressed,
        )


def _network(value: bytes | None, length: int, family: Family) -> IPNetwork | None:
    if value is None:
        return None
    try:
        return ip_network((address(value, family), length))
    except ValueError as error:
        raise Malformed(f"a policy rule for {error}") from error


def _mark(found: Attributes) -> Mark | None:
    """The kernel tells mark and mask together; without either, every mark will do."""
    return (
        Mark(number(found.get(FRA_FWMARK)), number(found.get(FRA_FWMASK)))
        if FRA_FWMARK in found or FRA_FWMASK in found
        else None
    )


def _name(value: bytes | None) -> str:
    return (value or b"").rstrip(bytes(1)).decode(errors="replace")


def _selectors(found: Attributes, tos: int) -> Iterator[str]:
    if tos:
        yield f"tos {tos}"
    if FRA_OIFNAME in found:
        yield f"oif {_name(found[FRA_OIFNAME])}"
    for kind in sorted(found):
        if kind in _CONDITIONS or kind > _NEWEST:
            yield _CONDITIONS.get(kind, f"condition-{kind}")
