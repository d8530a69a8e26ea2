"""BIRD and its sessions, held against the sessions that the node records call for."""

from collections.abc import Iterator

from calico_agent.model.address import Family, IPAddress
from calico_agent.model.bgp import Bird, PeerKind, Session
from calico_agent.model.finding import Finding, PeerSession, Severity
from calico_agent.model.node import Node
from calico_agent.model.observation import Unreadable
from calico_agent.model.peering import Peering
from calico_agent.verify.catalogue import finding
from calico_agent.verify.peers import stays_here
from calico_agent.verify.recovery import just_recovering
from calico_agent.verify.sessions import described, meaning, mesh_peers, peerings
from calico_agent.verify.view import View
from calico_agent.verify.words import in_family, listed

_NOT_LISTENING = "No listening socket"


def peer_sessions(view: View) -> tuple[PeerSession, ...]:
    """All sessions of all daemons, each with the node it leads to."""
    return tuple(
        PeerSession(session, _node_at(view, session.peer))
        for _, bird in view.daemons()
        if isinstance(bird, Bird)
        for session in bird.sessions
    )


def find_bgp(view: View) -> Iterator[Finding]:
    """What is wrong with BIRD and its sessions."""
    if not view.local.uses_bird:
        return
    for family, bird in view.daemons():
        if isinstance(bird, Unreadable):
            if not view.starting and not _may_not_belong_here(view, bird):
                yield _daemon(view, family, bird)
        else:
            yield from _sessions(view, family, bird)
    yield from _no_peers(view)
    yield from _unknown_peers(view)


def _may_not_belong_here(view: View, bird: Unreadable) -> bool:
    """A BIRD that left no trace is no fault of a host of which nobody knows whether calico/node runs there."""
    return bird.code == "absent" and isinstance(view.observation.docker, Unreadable)


def _daemon(view: View, family: Family, bird: Unreadable) -> Finding:
    code = {"absent": "BIRD-DOWN", "refused": "BIRD-DOWN", "timeout": "BIRD-HUNG"}.get(bird.code, "BIRD-UNREADABLE")
    name = "BIRD" if family is Family.IPV4 else "BIRD for IPv6"
    words = {"BIRD-DOWN": "is not running", "BIRD-HUNG": "does not answer", "BIRD-UNREADABLE": "cannot be asked"}
    container = view.local.container.name if view.local.container else "calico-node"
    service = "/etc/service/enabled/bird" if family is Family.IPV4 else "/etc/service/enabled/bird6"
    cures = {
        "BIRD-DOWN": f"docker logs {container} says why it does not start",
        "BIRD-HUNG": f"docker exec {container} sv restart {service}, or docker restart {container}",
        "BIRD-UNREADABLE": "run calico-agent as root; [bird] in its configuration names the sockets",
    }
    return finding(
        code,
        name,
        f"{name} {words[code]} on this host: {bird.reason}",
        effect="routes stay as they are and do not follow the cluster; peers drop this host's pods after some minutes",
        cure=cures[code],
        node=view.me,
    )


def _sessions(view: View, family: Family, bird: Bird) -> Iterator[Finding]:
    if any(_NOT_LISTENING in session.last_error for session in bird.sessions):
        yield _port(view)
    peers = {session.peer for session in bird.sessions}
    for node in mesh_peers(view, family):
        if _address(node, family) not in peers and not view.starting:
            yield _no_session(node, family, bird)
    for peering, address in peerings(view, family):
        if address not in peers and not view.starting:
            yield _no_peering(peering, bird)
    for session in bird.sessions:
        node_name = _node_at(view, session.peer)
        if session.kind is PeerKind.MESH and not node_name and view.cluster is not None:
            yield _stale(session, bird)
        elif not session.established and not _pending(session, bird) and not view.starting:
            yield _down(session, node_name)


def _pending(session: Session, bird: Bird) -> bool:
    """Whether it is too early to call a session down: BIRD was just started, or the session is on its way back.

    A session to a pod (`Local_Workload_`) is the pod's affair.
    """
    recovering = just_recovering(bird) or session.protocol_state == "wait"
    return session.kind is PeerKind.LOCAL_WORKLOAD or recovering


def _down(session: Session, node: str) -> Finding:
    sentence, cure = meaning(session)
    who = f"node {node} ({session.peer})" if node else f"peer {session.peer} ({session.kind.value})"
    return finding(
        "BGP-DOWN",
        in_family(node, session.peer.version) if node else str(session.peer),
        f"the BGP session with {who} is not established: {sentence}",
        why=f"BIRD: {described(session)}",
        effect="routes to its pods are dropped here, and those to ours there, if they are not gone already",
        cure=f"on {node or session.peer}: {cure}",
        node=node,
    )


def _no_session(node: Node, family: Family, bird: Bird) -> Finding:
    when = f" since {bird.last_reconfiguration}" if bird.last_reconfiguration else ""
    address = _address(node, family)
    return finding(
        "BGP-NO-SESSION",
        in_family(node.name, family),
        f"BIRD has no session for node {node.name} ({address})",
        why=f"the datastore has the node, BIRD's configuration has not; it was not changed{when}",
        effect=f"no route to the pods of {node.name} is learned, and it gets none to ours",
        cure="docker logs calico-node: look for errors of confd; docker restart calico-node reads everything again",
        node=node.name,
    )


def _no_peering(peering: Peering, bird: Bird) -> Finding:
    when = f" since {bird.last_reconfiguration}" if bird.last_reconfiguration else ""
    return finding(
        "BGP-NO-SESSION",
        str(peering.address),
        f"BIRD has no session to {peering.address}, which BGPPeer {peering.name} asks for",
        why=f"the datastore has the BGPPeer, BIRD's configuration has not; it was not changed{when}",
        effect="no routes come from that peer, and it gets none from this host",
        cure="docker logs calico-node: look for errors of confd; docker restart calico-node reads everything again",
    )


def _stale(session: Session, bird: Bird) -> Finding:
    when = f" since {bird.last_reconfiguration}" if bird.last_reconfiguration else ""
    return finding(
        "BGP-STALE-SESSION",
        str(session.peer),
        f"BIRD has a mesh session to {session.peer}, and no node is registered with that address",
        why=f"BIRD: {described(session)}; its configuration was not changed{when}",
        effect="BIRD does not follow the datastore",
        cure="docker logs calico-node: look for errors of confd; docker restart calico-node reads everything again",
    )


def _port(view: View) -> Finding:
    return finding(
        "BGP-PORT",
        view.me,
        "BIRD cannot listen for its peers: another program of this host has the BGP port",
        why=f"BIRD: {_NOT_LISTENING}",
        effect="no session can come up",
        cure="ss -ltnp 'sport = :179' names the program; stop it",
        node=view.me,
    )


def _no_peers(view: View) -> Iterator[Finding]:
    if view.cluster is None or view.cluster.bgp.mesh or view.cluster.bgp.peers or len(view.cluster.nodes) < 2:
        return
    yield finding(
        "BGP-NO-PEERS",
        "default",
        "the node-to-node mesh is off and no BGPPeer exists: no node has any BGP session",
        why="BGPConfiguration default: nodeToNodeMeshEnabled: false",
        effect="no node learns routes to the pods of another, except where VXLAN is used",
        cure='calicoctl patch bgpconfiguration default -p \'{"spec": {"nodeToNodeMeshEnabled": true}}\', '
        "or create the BGPPeers",
        node=view.me,
    )


def _unknown_peers(view: View) -> Iterator[Finding]:
    """Hosts that knock and have no record. Log lines outlive their cause: one that is registered by now is left out."""
    container = view.local.container
    if view.cluster is None or container is None or not container.running:
        return
    sessions = {found.session.peer for found in peer_sessions(view)}
    for address in container.unknown_peers:
        if address in view.cluster.holders or address in sessions or view.local.candidate(address) is not None:
            continue
        yield _unknown_peer(view, address)


def _unknown_peer(view: View, address: IPAddress) -> Finding:
    near = next((net for net in view.local.networks(Family(address.version)) if address in net), None)
    where = f"it is on this host's network {near}" if near else "it is on no network of this host"
    known = listed(tuple(sorted(view.cluster.nodes))) if view.cluster else ""
    return finding(
        "BGP-UNKNOWN-PEER",
        str(address),
        f"a host with the address {address} tries to open a BGP session, and no node is registered with it",
        why=f"calico/node's log: Unexpected connect from unknown address {address}; {where}; registered nodes: {known}",
        effect="its pods cannot be reached from this host, nor this host's from there",
        cure=f"on {address}: restart calico/node, which registers it again (its record was deleted), or give it "
        "the address it has (IP=); stop it there if it left the cluster",
        node=_former_owner(view, address),
        severity=Severity.WARNING,
    )


def _former_owner(view: View, address: IPAddress) -> str:
    """The node that has this address without being registered with it: by its record, or the only one at fault."""
    assert view.cluster is not None
    nodes = view.cluster.datastore.nodes
    recorded = (node.name for node in nodes for _, addresses in node.interfaces if address in addresses)
    faulty = [node.name for node in nodes if stays_here(view, node, Family(address.version))]
    return next(recorded, faulty[0] if len(faulty) == 1 else "")


def _node_at(view: View, address: IPAddress) -> str:
    holders = view.cluster.holders.get(address, ()) if view.cluster else ()
    return next((name for name in holders if name != view.local.name), holders[0] if holders else "")


def _address(node: Node, family: Family) -> IPAddress | None:
    registered = node.registered(family)
    return registered.ip if registered else None
