"""What becomes of one kind of packet, for each of the nodes that it comes from or goes to.

Nodes between whose addresses no rule makes a difference are judged as one: a rule tells addresses apart at the ends of
the ranges that it names.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from calico_agent.checks.preflight.firewall.passage import Culprit, pass_through
from calico_agent.checks.preflight.firewall.traffic import Traffic, with_node
from calico_agent.model.last_value_cache import LastValueCache
from calico_agent.model.network.address import IPAddress
from calico_agent.model.network.firewall import Among, Either, Field, Firewall, Match

# More differences than that are made by rules for single nodes; those that are judged are spread over all.
_MOST_GROUPS = 64


@dataclass(frozen=True, slots=True)
class Judged:
    """`dropped` are the nodes whose packets certainly are, `unclear_for` those for which it cannot be told."""

    traffic: Traffic
    dropped: frozenset[str] = frozenset()
    unclear_for: frozenset[str] = frozenset()
    culprits: tuple[Culprit, ...] = ()
    unclear: tuple[str, ...] = ()

    @property
    def gravity(self) -> tuple[bool, bool]:
        """Return a key to find the gravest: packets that are dropped count before those of which nobody knows."""
        return bool(self.dropped), bool(self.unclear_for)


def judge(firewall: Firewall, traffic: Traffic, nodes: Mapping[str, IPAddress]) -> Judged:
    """Return the packets of all these nodes; without any, of a node that is not known (its name is empty)."""
    dropped, unclear = set[str](), set[str]()
    culprits, reasons = dict[Culprit, None](), dict[str, None]()
    for names, address in _groups(firewall, traffic, nodes):
        passage = pass_through(firewall, traffic.hooks, with_node(traffic.packet, traffic.way, address))
        if passage.passes is False:
            dropped.update(names)
            culprits.update(dict.fromkeys(passage.dropped_by))
        elif passage.passes is None:
            unclear.update(names)
            reasons.update(dict.fromkeys(passage.unclear))
    return Judged(traffic, frozenset(dropped), frozenset(unclear), tuple(culprits), tuple(reasons))


def merged(found: Sequence[Judged]) -> Judged:
    """Return what is certain however it will be: dropped is what each of them drops."""
    dropped = frozenset.intersection(*(one.dropped for one in found))
    doubtful = frozenset.union(*(one.dropped | one.unclear_for for one in found)) - dropped
    culprits = tuple(culprit for one in found for culprit in one.culprits) if dropped else ()
    unclear = tuple(reason for one in found for reason in one.unclear)
    return Judged(found[0].traffic, dropped, doubtful, culprits, unclear)


def _groups(
    firewall: Firewall, traffic: Traffic, nodes: Mapping[str, IPAddress]
) -> Iterator[tuple[tuple[str, ...], IPAddress | None]]:
    if not nodes:
        yield ("",), None
        return
    ends = _ends(firewall, Field.SOURCE if traffic.way == "from" else Field.DESTINATION)
    groups: dict[int, list[str]] = {}
    for name in sorted(nodes):
        groups.setdefault(bisect_right(ends, int(nodes[name])), []).append(name)
    found = list(groups.values())
    for names in found[:: max(1, len(found) // _MOST_GROUPS)]:
        yield tuple(names), nodes[names[0]]


def _end_points(firewall: Firewall, field: Field) -> tuple[int, ...]:
    rules = (rule for table in firewall.tables for chain in table.chains.values() for rule in chain)
    return tuple(sorted({end for rule in rules for end in _of(rule.matches, field)}))


_ends = LastValueCache(_end_points)


def _of(matches: Iterable[Match], field: Field) -> Iterator[int]:
    """The addresses from which on a condition has another answer."""
    for match in matches:
        if isinstance(match, Among) and match.field is field:
            for first, last in match.ranges:
                yield first
                yield last + 1
        elif isinstance(match, Either):
            for alternative in match.alternatives:
                yield from _of(alternative, field)
