"""Catalogue: the kernel's routes to blocks, of other nodes and of this one."""

from functools import partial

from calico_agent.faults.catalogue.entry import Entry
from calico_agent.model.finding import ConditionType, Severity

_entry = partial(Entry, condition=ConditionType.ROUTES_IN_PLACE)

ENTRIES = (
    _entry(
        "RT-MISSING",
        "there is no route to a block of another node",
        """\
Packets to these pods follow the next shorter route, the default route as a rule, and are lost.

Found by comparing the blocks that other nodes own (confirmed affinity, a pool that is exported, a
registered address) with the kernel's main table. For a block of one address it is a warning: BIRD
tells of it as long as there is the pod that has it, and addresses leak.

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
that there is a way: restart its session with the owner (`birdcl restart NAME`). Or it may not take
it: a next hop that is found by a route which came by BGP itself, such as a default route that a
router tells. A BGPFilter keeps that away.""",
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
kernel prefers it. BIRD learns such a route and advertises it, so that the other hosts have it too.

Found by looking for foreign routes inside the blocks of other nodes, and for those of BIRD's that
are longer than a block. Host routes to workloads are none.

`ip route del PREFIX` on the host where it was put in; a network of the host must not overlap the
pools.""",
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
containers or virtual machines count once a block lies in them. It is an error where packets to
another node itself are led away as if they were for pods, and where a network of this host is a
part of a block.

Choose a pool that overlaps nothing: create it, disable the old one, and move the pods.""",
        Severity.WARNING,
    ),
)
