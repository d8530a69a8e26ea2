"""Routes that BIRD should bring and that are missing because no session can bring them.

The sessions that are called for are not enough: none leads to this host, none to the owner of the routes, or those to
the route reflectors between them are not up. It is said only of routes that are missing: somebody may have written
them by hand, and with VXLAN Felix writes them.
"""

from collections.abc import Iterable, Iterator, Mapping

from calico_agent.checks.bgp.recovery import just_recovering
from calico_agent.checks.bgp.sessions import all_peers_known
from calico_agent.checks.sentences import in_family
from calico_agent.expected.bgp_sessions import FamilyPlan, host_plan
from calico_agent.expected.route_table import expected_table
from calico_agent.expected.routes import Expectation
from calico_agent.expected.view import View
from calico_agent.faults.bgp.peering import BGP_ISOLATED, BGP_NO_PATH
from calico_agent.faults.bgp.sessions import BGP_NO_REFLECTOR
from calico_agent.faults.routes.host_routes import RT_BORROWED_MISSING
from calico_agent.faults.routes.table import RT_MISSING
from calico_agent.model.calico.bird import Bird
from calico_agent.model.finding import Finding
from calico_agent.model.network.address import Family
from calico_agent.model.network.prefix import key_of
from calico_agent.text import counted, listed

_MISSING = frozenset({RT_MISSING, RT_BORROWED_MISSING})


def find_paths(view: View, expectation: Expectation, routes: Iterable[Finding]) -> Iterator[Finding]:
    """Yield why routes are missing that sessions should bring. `routes` are the findings about the table."""
    own = view.local.node
    if view.cluster is None or own is None or not view.local.uses_bird or not all_peers_known(view):
        return
    bgp = view.cluster.bgp
    for family, nodes in _lost(expectation, routes).items():
        plan, registered = host_plan(view)[family], own.registered(family)
        if plan.mesh or plan.asked_for:
            # Nodes with one address skip each other, whatever asks for a session.
            alike = set(view.cluster.holders.get(registered.ip, ())) if registered is not None else set()
            for node in sorted(nodes - plan.reached - alike if plan.closed else ()):
                yield _no_path(view, plan, node, family)
            yield from _no_reflector(view, plan, family, nodes)
            yield from _no_router(view, plan, family, nodes)
        elif registered is not None and (bgp.mesh or bgp.peers):
            yield _isolated(view, family)


def _lost(expectation: Expectation, routes: Iterable[Finding]) -> Mapping[Family, set[str]]:
    """The nodes to which routes by BIRD are missing."""
    table = expected_table(expectation)
    lost: dict[Family, set[str]] = {}
    for one in routes:
        if one.fault not in _MISSING or one.prefix is None or one.node in lost.get(Family(one.prefix.version), ()):
            continue
        route = table.all.covering(key_of(one.prefix))
        if route is not None and route.way.by_bgp:
            lost.setdefault(Family(one.prefix.version), set()).add(route.way.node)
    return lost


def _isolated(view: View, family: Family) -> Finding:
    return BGP_ISOLATED.finding(
        in_family(view.me, family),
        "this host has no BGP session by configuration: neither the mesh nor a BGPPeer gives it one",
        why=f"{_outside_mesh(view, view.me)}; {_no_bgp_peer(view)} is for this host or has it as a peer",
        effect="it learns no routes to the pods of other nodes, and they none to its own, except where VXLAN is used",
        cure="calicoctl get bgppeer -o yaml: see nodeSelector and peerSelector, and the labels in "
        f"calicoctl get node {view.me} -o yaml",
        node=view.me,
        family=family,
    )


def _no_path(view: View, plan: FamilyPlan, node: str, family: Family) -> Finding:
    passing = f" ({listed(tuple(plan.reflectors.values()))})" if plan.reflectors else ""
    return BGP_NO_PATH.finding(
        in_family(node, family),
        f"no BGP session brings the routes of node {node} to this host, directly or through a route reflector",
        why=f"{_outside_mesh(view, node)}; {_no_bgp_peer(view)} joins {node} with this host or a reflector{passing}",
        effect=f"no route to the pods of {node} is learned here, nor one to this host's pods there",
        cure=f"a BGPPeer for {node} and this host, or for {node} and the reflectors: calicoctl get bgppeer -o yaml",
        node=node,
        family=family,
    )


def _no_reflector(view: View, plan: FamilyPlan, family: Family, lost: set[str]) -> Iterator[Finding]:
    bird = dict(view.daemons()).get(family)
    passed_on = lost & (plan.reached - plan.peers)
    if not isinstance(bird, Bird) or not passed_on or view.starting or just_recovering(bird):
        return
    up = {session.peer for session in bird.sessions if session.established}
    if not plan.reflectors or up.intersection(plan.reflectors):
        return
    names = tuple(plan.reflectors.values())
    yield BGP_NO_REFLECTOR.finding(
        in_family(names[0], family),
        f"no session with a route reflector is established: {listed(names)}",
        why=f"the routes of {counted(len(passed_on), 'node')} come through them alone",
        effect="routes to the pods of those nodes are dropped here, and those to ours there",
        cure=f"calico-agent status on {listed(names)}",
        node=names[0],
        family=family,
    )


def _no_router(view: View, plan: FamilyPlan, family: Family, lost: set[str]) -> Iterator[Finding]:
    """The same where only routers, which are no nodes, bring the routes of other nodes."""
    bird = dict(view.daemons()).get(family)
    routers = sorted(address for address, wanted in plan.asked_for.items() if not wanted.node)
    alone = lost - plan.reached
    if not isinstance(bird, Bird) or not routers or not alone or view.starting or just_recovering(bird):
        return
    if any(session.established and session.peer in routers for session in bird.sessions):
        return
    names = listed(tuple(map(str, routers)))
    yield BGP_NO_REFLECTOR.finding(
        in_family(view.me, family),
        f"no session with a router is established: {names}",
        why=f"the routes of {counted(len(alone), 'node')} come through routers alone",
        effect="routes to the pods of those nodes are dropped here, and those to ours there",
        cure=f"see the sessions with {names}",
        node=view.me,
    )


def _outside_mesh(view: View, node: str) -> str:
    """Why the mesh does not help."""
    assert view.cluster is not None
    if not view.cluster.bgp.mesh:
        return "the node-to-node mesh is off"
    records = filter(None, map(view.cluster.nodes.get, (node, view.me)))
    names = (record.name for record in records if record.route_reflector_cluster_id)
    return f"route reflectors such as {next(names, 'this host')} take no part in the mesh"


def _no_bgp_peer(view: View) -> str:
    """The subject of a sentence."""
    names = view.cluster.bgp.peers if view.cluster is not None else ()
    return f"none of {counted(len(names), 'BGPPeer')} ({listed(names)})" if names else "no BGPPeer"
