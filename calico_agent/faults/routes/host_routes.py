"""Routes to single addresses of other nodes, and the tables of VXLAN that take tunnel addresses on."""

from calico_agent.faults.routes.foreign import RT_SHADOWED
from calico_agent.faults.routes.pods import RT_ADDRESS_TWICE
from calico_agent.faults.routes.table import FAR_CAUSES, NEAR_CAUSES, RECOVERY, ROUTE_CAUSES, RT_MISSING
from calico_agent.faults.scopes import same_node, same_prefix
from calico_agent.model.finding import ConditionType, Fault, Severity
from calico_agent.model.joining import Grouping

RT_BORROWED_MISSING = Fault(
    code="RT-BORROWED-MISSING",
    title="there is no route to a borrowed address",
    severity=Severity.WARNING,
    condition=ConditionType.ROUTES_IN_PLACE,
    explained_by=ROUTE_CAUSES,
    grouping=Grouping.BY_NODE,
    explanation="""\
An address of another node's block, or of a block that nobody owns, is in use on a node. A pod with
it is reached by a route of its own, /32 or /128, which is missing: its packets go to the block's
owner, who drops them. Addresses leak, too: then there is no pod, no route, and no harm.

Found in the block's allocations: the node of the address is not the block's owner. Those of tunnel
devices are RT-TUNNEL-ADDRESS.

As for RT-MISSING, with the node that has it; `calicoctl ipam check` tells leaked addresses. Larger
pools or strict affinity avoid borrowing.""",
)

RT_TUNNEL_ADDRESS = Fault(
    code="RT-TUNNEL-ADDRESS",
    title="packets to the tunnel address of a node do not reach it",
    condition=ConditionType.ROUTES_IN_PLACE,
    explained_by=(*NEAR_CAUSES, same_prefix(RT_ADDRESS_TWICE, RT_SHADOWED), *FAR_CAUSES, RECOVERY),
    grouping=Grouping.BY_NODE,
    explanation="""\
What a node itself sends through the tunnel carries the address of its tunnel device. Its answers go
where the routes lead: to another host, when that one has the address too, or when it was borrowed
from another node's block and has no route of its own (VXLAN before Calico v3.30).

Found by following the routes of this host to the tunnel address in each node's record. Pods are not
affected.

See who has the address: `ip addr` on both hosts. Restarting calico/node on its node has the route
written anew; a node with an address of its own block needs none.""",
)

RT_TUNNEL = Fault(
    code="RT-TUNNEL",
    title="VXLAN packets for a node do not reach it",
    condition=ConditionType.ROUTES_IN_PLACE,
    explained_by=(*NEAR_CAUSES, same_node(RT_ADDRESS_TWICE), *FAR_CAUSES, same_node(RT_MISSING), RECOVERY),
    grouping=Grouping.BY_NODE,
    explanation="""\
The route to its pods leads to its tunnel address; the neighbour entry gives that a MAC, and the
forwarding database gives the MAC the address of the host. One of them is missing or leads
elsewhere. The route itself looks right.

Found by following the three of them to the owner's registered address, and by checking that this
is not an address of this host.

If the owner registered a wrong address, cure that (IP-BRIDGE). Otherwise restart calico/node
here: Felix rewrites them.""",
)
