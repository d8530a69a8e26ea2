"""The way of a packet through the packet filter: does it pass, is it dropped and by what, or can that not be told?

Where a condition is unclear both ways are followed: when they end alike it does not matter. What Calico's own policies
say is not asked (`model.network.calico_chains`): a pod's packet is one that they allow, and what they drop is none of
the host's firewall.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import Enum, auto

from calico_agent.checks.preflight.firewall.packet import Packet, State, meets
from calico_agent.model.network.calico_chains import MARKER, is_closed, judges_hosts, judges_pods
from calico_agent.model.network.firewall import (
    NEVER,
    Act,
    BaseChain,
    Bits,
    Field,
    Firewall,
    FirewallRule,
    Match,
    Table,
    Unclear,
)

# Some tens of thousands of rules are looked at in a tenth of a second; nobody waits longer for one packet.
_MOST_STEPS = 200_000
_DEEPEST = 64

INPUT = ("ingress", "prerouting", "input")
FORWARD = ("ingress", "prerouting", "forward", "postrouting")
OUTPUT = ("output", "postrouting")


class Ending(Enum):
    """How a packet leaves a chain."""

    ACCEPTED = auto()
    DROPPED = auto()
    LEFT = auto()


@dataclass(frozen=True, slots=True)
class Culprit:
    """What drops a packet: a rule, or without one the policy of a base chain, by way of the base chain `base`."""

    table: Table
    chain: str
    rule: FirewallRule | None = None
    base: str = ""


@dataclass(frozen=True, slots=True)
class Passage:
    """`passes` is None where it cannot be told; `dropped_by` are all that drop it, or may."""

    passes: bool | None
    dropped_by: tuple[Culprit, ...] = ()
    unclear: tuple[str, ...] = ()


class TooLongError(Exception):
    """There are more rules on the way than are looked at."""


_End = tuple[Ending, State, Culprit | None]


def pass_through(firewall: Firewall, hooks: tuple[str, ...], packet: Packet) -> Passage:
    """Return what becomes of a packet on its way through these hooks."""
    walk = _Walk(packet)
    states, culprits = {State(mark=packet.mark)}, dict[Culprit, None]()
    try:
        for table, base in _base_chains(firewall, hooks, packet):
            passed = set[State]()
            for state in states:
                for _, after, culprit in walk.through(table, base, state):
                    if culprit is not None:
                        culprits[culprit] = None
                    else:
                        passed.add(after)
            states = passed
    except TooLongError:
        return Passage(None, tuple(culprits), ("more rules than are looked at",))
    passes = (None if culprits else True) if states else False
    return Passage(passes, tuple(culprits), tuple(walk.unclear))


def _base_chains(firewall: Firewall, hooks: tuple[str, ...], packet: Packet) -> Iterator[tuple[Table, BaseChain]]:
    families = {"inet", "netdev", "ip" if packet.numbers[Field.FAMILY] == 4 else "ip6"}
    device = packet.words.get(Field.IN, "")
    found = [
        (hooks.index(base.hook), base.priority, position, table, base)
        for position, table in enumerate(firewall.tables)
        for base in table.base_chains
        if table.family in families and base.hook in hooks and (base.hook != "ingress" or device in base.devices)
    ]
    found.sort(key=lambda one: one[:3])
    yield from ((table, base) for *_, table, base in found)


@dataclass(slots=True)
class _Walk:
    packet: Packet
    steps: int = 0
    unclear: dict[str, None] = field(default_factory=dict)
    ends: dict[tuple[int, str, State], frozenset[_End]] = field(default_factory=dict)

    def through(self, table: Table, base: BaseChain, state: State) -> Iterator[_End]:
        for ending, after, culprit in self._chain(table, base.chain, state, 0):
            if culprit is not None:
                yield ending, after, replace(culprit, base=base.chain)
            elif ending is Ending.LEFT and base.drops:
                yield Ending.DROPPED, after, Culprit(table, base.chain, base=base.chain)
            else:
                yield Ending.ACCEPTED, after, None

    def _chain(self, table: Table, chain: str, state: State, depth: int) -> frozenset[_End]:
        key = (id(table), chain, state)
        if key not in self.ends:
            if depth > _DEEPEST:
                raise TooLongError
            self.ends[key] = frozenset(self._walked(table, chain, state, depth))
        return self.ends[key]

    def _walked(self, table: Table, chain: str, state: State, depth: int) -> Iterator[_End]:
        live = {state}
        for rule in table.chains.get(chain, ()):
            following = set[State]()
            for one in live:
                self.steps += 1
                if self.steps > _MOST_STEPS:
                    raise TooLongError
                met = self._met(rule, one)
                if met is not True:
                    following.add(one)
                if met is not False:
                    for ending, after, culprit in self._done(table, chain, rule, one, depth):
                        if ending is None:
                            following.add(after)
                        else:
                            yield ending, after, culprit
            live = following
            if not live:
                return
        for one in live:
            yield Ending.LEFT, one, None

    def _met(self, rule: FirewallRule, state: State) -> bool | None:
        calicos = rule.comment.startswith(MARKER)
        if calicos and rule.act is Act.DROP:
            return False
        matches = tuple(_as_allowed(rule, state)) if calicos else rule.matches
        found = meets(matches, self.packet, state)
        if found is None and rule.act is not Act.CONTINUE:
            self.unclear[rule.text] = None
        return found

    def _done(
        self, table: Table, chain: str, rule: FirewallRule, state: State, depth: int
    ) -> Iterator[tuple[Ending | None, State, Culprit | None]]:
        """How a packet goes on that meets a rule; None where it goes on with the next one."""
        if rule.act is Act.ACCEPT:
            yield Ending.ACCEPTED, state, None
        elif rule.act is Act.DROP:
            yield Ending.DROPPED, state, Culprit(table, chain, rule)
        elif rule.act is Act.RETURN:
            yield Ending.LEFT, state, None
        elif rule.act is Act.MARK:
            yield None, state.marked(rule), None
        elif rule.act is Act.UNTRACK:
            yield None, replace(state, untracked=True), None
        elif rule.act is Act.UNCLEAR:
            self.unclear[rule.text] = None
            yield Ending.DROPPED, state, Culprit(table, chain, rule)
            yield Ending.ACCEPTED, state, None
            yield None, state, None
        elif rule.act in {Act.JUMP, Act.GOTO}:
            yield from self._entered(table, rule, state, depth)
        else:
            yield None, state, None

    def _entered(
        self, table: Table, rule: FirewallRule, state: State, depth: int
    ) -> Iterator[tuple[Ending | None, State, Culprit | None]]:
        back = Ending.LEFT if rule.act is Act.GOTO else None
        if not is_closed(rule.target):
            for ending, after, culprit in self._chain(table, rule.target, state, depth + 1):
                yield (back if ending is Ending.LEFT else ending), after, culprit
            return
        if judges_pods(rule.target):
            yield back, replace(state, allowed=True), None
            return
        yield back, state, None
        if judges_hosts(rule.target) and table.chains.get(rule.target):
            yield back, replace(state, allowed=True), None


def _as_allowed(rule: FirewallRule, state: State) -> Iterator[Match]:
    """What a rule of Calico's asks for: its marks stand for what its policies say, its sets have all nodes in them."""
    for match in rule.matches:
        if isinstance(match, Bits) and match.field is Field.MARK:
            asks_for_leave = (match.value != 0) != match.negated
            if rule.act in {Act.ACCEPT, Act.RETURN} and asks_for_leave != state.allowed:
                yield NEVER
        elif not (isinstance(match, Unclear) and rule.act is Act.ACCEPT):
            yield match
