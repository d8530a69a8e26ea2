"""Which BGP sessions this host should have, and what a session's state means.

Mesh (confd/pkg/backends/calico/bgp_processor.go of projectcalico/calico@v3.32.1): each node peers with every node that
has an address of the family, except itself (decided by address, not by name) and except route reflectors; a route
reflector builds no mesh. The side with the smaller address is passive: it waits for the other to connect. A BGPPeer
with a peerIP makes a session on the node it names, or on every node.
"""

import re
from collections.abc import Iterator

from calico_agent.model.address import Family, IPAddress
from calico_agent.model.bgp import Session
from calico_agent.model.node import Node
from calico_agent.model.peering import Peering
from calico_agent.verify.view import View


def mesh_peers(view: View, family: Family) -> Iterator[Node]:
    """The nodes to which this host should have a mesh session."""
    if view.cluster is None or view.local.name is None or not view.cluster.bgp.mesh or not view.local.uses_bird:
        return
    own = view.local.node
    if own is not None and (own.route_reflector_cluster_id or own.registered(family) is None):
        return
    own_address = own.registered(family) if own else None
    for node in view.cluster.datastore.nodes:
        registered = node.registered(family)
        if node.name == view.local.name or registered is None or node.route_reflector_cluster_id:
            continue
        if own_address is None or registered.ip != own_address.ip:
            yield node


def peerings(view: View, family: Family) -> Iterator[tuple[Peering, IPAddress]]:
    """The BGPPeers with an address by which this host should have a session: never one to its own address."""
    if view.cluster is None or view.local.name is None or view.local.registered(family) is None:
        return
    for peering in view.cluster.bgp.peerings:
        if peering.address is None or peering.address.version != family or peering.nodes is not None:
            continue
        if peering.node in {"", view.local.name} and view.local.candidate(peering.address) is None:
            yield peering, peering.address


# What the state and the last error of a session mean, and where to look. The first pattern that matches
# "STATE ERROR" wins. Measured with BIRD 1.6.8, or read in its proto/bgp.
_MEANINGS = tuple(
    (re.compile(pattern), meaning, cure)
    for pattern, meaning, cure in (
        (
            r"Bad peer AS",
            "the two sides disagree about an AS number",
            "compare spec.bgp.asNumber of both nodes and BGPConfiguration default",
        ),
        (
            r"Hold timer expired",
            "the peer fell silent: its host is off, cut off or overloaded",
            "look at that host and the network between",
        ),
        (
            r"Connection refused",
            "nothing listens on its BGP port: calico/node or its BIRD does not run there",
            "start calico/node there; `calico-agent status` there says more",
        ),
        (
            r"No route to host",
            "its address does not answer ARP: the host is off, cut off, or has another address",
            "look at that host and the network between",
        ),
        (
            r"Network is unreachable",
            "this host has no route to its address",
            "`ip route get` its address; the registered address may be wrong",
        ),
        (
            r"^Passive",
            "this host waits for it to connect, and it does not",
            "see that calico/node runs there with a session to this host, and that TCP port 179 is open to here",
        ),
        (
            r"Connection (closed|reset by peer)",
            "it accepts the connection and closes it: it does not expect a session from this host's address",
            "compare the registered address of this node with the sessions of BIRD there",
        ),
        (
            r"Received:",
            "the peer refuses or ended the session",
            "look at BIRD's log on that host",
        ),
        (
            r"Kernel MD5 auth failed",
            "the kernel cannot do the password check that is configured",
            "remove the password, or use a kernel with TCP MD5",
        ),
        (
            r"^(Connect|Active|OpenSent)",
            "its address does not answer: a firewall drops TCP port 179, or the session passwords differ",
            "try `nc -vz ADDRESS 179` from this host; look at the firewalls of both",
        ),
    )
)


def meaning(session: Session) -> tuple[str, str]:
    """What the state of a session that is not established means, and what to do."""
    text = f"{session.bgp_state} {session.last_error}"
    for pattern, sentence, cure in _MEANINGS:
        if pattern.search(text):
            return sentence, cure
    return "BIRD gives no reason", "look at BIRD's log on both hosts"


def described(session: Session) -> str:
    """The session as BIRD prints it."""
    words = (session.name, session.protocol_state, session.bgp_state, session.last_error)
    since = f"since {session.since}" if session.since else ""
    return " ".join(word for word in (*words, since) if word)
