"""Policy rules that take packets for pods away from the main table, where Calico's routes are.

A packet meets the rules in the order of their priority: one that it fits has it looked up in a table, and where that
table has no route (or a `throw` route) the next rule is asked; other rules refuse it (fib_rules_lookup in
net/core/fib_rules.c). What stands before the rule of the main table decides first. Felix itself writes such a rule for
WireGuard, with priority 99 (felix/wireguard/wireguard.go of projectcalico/calico@v3.28.5).

Three kinds of packets are followed: those that this host sends, those of its own pods, which a rule may know by their
source, and what this host answers to its pods: that is bound to the address which they asked, and a connection that it
opens is looked up a second time with the address found (ip_route_connect in include/net/route.h). Rules for a part of
the traffic (a mark, a link, a port) are passed over.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice

from calico_agent.checks.traffic_impact import shown
from calico_agent.expected.route_table import ExpectedTable, Paths, expected_table
from calico_agent.expected.routes import Expectation, ExpectedRoute
from calico_agent.model.last_value_cache import LastValueCache
from calico_agent.model.network.address import Family, IPAddress, IPNetwork
from calico_agent.model.network.fib import Fib
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.network.policy_rule import PolicyRule, RuleAction, asked_before_main, met, table_name
from calico_agent.model.network.prefix import Key, key_of, prefix_of
from calico_agent.model.network.route import TABLE_MAIN, RouteType, host_prefix


@dataclass(frozen=True, slots=True)
class PolicyRouteOverride:
    """What takes packets before the main table is asked: a rule, and `prefix` with `paths` in the table it leads to.

    `paths` are empty for a rule that refuses them.
    """

    rule: PolicyRule
    prefix: IPNetwork
    paths: Paths

    def __str__(self) -> str:
        if not self.paths:
            return f"{self.rule.action.name.lower()} by rule"
        prefix = "default" if self.prefix.prefixlen == 0 else str(self.prefix)
        return f"table {table_name(self.rule.table)}: {prefix} {shown(self.paths[0])}"


@dataclass(frozen=True, slots=True)
class PolicyRouteOverrides:
    """By destination: blocks and addresses of other nodes, own blocks and parts of them, and parts of the former with
    the route to the block.

    `senders` are by source: single pods of this host whose packets alone are led elsewhere, each with one of the routes
    that they do not take.
    """

    routes: Mapping[IPNetwork, PolicyRouteOverride]
    own: Mapping[IPNetwork, PolicyRouteOverride]
    parts: Mapping[IPNetwork, tuple[ExpectedRoute, PolicyRouteOverride]]
    senders: Mapping[IPNetwork, tuple[ExpectedRoute, PolicyRouteOverride]]


def answers(kernel: Kernel, own: IPAddress, pods: Iterable[IPAddress]) -> tuple[IPAddress, PolicyRouteOverride] | None:
    """Return the first pod of this host to which its packets from `own` do not get, though those from no address do."""
    rules = asked_before_main(kernel.rules.get(Family(own.version), ()))
    if not any(rule.source for rule in rules):
        return None
    way = _Way(rules, {**kernel.tables, TABLE_MAIN: kernel.fib}, ())
    for pod in islice((one for one in pods if one.version == own.version), _SAMPLES):
        usual, found = kernel.fib.lookup(pod), way.diversion(host_prefix(pod), host_prefix(own))
        elsewhere = usual is None or found is None or not found.paths or found.paths[0].next_hops != usual.next_hops
        if found is not None and elsewhere and way.diversion(host_prefix(pod)) is None:
            return pod, found
    return None


_NONE = PolicyRouteOverrides({}, {}, {}, {})
_SAMPLES = 64  # nodes to which the packets of a single pod are followed, and pods of this host to which its own are


def diversions(kernel: Kernel, expectation: Expectation) -> PolicyRouteOverrides:
    """Return everything expected that the main table does not decide. On most hosts there is no rule for that."""
    if not any(asked_before_main(kernel.rules.get(family, ())) for family in Family):
        return _NONE
    return _diversions(kernel.rules, kernel.tables, kernel.fib, expectation)


@LastValueCache
def _diversions(
    rules: Mapping[Family, tuple[PolicyRule, ...]], tables: Mapping[int, Fib], main: Fib, expectation: Expectation
) -> PolicyRouteOverrides:
    ways = {
        family: _Way(asked_before_main(rules.get(family, ())), {**tables, TABLE_MAIN: main}, expectation.own_blocks)
        for family in Family
    }
    routes = _found((route.prefix for route in expectation.routes), ways)
    own = _found(iter(expectation.own_blocks), ways)
    parts = dict(chain.from_iterable(way.parts(expectation, {*routes, *own}) for way in ways.values()))
    own |= chain.from_iterable(way.own_parts(expectation.own_blocks, {*own}) for way in ways.values())
    senders = dict(chain.from_iterable(way.senders(expectation, {*routes, *own}) for way in ways.values()))
    return PolicyRouteOverrides(routes, own, parts, senders)


def _found(prefixes: Iterator[IPNetwork], ways: Mapping[Family, "_Way"]) -> dict[IPNetwork, PolicyRouteOverride]:
    asked = ((prefix, ways[Family(prefix.version)].diversion(prefix)) for prefix in prefixes)
    return {prefix: found for prefix, found in asked if found is not None}


class _Way:
    """The way through the rules of one family."""

    def __init__(self, rules: tuple[PolicyRule, ...], tables: Mapping[int, Fib], own: tuple[IPNetwork, ...]) -> None:
        self._rules = rules
        self._tables = tables
        # `from` rules alone tell the pods' packets from the host's.
        own = own if any(rule.source for rule in rules) else ()
        self._sources: tuple[IPNetwork | None, ...] = (None, *own)

    def diversion(self, destination: IPNetwork, source: IPNetwork | None = None) -> PolicyRouteOverride | None:
        """Return what takes packets to `destination` from any source here, or from one; None when the main table does,
        or nothing.
        """
        if not self._rules:
            return None
        every = (source,) if source is not None else self._sources
        sources = (one for one in every if one is None or one.version == destination.version)
        found = (self._decide(destination, source) for source in sources)
        return next((one for one in found if one is not None), None)

    def parts(
        self, expectation: Expectation, whole: set[IPNetwork]
    ) -> Iterator[tuple[IPNetwork, tuple[ExpectedRoute, PolicyRouteOverride]]]:
        """Yield parts of blocks that rules are for, or to which there is a route in the tables that rules lead to
        before main; `whole` blocks are told already.
        """
        expected = expected_table(expectation)
        for rule in self._rules:
            for key in (*self._narrowed(rule), *self._routed(rule, expected)):
                around = expected.blocks.covering(key)
                part = prefix_of(key)
                if around is None or key in expected.routes or around.prefix in whole:
                    continue
                found = self.diversion(part)
                if found is not None and found.rule is rule:
                    yield part, (around, found)

    def own_parts(
        self, blocks: tuple[IPNetwork, ...], whole: set[IPNetwork]
    ) -> Iterator[tuple[IPNetwork, PolicyRouteOverride]]:
        """Yield parts of own blocks that rules are for and that are led elsewhere than the main table leads them."""
        main = self._tables[TABLE_MAIN]
        for part in (prefix_of(key) for rule in self._rules for key in self._narrowed(rule)):
            inside = any(part.prefixlen > block.prefixlen and part.overlaps(block) for block in blocks)
            if not inside or any(part.overlaps(block) for block in whole):
                continue
            found, usual = self.diversion(part), main.lookup(part.network_address)
            if found is not None and (usual is None or not found.paths or found.paths[0].next_hops != usual.next_hops):
                yield part, found

    def senders(
        self, expectation: Expectation, whole: set[IPNetwork]
    ) -> Iterator[tuple[IPNetwork, tuple[ExpectedRoute, PolicyRouteOverride]]]:
        """Yield parts of own blocks that rules know as a source, with what becomes of their packets to another node."""
        expected = expected_table(expectation)
        sources = {rule.source for rule in self._rules if rule.source is not None and not rule.inverted}
        for source in sorted(sources, key=key_of):
            own = any(source.prefixlen > one.prefixlen and source.overlaps(one) for one in expectation.own_blocks)
            routes = (expected.routes[key_of(prefix)] for prefix in islice(expected.ways.values(), _SAMPLES) if own)
            for route in routes:
                found = self._decide(route.prefix, source) if route.prefix.version == source.version else None
                if found is not None and found.rule.source == source and route.prefix not in whole:
                    yield source, (route, found)
                    break

    @staticmethod
    def _narrowed(rule: PolicyRule) -> Iterator[Key]:
        if rule.destination is not None and not rule.inverted:
            yield key_of(rule.destination)

    def _routed(self, rule: PolicyRule, expected: ExpectedTable) -> Iterator[Key]:
        """What a rule's table has a route to and nobody expects one to."""
        table = self._tables.get(rule.table, Fib()) if rule.table != TABLE_MAIN else Fib()
        for key, way, paths in expected.walk(table, {}):
            if way is None and paths[0].type is not RouteType.THROW:
                yield key

    def _decide(self, destination: IPNetwork, source: IPNetwork | None) -> PolicyRouteOverride | None:
        for rule in met(self._rules, destination, source):
            if rule.action.refuses:
                return PolicyRouteOverride(rule, destination, ())
            if rule.action is RuleAction.TABLE and (found := self._look_up(rule, destination)) is not None:
                return None if rule.table == TABLE_MAIN else found
        return None

    def _look_up(self, rule: PolicyRule, destination: IPNetwork) -> PolicyRouteOverride | None:
        """What the rule's table has for all of `destination`; None when the next rule is asked."""
        fib = self._tables.get(rule.table, Fib())
        paths, prefix = fib.paths(destination), destination
        if not paths or paths[0].dead:
            around = fib.covering(destination)
            if around is None:
                return None
            paths, prefix = (around.path,), around.prefix
        suppressed = rule.suppressed is not None and prefix.prefixlen <= rule.suppressed
        return None if suppressed or paths[0].type is RouteType.THROW else PolicyRouteOverride(rule, prefix, paths)
