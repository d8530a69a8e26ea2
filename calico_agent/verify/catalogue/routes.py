"""Catalogue: the kernel's routes to the pods of other nodes, and of this one."""

from calico_agent.model.finding import ConditionType, Severity
from calico_agent.verify.catalogue.entry import Entry


def _entry(code: str, title: str, explanation: str, severity: Severity = Severity.ERROR) -> Entry:
    return Entry(code, severity, ConditionType.ROUTES_IN_PLACE, title, explanation)


ENTRIES = (
    _entry(
        "RT-MISSING",
        "there is no route to a block of another node",
        """\
Packets to these pods follow the next shorter route, the default route as a rule, and are lost.

Found by comparing the blocks that other nodes own (confirmed affinity, a pool that is exported, a
registered address) with the kernel's main table.

With the session up: `birdcl show route for PREFIX all` says whether BIRD knows it. With VXLAN
Felix writes the route. BIRD puts a deleted route back within two seconds.""",
    ),
    _entry(
        "RT-FILTERED",
        "a BGPFilter keeps the route to a block of another node away",
        """\
Packets to these pods follow the next shorter route, the default route as a rule, and are lost. BIRD
does as it was told: a filter on the way from the block's owner to this host rejects the route.

Found by going through the rules of the BGPFilters on every session by which the route could come:
here, on the owner, and on route reflectors between them.

If the pods are to be reached, let the filter accept their pool, or take it out of the BGPPeer.""",
    ),
    _entry(
        "RT-WRONG-NEXTHOP",
        "the route to a block leads to another host than its owner",
        """\
Packets to these pods go to a host that does not have them.

Found by comparing the next hop with the owner's registered address, or with its tunnel address
for VXLAN. Only judged where the right next hop is certain: with the full mesh, and for plain
routes when the owner is in a connected network.

BIRD's table says which peer sent it; a foreign route on that host is the usual source, or a node
that changed its address.""",
    ),
    _entry(
        "RT-WRONG-DEVICE",
        "the route to a block leaves through the wrong device",
        """\
The pool's encapsulation (none, IPIP, VXLAN; CrossSubnet depends on both nodes' networks) decides
on the device. The peer does not accept packets that come another way.

Found by comparing the device with tunl0, vxlan.calico, or a device of the host that is no tunnel.

`ip route del` with the route as it is: BIRD keeps one of which only the device is wrong, even when
it starts, and writes the right one once it is gone. If it comes back, compare the pool (`calicoctl
get ippool -o wide`) with what Felix and BIRD were started with.""",
    ),
    _entry(
        "RT-BLACKHOLE",
        "packets to a block of another node are dropped here",
        """\
A blackhole is right for a block that this node owns. Here calico/node owns it no more, or two
nodes claim it.

Found in the type of the kernel's route.

See RT-DUPLICATE-AFFINITY and NAME-MISMATCH; an old blackhole goes away when calico/node
restarts.""",
    ),
    _entry(
        "RT-UNREACHABLE",
        "the kernel refuses packets to a block of another node",
        """\
BIRD has the route but cannot resolve its next hop: the owner's registered address is on no
network that this host can reach.

Found in the type of the kernel's route (unreachable, or throw).

`ip route get ADDRESS` for the owner's registered address. If that is answered, BIRD has not seen
that there is a way: restart its session with the owner (`birdcl restart NAME`).""",
    ),
    _entry(
        "RT-PROHIBIT",
        "the kernel prohibits packets to a block of another node",
        """\
A `prohibit` route lies on the block. Calico never writes one.

Found in the type of the kernel's route.

`ip route del PREFIX` once it is known who put it there.""",
    ),
    _entry(
        "RT-ECMP",
        "the route to a block has several next hops",
        """\
A block has one owner. With several next hops a part of the connections goes to a host that does
not have the pods: two nodes advertise the block. BIRD learns foreign kernel routes and advertises
them, so a route put in by hand on one host becomes this on all others.

Found in the kernel's route; BIRD's table says which peer sent which next hop.

Remove the foreign route on the host that is named, or the second affinity.""",
    ),
    _entry(
        "RT-FOREIGN",
        "a route that is not Calico's lies on a block of another node",
        """\
Somebody put a route with exactly this prefix into the table. BIRD cannot place its own ("Netlink:
File exists" in its log), learns the foreign one and advertises it to the other hosts.

Found by the route's shape and protocol: not what Calico would write, and not by BIRD (12) or
Felix (80). A route that encapsulates (`encap` in `ip route`) is by neither, whatever it says.
A default route into the link of a pod is foreign, too: no pod is this host's router.

`ip route del PREFIX`; then find what put it there.""",
    ),
    _entry(
        "RT-SHADOWED",
        "a foreign route takes over addresses of a block",
        """\
A longer prefix inside the block, or the same prefix with a better metric, goes elsewhere: the
kernel prefers it.

Found by looking for foreign routes inside the blocks of other nodes. Host routes to local
workloads are none.

`ip route del PREFIX`; a network of the host must not overlap the pools.""",
    ),
    _entry(
        "RT-STALE",
        "a route to a block that nobody owns",
        """\
BIRD or Felix wrote it once; the block was freed since. It does no harm until the block is given
out again.

Found by comparing BIRD's and Felix's routes inside the pools with blocks and affinities.

It goes away when BIRD hears of it: look at the sessions. `ip route del PREFIX` when its owner is
gone for good.""",
        Severity.WARNING,
    ),
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
        "RT-BLACKHOLE-MISSING",
        "the blackhole of an own block is missing",
        """\
Packets to addresses of this node's block that no pod has should end here. Without the blackhole
they follow the default route, and may circle between this host and its router.

Found by looking for a blackhole (of BIRD or of Felix) on each block of this node.

BIRD writes it at its start and every two seconds; see BIRD-DOWN.""",
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
    _entry(
        "RT-DUPLICATE-AFFINITY",
        "two nodes claim one block",
        """\
Both advertise it and both keep a blackhole on it: other hosts spread packets over both (ECMP),
and each of the two drops what belongs to the other.

Found in the affinity keys of the datastore, compared with the block's own owner.

`calicoctl ipam check --show-problem-ips`; delete the affinity of the node that does not own the
block.""",
    ),
    _entry(
        "RT-BLOCK-GONE",
        "a node claims a block that has no record",
        """\
The record of a block says which of its addresses are in use. It is gone, while the claim (affinity)
of a node on it is confirmed: IPAM will give addresses away that running pods have. BIRD goes by the
claim, so that routes may be there as before; Felix takes those of VXLAN away.

Found by comparing the claims with the blocks in the datastore. IPAM writes the block first and
deletes it first, so that this never passes by itself.

Write the block again from a backup of etcd, or delete the claim and start the pods of that node
anew.""",
        Severity.WARNING,
    ),
    _entry(
        "RT-UNCLAIMED",
        "a block is in use, and its node does not advertise it",
        """\
BIRD on a node advertises the blocks that the node has a confirmed claim on. Here the block names
the node, but the claim (an affinity key) is pending, about to be deleted, or gone: what a crash in
the middle of IPAM's work leaves behind. The pods run, and no other node has a route to them.

Found in the datastore, by comparing each block that holds addresses in use with the claim of its
owner. Felix goes by the block alone, so that VXLAN is not affected.

The next pod that starts on the node has IPAM repair it. Otherwise write the claim by hand, as the
finding says.""",
    ),
    _entry(
        "RT-NOT-EXPORTED",
        "pods are in use that BGP is told not to advertise",
        """\
Nothing in a pool with disableBGPExport is advertised. Without VXLAN that means that pods there
cannot be reached from other nodes.

Found in the pools of the datastore, where blocks of them are in use.

If the pods are to be reached: export the pool.""",
        Severity.WARNING,
    ),
    _entry(
        "RT-POOL-GONE",
        "addresses are in use that lie in no pool any more",
        """\
Deleting a pool takes the owner from each of its blocks and deletes the nodes' claims on them, while
the addresses in use stay so. BIRD advertises blocks by their claims, and single addresses in a pool
only: nothing leads to these pods from other nodes.

Found in the blocks of the datastore that lie in no pool and whose addresses are in use. It is an
error where pods of this host have such addresses; else they may as well have leaked.

Create the pool again: blocks do not get their owner back, each address is advertised alone. Pods
that are started anew get addresses of blocks with an owner.""",
    ),
    _entry(
        "RT-DIVERTED",
        "a policy rule takes packets for pods away from the main table",
        """\
The kernel asks policy rules in the order of their priority, and Calico's routes are in the main
table. A rule before it leads these packets into another table, where another route takes them, or
refuses them.

Found by following the rules (`ip rule`) for packets of this host and of its own pods, and by
judging the route in the table that they lead to. WireGuard's own rule and table are right. A rule
for single addresses of a block is told for these alone. A rule for the registered address of this
host (source-based routing, nm-cloud-setup) takes what the host answers to its own pods.

`ip rule` and `ip route show table N`. Delete the rule, give it a narrower selector, or put a
`throw` route for the pools into its table.""",
    ),
    _entry(
        "RT-SERVICES",
        "BIRD drops what this host itself sends to service addresses",
        """\
Where Calico advertises service addresses to routers, BIRD keeps a blackhole on their network.
kube-proxy gives packets of pods and routers another destination before the kernel looks for a
route. Packets of this host's own programs get their route first, and end there.

Found in the kernel's routes: a blackhole of BIRD's outside of all pools and blocks, while no
kube-ipvs0 has addresses of it.

Advertise the services no more where no router needs them, or run kube-proxy in its mode ipvs.""",
        Severity.WARNING,
    ),
    _entry(
        "RT-OVERLAP",
        "a pool and a network of this host share addresses",
        """\
An address of both belongs to a pod and to a host at once. The longest prefix decides: a block
hides the hosts in it from this host, and where there is no block, packets for pods that are to
come go out into the network.

Found by comparing the pools with the networks of this host's links; those of bridges for
containers or virtual machines count once a block lies in them.

Choose a pool that overlaps nothing: create it, disable the old one, and move the pods.""",
        Severity.WARNING,
    ),
)
