"""What is said about one route: wanted, found, consequence, cure."""

from dataclasses import dataclass

from calico_agent.checks import cures
from calico_agent.checks.bgp.filters import Withheld, withheld
from calico_agent.checks.bgp.rib import Rib
from calico_agent.checks.commands import birdcl, restart_here
from calico_agent.checks.records import claim_on_block
from calico_agent.checks.records import shown as shown_record
from calico_agent.checks.route_verifier import foreign
from calico_agent.checks.traffic_impact import fate_with, fate_without, protocol, shown
from calico_agent.checks.underlay.nearness import lost_sight
from calico_agent.expected.forwarding import Encapsulation, ForwardingPath
from calico_agent.expected.route_table import Paths
from calico_agent.expected.routes import ExpectedRoute
from calico_agent.expected.view import View
from calico_agent.faults.routes.foreign import RT_FOREIGN, RT_SHADOWED
from calico_agent.faults.routes.host_routes import RT_BORROWED_MISSING
from calico_agent.faults.routes.table import (
    RT_BLACKHOLE,
    RT_ECMP,
    RT_FILTERED,
    RT_MISSING,
    RT_UNREACHABLE,
    RT_WRONG_DEVICE,
    RT_WRONG_NEXTHOP,
)
from calico_agent.faults.routes.underlay import RT_NEXTHOP_DEAD
from calico_agent.model.finding import Fault, Finding, Severity
from calico_agent.model.network.address import IPAddress, IPNetwork
from calico_agent.model.network.fib import Fib
from calico_agent.model.network.route import RouteAttributes
from calico_agent.text import counted, listed

LEARNED = "BIRD learns it and advertises it, so that other nodes send there too"


@dataclass(frozen=True, slots=True)
class RouteFindings:
    """Findings about expected routes, in the light of the table and of what BIRD knows."""

    view: View
    fib: Fib
    rib: Rib

    @property
    def _calico(self) -> frozenset[int]:
        return self.view.local.felix.protocols

    def missing(self, route: ExpectedRoute) -> Finding:
        """Return the finding about a route that is not there."""
        prefix, way = route.prefix, route.way
        if way.by_bgp and (held := withheld(self.view, prefix, way.node)) is not None:
            return self._filtered(route, held)
        return (RT_BORROWED_MISSING if route.borrowed else RT_MISSING).finding(
            str(prefix),
            f"there is no route to {whose(route)}{': a pod, or a leaked address' if route.may_have_leaked else ''}",
            why=f"wanted: {prefix} {way}{_no_tunnel_address(way)}{self.rib.says(prefix) if way.by_bgp else ''}"
            + (_OWNERLESS.format(block=route.ownerless) if route.ownerless else ""),
            effect=fate_without(self.fib, prefix),
            cure=_cure_alone(route) if route.may_have_leaked else cures.of_missing(self.view, way, prefix),
            node=way.node,
            prefix=prefix,
            severity=Severity.WARNING if route.may_have_leaked else Severity.ERROR,
            writer=way.writer,
            device=way.device,
        )

    def _filtered(self, route: ExpectedRoute, held: Withheld) -> Finding:
        """There is no route because somebody said that there is to be none."""
        return RT_FILTERED.finding(
            str(route.prefix),
            f"there is no route to {whose(route)}: {held}",
            why=f"wanted: {route.prefix} {route.way}; no session is left that would bring it",
            effect=fate_without(self.fib, route.prefix),
            cure=f"calicoctl get bgpfilter {held.name} -o yaml: let it accept {route.prefix}, if it is to be reached"
            + (f"; leave one of the BGPPeers {listed((held.peering, *held.beside))}" if held.beside else ""),
            node=route.way.node,
            prefix=route.prefix,
            writer=route.way.writer,
            device=route.way.device,
        )

    def wrong(self, route: ExpectedRoute, fault: Fault, paths: Paths) -> Finding:
        """Return the finding about a route that is there; `fault` says what is wrong with it."""
        best = paths[0]
        if fault is RT_FOREIGN and (stranger := foreign(paths, self._calico)) is not None:
            return self._foreign(route, best, stranger)
        what, cure = self._said(route, fault, best)
        return fault.finding(
            str(route.prefix),
            what,
            why=f"wanted: {route.prefix} {route.way}; found: {route.prefix} {shown(best)}",
            effect=self._effect(route, fault, best),
            cure=cure,
            node=route.way.node,
            prefix=route.prefix,
            writer=route.way.writer,
            device=route.way.device,
            beneath=self._beneath(route) if fault is RT_UNREACHABLE else None,
        )

    def _beneath(self, route: ExpectedRoute) -> IPNetwork | None:
        """The prefix of the route by which its next hop should be found."""
        found = self.view.kernel.route_to(route.way.registered) if self.view.kernel is not None else None
        return found.prefix if found is not None else None

    def _teller(self, route: ExpectedRoute) -> IPAddress | None:
        return self.rib.teller(beneath) if (beneath := self._beneath(route)) is not None else None

    def _foreign(self, route: ExpectedRoute, best: RouteAttributes, stranger: RouteAttributes) -> Finding:
        """A route that is not Calico's, in the way of the right one or beside it."""
        beside = stranger is not best
        effects = ["packets of this host go the right way, but" if beside else f"{fate_with(stranger)};"]
        return RT_FOREIGN.finding(
            str(route.prefix),
            f"a route that is not Calico's ({protocol(stranger)}) lies {'beside the one to' if beside else 'on'} "
            f"{whose(route)}",
            why=f"wanted: {route.prefix} {route.way}; found: {route.prefix} {shown(stranger)}{metric_of(stranger)}",
            effect=" ".join([*effects, LEARNED]) if route.way.by_bgp else effects[0].rstrip(";"),
            cure=f"{cures.delete(route.prefix, stranger)} on this host",
            node=route.way.node,
            prefix=route.prefix,
        )

    def _effect(self, route: ExpectedRoute, fault: Fault, best: RouteAttributes) -> str:
        if fault is RT_ECMP:
            return f"{fate_with(best)}: a part of the connections is lost"
        learned = fault is RT_SHADOWED and route.way.by_bgp and foreign((best,), self._calico) is not None
        return f"{fate_with(best)}{f'; {LEARNED}' if learned else ''}"

    def _said(self, route: ExpectedRoute, fault: Fault, best: RouteAttributes) -> tuple[str, str]:
        """What is wrong, and the cure."""
        whom, delete = whose(route), f"{cures.delete(route.prefix, best)} on this host"
        if fault is RT_ECMP:
            origin, cure = self._origin(route, best)
            return f"the route to {whom}, has {counted(len(best.next_hops), 'next hop')}{origin}", cure
        if fault is RT_WRONG_NEXTHOP:
            origin, cure = self._origin(route, best)
            return f"the route to {whom}, leads to another host{origin}", cure
        if fault is RT_WRONG_DEVICE:
            devices = listed(tuple(dict.fromkeys(hop.device for hop in best.next_hops)))
            wanted = route.way.device or "a device of the host"
            cure = cures.of_wrong_device(self.view, route.way, route.prefix, best)
            if route.way.by_bgp and any(hop.gateway not in {None, route.way.gateway} for hop in best.next_hops):
                origin, there = self._origin(route, best)
                cure = there if origin else cure
            else:
                origin = ""
            return f"the route to {whom}, leaves through {devices} instead of {wanted}{origin}", cure
        if fault is RT_SHADOWED:
            return f"another route with a better metric hides the one to {whom}", delete
        if fault is RT_NEXTHOP_DEAD:
            links = tuple(dict.fromkeys(hop.device for hop in best.next_hops))
            up = f"ip link set {links[0]} up on this host, or look at its cable and switch port"
            return f"the route to {whom}, is dead: {listed(links)} is down", up
        if fault is RT_BLACKHOLE and best.protocol in self._calico:
            cure = f"{restart_here(self.view)}; it stays when this node claims the block: "
            cure += shown_record(self.view, claim_on_block(self.view, self.view.me, route.prefix))
            return f"this host drops packets to {whom}, as if the block were its own", cure
        if fault is RT_UNREACHABLE and best.protocol in self._calico:
            lost, cure = cures.of_unreachable(self.view, route.way, self._teller(route))
            return f"{lost}, the next hop for {whom}", cure
        return f"a route of type {best.type.name.lower()} lies on {whom}", delete

    def _origin(self, route: ExpectedRoute, best: RouteAttributes) -> tuple[str, str]:
        """Who advertises the next hops that are not the owner's, as the end of a sentence, and what to do there."""
        prefix, owner = route.prefix, route.way.node
        wrong = [hop.gateway for hop in best.next_hops if hop.gateway is not None and hop.gateway != route.way.gateway]
        holders = self.view.cluster.holders if self.view.cluster else {}
        ends = route.way.encapsulation is Encapsulation.IPIP and not route.way.judged
        if strange := [one for one in wrong if ends and one not in holders]:
            return cures.of_no_node(route.way, strange[0])
        # Without BIRD's table, the node that is registered with the next hop is the best guess.
        names = (self.rib.advertiser(prefix, one, owner) or next(iter(holders.get(one, ())), "") for one in wrong)
        found = tuple(dict.fromkeys(name for name in names if name))
        others = listed(tuple(name for name in found if name != owner))
        if found in {(), (owner,)} and lost_sight(self.view, self.fib, route.way, best):
            return ": BIRD here takes the gateway, though that node is near", cures.restart_bird(
                self.view, prefix.version
            )
        if found:
            hops = listed(tuple(map(str, wrong)))
            said = f"{others} advertises it too" if others else f"{owner} itself advertises it by {hops}"
            own = bool(set(found) & set(holders.get(wrong[0], ())))
            return f": {said}", cures.of_advertised(others or owner, prefix, wrong[0], own=own)
        client = birdcl(self.view, prefix.version)
        asked = f"{client} show route for {prefix} all names the peer that sent it"
        return "", f"{asked}; of what a reflector passes on, BGP.originator_id says who had it first"


def whose(route: ExpectedRoute) -> str:
    """Return whose pods a route leads to."""
    if route.ownerless is not None:
        return f"{route.prefix.network_address}, in use on node {route.way.node}, of a block that nobody owns"
    if route.borrowed:
        return f"{route.prefix.network_address}, which {route.way.node} borrowed"
    if route.single:
        return f"{route.prefix.network_address}, of a block of one address of node {route.way.node}"
    return f"{route.prefix}, pods of node {route.way.node}"


# libcalico-go/lib/ipam/ipam.go: ReleasePoolAffinities, at which a block in use keeps its addresses and loses its owner.
_OWNERLESS = (
    "; block {block} lost its owner when its pool or its node's claim was deleted, and never gets it back: "
    "each address in it is advertised alone"
)


def _cure_alone(route: ExpectedRoute) -> str:
    address, node = route.prefix.network_address, route.way.node
    release = f"if no pod of {node} has it, it leaked: calicoctl ipam release --ip={address}"
    return f"on {node}: ip route get {address} must lead into a pod's link (cali...); {release}"


def _no_tunnel_address(way: ForwardingPath) -> str:
    missing = way.encapsulation is Encapsulation.VXLAN and way.gateway is None
    return f"; the record of {way.node} has no tunnel address" if missing else ""


def metric_of(path: RouteAttributes) -> str:
    """Return the metric as the end of a route in words; empty for none."""
    return f" metric {path.metric}" if path.metric else ""
