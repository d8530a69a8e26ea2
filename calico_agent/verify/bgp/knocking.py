"""Hosts whose BGP sessions BIRD refuses, because no node is registered with the address from which they come.

It is a node whose record is gone or has another address, or one behind a router that rewrites the source of its
packets, or a router that is to have a session and has no BGPPeer.
"""

from collections.abc import Iterator, Mapping

from calico_agent.model.address import Family, IPAddress
from calico_agent.model.bgp import Session
from calico_agent.model.finding import Finding, Severity
from calico_agent.model.node import Node
from calico_agent.model.unchanged import MadeOnce
from calico_agent.verify.agents import machines
from calico_agent.verify.bgp.meaning import described
from calico_agent.verify.catalogue import finding
from calico_agent.verify.ends import all_sessions, node_at
from calico_agent.verify.identity.elsewhere import true_addresses
from calico_agent.verify.identity.peers import staying
from calico_agent.verify.knocks import is_router, knocking, router_to
from calico_agent.verify.view import View
from calico_agent.verify.words import in_family, listed

# What a peer's BIRD does with a connection from an address that it does not know.
_SENT_AWAY = ("Connection closed", "Connection reset")


def find_knocking(view: View) -> Iterator[Finding]:
    """Who knocks, with the node that it probably is."""
    strangers = knocking(view)
    if not strangers:
        return
    down = _down(view)
    for address in strangers:
        behind = [session for session in down if _is_behind(view, session, address)]
        if behind:
            yield from (_translated(view, session, address) for session in behind)
        elif is_router(view, address):
            yield _router(view, address)
        else:
            yield from _stranger(view, address, down)


def _down(view: View) -> tuple[Session, ...]:
    """The sessions with other nodes that are not up, but for those to a peer with which another one is."""
    up = {session.peer for session in all_sessions(view) if session.established}
    return tuple(one for one in all_sessions(view) if one.peer not in up and node_at(view, one.peer))


def _is_behind(view: View, session: Session, router: IPAddress) -> bool:
    """Whether it may be the peer of a session that comes from a router: nothing else is known to keep it down."""
    error = session.last_error
    told = bool(error) and not any(word in error for word in _SENT_AWAY)
    return not told and router_to(view, session.peer) == router


def _translated(view: View, session: Session, router: IPAddress) -> Finding:
    node, peer = node_at(view, session.peer), session.peer
    own = view.local.registered(Family(peer.version))
    here = own.ip if own is not None else "this host"
    tool = "iptables" if peer.version == 4 else "ip6tables"
    exempt = " && ".join(
        f"{tool} -t nat -I POSTROUTING -s {one} -d {other} -j ACCEPT" for one, other in ((peer, here), (here, peer))
    )
    return finding(
        "BGP-NAT",
        in_family(node, peer.version),
        f"what comes from node {node} ({peer}) comes here from {router}, the router towards it: that router rewrites "
        "the source (NAT)",
        why=f"calico/node's log: Unexpected connect from unknown address {router}; the way to {peer} leads through it; "
        f"BIRD: {described(session)}",
        effect=f"BIRD refuses the session: no route to the pods of {node} is learned here",
        cure=f"on the router {router}: exempt traffic between nodes from NAT, on Linux by {exempt}",
        node=node,
    )


def _router(view: View, address: IPAddress) -> Finding:
    return finding(
        "BGP-UNKNOWN-PEER",
        str(address),
        f"{address}, a router of this host, tries to open a BGP session, and no BGPPeer asks for one with it",
        why=f"calico/node's log: Unexpected connect from unknown address {address}; routes here lead through it",
        effect="BIRD refuses it: the router learns no routes to the pods of this host, and tells it none",
        cure=f"create a BGPPeer with peerIP: {address} (calicoctl apply -f), or remove this host from the router's "
        "neighbors",
        node=view.me,
    )


def _stranger(view: View, address: IPAddress, down: tuple[Session, ...]) -> Iterator[Finding]:
    assert view.cluster is not None
    family = Family(address.version)
    node = _owner(view, address)
    up = {node_at(view, session.peer) for session in all_sessions(view) if session.established}
    if node in up and node not in {node_at(view, session.peer) for session in down if session.peer.version == family}:
        return  # it has more than one address, and a session from the right one
    near = next((net for net in view.local.networks(family) if address in net), None)
    where = f"it is on this host's network {near}" if near else "it is on no network of this host"
    names = tuple(sorted(view.cluster.nodes))
    yield finding(
        "BGP-UNKNOWN-PEER",
        str(address),
        f"a host with the address {address} tries to open a BGP session, and no node is registered with it",
        why=f"calico/node's log: Unexpected connect from unknown address {address}; {where}; "
        f"registered nodes: {listed(names)}",
        effect="its pods cannot be reached from this host, nor this host's from there",
        cure=f"on {address}: docker restart calico-node, which registers it again if its record was deleted; if it is "
        f"registered with another address, start calico/node there with {'IP' if family == 4 else 'IP6'}={address}; "
        "stop it if it left the cluster. If it is a router, it needs a BGPPeer",
        node=node,
        severity=Severity.WARNING,
    )


def _owner(view: View, address: IPAddress) -> str:
    """The node that has this address without being registered with it; empty where nothing tells.

    By its own record, by its agent, or as the only node whose registered address leads nowhere.
    """
    if view.cluster is None:
        return ""
    elsewhere = (name for (name, _), there in true_addresses(view).items() if there.address == address)
    recorded = next(elsewhere, None) or _recorded(view.cluster.datastore.nodes).get(address)
    by_agent = (node for node, machine in machines(view).items() if machine.address == str(address))
    faulty = staying(view, Family(address.version))
    return recorded or next(by_agent, "") or (next(iter(faulty)) if len(faulty) == 1 else "")


@MadeOnce
def _recorded(nodes: tuple[Node, ...]) -> Mapping[IPAddress, str]:
    """By its address on a link, each node that recorded its links."""
    return {address: node.name for node in nodes for _, addresses in node.interfaces for address in addresses}
