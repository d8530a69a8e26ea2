"""Catalogue: pods and single addresses, those of tunnel devices too, and the routes to them."""

from functools import partial

from calico_agent.faults.catalogue.entry import Entry
from calico_agent.model.finding import ConditionType, Severity

_entry = partial(Entry, condition=ConditionType.ROUTES_IN_PLACE)

ENTRIES = (
    _entry(
        "RT-BORROWED-MISSING",
        "there is no route to a borrowed address",
        """\
An address of another node's block, or of a block that nobody owns, is in use on a node. A pod with
it is reached by a route of its own, /32 or /128, which is missing: its packets go to the block's
owner, who drops them. Addresses leak, too: then there is no pod, no route, and no harm.

Found in the block's allocations: the node of the address is not the block's owner. Those of tunnel
devices are RT-TUNNEL-ADDRESS.

As for RT-MISSING, with the node that has it; `calicoctl ipam check` tells leaked addresses. Larger
pools or strict affinity avoid borrowing.""",
        Severity.WARNING,
    ),
    _entry(
        "RT-WORKLOAD-MISSING",
        "no route leads to a pod of this host",
        """\
A pod's link to its host (cali...) is there and up, and no host route leads into it: packets to the
pod end in the blackhole of its block, or leave by the default route.

Found by comparing the kernel's links with the devices of its host routes, while an address that
Calico gave to a pod of this host has no route: one of both alone may be left behind by a pod.

Felix writes the route again within 90 s (its full resync), as long as the pod's WorkloadEndpoint is
in the datastore: `calicoctl get workloadendpoint --all-namespaces -o wide` names the pod of a link.
NetworkManager takes such routes away unless it is told to leave cali* alone.""",
    ),
    _entry(
        "RT-WORKLOAD-UNKNOWN",
        "a pod of this host is unknown to Calico",
        """\
A pod's link (cali...) is up and has its pod at the other end, no route leads into it, and no
workload endpoint of this node names it. Felix makes no route to such a pod, and takes away the one
that was.

Found by comparing the links without a route with the node's workload endpoints. Deleting the node
(`calicoctl delete node`) deletes them with it, frees the pods' addresses, and leaves the pods
running: when no pod of the host has a record, that is what happened. While others have one, it may
be what a pod left behind, and is a warning.

Start these pods anew.""",
    ),
    _entry(
        "RT-WORKLOAD-ELSEWHERE",
        "a pod of this host is recorded for another node",
        """\
Calico knows the pod as one of another node, while its link is on this host: calico/node runs here
under another name than when the pod was started. No route leads to the pod, here or elsewhere.

Found by comparing links with the workload endpoints and blocks of nodes that this host may have
been: those registered with an address of it, and those that have blocks and no record.

Start calico/node under the former name again, or start the pods anew.""",
    ),
    _entry(
        "RT-WORKLOAD-GONE",
        "a pod is recorded for this host, and its link is not there",
        """\
The workload endpoint names a link of this host that does not exist, and no route leads to the pod's
address: the host was started anew, or the pod was removed while Calico could not be told.

Found by comparing addresses that lead nowhere with the node's workload endpoints.

The address stays taken until the record is deleted and the address released.""",
        Severity.WARNING,
    ),
    _entry(
        "RT-ADDRESS-TWICE",
        "one address has two users",
        """\
Packets to it reach one of them, and what the other sends is answered to the first.

Found by asking of each tunnel address in the node records, of each address on a link of this host
and of each route to a single pod who else has it: another node's record (a copied disk), a pod to
which Calico gave it, a pod's link here.

A pod gets another address when it is started anew, a node another tunnel address when calico/node
is restarted on the one that Calico did not give it to. `calicoctl ipam show --ip=ADDRESS` tells
whose it is.""",
    ),
    _entry(
        "RT-TUNNEL-ADDRESS",
        "packets to the tunnel address of a node do not reach it",
        """\
What a node itself sends through the tunnel carries the address of its tunnel device. Its answers go
where the routes lead: to another host, when that one has the address too, or when it was borrowed
from another node's block and has no route of its own (VXLAN before Calico v3.30).

Found by following the routes of this host to the tunnel address in each node's record. Pods are not
affected.

See who has the address: `ip addr` on both hosts. Restarting calico/node on its node has the route
written anew; a node with an address of its own block needs none.""",
    ),
)
