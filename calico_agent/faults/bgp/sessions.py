"""The sessions of BIRD."""

from calico_agent.faults.bgp.bird import BIRD_LINK, NO_BIRD
from calico_agent.faults.bgp.peering import BGP_NAT, BGP_PORT
from calico_agent.faults.datastore import DS_BAD_KEY
from calico_agent.faults.node.addresses import IP_MISMATCH, WRONG_HOST
from calico_agent.faults.node.kubernetes import NODE_NOT_READY
from calico_agent.faults.node.names import NAME_MISMATCH
from calico_agent.faults.node.programs import SV_CONFD
from calico_agent.faults.node.registration import NODE_NO_ADDRESS, NODE_NO_RECORD, NOT_IN_SERVICE
from calico_agent.faults.routes.foreign import RT_OVERLAP
from calico_agent.faults.routes.links import RT_LINK_DOWN
from calico_agent.faults.routes.underlay import OUT_OF_REACH
from calico_agent.faults.scopes import same_node, this_host
from calico_agent.model.finding import ConditionType, Fault, Severity
from calico_agent.model.joining import Grouping

# What is wrong at the peer, with this host, and with the BIRD on it.
_PEER = same_node(*OUT_OF_REACH)
_HOST = (RT_LINK_DOWN, NAME_MISMATCH, *NOT_IN_SERVICE, *NO_BIRD)
_BIRD = (BIRD_LINK, BGP_PORT, IP_MISMATCH)

BGP_STALE_AS = Fault(
    code="BGP-STALE-AS",
    title="BIRD has another AS number for a peer than the datastore",
    condition=ConditionType.BGP_ESTABLISHED,
    explained_by=(this_host(SV_CONFD),),
    explanation="""\
The AS number of a peer (spec.bgp.asNumber of its node record, of BGPConfiguration default, or
asNumber of the BGPPeer) was changed, and BIRD on this host still has the one of before. A session
between sides that disagree ends with "Bad peer AS".

Found by comparing the neighbor AS of BIRD's sessions with the records.

As for BGP-NO-SESSION: confd did not follow the datastore.""",
)

BGP_DOWN = Fault(
    code="BGP-DOWN",
    title="a BGP session is not established",
    condition=ConditionType.BGP_ESTABLISHED,
    explained_by=(_PEER, this_host(*_HOST, *_BIRD), same_node(BGP_STALE_AS, BGP_NAT, NODE_NOT_READY)),
    grouping=Grouping.BY_SUBJECT_UNTIL_MANY,
    explanation="""\
Routes to the pods of that node come through this session, and this host's routes go out through
it.

Found in `show protocols all` of BIRD. Its state and last error tell most causes apart: refused
(no BIRD there), closed or reset (the peer does not know our address), no answer (firewall, host
down), bad AS. The side with the smaller address is `Passive`: it waits for the other to connect.
One that was started less than 8 seconds ago and has no error is only suspected.

Look at the same session on the other host. It is a warning where no route comes by BGP (VXLAN).""",
)

BGP_NO_SESSION = Fault(
    code="BGP-NO-SESSION",
    title="BIRD has no session that the datastore calls for",
    condition=ConditionType.BGP_ESTABLISHED,
    explained_by=(_PEER, this_host(*_HOST, SV_CONFD, *_BIRD), same_node(BGP_NAT)),
    grouping=Grouping.BY_SUBJECT_UNTIL_MANY,
    explanation="""\
The datastore has a node or a BGPPeer that BIRD on this host is not configured for: its
configuration is older than the datastore.

Found by comparing BIRD's sessions with those that the node records, their labels and the BGPPeers
make: the mesh, the peers of this host, and the nodes whose BGPPeer has this host as a peer.

calico/node's confd rewrites BIRD's configuration on every change; look for its errors in `docker
logs calico-node`. Restarting the container makes it read everything again.""",
)

BGP_STALE_SESSION = Fault(
    code="BGP-STALE-SESSION",
    title="BIRD has a session that nothing calls for",
    severity=Severity.WARNING,
    condition=ConditionType.BGP_ESTABLISHED,
    explained_by=(this_host(*NO_BIRD, SV_CONFD),),
    grouping=Grouping.BY_SUBJECT_UNTIL_MANY,
    explanation="""\
BIRD keeps a mesh session to an address that no node record has, or although the mesh is off, or
another session for which no BGPPeer asks: its configuration is older than the datastore.

Found by comparing BIRD's sessions with the records of nodes and BGPPeers.

As for BGP-NO-SESSION: confd did not follow the datastore.""",
)

BGP_NO_ROUTES = Fault(
    code="BGP-NO-ROUTES",
    title="a node advertises none of its pod networks",
    condition=ConditionType.BGP_ESTABLISHED,
    explained_by=(_PEER, this_host(*_HOST, *_BIRD), same_node(BGP_NAT)),
    explanation="""\
The session is up, but the peer sent no route, although IPAM blocks belong to it: calico/node
there runs under another node's name, or does not know its blocks.

Found by the session's count of imported routes.

On that host: `calico-agent status`, or compare NODENAME, /var/lib/calico/nodename and the host
name.""",
)

BGP_UNKNOWN_PEER = Fault(
    code="BGP-UNKNOWN-PEER",
    title="an unknown host tries to open a BGP session",
    severity=Severity.WARNING,
    condition=ConditionType.BGP_ESTABLISHED,
    explained_by=(same_node(*WRONG_HOST, NODE_NO_ADDRESS, NODE_NO_RECORD, RT_OVERLAP, DS_BAD_KEY),),
    explanation="""\
BIRD on another host dials this one, and no node is registered with its address: its record was
deleted while it runs on, or it is registered with another address. Its pods cannot be reached
from here. Or a router that should have a session dials, and no BGPPeer is for it.

Found in calico/node's log ("Unexpected connect from unknown address"), when the address was there
at least twice in the last 15 seconds and no node record has it.

Find the host by its address. Restart calico/node there, which registers it again, or stop it if
it left the cluster. A router needs a BGPPeer.""",
)

BGP_NO_REFLECTOR = Fault(
    code="BGP-NO-REFLECTOR",
    title="no session with a route reflector or a router is up, and routes come through them alone",
    condition=ConditionType.BGP_ESTABLISHED,
    explained_by=(_PEER, this_host(*_HOST, *_BIRD), same_node(BGP_NAT, BGP_DOWN, BGP_NO_SESSION), this_host(BGP_DOWN)),
    always_here=True,
    explanation="""\
This host learns the routes of most nodes from route reflectors, or from routers that are no nodes,
and has an established session with none of them. What it knew stays for some minutes at most.

Found in BIRD's sessions, when routes are missing that come through them alone.

Cure the sessions with them: BGP-DOWN and BGP-NO-SESSION name the reasons.""",
)

BGP_RECOVERING = Fault(
    code="BGP-RECOVERING",
    title="BIRD was started and waits for its peers before it writes routes",
    condition=ConditionType.ROUTES_IN_PLACE,
    explained_by=(_PEER, this_host(*_HOST, *_BIRD), same_node(BGP_NAT, BGP_DOWN, BGP_NO_SESSION)),
    always_here=True,
    explanation="""\
calico/node starts BIRD in graceful restart recovery: until every peer has sent its routes, it
writes none into the kernel, not even for this node's own blocks, and advertises nothing. Routes
of before stay. A peer that can never come up holds it for the whole wait, 240 seconds; a host
that has no routes from before is without any for so long.

Found in BIRD's status ("Graceful restart recovery in progress") and in the sessions whose "GR
recovery" is pending, when routes are missing or wrong meanwhile.

It ends by itself. Cure the peers that are named: `calico-agent status` lists them as problems of
their own where more is known; `calicoctl delete node` for those that are gone for good.""",
)
