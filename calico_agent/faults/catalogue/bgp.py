"""Catalogue: the sessions of BIRD, and what configures them."""

from functools import partial

from calico_agent.faults.catalogue.entry import Entry
from calico_agent.model.finding import ConditionType, Severity

_entry = partial(Entry, condition=ConditionType.BGP_ESTABLISHED)

ENTRIES = (
    _entry(
        "BGP-DOWN",
        "a BGP session is not established",
        """\
Routes to the pods of that node come through this session, and this host's routes go out through
it.

Found in `show protocols all` of BIRD. Its state and last error tell most causes apart: refused
(no BIRD there), closed or reset (the peer does not know our address), no answer (firewall, host
down), bad AS. The side with the smaller address is `Passive`: it waits for the other to connect.
One that was started less than 8 seconds ago and has no error is only suspected.

Look at the same session on the other host. It is a warning where no route comes by BGP (VXLAN).""",
    ),
    _entry(
        "BGP-NO-SESSION",
        "BIRD has no session that the datastore calls for",
        """\
The datastore has a node or a BGPPeer that BIRD on this host is not configured for: its
configuration is older than the datastore.

Found by comparing BIRD's sessions with those that the node records, their labels and the BGPPeers
make: the mesh, the peers of this host, and the nodes whose BGPPeer has this host as a peer.

calico/node's confd rewrites BIRD's configuration on every change; look for its errors in `docker
logs calico-node`. Restarting the container makes it read everything again.""",
    ),
    _entry(
        "BGP-STALE-SESSION",
        "BIRD has a session that nothing calls for",
        """\
BIRD keeps a mesh session to an address that no node record has, or although the mesh is off, or
another session for which no BGPPeer asks: its configuration is older than the datastore.

Found by comparing BIRD's sessions with the records of nodes and BGPPeers.

As for BGP-NO-SESSION: confd did not follow the datastore.""",
        Severity.WARNING,
    ),
    _entry(
        "BGP-STALE-AS",
        "BIRD has another AS number for a peer than the datastore",
        """\
The AS number of a peer (spec.bgp.asNumber of its node record, of BGPConfiguration default, or
asNumber of the BGPPeer) was changed, and BIRD on this host still has the one of before. A session
between sides that disagree ends with "Bad peer AS".

Found by comparing the neighbor AS of BIRD's sessions with the records.

As for BGP-NO-SESSION: confd did not follow the datastore.""",
    ),
    _entry(
        "BGP-UNKNOWN-PEER",
        "an unknown host tries to open a BGP session",
        """\
BIRD on another host dials this one, and no node is registered with its address: its record was
deleted while it runs on, or it is registered with another address. Its pods cannot be reached
from here. Or a router that should have a session dials, and no BGPPeer is for it.

Found in calico/node's log ("Unexpected connect from unknown address"), when the address was there
at least twice in the last 15 seconds and no node record has it.

Find the host by its address. Restart calico/node there, which registers it again, or stop it if
it left the cluster. A router needs a BGPPeer.""",
        Severity.WARNING,
    ),
    _entry(
        "BGP-NAT",
        "a router rewrites the source of a node's packets",
        """\
The connections of a node arrive from the router on the way to it, and not from the registered
address of the node: the router masquerades them (NAT). BIRD knows nobody of that address and
refuses the session.

Found in calico/node's log ("Unexpected connect from unknown address") when the address is that of
the router through which the packets to a node leave, and no session with this node is up.

On the router, exempt traffic between the nodes from NAT, in both directions.""",
    ),
    _entry(
        "BGP-PORT",
        "another program has BIRD's port",
        """\
BIRD cannot listen for its peers ("No listening socket"): something else on this host listens on
the BGP port.

Found in the last error of BIRD's sessions.

`ss -ltnp 'sport = :179'` names it: a BIRD or FRR of the host, or a second calico/node.""",
    ),
    _entry(
        "BGP-NO-PEERS",
        "the mesh is off and no peers are configured",
        """\
nodeToNodeMeshEnabled is false and there is no BGPPeer: no node has any session, and without VXLAN
no routes.

Found in BGPConfiguration `default` and the BGPPeer resources, if any pool needs BGP: the routes of
pools with VXLAN are Felix's.

Turn the mesh on again, or create the BGPPeers (route reflectors first, then the mesh off).""",
    ),
    _entry(
        "BGP-ISOLATED",
        "nothing gives this host a BGP session",
        """\
The mesh is off, or this host is a route reflector, which takes no part in it; and of the BGPPeers
none is for this host or has it as a peer. It learns no routes to the pods of other nodes.

Found in the records of nodes and BGPPeers, when routes that BIRD should bring are missing.

Compare `nodeSelector`, `peerSelector` and `node` of the BGPPeers with the name and the labels of
this node. Labels of Calico's node record count, not those of Kubernetes.""",
    ),
    _entry(
        "BGP-DOUBLE",
        "two sessions with one peer are configured",
        """\
The mesh and a BGPPeer, or two BGPPeers, ask for a session with the same address. BIRD has a
protocol for each, and starts the second only when the first is gone: it stays Idle for ever. Its
AS number, filters or password have no effect.

Found in BIRD's sessions: one is established, another with the same peer is Idle without any error.

Delete the BGPPeer that is not needed, or turn the mesh off once BGPPeers do its work.""",
        Severity.WARNING,
    ),
    _entry(
        "BGP-NO-PATH",
        "no BGP session brings the routes of a node here",
        """\
A node's routes come by a session with it or through route reflectors that both it and this host
have sessions with. The BGPPeers make neither, so its pods cannot be reached from here.

Found in the records of nodes and BGPPeers, when routes to that node are missing. Nothing is said
where routers that are no nodes take part, or nodes of several AS: those may bring them.

Create a BGPPeer between the two, or between that node and the reflectors. A node passes on routes
of others only if it is a reflector (spec.bgp.routeReflectorClusterID).""",
        condition=ConditionType.ROUTES_IN_PLACE,
    ),
    _entry(
        "BGP-NO-REFLECTOR",
        "no session with a route reflector is up",
        """\
This host learns the routes of most nodes from route reflectors, and has an established session
with none of them. What it knew stays for some minutes at most.

Found in BIRD's sessions, when routes are missing that come through reflectors alone.

Cure the sessions with them: BGP-DOWN and BGP-NO-SESSION name the reasons.""",
    ),
    _entry(
        "BGP-NO-ROUTES",
        "a node advertises none of its pod networks",
        """\
The session is up, but the peer sent no route, although IPAM blocks belong to it: calico/node
there runs under another node's name, or does not know its blocks.

Found by the session's count of imported routes.

On that host: `calico-agent status`, or compare NODENAME, /var/lib/calico/nodename and the host
name.""",
    ),
)
