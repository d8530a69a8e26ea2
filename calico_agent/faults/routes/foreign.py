"""What is beside the routes of Calico: routes, rules and networks of others."""

from calico_agent.faults.scopes import same_node, same_prefix
from calico_agent.model.finding import ConditionType, Fault, Severity
from calico_agent.model.joining import Grouping

RT_OVERLAP = Fault(
    code="RT-OVERLAP",
    title="a pool and a network of this host share addresses",
    severity=Severity.WARNING,
    condition=ConditionType.ROUTES_IN_PLACE,
    grouping=Grouping.BY_NODE,
    explanation="""\
An address of both belongs to a pod and to a host at once. The longest prefix decides: a block
hides the hosts in it from this host, and where there is no block, packets for pods that are to
come go out into the network.

Found by comparing the pools with the networks of this host's links; those of bridges for
containers or virtual machines count once a block lies in them. It is an error where packets to
another node itself are led away as if they were for pods, or refused, as BIRD advertises what lies
in a pool, the hosts' own network too, and where a network of this host is a part of a block.

Choose a pool that overlaps nothing: create it, disable the old one, and move the pods. A pool that
only exempts the hosts from NAT wants `disableBGPExport: true`.""",
)

RT_FOREIGN = Fault(
    code="RT-FOREIGN",
    title="a route that is not Calico's lies on a block of another node",
    condition=ConditionType.ROUTES_IN_PLACE,
    explained_by=(same_prefix(RT_OVERLAP),),
    grouping=Grouping.BY_NODE,
    explanation="""\
Somebody put a route with exactly this prefix into the table. BIRD cannot place its own ("Netlink:
File exists" in its log), learns the foreign one and advertises it to the other hosts.

Found by the route's shape and protocol: not what Calico would write, and not by BIRD (12) or
Felix (80). A route that encapsulates (`encap` in `ip route`) is by neither, whatever it says.
A default route into the link of a pod is foreign, too: no pod is this host's router.

`ip route del PREFIX`; then find what put it there.""",
)

RT_SHADOWED = Fault(
    code="RT-SHADOWED",
    title="a foreign route takes over addresses of a block",
    condition=ConditionType.ROUTES_IN_PLACE,
    explained_by=(same_node(RT_OVERLAP), same_prefix(RT_OVERLAP)),
    grouping=Grouping.BY_NODE,
    explanation="""\
A longer prefix inside the block, or the same prefix with a better metric, goes elsewhere: the
kernel prefers it. BIRD learns such a route and advertises it, so that the other hosts have it too.

Found by looking for foreign routes inside the blocks of other nodes, and for those of BIRD's that
are longer than a block. Host routes to workloads are none.

`ip route del PREFIX` on the host where it was put in; a network of the host must not overlap the
pools.""",
)

RT_PROHIBIT = Fault(
    code="RT-PROHIBIT",
    title="the kernel prohibits packets to a block of another node",
    condition=ConditionType.ROUTES_IN_PLACE,
    explanation="""\
A `prohibit` route lies on the block. Calico never writes one.

Found in the type of the kernel's route.

`ip route del PREFIX` once it is known who put it there.""",
)

RT_DIVERTED = Fault(
    code="RT-DIVERTED",
    title="a policy rule takes packets for pods away from the main table",
    condition=ConditionType.ROUTES_IN_PLACE,
    grouping=Grouping.BY_NODE,
    explanation="""\
The kernel asks policy rules in the order of their priority, and Calico's routes are in the main
table. A rule before it leads these packets into another table, where another route takes them, or
refuses them.

Found by following the rules (`ip rule`) for packets of this host and of its own pods, and by
judging the route in the table that they lead to. WireGuard's own rule and table are right. A rule
for single addresses of a block is told for these alone. A rule for the registered address of this
host (source-based routing, nm-cloud-setup) takes what the host answers to its own pods.

`ip rule` and `ip route show table N`. Delete the rule, give it a narrower selector, or put a
`throw` route for the pools into its table.""",
)

RT_SERVICES = Fault(
    code="RT-SERVICES",
    title="BIRD drops what this host itself sends to service addresses",
    severity=Severity.WARNING,
    condition=ConditionType.ROUTES_IN_PLACE,
    explanation="""\
Where Calico advertises service addresses to routers, BIRD keeps a blackhole on each. That of a
single address (a /32 in serviceExternalIPs or serviceLoadBalancerIPs) is in the kernel, too; ranges
are kept from it by confd's filter. kube-proxy gives packets of pods and routers another destination
before the kernel looks for a route. Packets of this host's own programs get their route first, and
end there.

Found in the kernel's routes: a blackhole of BIRD's outside of all pools and blocks, while no
kube-ipvs0 has addresses of it.

Advertise the services no more where no router needs them, or run kube-proxy in its mode ipvs.""",
)
