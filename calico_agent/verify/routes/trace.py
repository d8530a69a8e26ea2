"""One address: where a packet to it goes now, where it should go, and whether that is the same.

It speaks of packets that this host sends without a mark. Those of pods and of programs that set marks may meet other
policy rules.
"""

from dataclasses import dataclass

from calico_agent.model.address import IPAddress
from calico_agent.model.finding import Finding
from calico_agent.model.kernel import Kernel
from calico_agent.model.node import Block, Pool
from calico_agent.model.policy import Rule, table_name
from calico_agent.model.prefix import key_of
from calico_agent.model.route import Route, RouteType, host_prefix
from calico_agent.model.tracing import Lookup, Trace
from calico_agent.verify.bgp.daemon import peer_sessions
from calico_agent.verify.cluster import Cluster
from calico_agent.verify.routes.aggregates import aggregates_of
from calico_agent.verify.routes.expected import ExpectedRoute, expect
from calico_agent.verify.routes.judge import MISSING, judge_of
from calico_agent.verify.routes.table import expected_table
from calico_agent.verify.routes.tunnels import Underlay
from calico_agent.verify.routes.ways import Encapsulation
from calico_agent.verify.view import View

_Facts = tuple[tuple[str, str], ...]


def trace_packet(view: View, kernel: Kernel, lookup: Lookup) -> Trace:
    """The answer for one look-up, which was made at the time of `kernel`."""
    address = lookup.destination
    # An entry that drops packets is not told by the kernel's answer; without policy rules it is the main table's.
    route = lookup.route or kernel.fib.lookup(address)
    now = _now(kernel, lookup, route)
    if view.cluster is None:
        return Trace(address, None, f"{_goes(lookup)}; the datastore cannot be read: not judged", now)
    key = key_of(host_prefix(address))
    place = _Place(address, view.cluster.pools.covering(key), view.cluster.block_index.covering(key))
    expected = expected_table(expect(view.cluster, view.local)).route_to(address)
    right, verdict = _judge(view, view.cluster, kernel, lookup, route, place, expected)
    return Trace(address, right, f"{address} {verdict}", now, _wanted(view, place, expected))


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the datastore has the address."""

    address: IPAddress
    pool: Pool | None
    block: Block | None

    @property
    def borrower(self) -> str | None:
        """The node that has the address although another one owns its block."""
        borrowed = self.block.borrowed if self.block is not None else ()
        return next((one.node for one in borrowed if one.address == self.address), None)

    @property
    def holder(self) -> str | None:
        """The node on which a pod with this address is."""
        return self.borrower or (self.block.owner if self.block is not None else None)


def _judge(
    view: View,
    cluster: Cluster,
    kernel: Kernel,
    lookup: Lookup,
    route: Route | None,
    place: _Place,
    expected: ExpectedRoute | None,
) -> tuple[bool | None, str]:
    if expected is not None:
        way = expected.way
        code = judge_of(view, (way,)).verdict(way, (route.path,) if route is not None else ())
        if route is None or route.prefix.prefixlen < expected.prefix.prefixlen:  # it follows what is meant for others
            if route is not None and route == _aggregate(view, cluster, kernel, expected):
                return True, f"is a pod address of node {way.node}, and goes to the routers: {_goes(lookup)}"
            if code or not way.judged:
                code = "RT-BORROWED-MISSING" if expected.borrowed else MISSING
        broken = next(Underlay(view, kernel).find(way, (route.path,) if route is not None else ()), None)
        if code:
            return False, f"is a pod address of node {way.node}, and does not get there: {_goes(lookup)} ({code})"
        if broken is not None:
            return False, f"is a pod address of node {way.node}, and does not get there: {_said(broken)}"
        return True, f"goes to node {way.node}, as it should"
    if place.holder is not None and place.holder == view.local.name:
        alone = host_prefix(place.address)
        if route is not None and route.type is RouteType.UNICAST and route.prefix == alone:
            return True, f"is here: {_goes(lookup)}"
        return None, f"belongs to this host, and no pod here has it: {_goes(lookup)}"
    if place.pool is None:
        return None, f"is in no pool of Calico's, so nothing is wanted of it: {_goes(lookup)}"
    return None, f"is in pool {place.pool.name}, and no route to it is expected: {_goes(lookup)}"


def _aggregate(view: View, cluster: Cluster, kernel: Kernel, route: ExpectedRoute) -> Route | None:
    table = expected_table(expect(cluster, view.local))
    return aggregates_of(view, kernel.fib, table, judge_of(view, table.ways)).around(route)


def _said(finding: Finding) -> str:
    return f"{finding.what} ({finding.code})"


def _goes(lookup: Lookup) -> str:
    if lookup.hop is None:
        return f"packets are refused here: {lookup.error}"
    return f"packets leave {lookup.hop}"


def _now(kernel: Kernel, lookup: Lookup, route: Route | None) -> _Facts:
    facts: list[tuple[str, str]] = []
    table = route.table if route is not None else 0
    rule = _rule(lookup, table)
    if rule is not None:
        facts.append(("rule", str(rule)))
    if route is not None:
        facts += [("table", table_name(table)), ("route", str(route))]
    if lookup.hop is None:
        return (*facts, ("end", lookup.error))
    facts.append(("leaves", f"{lookup.hop}, with source {lookup.source}" if lookup.source else str(lookup.hop)))
    return (*facts, *_beneath(kernel, lookup.hop.gateway or lookup.destination, lookup.hop.device))


def _rule(lookup: Lookup, table: int) -> Rule | None:
    """The rule that led to the table; the kernel does not say which."""
    leading = [rule for rule in lookup.rules if rule.table == table]
    taking = (rule for rule in leading if rule.takes(host_prefix(lookup.destination)))
    return next(taking, next(iter(leading), None))


def _beneath(kernel: Kernel, next_hop: IPAddress, device: str) -> _Facts:
    """The neighbour entry of the next hop, and for a VXLAN device the host behind it."""
    found = next((one for one in kernel.neighbours or () if (one.address, one.device) == (next_hop, device)), None)
    link = kernel.link(device)
    if found is None:
        return () if link is None or link.loopback else (("neighbour", f"none yet for {next_hop} on {device}"),)
    neighbour = ("neighbour", " ".join(f"{next_hop} is at {found.mac or 'no address'} {found.state}".split()))
    hosts = [
        str(entry.destination)
        for entry in kernel.forwarding or ()
        if entry.device == device and found.mac and entry.mac.lower() == found.mac.lower()
    ]
    if link is None or link.kind != "vxlan":
        return (neighbour,)
    return (neighbour, ("tunnel", f"{device} sends it to {' and '.join(hosts) or 'nobody'}"))


def _wanted(view: View, place: _Place, expected: ExpectedRoute | None) -> _Facts:
    facts: list[tuple[str, str]] = []
    if place.pool is not None:
        facts.append(("pool", f"{place.pool.name}, {place.pool.cidr}"))
    if place.block is not None:
        facts.append(("block", f"{place.block.cidr}, owned by {place.block.owner or 'nobody'}"))
        if place.borrower is not None:
            facts.append(("borrowed", f"by {place.borrower}"))
    if expected is None:
        return tuple(facts)
    way = expected.way
    facts += [("node", f"{way.node}, registered with {way.registered}"), ("route", f"{expected.prefix} {way}")]
    if way.encapsulation is not Encapsulation.NONE:
        facts.append(("encapsulation", way.encapsulation.value))
    sessions = (found.session for found in peer_sessions(view) if found.node == way.node)
    facts += [("session", f"{one.name} {one.bgp_state or one.protocol_state}") for one in sessions]
    return tuple(facts)
