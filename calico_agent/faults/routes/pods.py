"""The pods of this host, and addresses that have two users."""

from calico_agent.faults.node.addresses import IP_CONFLICT, IP_NOT_LOCAL
from calico_agent.faults.node.container import NO_CONTAINER
from calico_agent.faults.node.names import NAME_CLAIMED, NAME_MISMATCH
from calico_agent.faults.node.programs import SV_FELIX
from calico_agent.faults.node.registration import NODE_NO_RECORD
from calico_agent.faults.scopes import this_host
from calico_agent.model.finding import ConditionType, Fault, Severity, Writer
from calico_agent.model.joining import Grouping

RT_ADDRESS_TWICE = Fault(
    code="RT-ADDRESS-TWICE",
    title="one address has two users",
    condition=ConditionType.ROUTES_IN_PLACE,
    explanation="""\
Packets to it reach one of them, and what the other sends is answered to the first.

Found by asking of each tunnel address in the node records, of each address on a link of this host
and of each route to a single pod who else has it: another node's record (a copied disk), a pod to
which Calico gave it, a pod's link here.

A pod gets another address when it is started anew, a node another tunnel address when calico/node
is restarted on the one that Calico did not give it to. `calicoctl ipam show --ip=ADDRESS` tells
whose it is.""",
)

RT_WORKLOAD_MISSING = Fault(
    code="RT-WORKLOAD-MISSING",
    title="no route leads to a pod of this host",
    condition=ConditionType.ROUTES_IN_PLACE,
    explained_by=(this_host(NAME_MISMATCH, *NO_CONTAINER), this_host(SV_FELIX, writer=Writer.FELIX)),
    grouping=Grouping.BY_NODE,
    explanation="""\
A pod's link to its host (cali...) is there and up, and no host route leads into it: packets to the
pod end in the blackhole of its block, or leave by the default route.

Found by comparing the kernel's links with the devices of its host routes, while an address that
Calico gave to a pod of this host has no route: one of both alone may be left behind by a pod.

Felix writes the route again within 90 s (its full resync), as long as the pod's WorkloadEndpoint is
in the datastore: `calicoctl get workloadendpoint --all-namespaces -o wide` names the pod of a link.
NetworkManager takes such routes away unless it is told to leave cali* alone.""",
)

RT_WORKLOAD_UNKNOWN = Fault(
    code="RT-WORKLOAD-UNKNOWN",
    title="a pod of this host is unknown to Calico",
    condition=ConditionType.ROUTES_IN_PLACE,
    explained_by=(this_host(NAME_MISMATCH, NODE_NO_RECORD, IP_NOT_LOCAL),),
    grouping=Grouping.BY_NODE,
    explanation="""\
A pod's link (cali...) is up and has its pod at the other end, no route leads into it, and no
workload endpoint of this node names it. Felix makes no route to such a pod, and takes away the one
that was.

Found by comparing the links without a route with the node's workload endpoints. Deleting the node
(`calicoctl delete node`) deletes them with it, frees the pods' addresses, and leaves the pods
running: when no pod of the host has a record, that is what happened. While others have one, it may
be what a pod left behind, and is a warning.

Start these pods anew.""",
)

RT_WORKLOAD_ELSEWHERE = Fault(
    code="RT-WORKLOAD-ELSEWHERE",
    title="a pod of this host is recorded for another node",
    condition=ConditionType.ROUTES_IN_PLACE,
    explained_by=(this_host(NAME_MISMATCH, *NO_CONTAINER), this_host(SV_FELIX, writer=Writer.FELIX)),
    grouping=Grouping.BY_NODE,
    explanation="""\
Calico knows the pod as one of another node, while its link is on this host: calico/node runs here
under another name than when the pod was started. No route leads to the pod, here or elsewhere.

Found by comparing links with the workload endpoints and blocks of nodes that this host may have
been: those registered with an address of it, and those that have blocks and no record.

Start calico/node under the former name again, or start the pods anew.""",
)

RT_WORKLOAD_GONE = Fault(
    code="RT-WORKLOAD-GONE",
    title="a pod is recorded for this host, and its link is not there",
    severity=Severity.WARNING,
    condition=ConditionType.ROUTES_IN_PLACE,
    explained_by=(this_host(NAME_MISMATCH, NAME_CLAIMED, IP_CONFLICT, IP_NOT_LOCAL),),
    grouping=Grouping.BY_NODE,
    explanation="""\
The workload endpoint names a link of this host that does not exist, and no route leads to the pod's
address: the host was started anew, or the pod was removed while Calico could not be told.

Found by comparing addresses that lead nowhere with the node's workload endpoints.

The address stays taken until the record is deleted and the address released.""",
)
