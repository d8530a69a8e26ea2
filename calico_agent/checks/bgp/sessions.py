"""BIRD's sessions, held against those that the records of nodes and BGPPeers call for."""

from collections.abc import Iterator

from calico_agent.checks.bgp.as_numbers import not_as_recorded, of_two_records, one_number_of_two
from calico_agent.checks.bgp.recovery import is_young, just_recovering
from calico_agent.checks.bgp.session_states import Ends, described, has_just_ended, is_silent, meaning
from calico_agent.checks.commands import birdcl, logs_here, restart_here
from calico_agent.checks.knocking import router_to
from calico_agent.checks.neighbors import written_by_hand
from calico_agent.checks.sentences import in_family
from calico_agent.expected.bgp_need import needs_bgp
from calico_agent.expected.bgp_peers import ExpectedSession
from calico_agent.expected.bgp_sessions import FamilyPlan, host_plan
from calico_agent.expected.peer_endpoints import node_at
from calico_agent.expected.view import View
from calico_agent.faults.bgp.sessions import BGP_DOWN, BGP_NO_SESSION, BGP_STALE_AS, BGP_STALE_SESSION
from calico_agent.model.calico.bad_key import ResourceKind
from calico_agent.model.calico.bird import Bird, PeerKind, Session
from calico_agent.model.calico.node import BgpSettings
from calico_agent.model.finding import Finding, Severity
from calico_agent.model.last_value_cache import LastValueCache
from calico_agent.model.network.address import Family, IPAddress
from calico_agent.model.network.neighbor import Neighbour
from calico_agent.model.recency import SETTLING, is_within

# Each may be the reason for a session.
_REASONS = (ResourceKind.NODE, ResourceKind.BGP_PEER, ResourceKind.BGP_CONFIGURATION)
_WITHOUT_BGP = "no route to pods depends on it: Felix writes them all here (VXLAN)"


def find_sessions(view: View, family: Family, bird: Bird) -> Iterator[Finding]:
    """Yield what is wrong with the sessions of one daemon."""
    plan = host_plan(view)[family]
    if not view.starting:
        for address in sorted(plan.required - {session.peer for session in bird.sessions}):
            yield from _missing(view, plan, address, bird)
    known, served = all_read(view), _served(bird)
    for session, wanted in _DOUBTFUL[family](bird.sessions, plan):
        if wanted is None and known and (stale := _stale(view, session)):
            yield _stale_session(view, session, bird, stale)
            continue
        if wanted is not None and known and _has_other_as(session, wanted):
            yield _other_as(view, session, bird, wanted)
        if not (session.established or view.starting or session.peer in served or _pending(session, bird)):
            by_hand = written_by_hand(view.kernel, session.peer)
            yield _down(view, session, wanted, by_hand, early=is_young(bird))


def _doubtful(sessions: tuple[Session, ...], plan: FamilyPlan) -> tuple[tuple[Session, ExpectedSession | None], ...]:
    """The sessions about which there may be something to say, each with what asks for it."""
    asked = ((one, (plan.mesh if one.kind is PeerKind.MESH else plan.asked_for).get(one.peer)) for one in sessions)
    return tuple(
        (one, by) for one, by in asked if not (one.established and by is not None and not _has_other_as(one, by))
    )


_DOUBTFUL = {family: LastValueCache(_doubtful) for family in Family}


def _served(bird: Bird) -> frozenset[IPAddress]:
    """The peers with which a session is up, where some are not.

    Where the mesh and a BGPPeer ask for the same session, BIRD has two, and one of them stays idle.
    """
    up = [session.peer for session in bird.sessions if session.established]
    return frozenset(up) if len(up) < len(bird.sessions) else frozenset()


def matters(view: View, family: Family, node: str = "") -> bool:
    """True if somebody is cut off when BIRD, or its session with a node (a peer that is none, if empty), is not there.

    A router gets the routes of the pods by BGP whatever the pools say.
    """
    outside = view.cluster is None or any(one.peers is None for one in view.cluster.bgp.peerings)
    return needs_bgp(view, family) or (not node and outside)


def _has_other_as(session: Session, wanted: ExpectedSession) -> bool:
    return bool(wanted.as_numbers) and session.neighbour_as not in {None, *wanted.as_numbers}


def all_read(view: View) -> bool:
    """True if every record that may call for a session was understood."""
    return view.cluster is not None and not view.cluster.datastore.bad(*_REASONS)


def all_peers_known(view: View) -> bool:
    """True if it is known between whom every BGPPeer is; of those between nodes and their pods it is not."""
    return view.cluster is not None and all_read(view) and len(view.cluster.bgp.peerings) == len(view.cluster.bgp.peers)


def _pending(session: Session, bird: Bird) -> bool:
    """Whether it is too early to call a session down: BIRD was just started, or the session is on its way back.

    A session to a pod (`Local_Workload_`) is the pod's affair.
    """
    recovering = just_recovering(bird) or session.protocol_state == "wait"
    return session.kind is PeerKind.LOCAL_WORKLOAD or recovering


def _stale(view: View, session: Session) -> str:
    """Why a session that nothing calls for should not be there; empty where that is not known.

    Route reflectors took part in the mesh in releases before they were left out of it: such sessions are not judged.
    """
    cluster, node = view.cluster, node_at(view, session.peer)
    if cluster is None or session.kind is PeerKind.LOCAL_WORKLOAD:
        return ""
    if session.kind is PeerKind.MESH:
        if not node:
            return f"a mesh session to {session.peer}, and no node is registered with that address"
        return "" if cluster.bgp.mesh else f"a mesh session to node {node} ({session.peer}), and the mesh is off"
    # The labels of a node without a record are not known.
    if view.local.node is None or not all_peers_known(view):
        return ""
    return f"a session to {session.peer} ({session.kind.value}), for which no BGPPeer asks"


def _missing(view: View, plan: FamilyPlan, address: IPAddress, bird: Bird) -> Iterator[Finding]:
    node, peering = (wanted := plan.wanted(address)[0]).node, wanted.peering
    if not node and view.local.candidate(address) is not None:
        return  # a BGPPeer of all nodes, whose peer is an address of this host
    whom = f"for node {node} ({address})" if node else f"to {address}"
    record = f"BGPPeer {peering}" if peering else "node"
    weighs = matters(view, Family(address.version), node)
    passed_on = "nor any that it passes on as a route reflector, " if address in plan.reflectors else ""
    effect = "no routes come from that peer, and it gets none from this host"
    if node:
        effect = f"no route to the pods of {node} is learned, {passed_on}and it gets none to ours"
    yield BGP_NO_SESSION.finding(
        in_family(node, address.version) if node else str(address),
        f"BIRD has no session {whom}{f', which BGPPeer {peering} asks for' if peering else ''}",
        why=f"the datastore has the {record}, BIRD's configuration has not; it was not changed{_when(bird)}",
        effect=effect if weighs else _WITHOUT_BGP,
        cure=_of_confd(view),
        node=node,
        family=address.version,
        severity=None if weighs else Severity.WARNING,
    )


def _of_confd(view: View) -> str:
    return f"{logs_here(view)}: look for errors of confd; {restart_here(view)} reads everything again"


def _stale_session(view: View, session: Session, bird: Bird, stale: str) -> Finding:
    return BGP_STALE_SESSION.finding(
        str(session.peer),
        f"BIRD has {stale}",
        why=f"BIRD: {described(session)}; its configuration was not changed{_when(bird)}",
        effect="BIRD does not follow the datastore",
        cure=_of_confd(view),
        family=session.peer.version,
    )


def _other_as(view: View, session: Session, bird: Bird, wanted: ExpectedSession) -> Finding:
    node = wanted.node
    whom = f"node {node} ({session.peer})" if node else f"peer {session.peer}"
    right = " or ".join(map(str, sorted(wanted.as_numbers)))
    return BGP_STALE_AS.finding(
        in_family(node, session.peer.version) if node else str(session.peer),
        f"BIRD takes {whom} to be of AS {session.neighbour_as}, and the datastore says AS {right}",
        why=f"BIRD: {described(session)}; its configuration was not changed{_when(bird)}",
        effect="the session cannot come up until both sides have the same number"
        if not session.established
        else "the session ends as soon as the peer follows the datastore",
        cure=_of_confd(view),
        node=node,
        family=session.peer.version,
        severity=Severity.WARNING if session.established else Severity.ERROR,
    )


def _down(
    view: View, session: Session, wanted: ExpectedSession | None, fixed: Neighbour | None, *, early: bool
) -> Finding:
    """`fixed` is the neighbour entry of the peer that somebody wrote by hand."""
    peer, node = session.peer, node_at(view, session.peer)
    numbers = (
        one_number_of_two(view, session, node)
        or of_two_records(view, session, node, wanted)
        or not_as_recorded(session, node, wanted)
    )
    sentence, cure = numbers or _reason(view, session, fixed, node)
    weighs = matters(view, Family(peer.version), node)
    who = f"node {node} ({peer})" if node else f"peer {peer} ({session.kind.value})"
    return BGP_DOWN.finding(
        in_family(node, peer.version) if node else str(peer),
        f"the BGP session with {who} is not established: {sentence}",
        why=f"BIRD: {described(session)}",
        effect="routes to its pods are dropped here, and those to ours there, if they are not gone already"
        if weighs
        else _WITHOUT_BGP,
        cure=cure,
        node=node,
        family=peer.version,
        severity=None if weighs else Severity.WARNING,
        early=early or _settles(view, session),
    )


def _reason(view: View, session: Session, fixed: Neighbour | None, node: str) -> tuple[str, str]:
    """Why a session is down, and what to do."""
    peer, source = session.peer, session.source_address
    if session.protocol_state == "down" and not session.last_error:
        return (
            "somebody switched it off in BIRD on this host",
            f"{birdcl(view, peer.version)} enable {session.name}",
        )
    if source is not None and view.kernel is not None and view.local.candidate(source) is None:
        return (
            f"BIRD cannot send from {source}, the registered address of this node: no link of this host has it",
            "register the address of this host: calico-agent detect shows which it has",
        )
    if _settles(view, session):
        return "it was started just now", "wait some seconds"
    if fixed is not None and is_silent(session):
        return (
            f"nothing comes back from {fixed.mac}, the hardware address that somebody wrote for it by hand",
            f"ip neigh del {peer} dev {fixed.device} on this host, unless it is right and {node or peer} is off",
        )
    return meaning(session, node, _ends(view, session, node))


def _ends(view: View, session: Session, node: str) -> Ends:
    bgp = view.cluster.bgp if view.cluster is not None else BgpSettings()
    own = view.local.registered(Family(session.peer.version))
    asked = (one.port for one in bgp.peerings if one.address == session.peer and one.port)
    port = bgp.port_of(node) if node else next(asked, 179)
    address = str(own.ip) if own is not None else "this host's address"
    own_port = bgp.port_of(view.local.name or "")
    return Ends(port, address, own_port, logs_here(view), router_to(view, session.peer))


def _settles(view: View, session: Session) -> bool:
    """Whether it was started so recently that its silence says nothing."""
    silent = session.protocol_state == "start" and (not session.last_error or has_just_ended(session))
    return silent and is_within(session.since_at, view.observation.at, SETTLING)


def _when(bird: Bird) -> str:
    return f" since {bird.last_reconfiguration}" if bird.last_reconfiguration else ""
