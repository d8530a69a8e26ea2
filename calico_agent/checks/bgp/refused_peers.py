"""Hosts whose BGP sessions BIRD refuses, because no node is registered with the address from which they come.

It is a node whose record is gone or has another address, or one behind a router that rewrites the source of its
packets, or a router that is to have a session and has no BGPPeer.
"""

from collections.abc import Iterator, Mapping

from calico_agent.checks.bgp.session_states import described
from calico_agent.checks.commands import restart_on
from calico_agent.checks.identity.elsewhere import true_addresses
from calico_agent.checks.identity.suspects import staying
from calico_agent.checks.knocking import knocking, router_to, routers
from calico_agent.checks.sentences import in_family
from calico_agent.expected.agents import machines
from calico_agent.expected.peer_endpoints import all_sessions, node_at
from calico_agent.expected.view import View
from calico_agent.faults.bgp.peering import BGP_NAT
from calico_agent.faults.bgp.sessions import BGP_UNKNOWN_PEER
from calico_agent.model.calico.bird import Session
from calico_agent.model.calico.node import Node
from calico_agent.model.finding import Finding, Severity
from calico_agent.model.last_value_cache import LastValueCache
from calico_agent.model.network.address import Family, IPAddress
from calico_agent.text import listed

# What a peer's BIRD does with a connection from an address that it does not know.
_SENT_AWAY = ("Connection closed", "Connection reset")


def find_knocking(view: View) -> Iterator[Finding]:
    """Yield who knocks, with the node that it probably is."""
    strangers = knocking(view)
    if not strangers:
        return
    behind, gateways = _behind_routers(view), routers(view)
    owners, connected = _owners(view, strangers), _connected(view)
    for address in strangers:
        owner = owners.get(address, "")
        if address in behind:
            yield from (_translated(view, session, address) for session in behind[address])
        elif address in gateways:
            yield _router(view, address)
        elif (owner, address.version) not in connected:  # else it has another address, and a session from the right one
            yield _stranger(view, address, owner)


def _behind_routers(view: View) -> Mapping[IPAddress, list[Session]]:
    """By router, the sessions with nodes behind it that are not up, and of which nothing else is known to keep them so.

    Those to a peer with which another one is up are left out.
    """
    up = {session.peer for session in all_sessions(view) if session.established}
    behind: dict[IPAddress, list[Session]] = {}
    for session in all_sessions(view):
        told = session.last_error and not any(word in session.last_error for word in _SENT_AWAY)
        if session.peer not in up and not told and node_at(view, session.peer):
            router = router_to(view, session.peer)
            if router is not None:
                behind.setdefault(router, []).append(session)
    return behind


def _connected(view: View) -> frozenset[tuple[str, int]]:
    """The nodes with which a session is up, by family."""
    up = (session for session in all_sessions(view) if session.established)
    return frozenset((node_at(view, session.peer), session.peer.version) for session in up) - {("", 4), ("", 6)}


def _owners(view: View, strangers: tuple[IPAddress, ...]) -> Mapping[IPAddress, str]:
    """The nodes that have such an address without being registered with it, as far as something tells.

    By their own records, by their agents, or as the only node whose registered address leads nowhere.
    """
    nodes = view.cluster.datastore.nodes if view.cluster is not None else ()
    found: dict[IPAddress, str] = {}
    for family in Family:
        faulty = staying(view, family)
        if len(faulty) == 1:
            found |= dict.fromkeys((one for one in strangers if one.version == family), *faulty)
    agents = {machine.address: node for node, machine in machines(view).items()}
    found |= {one: agents[str(one)] for one in strangers if str(one) in agents}
    recorded = _recorded(nodes)
    found |= {one: recorded[one] for one in strangers if one in recorded}
    return found | {address: name for (name, _), there in true_addresses(view).items() for address in there.addresses}


def _translated(view: View, session: Session, router: IPAddress) -> Finding:
    node, peer = node_at(view, session.peer), session.peer
    own = view.local.registered(Family(peer.version))
    here = own.ip if own is not None else "this host"
    tool = "iptables" if peer.version == 4 else "ip6tables"
    exempt = " && ".join(
        f"{tool} -t nat -I POSTROUTING -s {one} -d {other} -j ACCEPT" for one, other in ((peer, here), (here, peer))
    )
    return BGP_NAT.finding(
        in_family(node, peer.version),
        f"what comes from node {node} ({peer}) comes here from {router}, the router towards it: that router rewrites "
        "the source (NAT)",
        why=f"calico/node's log: Unexpected connect from unknown address {router}; the way to {peer} leads through it; "
        f"BIRD: {described(session)}",
        effect=f"BIRD refuses the session: no route to the pods of {node} is learned here",
        cure=f"on the router {router}: exempt traffic between nodes from NAT, on Linux by {exempt}",
        node=node,
        family=peer.version,
    )


def _router(view: View, address: IPAddress) -> Finding:
    return BGP_UNKNOWN_PEER.finding(
        str(address),
        f"{address}, a router of this host, tries to open a BGP session, and no BGPPeer asks for one with it",
        why=f"calico/node's log: Unexpected connect from unknown address {address}; routes here lead through it",
        effect="BIRD refuses it: the router learns no routes to the pods of this host, and tells it none",
        cure=f"create a BGPPeer with peerIP: {address} (calicoctl apply -f), or remove this host from the router's "
        "neighbors",
        node=view.me,
        family=address.version,
    )


def _stranger(view: View, address: IPAddress, owner: str) -> Finding:
    family = Family(address.version)
    near = next((net for net in view.local.networks(family) if address in net), None)
    where = f"it is on this host's network {near}" if near else "it is on no network of this host"
    names = tuple(sorted(view.cluster.nodes)) if view.cluster is not None else ()
    return BGP_UNKNOWN_PEER.finding(
        str(address),
        f"a host with the address {address} tries to open a BGP session, and no node is registered with it",
        why=f"calico/node's log: Unexpected connect from unknown address {address}; {where}; "
        f"registered nodes: {listed(names)}",
        effect="its pods cannot be reached from this host, nor this host's from there",
        cure=f"{restart_on(view, owner or str(address))}, which registers it again if its record was deleted; if it is "
        f"registered with another address, start calico/node there with {'IP' if family == 4 else 'IP6'}={address}; "
        "stop it if it left the cluster. If it is a router, it needs a BGPPeer",
        node=owner,
        family=address.version,
        severity=Severity.WARNING,
    )


@LastValueCache
def _recorded(nodes: tuple[Node, ...]) -> Mapping[IPAddress, str]:
    """By its address on a link, each node that recorded its links."""
    return {address: node.name for node in nodes for _, addresses in node.interfaces for address in addresses}
