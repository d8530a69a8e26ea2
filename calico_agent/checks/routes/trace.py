"""One address: where a packet to it goes now, where it should go, and whether that is the same.

It speaks of packets that this host sends without a mark. Those of pods and of programs that set marks may meet other
policy rules. Nothing is sent: what a firewall or a router on the way drops is not known.
"""

from calico_agent.checks.bgp.bird_daemon import peer_sessions
from calico_agent.checks.route_verifier import judge_of, verdict_alone
from calico_agent.checks.routes.aggregates import aggregates_of
from calico_agent.checks.underlay.tunnel_addresses import find_tunnel_addresses, way_to
from calico_agent.checks.underlay.tunnels import Underlay
from calico_agent.checks.workloads.users import find_users
from calico_agent.expected.address_owners import AddressFacts, standing_of
from calico_agent.expected.cluster import Cluster
from calico_agent.expected.forwarding import Encapsulation
from calico_agent.expected.route_table import expected_table
from calico_agent.expected.routes import ExpectedRoute, expect
from calico_agent.expected.view import View
from calico_agent.faults.routes.blocks import RT_POOL_GONE
from calico_agent.faults.routes.host_routes import RT_BORROWED_MISSING
from calico_agent.faults.routes.table import RT_MISSING
from calico_agent.model.finding import Finding
from calico_agent.model.network.address import IPAddress
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.network.policy_rule import PolicyRule, table_name
from calico_agent.model.network.route import TABLE_MAIN, Route, RouteType, host_prefix
from calico_agent.model.network.route_trace import Lookup, Trace
from calico_agent.model.network.tunnel import IPIP_DEVICE
from calico_agent.text import listed

_Facts = tuple[tuple[str, str], ...]


def trace_packet(view: View, kernel: Kernel, lookup: Lookup) -> Trace:
    """Return the answer for one look-up, which was made at the time of `kernel`."""
    address = lookup.destination
    # An entry that drops packets is not told by the kernel's answer; without policy rules it is the main table's.
    route = lookup.route or kernel.fib.lookup(address)
    now = _now(kernel, lookup, route)
    if view.cluster is None:
        return Trace(address, None, f"{_goes(lookup)}; the datastore cannot be read: not judged", now)
    place = standing_of(view, view.cluster, kernel, address)
    expected = expected_table(expect(view.cluster, view.local)).route_to(address)
    right, verdict = _judge(view, view.cluster, kernel, lookup, route, place, expected)
    return Trace(address, right, f"{address} {verdict}", now, _wanted(view, place, expected))


def _judge(
    view: View,
    cluster: Cluster,
    kernel: Kernel,
    lookup: Lookup,
    route: Route | None,
    place: AddressFacts,
    expected: ExpectedRoute | None,
) -> tuple[bool | None, str]:
    if (known := _by_standing(view, cluster, kernel, lookup, route, place)) is not None:
        return known
    if expected is not None:
        way = expected.way
        fault = verdict_alone(view, way, (route.path,) if route is not None else ())
        if route is None or route.prefix.prefixlen < expected.prefix.prefixlen:  # it follows what is meant for others
            if route is not None and route == _aggregate(view, cluster, kernel, expected):
                return True, f"is a pod address of node {way.node}, and goes to the routers: {_goes(lookup)}"
            if fault or not way.judged:
                fault = RT_BORROWED_MISSING if expected.borrowed else RT_MISSING
        broken = next(Underlay(view, kernel).find(way, (route.path,) if route is not None else ()), None)
        if fault is not None:
            return False, f"is a pod address of node {way.node}, and does not get there: {_goes(lookup)} ({fault.code})"
        if broken is not None:
            return False, f"is a pod address of node {way.node}, and does not get there: {_said(broken)}"
        return True, f"goes to node {way.node}, as it should"
    return _unexpected(view, cluster, lookup, route, place)


def _unexpected(
    view: View, cluster: Cluster, lookup: Lookup, route: Route | None, place: AddressFacts
) -> tuple[bool | None, str]:
    """What is said of an address to which no route is expected."""
    if place.holder is not None and place.holder == view.local.name:
        alone = route is not None and route.type is RouteType.UNICAST and route.prefix == host_prefix(place.address)
        if alone and lookup.hop is not None and lookup.hop.gateway is None:
            return True, f"is here: {_goes(lookup)}"
        if alone:
            return None, f"is in a block of this host, and a route of its own leads {_whither(cluster, lookup)}"
        return None, f"belongs to this host, and no pod here has it: {_goes(lookup)}"
    if place.pool is None and place.borrowed is not None:
        return (
            False,
            f"is in use on node {place.borrowed.node}, and in no pool any more: {_goes(lookup)} ({RT_POOL_GONE.code})",
        )
    if place.pool is None:
        return None, f"is in no pool of Calico's, so nothing is wanted of it: {_goes(lookup)}"
    return None, f"is in pool {place.pool.name}, and no route to it is expected: {_goes(lookup)}"


def _by_standing(
    view: View, cluster: Cluster, kernel: Kernel, lookup: Lookup, route: Route | None, place: AddressFacts
) -> tuple[bool | None, str] | None:
    """What is said of an address with two users, and of those of hosts; None for all others."""
    address, findings = (
        place.address,
        (*find_users(view, cluster, kernel), *find_tunnel_addresses(view, cluster, kernel)),
    )
    if (amiss := next((one for one in findings if one.subject == str(address)), None)) is not None:
        return False, f"does not get where it should: {_said(amiss)}; {_goes(lookup)}"
    if place.carrier:
        return True, f"is this host's own, on {place.carrier}"
    if place.registered:
        return None, f"is node {listed(place.registered)} itself: {_goes(lookup)}"
    end, way = place.tunnel, way_to(view, cluster, address)
    if end is None or way is None or route is None or route.table != TABLE_MAIN:
        return None
    if route.prefix != host_prefix(address) and place.owner == end.node:
        return None  # it follows the route to its block
    if (broken := next(Underlay(view, kernel).find(way, (route.path,)), None)) is not None:
        return False, f"is the {end.kind} tunnel address of node {end.node}, and does not get there: {_said(broken)}"
    return True, f"is the {end.kind} tunnel address of node {end.node}, and goes there, as it should"


def _whither(cluster: Cluster, lookup: Lookup) -> str:
    """The node that a route to a single address leads to. Blocks of Calico 2.x do not say who borrowed from them."""
    gateway = lookup.hop.gateway if lookup.hop is not None else None
    names = cluster.holders.get(gateway, ()) if gateway is not None else ()
    return f"to node {listed(names)}, which advertises it: {_goes(lookup)}" if names else f"away: {_goes(lookup)}"


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


def _rule(lookup: Lookup, table: int) -> PolicyRule | None:
    """The rule that led to the table; the kernel does not say which."""
    leading = [rule for rule in lookup.rules if rule.table == table]
    taking = (rule for rule in leading if rule.takes(host_prefix(lookup.destination)))
    return next(taking, next(iter(leading), None))


def _beneath(kernel: Kernel, next_hop: IPAddress, device: str) -> _Facts:
    """The neighbour entry of the next hop; for a tunnel what becomes of the packet around the packet."""
    link = kernel.link(device)
    kind = link.kind if link is not None else ""
    if kind == "ipip" or device == IPIP_DEVICE:
        return (("tunnel", f"{device} sends it to {next_hop}"), *_outer(kernel, next_hop, "IP protocol 4 (IPIP)"))
    found = next((one for one in kernel.neighbours or () if (one.address, one.device) == (next_hop, device)), None)
    if found is None:
        return () if link is None or link.loopback else (("neighbour", f"none yet for {next_hop} on {device}"),)
    neighbour = ("neighbour", " ".join(f"{next_hop} is at {found.mac or 'no address'} {found.state}".split()))
    if kind != "vxlan":
        return (neighbour,)
    hosts = [
        entry.destination
        for entry in kernel.fdb or ()
        if entry.device == device and found.mac and entry.mac.lower() == found.mac.lower()
    ]
    sent = ("tunnel", f"{device} sends it to {' and '.join(map(str, hosts)) or 'nobody'}")
    port = link.vxlan.port if link is not None and link.vxlan is not None else 4789
    return (neighbour, sent, *(_outer(kernel, hosts[0], f"UDP port {port} (VXLAN)") if len(hosts) == 1 else ()))


def _outer(kernel: Kernel, host: IPAddress, carried: str) -> _Facts:
    """The way of the packet around the packet, and what is not known of it."""
    unknown = ("not known", f"whether {carried} is dropped on the way to {host}: no packet is tried")
    route = kernel.fib.lookup(host)
    if route is None or not route.next_hops:
        return (("outer packet", f"no way to {host}"), unknown)
    hop = route.next_hops[0]
    return (("outer packet", f"to {host} {hop}"), *_beneath(kernel, hop.gateway or host, hop.device)[:1], unknown)


def _wanted(view: View, place: AddressFacts, expected: ExpectedRoute | None) -> _Facts:
    facts: list[tuple[str, str]] = []
    if place.pool is not None:
        facts.append(("pool", f"{place.pool.name}, {place.pool.cidr}"))
    if place.block is not None:
        facts.append(("block", f"{place.block.cidr}, owned by {place.block.owner or 'nobody'}"))
    if place.borrowed is not None:
        lent = ("borrowed", f"by {place.borrowed.node}") if place.owner else ("given", f"to {place.borrowed.node}")
        facts.append(lent)
    facts += [("tunnel of", f"{end.node} ({end.kind})") for end in place.tunnels]
    if expected is None:
        return tuple(facts)
    way = expected.way
    facts += [("node", f"{way.node}, registered with {way.registered}"), ("route", f"{expected.prefix} {way}")]
    if way.encapsulation is not Encapsulation.NONE:
        facts.append(("encapsulation", way.encapsulation.value))
    sessions = (found.session for found in peer_sessions(view) if found.node == way.node)
    facts += [("session", f"{one.name} {one.bgp_state or one.protocol_state}") for one in sessions]
    return tuple(facts)
