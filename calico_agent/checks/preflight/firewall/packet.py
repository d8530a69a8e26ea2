"""A packet as far as it is known, and whether it meets what a rule asks for: yes, no, or nobody knows."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from calico_agent.model.network.address import IPAddress
from calico_agent.model.network.firewall import (
    ALL_BITS,
    Among,
    Bits,
    Either,
    Field,
    FirewallRule,
    Match,
    Named,
    Unclear,
)

TCP, UDP, IPIP = 6, 17, 4
SYN, ACK = 2, 16

_NEVER_BETWEEN_NODES = ("lo", "cali", "docker")


@dataclass(frozen=True, slots=True)
class State:
    """What rules change of a packet on its way, and how Calico's policies have judged it (None: they were not asked).

    `known` are the bits of the mark that are known.
    """

    mark: int = 0
    known: int = ALL_BITS
    untracked: bool = False
    allowed: bool = False

    def marked(self, rule: FirewallRule) -> "State":
        """Return the same with the mark that a rule gives: the bits it keeps, with those it flips."""
        mark = (self.mark & rule.keep) ^ rule.flip
        return replace(self, mark=mark, known=rule.known & (self.known | (ALL_BITS & ~rule.keep)))


@dataclass(frozen=True, slots=True)
class Packet:
    """What is known of one. A number or a word that is not there is not known; a word that is empty is none.

    `state` are conntrack's words for it: `new` or `established`, and `dnat` where its destination was translated.
    """

    numbers: Mapping[Field, int]
    words: Mapping[Field, str]
    state: frozenset[str] = frozenset({"new"})
    mark: int = field(default=0)


def addressed(source: IPAddress | None, destination: IPAddress | None, version: int) -> dict[Field, int]:
    """Return the part of a packet's numbers that its addresses are."""
    found = {Field.FAMILY: version}
    if source is not None:
        found[Field.SOURCE] = int(source)
    if destination is not None:
        found[Field.DESTINATION] = int(destination)
    return found


def meets(matches: Iterable[Match], packet: Packet, state: State) -> bool | None:
    """Return whether all of it holds: one that does not hold is enough for no."""
    unclear = False
    for match in matches:
        found = _holds(match, packet, state)
        if found is False:
            return False
        unclear = unclear or found is None
    return None if unclear else True


def _holds(match: Match, packet: Packet, state: State) -> bool | None:
    if isinstance(match, Unclear):
        return None
    found = _bare(match, packet, state)
    return found if found is None else found != match.negated


def _bare(match: Among | Named | Bits | Either, packet: Packet, state: State) -> bool | None:
    if isinstance(match, Among):
        number = packet.numbers.get(match.field)
        return None if number is None else _is_among(number, match)
    if isinstance(match, Bits):
        return _bits(match, packet, state)
    if isinstance(match, Named):
        return _is_named(match, packet, state)
    found = [meets(alternative, packet, state) for alternative in match.alternatives]
    return True if True in found else None if None in found else False


def _is_among(number: int, match: Among) -> bool:
    position = bisect_right(match.ranges, number, key=lambda pair: pair[0])
    return position > 0 and number <= match.ranges[position - 1][1]


def _is_named(match: Named, packet: Packet, state: State) -> bool | None:
    if match.field is Field.STATE:
        return not ({"untracked"} if state.untracked else packet.state).isdisjoint(match.names)
    word = packet.words.get(match.field)
    if word is None:  # a link between nodes of which the name is not known: it is none of these
        return None if any(not name.startswith(_NEVER_BETWEEN_NODES) for name in match.names) else False
    return any(_is_called(word, name) for name in match.names)


def _is_called(word: str, name: str) -> bool:
    return word.startswith(name[:-1]) if name.endswith("*") else word == name


def _bits(match: Bits, packet: Packet, state: State) -> bool | None:
    if match.field is Field.MARK:
        value, known = state.mark, state.known
    else:
        value, known = packet.numbers.get(match.field, 0), ALL_BITS if match.field in packet.numbers else 0
    if (value ^ match.value) & match.mask & known:
        return False
    return True if known & match.mask == match.mask else None
