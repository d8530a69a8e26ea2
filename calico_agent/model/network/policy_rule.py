"""Policy rules: which of the kernel's tables a packet is looked up in, and when not in any.

Numbers and meanings are those of include/uapi/linux/fib_rules.h; what a packet meets is as in fib_rule_match and
fib_rules_lookup (net/core/fib_rules.c), the texts are those of `ip rule`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from calico_agent.model.network.address import IPNetwork
from calico_agent.model.network.route import TABLE_LOCAL, TABLE_MAIN

TABLE_DEFAULT = 253
_TABLE_NAMES = {TABLE_LOCAL: "local", TABLE_MAIN: "main", TABLE_DEFAULT: "default"}


class RuleAction(IntEnum):
    """FR_ACT_ values. `UNKNOWN` stands for all that this program does not know."""

    UNKNOWN = 0
    TABLE = 1
    GOTO = 2
    NOP = 3
    BLACKHOLE = 6
    UNREACHABLE = 7
    PROHIBIT = 8

    @property
    def refuses(self) -> bool:
        """Whether packets end here."""
        return self >= RuleAction.BLACKHOLE


class Mark(NamedTuple):
    """`fwmark VALUE/MASK`."""

    value: int
    mask: int

    def __str__(self) -> str:
        return f"fwmark {self.value:#x}/{self.mask:#x}"


@dataclass(frozen=True, slots=True)
class PolicyRule:
    """One rule (RTM_NEWRULE).

    `table` is where to look, for the action TABLE, `target` the priority to go on with, for GOTO. `selectors` are the
    conditions that only some traffic meets (`oif eth0`, `ipproto tcp`), as `ip rule` prints them. An `inverted` rule is
    for packets that do not meet all of its conditions. What is found in the table with a prefix as short as
    `suppressed`, or shorter, counts for nothing.
    """

    priority: int
    table: int = 0
    action: RuleAction = RuleAction.TABLE
    source: IPNetwork | None = None
    destination: IPNetwork | None = None
    mark: Mark | None = None
    iif: str = ""
    selectors: tuple[str, ...] = ()
    inverted: bool = False
    target: int = 0
    suppressed: int | None = None

    def takes(self, destination: IPNetwork, source: IPNetwork | None = None) -> bool:
        """Whether it is for packets without a mark to `destination` as a whole, not just to a part of it.

        They are this host's own, not bound to an address yet; with `source`, the network of local pods, they are those
        that the pods send. Conditions on links hold for a part of the traffic only and count as not met.
        """
        met = (
            (self.destination is None or _contains(self.destination, destination))
            and (self.source is None or (source is not None and _contains(self.source, source)))
            and (self.mark is None or self.mark.value == 0)
            and self.iif in {"", "lo" if source is None else ""}
            and not self.selectors
        )
        return met is not self.inverted

    def __str__(self) -> str:
        return f"{self.priority}: {self.words}"

    @property
    def words(self) -> str:
        """It without its priority, as `ip rule` prints it and takes it."""
        words = [
            *(["not"] if self.inverted else []),
            f"from {self.source or 'all'}",
            *([f"to {self.destination}"] if self.destination else []),
            *([str(self.mark)] if self.mark else []),
            *([f"iif {self.iif}"] if self.iif else []),
            *self.selectors,
            self._does(),
        ]
        return " ".join(words)

    def _does(self) -> str:
        if self.action is RuleAction.TABLE:
            short = f" suppress_prefixlength {self.suppressed}" if self.suppressed is not None else ""
            return f"lookup {table_name(self.table)}{short}"
        return f"goto {self.target}" if self.action is RuleAction.GOTO else self.action.name.lower()


def _contains(network: IPNetwork, part: IPNetwork) -> bool:
    return network.prefixlen <= part.prefixlen and network.overlaps(part)


def met(rules: tuple[PolicyRule, ...], destination: IPNetwork, source: IPNetwork | None = None) -> Iterator[PolicyRule]:
    """The rules that packets to `destination` meet one after the other, as long as none of them ends the search."""
    position = 0
    while position < len(rules):
        rule = rules[position]
        position += 1
        if not rule.takes(destination, source):
            continue
        if rule.action is RuleAction.GOTO:
            ahead = (place for place, one in enumerate(rules) if one.priority >= rule.target)
            position = max(position, next(ahead, len(rules)))
        else:
            yield rule


def asked_before_main(rules: tuple[PolicyRule, ...]) -> tuple[PolicyRule, ...]:
    """Those of one family's rules that are asked before the one that leads everything into the main table.

    The table of local addresses is left out: it has none of other hosts.
    """
    asked = [rule for rule in rules if rule.action is not RuleAction.TABLE or rule.table != TABLE_LOCAL]
    last = next((place for place, rule in enumerate(asked) if _leads_all_to_main(rule)), len(asked))
    return tuple(asked[:last])


def tables_before_main(families: Iterable[tuple[PolicyRule, ...]]) -> frozenset[int]:
    """The tables beside main that such rules lead to, given the rules of each family.

    A rule for VRFs names none: which table it is depends on a packet's link (net/core/fib_rules.c).
    """
    asked = (rule for rules in families for rule in asked_before_main(rules))
    return frozenset(rule.table for rule in asked if rule.action is RuleAction.TABLE) - {TABLE_MAIN, 0}


def _leads_all_to_main(rule: PolicyRule) -> bool:
    conditions = (rule.source, rule.destination, rule.mark, rule.iif, rule.selectors, rule.inverted)
    return rule.table == TABLE_MAIN and rule.suppressed is None and not any(conditions)


def table_name(table: int) -> str:
    """The table as `ip` names it."""
    return _TABLE_NAMES.get(table, str(table))
