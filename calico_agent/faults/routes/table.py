"""The routes to the blocks of all nodes, as the kernel has them."""

from calico_agent.faults.bgp.bird import BIRD_DISABLED, BIRD_LINK, NO_BIRD
from calico_agent.faults.bgp.peering import BGP_ISOLATED, BGP_NAT, BGP_NO_PATH, BGP_NO_PEERS, BGP_PORT
from calico_agent.faults.bgp.sessions import BGP_DOWN, BGP_NO_REFLECTOR, BGP_NO_ROUTES, BGP_NO_SESSION, BGP_RECOVERING
from calico_agent.faults.node.addresses import IP_MISMATCH
from calico_agent.faults.node.names import NAME_MISMATCH
from calico_agent.faults.node.programs import SV_FELIX
from calico_agent.faults.node.registration import NOT_IN_SERVICE
from calico_agent.faults.routes.blocks import WRONG_BLOCK
from calico_agent.faults.routes.foreign import RT_OVERLAP
from calico_agent.faults.routes.links import RT_LINK_DOWN
from calico_agent.faults.routes.pods import RT_ADDRESS_TWICE
from calico_agent.faults.routes.underlay import OUT_OF_REACH, RT_TUNNEL_DEVICE
from calico_agent.faults.scopes import same_node, same_prefix, same_tunnel_device, this_host
from calico_agent.model.finding import ConditionType, Fault, Severity, Writer
from calico_agent.model.joining import Grouping

# What is known about the prefix and the node itself, before what is wrong with this host and its sessions.
NEAR_CAUSES = (
    same_prefix(*WRONG_BLOCK),
    same_node(*OUT_OF_REACH),
    same_tunnel_device(RT_TUNNEL_DEVICE),
    this_host(RT_LINK_DOWN, NAME_MISMATCH),
)

# What keeps BIRD from its work explains no route that Felix writes, and the other way round.
_BIRD_IDLE = this_host(*NO_BIRD, BIRD_DISABLED, BIRD_LINK, writer=Writer.BIRD)
FAR_CAUSES = (
    this_host(*NOT_IN_SERVICE),
    _BIRD_IDLE,
    this_host(SV_FELIX, writer=Writer.FELIX),
    this_host(BGP_PORT, BGP_NO_PEERS, BGP_ISOLATED, writer=Writer.BIRD),
    this_host(IP_MISMATCH),
    same_node(BGP_NAT),
    same_node(BGP_DOWN, BGP_NO_SESSION, BGP_NO_ROUTES, BGP_NO_PATH, writer=Writer.BIRD),
    this_host(BGP_NO_REFLECTOR, writer=Writer.BIRD),
)
RECOVERY = this_host(BGP_RECOVERING, writer=Writer.BIRD)
ROUTE_CAUSES = (*NEAR_CAUSES, *FAR_CAUSES, RECOVERY)

RT_MISSING = Fault(
    code="RT-MISSING",
    title="there is no route to a block of another node",
    condition=ConditionType.ROUTES_IN_PLACE,
    explained_by=ROUTE_CAUSES,
    grouping=Grouping.BY_NODE,
    explanation="""\
Packets to these pods follow the next shorter route, the default route as a rule, and are lost.

Found by comparing the blocks that other nodes own (confirmed affinity, a pool that is exported, a
registered address) with the kernel's main table. For a block of one address it is a warning: BIRD
tells of it as long as there is the pod that has it, and addresses leak.

With the session up: `birdcl show route for PREFIX all` says whether BIRD knows it. With VXLAN
Felix writes the route. BIRD puts a deleted route back within two seconds.""",
)

RT_FILTERED = Fault(
    code="RT-FILTERED",
    title="a BGPFilter keeps the route to a block of another node away",
    condition=ConditionType.ROUTES_IN_PLACE,
    explained_by=ROUTE_CAUSES,
    grouping=Grouping.BY_NODE,
    explanation="""\
Packets to these pods follow the next shorter route, the default route as a rule, and are lost. BIRD
does as it was told: a filter on the way from the block's owner to this host rejects the route.

Found by going through the rules of the BGPFilters on every session by which the route could come:
here, on the owner, and on route reflectors between them.

If the pods are to be reached, let the filter accept their pool, or take it out of the BGPPeer.""",
)

RT_WRONG_NEXTHOP = Fault(
    code="RT-WRONG-NEXTHOP",
    title="the route to a block leads to another host than its owner",
    condition=ConditionType.ROUTES_IN_PLACE,
    explained_by=(*NEAR_CAUSES, same_node(RT_ADDRESS_TWICE), *FAR_CAUSES, RECOVERY),
    grouping=Grouping.BY_NODE,
    explanation="""\
Packets to these pods go to a host that does not have them.

Found by comparing the next hop with the owner's registered address, or with its tunnel address
for VXLAN. Only judged where the right next hop is certain: with the full mesh, and for plain
routes when the owner is in a connected network.

BIRD's table says which peer sent it; a foreign route on that host is the usual source, or a node
that changed its address.""",
)

RT_WRONG_DEVICE = Fault(
    code="RT-WRONG-DEVICE",
    title="the route to a block leaves through the wrong device",
    condition=ConditionType.ROUTES_IN_PLACE,
    explained_by=ROUTE_CAUSES,
    grouping=Grouping.BY_NODE,
    explanation="""\
The pool's encapsulation (none, IPIP, VXLAN; CrossSubnet depends on both nodes' networks) decides
on the device. The peer does not accept packets that come another way.

Found by comparing the device with tunl0, vxlan.calico, or a device of the host that is no tunnel.

`ip route del` with the route as it is: BIRD keeps one of which only the device is wrong, even when
it starts, and writes the right one once it is gone. If it comes back, compare the pool (`calicoctl
get ippool -o wide`) with what Felix and BIRD were started with.""",
)

RT_BLACKHOLE = Fault(
    code="RT-BLACKHOLE",
    title="packets to a block of another node are dropped here",
    condition=ConditionType.ROUTES_IN_PLACE,
    explained_by=ROUTE_CAUSES,
    grouping=Grouping.BY_NODE,
    explanation="""\
A blackhole is right for a block that this node owns. Here calico/node owns it no more, or two
nodes claim it.

Found in the type of the kernel's route.

See RT-DUPLICATE-AFFINITY and NAME-MISMATCH; an old blackhole goes away when calico/node
restarts.""",
)

RT_UNREACHABLE = Fault(
    code="RT-UNREACHABLE",
    title="the kernel refuses packets to a block of another node",
    condition=ConditionType.ROUTES_IN_PLACE,
    explained_by=ROUTE_CAUSES,
    grouping=Grouping.BY_NODE,
    explanation="""\
BIRD has the route but cannot resolve its next hop: the owner's registered address is on no
network that this host can reach.

Found in the type of the kernel's route (unreachable, or throw).

`ip route get ADDRESS` for the owner's registered address. If that is answered, BIRD has not seen
that there is a way: restart its session with the owner (`birdcl restart NAME`). Or it may not take
it: a next hop that is found by a route which came by BGP itself, such as a default route that a
router tells. A BGPFilter keeps that away.""",
)

RT_ECMP = Fault(
    code="RT-ECMP",
    title="the route to a block has several next hops",
    condition=ConditionType.ROUTES_IN_PLACE,
    explained_by=ROUTE_CAUSES,
    grouping=Grouping.BY_NODE,
    explanation="""\
A block has one owner. With several next hops a part of the connections goes to a host that does
not have the pods: two nodes advertise the block. BIRD learns foreign kernel routes and advertises
them, so a route put in by hand on one host becomes this on all others.

Found in the kernel's route; BIRD's table says which peer sent which next hop.

Remove the foreign route on the host that is named, or the second affinity.""",
)

# Routes that are about no other node.
_OWN = (
    same_prefix(*WRONG_BLOCK, RT_OVERLAP),
    this_host(RT_LINK_DOWN, NAME_MISMATCH, *NOT_IN_SERVICE),
    _BIRD_IDLE,
    this_host(SV_FELIX, RT_TUNNEL_DEVICE, writer=Writer.FELIX),
    RECOVERY,
)

RT_STALE = Fault(
    code="RT-STALE",
    title="a route to a block that nobody owns",
    severity=Severity.WARNING,
    condition=ConditionType.ROUTES_IN_PLACE,
    explained_by=_OWN,
    grouping=Grouping.BY_NODE,
    explanation="""\
BIRD or Felix wrote it once; the block was freed since. It does no harm until the block is given
out again.

Found by comparing BIRD's and Felix's routes inside the pools with blocks and affinities.

It goes away when BIRD hears of it: look at the sessions. `ip route del PREFIX` when its owner is
gone for good.""",
)

RT_BLACKHOLE_MISSING = Fault(
    code="RT-BLACKHOLE-MISSING",
    title="the blackhole of an own block is missing",
    severity=Severity.WARNING,
    condition=ConditionType.ROUTES_IN_PLACE,
    explained_by=_OWN,
    grouping=Grouping.BY_NODE,
    explanation="""\
Packets to addresses of this node's block that no pod has should end here. Without the blackhole
they follow the default route, and may circle between this host and its router.

Found by looking for a blackhole (of BIRD or of Felix) on each block of this node.

BIRD writes it at its start and every two seconds; see BIRD-DOWN.""",
)
