"""The way to another node: next hops and tunnel devices."""

from calico_agent.faults.datastore import DS_BAD_KEY
from calico_agent.faults.node.addresses import IP_CHANGED, IP_MISMATCH, WRONG_HOST
from calico_agent.faults.node.container import NO_CONTAINER
from calico_agent.faults.node.kubernetes import NODE_NOT_READY
from calico_agent.faults.node.programs import SV_FELIX
from calico_agent.faults.node.registration import NODE_NO_RECORD
from calico_agent.faults.preflight.kernel import HOST_MODULE
from calico_agent.faults.preflight.machine import HOST_OTHER_CNI
from calico_agent.faults.routes.foreign import RT_OVERLAP
from calico_agent.faults.routes.links import RT_LINK_DOWN, RT_NEIGHBOUR
from calico_agent.faults.routes.pods import RT_ADDRESS_TWICE
from calico_agent.faults.scopes import same_node, same_tunnel_device, this_host
from calico_agent.model.finding import ConditionType, Fault, Severity, Writer
from calico_agent.model.joining import Grouping

RT_NEXTHOP_DEAD = Fault(
    code="RT-NEXTHOP-DEAD",
    title="the next hop to a node does not answer, or there is none",
    condition=ConditionType.ROUTES_IN_PLACE,
    explained_by=(same_node(*WRONG_HOST, RT_OVERLAP), this_host(RT_LINK_DOWN), same_node(NODE_NOT_READY)),
    grouping=Grouping.BY_NODE,
    explanation="""\
The kernel got no answer to ARP (or neighbour discovery) for the node's address, or the link to it
is down: the host is off, or cut off. BIRD notices after 164 to 200 seconds only; until then
session and routes look right. Or packets leave in a tunnel, and this host has no route to the
node itself: with VXLAN and WireGuard nothing else shows that, where BIRD has no session there.

Found in the neighbour table: FAILED or INCOMPLETE for the next hop, on the link by which packets
leave: the node itself, or the router that leads there. Entries on other links say nothing. For
tunnels, found by looking the node's address up in the kernel's tables.

Look at that host and the network between; `ip route get` of its address.""",
)

RT_TUNNEL_DEVICE = Fault(
    code="RT-TUNNEL-DEVICE",
    title="this host's end of the tunnels is not as it should be",
    condition=ConditionType.ROUTES_IN_PLACE,
    explained_by=(
        this_host(NODE_NO_RECORD, RT_ADDRESS_TWICE),
        this_host(SV_FELIX, writer=Writer.FELIX),
        this_host(HOST_MODULE, HOST_OTHER_CNI),
    ),
    explanation="""\
Routes to pods of other nodes lead into a tunnel device (vxlan.calico, tunl0, wireguard.cali), which
is missing here or switched off, or has another VNI, UDP port or source address than the others
expect. With another address than this node's record says, or without one, pods still reach pods
while the routes are there; what the host itself sends to them carries another source.

Found by comparing the kernel's links with the devices that the expected routes need, and with
vxlanEnabled, ipipEnabled, vxlanVNI and vxlanPort of FelixConfiguration (default, and that of this
node) and of Felix's environment.

`ip link set DEVICE up`. tunl0 comes with the kernel module: `modprobe ipip`. Felix makes
vxlan.calico anew within seconds and writes the routes within two minutes; if it does not, its log
says why: another device with the same VNI (flannel.1), or a kernel module that is missing. Where
the record has no address for it, Calico's IPAM had none: make one more pool with VXLAN.""",
)

RT_SOURCE = Fault(
    code="RT-SOURCE",
    title="tunnelled packets carry another source than the registered address",
    condition=ConditionType.ROUTES_IN_PLACE,
    explained_by=(this_host(IP_MISMATCH, IP_CHANGED), same_tunnel_device(RT_TUNNEL_DEVICE)),
    grouping=Grouping.BY_NODE,
    explanation="""\
What IPIP and WireGuard put around the packets of pods carries the source address of the kernel's
route to the other node. Where this host has several addresses that may be another one than the node
is registered with. The other node drops IPIP from addresses of no node; WireGuard there answers to
that address. BGP sessions bind the registered address and stay up, and VXLAN binds it too.

Found by asking the kernel for the source address towards each node (of large clusters towards some
of them, and what routes say of the others).

A route to that node's network with `src ADDRESS`, as the finding writes it, or the other address as
that of the node.""",
)

RT_ROUTER = Fault(
    code="RT-ROUTER",
    title="a router between nodes may not know the pods' networks",
    severity=Severity.WARNING,
    condition=ConditionType.ROUTES_IN_PLACE,
    explanation="""\
Nodes are behind a router, and packets between their pods travel without a tunnel: the router has to
know the network of each pod. Nothing in Calico tells it, as there is no BGPPeer with a router. All
sessions are up and every route is there, and yet it may drop everything: what routes it has cannot
be seen from here. So this is a remark, and no condition changes.

Found where the kernel's route to a block without encapsulation has a next hop that is no node's
address. The networks of clouds do this, which give each node a /32 and a gateway.

If pods reach those of the other nodes, nothing. Else `ipipMode: CrossSubnet` (or vxlanMode) for
the pool, with Always where nodes have a /32; or a BGPPeer with the router.""",
)

RT_WIREGUARD = Fault(
    code="RT-WIREGUARD",
    title="packets between nodes are to be encrypted, and are not",
    severity=Severity.WARNING,
    condition=ConditionType.ROUTES_IN_PLACE,
    explained_by=(this_host(*NO_CONTAINER, SV_FELIX, HOST_MODULE),),
    grouping=Grouping.BY_SUBJECT_UNTIL_MANY,
    explanation="""\
WireGuard is asked for, and this host or another node has no public key in its record: Felix could
not make the device there, as the kernel has no WireGuard. Nothing is lost: packets to and from that
node travel in the clear, by the pool's usual way.

Found by comparing wireguardEnabled (wireguardEnabledV6) of FelixConfiguration and of Felix's
environment with the records of the nodes.

`modprobe wireguard` on that node, and restart calico/node there.""",
)

# No packet comes from here to the node, whatever BIRD and Felix do.
OUT_OF_REACH = (*WRONG_HOST, RT_OVERLAP, DS_BAD_KEY, RT_NEXTHOP_DEAD, RT_NEIGHBOUR)
