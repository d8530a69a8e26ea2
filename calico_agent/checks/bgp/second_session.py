"""Two sessions with one peer: BIRD has a protocol for each, and runs only one.

The second waits for the lock on the address that the first holds (nest/locks.c and proto/bgp of BIRD 1.6), so it stays
Idle without an error. The mesh and a BGPPeer ask for two, or a BGPPeer for all nodes and one for some.
"""

from collections.abc import Iterator

from calico_agent.checks.bgp.session_states import described
from calico_agent.checks.sentences import in_family
from calico_agent.expected.bgp_sessions import FamilyPlan
from calico_agent.expected.peer_endpoints import node_at
from calico_agent.expected.view import View
from calico_agent.faults.bgp.peering import BGP_DOUBLE
from calico_agent.model.calico.bird import Bird, PeerKind, Session
from calico_agent.model.finding import Finding


def find_second(view: View, plan: FamilyPlan, bird: Bird) -> Iterator[Finding]:
    """Yield sessions with a peer with which BIRD has another one that is up."""
    waiting = [session for session in bird.sessions if session.bgp_state == "Idle" and not session.last_error]
    if waiting:
        up = {session.peer: session for session in bird.sessions if session.established}
        for session in waiting:
            if session.peer in up:
                yield _second(view, plan, session, up[session.peer])


def _second(view: View, plan: FamilyPlan, session: Session, first: Session) -> Finding:
    node, peer = node_at(view, session.peer), session.peer
    wanted = plan.asked_for.get(peer)
    peering = f"BGPPeer {wanted.peering}" if wanted is not None and wanted.peering else "a BGPPeer"
    who = f"node {node} ({peer})" if node else str(peer)
    if PeerKind.MESH not in {session.kind, first.kind}:
        what = f"BGPPeers ask for two sessions with {who}, one for all nodes and one for some: BIRD starts only one"
    elif session.kind is PeerKind.MESH:
        what = f"the mesh asks for a second session with {who}, beside that of {peering}: BIRD never starts it"
    else:
        what = f"{peering} asks for a second session with {who}, beside that of the mesh: BIRD never starts it"
    delete = f"calicoctl delete bgppeer {wanted.peering}" if wanted is not None and wanted.peering else ""
    return BGP_DOUBLE.finding(
        in_family(node, peer.version) if node else str(peer),
        what,
        why=f"BIRD: {described(session)}; {described(first)}",
        effect=f"the session {first.name} alone is used: what makes the other differ from it (AS number, filters, "
        "password) has no effect",
        cure=f"{delete or 'delete one of the BGPPeers (calicoctl get bgppeer -o yaml)'}; or turn the mesh off, if "
        "BGPPeers are to do its work",
        node=node,
        family=peer.version,
    )
