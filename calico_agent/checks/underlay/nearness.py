"""Whether BIRD has lost sight of the network that this host shares with other nodes.

BIRD looks up the next hop of each route that it is told in its own table, where the networks of this host's links come
from its protocol `direct1`. Where it missed an address or a link, all next hops in that network are found by the
default route (projectcalico/calico#7706, #8381). A route that another node advertises by that gateway is another
matter: BIRD then still finds the other nodes at hand.
"""

from collections.abc import Iterable, Iterator

from calico_agent.checks import cures
from calico_agent.checks.bgp.rib import Rib
from calico_agent.checks.sentences import in_family
from calico_agent.expected.forwarding import ForwardingPath
from calico_agent.expected.routes import ExpectedRoute
from calico_agent.expected.view import View
from calico_agent.faults.bgp.bird import BIRD_LINK
from calico_agent.model.calico.bird import Bird
from calico_agent.model.finding import Finding
from calico_agent.model.last_value_cache import LastValueCache
from calico_agent.model.network.address import Family, IPAddress
from calico_agent.model.network.fib import Fib
from calico_agent.model.network.route import PROTOCOL_BIRD, RouteAttributes


def lost_sight(view: View, fib: Fib, way: ForwardingPath, path: RouteAttributes) -> bool:
    """True if a route takes a gateway to a node that is near, and BIRD finds none of the nodes there at hand."""
    near = fib.lookup(way.registered)
    if near is None or any(hop.gateway for hop in near.next_hops) or path.protocol != PROTOCOL_BIRD:
        return False
    beyond = fib.lookup(way.registered, ignoring=near.prefix)
    gateways = {hop.gateway for hop in beyond.next_hops} if beyond is not None else set()
    holders = view.cluster.holders if view.cluster is not None else {}
    return all(hop.gateway is not None and hop.gateway in gateways for hop in path.next_hops) and not any(
        one in near.prefix and one in holders for one in _used_by_bird(fib)
    )


def find_lost_sight(
    view: View, fib: Fib, wrong: Iterable[tuple[ExpectedRoute, RouteAttributes]], rib: Rib
) -> Iterator[Finding]:
    """Yield one finding for each link whose network BIRD does not see; `wrong` are routes that lead elsewhere.

    Where BIRD itself says that it takes the link for down, or that a protocol is off, that is told already. A route
    that came from another node than its owner says nothing of this host.
    """
    told = {Family(family): {*bird.links_missed, *bird.switched_off} for family, bird in _birds(view)}
    said: set[tuple[int, str]] = set()
    for route, path in wrong:
        way, near = route.way, fib.lookup(route.way.registered)
        if rib.advertiser(route.prefix, path.next_hops[0].gateway, way.node) not in {"", way.node}:
            continue
        if near is None or not lost_sight(view, fib, way, path) or told.get(way.family, {""}):
            continue
        device, gateway = near.next_hops[0].device, path.next_hops[0].gateway
        if (way.registered.version, device) in said:
            continue
        said.add((way.registered.version, device))
        yield BIRD_LINK.finding(
            in_family(device, way.registered.version),
            f"BIRD sends to the nodes in {near.prefix} by the gateway {gateway}, though {device} is in that network",
            why=f"found: {near}, and BIRD's routes to blocks of nodes there go {path.next_hops[0]}",
            effect="packets to the pods of these nodes leave by the gateway, instead of directly",
            cure=f"{cures.restart_bird(view, way.registered.version)} on this host",
            node=view.me,
            family=way.registered.version,
        )


def _birds(view: View) -> Iterator[tuple[Family, Bird]]:
    return ((family, bird) for family, bird in view.daemons() if isinstance(bird, Bird))


@LastValueCache
def _used_by_bird(fib: Fib) -> frozenset[IPAddress]:
    """The next hops of BIRD's routes."""
    buckets = (bucket for lengths in fib.index.values() for bucket in lengths.values())
    paths = {path for bucket in buckets for found in bucket.values() for path in found}
    return frozenset(
        hop.gateway for path in paths if path.protocol == PROTOCOL_BIRD for hop in path.next_hops if hop.gateway
    )
