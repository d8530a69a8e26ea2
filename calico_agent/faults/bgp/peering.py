"""Who is a peer of whom: what keeps sessions from being made at all."""

from calico_agent.model.finding import ConditionType, Fault, Severity
from calico_agent.model.joining import Grouping

BGP_NO_PEERS = Fault(
    code="BGP-NO-PEERS",
    title="the mesh is off and no peers are configured",
    condition=ConditionType.BGP_ESTABLISHED,
    explanation="""\
nodeToNodeMeshEnabled is false and there is no BGPPeer: no node has any session, and without VXLAN
no routes.

Found in BGPConfiguration `default` and the BGPPeer resources, if any pool needs BGP: the routes of
pools with VXLAN are Felix's.

Turn the mesh on again, or create the BGPPeers (route reflectors first, then the mesh off).""",
)

BGP_ISOLATED = Fault(
    code="BGP-ISOLATED",
    title="nothing gives this host a BGP session",
    condition=ConditionType.BGP_ESTABLISHED,
    explanation="""\
The mesh is off, or this host is a route reflector, which takes no part in it; and of the BGPPeers
none is for this host or has it as a peer. It learns no routes to the pods of other nodes.

Found in the records of nodes and BGPPeers, when routes that BIRD should bring are missing.

Compare `nodeSelector`, `peerSelector` and `node` of the BGPPeers with the name and the labels of
this node. Labels of Calico's node record count, not those of Kubernetes.""",
)

BGP_DOUBLE = Fault(
    code="BGP-DOUBLE",
    title="two sessions with one peer are configured",
    severity=Severity.WARNING,
    condition=ConditionType.BGP_ESTABLISHED,
    explanation="""\
The mesh and a BGPPeer, or two BGPPeers, ask for a session with the same address. BIRD has a
protocol for each, and starts the second only when the first is gone: it stays Idle for ever. Its
AS number, filters or password have no effect.

Found in BIRD's sessions: one is established, another with the same peer is Idle without any error.

Delete the BGPPeer that is not needed, or turn the mesh off once BGPPeers do its work.""",
)

BGP_NO_PATH = Fault(
    code="BGP-NO-PATH",
    title="no BGP session brings the routes of a node here",
    condition=ConditionType.ROUTES_IN_PLACE,
    grouping=Grouping.BY_NODE,
    explanation="""\
A node's routes come by a session with it or through route reflectors that both it and this host
have sessions with. The BGPPeers make neither, so its pods cannot be reached from here.

Found in the records of nodes and BGPPeers, when routes to that node are missing. Nothing is said
where routers that are no nodes take part, or nodes of several AS: those may bring them.

Create a BGPPeer between the two, or between that node and the reflectors. A node passes on routes
of others only if it is a reflector (spec.bgp.routeReflectorClusterID).""",
)

BGP_PORT = Fault(
    code="BGP-PORT",
    title="another program has BIRD's port",
    condition=ConditionType.BGP_ESTABLISHED,
    explanation="""\
BIRD cannot listen for its peers ("No listening socket"): something else on this host listens on
the BGP port.

Found in the last error of BIRD's sessions.

`ss -ltnp 'sport = :179'` names it: a BIRD or FRR of the host, or a second calico/node. BIRD does
not try again: when the port is free, restart calico/node.""",
)

BGP_NAT = Fault(
    code="BGP-NAT",
    title="a router rewrites the source of a node's packets",
    condition=ConditionType.BGP_ESTABLISHED,
    grouping=Grouping.ALL,
    explanation="""\
The connections of a node arrive from the router on the way to it, and not from the registered
address of the node: the router masquerades them (NAT). BIRD knows nobody of that address and
refuses the session.

Found in calico/node's log ("Unexpected connect from unknown address") when the address is that of
the router through which the packets to a node leave, and no session with this node is up.

On the router, exempt traffic between the nodes from NAT, in both directions.""",
)
