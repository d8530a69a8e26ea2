"""Peers whose session is up but which advertise nothing, although they own blocks whose routes are missing."""

from collections.abc import Iterable, Iterator

from calico_agent.checks.bgp.recovery import elsewhere
from calico_agent.checks.sentences import in_family
from calico_agent.expected.routes import Expectation
from calico_agent.expected.view import View
from calico_agent.faults.bgp.sessions import BGP_NO_ROUTES
from calico_agent.faults.routes.table import RT_MISSING
from calico_agent.model.assessment import PeerSession
from calico_agent.model.finding import Finding, Severity
from calico_agent.model.network.address import Family
from calico_agent.model.recency import ARRIVING, is_within


def find_silent(
    view: View, sessions: tuple[PeerSession, ...], expectation: Expectation, routes: Iterable[Finding]
) -> Iterator[Finding]:
    """Yield each of them. `routes` are the findings about the table. One that BIRD's recovery awaits has not said all
    yet.

    Routes to addresses that may have leaked are no sign: their node has nothing to tell of then.
    """
    missing = {one.node for one in routes if one.fault is RT_MISSING and one.severity is Severity.ERROR}
    if not missing:
        return
    by_bgp = {(route.way.node, route.prefix.version) for route in expectation.routes if route.way.by_bgp}
    for found in sessions:
        session = found.session
        owes = found.node in missing and (found.node, session.peer.version) in by_bgp
        if session.established and not session.awaited and session.imported == 0 and owes:
            yield BGP_NO_ROUTES.finding(
                in_family(found.node, session.peer.version),
                f"node {found.node} advertises none of its blocks, though the session with it is up",
                why=f"BIRD: {session.name} has imported 0 routes"
                + elsewhere(view, Family(session.peer.version), found.node),
                effect=f"no route leads to the pods of {found.node}",
                cure=f"on {found.node}: calicoctl node status; calico/node may run under another node's name there",
                node=found.node,
                family=session.peer.version,
                early=is_within(session.since_at, view.observation.at, ARRIVING),
            )
