"""observation + identity -> assessment: every rule looks, findings are joined to problems, conditions follow.

Nothing is remembered: the same observation always gives the same assessment.
"""

from collections.abc import Iterator

from calico_agent.model.action import Supervising
from calico_agent.model.address import Family
from calico_agent.model.finding import Assessment, Finding, PeerSession
from calico_agent.model.identity import Identity
from calico_agent.model.kernel import Kernel
from calico_agent.model.observation import Observation
from calico_agent.model.settings import Mode
from calico_agent.verify.bgp.daemon import find_bgp, peer_sessions
from calico_agent.verify.bgp.recovery import elsewhere, find_recovery
from calico_agent.verify.catalogue import finding
from calico_agent.verify.conditions import conditions
from calico_agent.verify.container.guards import find_guards
from calico_agent.verify.container.programs import find_programs
from calico_agent.verify.container.rollout import find_rollout
from calico_agent.verify.container.stage import stage_of
from calico_agent.verify.container.state import find_container
from calico_agent.verify.container.supervision import find_supervision
from calico_agent.verify.correlate import join
from calico_agent.verify.identity.change import find_identity_changes
from calico_agent.verify.identity.names import find_name_sources
from calico_agent.verify.identity.own import find_identity
from calico_agent.verify.identity.peers import find_peers
from calico_agent.verify.routes.check import RouteCheck, check_routes
from calico_agent.verify.routes.expected import Expectation, expect
from calico_agent.verify.routes.forwards import find_no_forwarding
from calico_agent.verify.routes.links import find_links
from calico_agent.verify.routes.no_path import find_paths
from calico_agent.verify.routes.overlaps import find_overlaps
from calico_agent.verify.routes.tunnel_devices import find_tunnel_devices
from calico_agent.verify.routes.workloads import find_workloads
from calico_agent.verify.sources import find_sources
from calico_agent.verify.view import View, view_of


def assess(
    observation: Observation,
    identity: Identity,
    *,
    mode: Mode = Mode.OBSERVE,
    container_name: str = "calico-node",
    supervising: Supervising | None = None,
) -> Assessment:
    """What one observation means. `container_name` is the configured name of the calico/node container.

    `supervising` is what the agent wants and remembers of the container, None where it only observes.
    """
    view = view_of(observation, identity, mode=mode, container_name=container_name, supervising=supervising)
    sessions = peer_sessions(view)
    expectation = expect(view.cluster, view.local) if view.cluster is not None else Expectation()
    routes = RouteCheck() if view.kernel is None else check_routes(view, view.kernel, expectation)
    findings = (
        *find_sources(view),
        *find_identity(view),
        *find_identity_changes(view),
        *find_name_sources(view),
        *find_peers(view),
        *find_guards(view),
        *find_container(view),
        *find_programs(view),
        *find_supervision(view),
        *find_rollout(view),
        *find_bgp(view),
        *(() if view.kernel is None else _beneath(view, view.kernel, expectation)),
        *find_overlaps(view),
        *find_recovery(view, routes.findings),
        *_silent_peers(view, sessions, expectation, routes),
        *find_paths(view, expectation, routes.findings),
        *routes.findings,
    )
    problems = join(findings, view.me)
    decided = conditions(view, problems, routes.counts)
    return Assessment(
        at=observation.at,
        identity=identity,
        conditions=decided,
        problems=problems,
        sessions=sessions,
        routes=routes.counts,
        stage=stage_of(view, decided),
    )


def _beneath(view: View, kernel: Kernel, expectation: Expectation) -> Iterator[Finding]:
    """What the routes of other nodes and of this one's pods build on."""
    yield from find_links(view, kernel)
    yield from find_tunnel_devices(view, kernel, expectation)
    yield from find_no_forwarding(view, kernel, expectation)
    yield from find_workloads(view, kernel)


def _silent_peers(
    view: View, sessions: tuple[PeerSession, ...], expectation: Expectation, routes: RouteCheck
) -> Iterator[Finding]:
    """Peers whose session is up but which advertise nothing, although they own blocks whose routes are missing.

    One that BIRD's recovery still awaits has not said all yet.
    """
    missing = {one.node for one in routes.findings if one.code == "RT-MISSING"}
    if not missing:
        return
    by_bgp = {(route.way.node, route.prefix.version) for route in expectation.routes if route.way.by_bgp}
    for found in sessions:
        session = found.session
        owes = found.node in missing and (found.node, session.peer.version) in by_bgp
        if session.established and not session.awaited and session.imported == 0 and owes:
            yield finding(
                "BGP-NO-ROUTES",
                found.node,
                f"node {found.node} advertises none of its blocks, though the session with it is up",
                why=f"BIRD: {session.name} has imported 0 routes"
                + elsewhere(view, Family(session.peer.version), found.node),
                effect=f"no route leads to the pods of {found.node}",
                cure=f"on {found.node}: calicoctl node status; calico/node may run under another node's name there",
                node=found.node,
            )
