"""Who tries to open BGP sessions with this host and is not known here.

BIRD tells it only in calico/node's log ("Unexpected connect from unknown address", proto/bgp/bgp.c of BIRD 1.6), and a
line outlives its cause: what counts is who tries again and again up to now.
"""

from calico_agent.expected.peer_endpoints import all_sessions
from calico_agent.expected.view import View
from calico_agent.model.network.address import IPAddress
from calico_agent.model.recency import FEWEST_KNOCKS, KNOCKS, is_within


def knocking(view: View) -> tuple[IPAddress, ...]:
    """Return the addresses from which somebody does, and which are no node's, no peer's and not this host's."""
    container, cluster = view.local.container, view.cluster
    if container is None or cluster is None or not container.running or not container.knocks:
        return ()
    known = {session.peer for session in all_sessions(view)}
    return tuple(
        one.address
        for one in container.knocks
        if sum(is_within(at, view.observation.at, KNOCKS) for at in one.at) >= FEWEST_KNOCKS
        and one.address not in cluster.holders
        and one.address not in known
        and view.local.candidate(one.address) is None
    )


def router_to(view: View, address: IPAddress) -> IPAddress | None:
    """Return the only router through which packets to an address leave this host."""
    route = view.kernel.fib.lookup(address) if view.kernel is not None else None
    gateways = {hop.gateway for hop in route.next_hops} if route is not None else set()
    return next(iter(gateways)) if len(gateways) == 1 else None


def routers(view: View) -> frozenset[IPAddress]:
    """Return the routers through which packets of this host leave, wherever they go."""
    index = view.kernel.fib.index if view.kernel is not None else {}
    buckets = (bucket for lengths in index.values() for bucket in lengths.values())
    paths = {path for bucket in buckets for paths in bucket.values() for path in paths}
    return frozenset(hop.gateway for path in paths for hop in path.next_hops if hop.gateway is not None)
