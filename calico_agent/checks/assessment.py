"""observation + identity -> assessment: every rule looks, findings are joined to problems, conditions follow.

Nothing is remembered: the same observation always gives the same assessment.
"""

from collections.abc import Iterator

from calico_agent.checks.bgp.bird_daemon import find_bgp, peer_sessions
from calico_agent.checks.bgp.recovery import find_recovery, with_those_that_come
from calico_agent.checks.blocks.silent import find_silent
from calico_agent.checks.conditions import conditions
from calico_agent.checks.container.guards import find_guards
from calico_agent.checks.container.programs import find_programs
from calico_agent.checks.container.renewed_certificates import find_certificates
from calico_agent.checks.container.rollout import find_rollout
from calico_agent.checks.container.stage import stage_of
from calico_agent.checks.container.state import find_container
from calico_agent.checks.container.supervision import find_supervision
from calico_agent.checks.identity.change import find_identity_changes
from calico_agent.checks.identity.cluster_nodes import find_cluster_nodes
from calico_agent.checks.identity.elsewhere import find_elsewhere
from calico_agent.checks.identity.names import find_name_sources
from calico_agent.checks.identity.own import find_identity
from calico_agent.checks.identity.peers import find_peers
from calico_agent.checks.preflight.checklist import checks_of, find_unprepared
from calico_agent.checks.routes.bgp_reachability import find_paths
from calico_agent.checks.routes.check import RouteCheck, check_routes
from calico_agent.checks.sources import find_sources
from calico_agent.checks.underlay.default_route import find_default_into_pod
from calico_agent.checks.underlay.forwarding import find_no_forwarding
from calico_agent.checks.underlay.hidden_nodes import find_bridged
from calico_agent.checks.underlay.links import find_links
from calico_agent.checks.underlay.overlaps import find_overlaps
from calico_agent.checks.underlay.subnets import find_subnets
from calico_agent.checks.underlay.tunnel_addresses import find_tunnel_addresses
from calico_agent.checks.underlay.tunnel_devices import find_tunnel_devices
from calico_agent.checks.underlay.wireguard import find_wireguard
from calico_agent.checks.workloads.users import find_users
from calico_agent.checks.workloads.workloads import find_workloads
from calico_agent.expected.routes import Expectation, expect
from calico_agent.expected.view import View, view_of
from calico_agent.faults.correlate import join
from calico_agent.model.assessment import Assessment
from calico_agent.model.container.supervision import Supervising
from calico_agent.model.finding import Finding
from calico_agent.model.identity import Identity
from calico_agent.model.last_value_cache import caches_in_use
from calico_agent.model.network.address import Family
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.observation import Observation, Unreadable
from calico_agent.model.settings import Mode


@caches_in_use()
def assess(
    observation: Observation,
    identity: Identity,
    *,
    mode: Mode = Mode.OBSERVE,
    container_name: str = "calico-node",
    supervising: Supervising | None = None,
) -> Assessment:
    """Return what one observation means. `container_name` is the configured name of the calico/node container.

    `supervising` is what the agent wants and remembers of the container, None where it only observes.
    """
    view = view_of(observation, identity, mode=mode, container_name=container_name, supervising=supervising)
    sessions = peer_sessions(view)
    expectation = expect(view.cluster, view.local) if view.cluster is not None else Expectation()
    checks = checks_of(view)
    routes = RouteCheck() if view.kernel is None else check_routes(view, view.kernel, expectation)
    table = with_those_that_come(view, routes.findings)
    findings = (
        *find_sources(view),
        *find_identity(view),
        *find_identity_changes(view),
        *find_name_sources(view),
        *find_peers(view),
        *find_elsewhere(view),
        *find_cluster_nodes(view),
        *find_guards(view),
        *find_container(view),
        *find_programs(view),
        *find_supervision(view),
        *find_certificates(view),
        *find_rollout(view),
        *find_bgp(view),
        *(() if view.kernel is None else _beneath(view, view.kernel, expectation)),
        *find_overlaps(view),
        *find_subnets(view),
        *find_recovery(view, table),
        *find_silent(view, sessions, expectation, table),
        *find_paths(view, expectation, table),
        *find_unprepared(view, checks),
        *table,
    )
    problems = join(findings, view.me)
    decided = conditions(view, problems, routes.counts, checks)
    return Assessment(
        at=observation.at,
        identity=identity,
        conditions=decided,
        problems=problems,
        sessions=sessions,
        unread=_unread(view),
        routes=routes.counts if view.kernel and view.cluster and view.local.name is not None else None,
        encapsulated=routes.encapsulated,
        stage=stage_of(view, decided),
        checks=checks,
    )


def _unread(view: View) -> frozenset[Family]:
    """The families whose sessions are not known."""
    unread = (family for family, bird in view.daemons() if isinstance(bird, Unreadable))
    return frozenset(unread if view.local.uses_bird else ())


def _beneath(view: View, kernel: Kernel, expectation: Expectation) -> Iterator[Finding]:
    """What the routes of other nodes and of this one's pods build on."""
    yield from find_links(view, kernel)
    yield from find_tunnel_devices(view, kernel, expectation)
    yield from find_wireguard(view, kernel)
    yield from find_no_forwarding(view, kernel, expectation)
    yield from find_workloads(view, kernel)
    yield from find_default_into_pod(view, kernel)
    if view.cluster is not None:
        yield from find_bridged(view, kernel)
        yield from find_users(view, view.cluster, kernel)
        yield from find_tunnel_addresses(view, view.cluster, kernel)
