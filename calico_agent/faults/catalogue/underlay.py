"""Catalogue: what lies beneath the routes: links, tunnels, neighbours, forwarding."""

from functools import partial

from calico_agent.faults.catalogue.entry import Entry
from calico_agent.model.finding import ConditionType, Severity

_entry = partial(Entry, condition=ConditionType.ROUTES_IN_PLACE)

ENTRIES = (
    _entry(
        "RT-NEXTHOP-DEAD",
        "the next hop to a node does not answer",
        """\
The kernel got no answer to ARP (or neighbour discovery) for the node's address, or the link to it
is down: the host is off, or cut off. BIRD notices after 164 to 200 seconds only; until then
session and routes look right.

Found in the neighbour table: FAILED or INCOMPLETE for the next hop, on the link by which packets
leave: the node itself, or the router that leads there. Entries on other links say nothing.

Look at that host and the network between.""",
    ),
    _entry(
        "RT-NEIGHBOUR",
        "the kernel was told a wrong hardware address of a node",
        """\
Somebody wrote a neighbour entry by hand (PERMANENT), with a hardware address that no network card
of that node has. The kernel believes it and does not ask: all packets to the node are lost, those
of BGP as well, and BIRD notices after three to four minutes only.

Found by comparing the entry, on the link by which packets leave, with the cards that the agent on
that node named when it claimed its name.

`ip neigh del ADDRESS dev DEVICE`: the kernel then asks for the right one.""",
    ),
    _entry(
        "RT-LINK-DOWN",
        "the link that carries this node's address is down",
        """\
This host is cut off from the others, while sessions stay established for minutes and routes keep
their place.

Found in the state of the link, and in the kernel's flag `linkdown` on its connected network.

`ip link show DEVICE`: bring it up, or look at the cable, the switch port, the virtual network
card.""",
    ),
    _entry(
        "RT-TUNNEL-DEVICE",
        "this host's end of the tunnels is not as it should be",
        """\
Routes to pods of other nodes lead into a tunnel device (vxlan.calico, tunl0, wireguard.cali), which
is missing here or switched off, or has another VNI, UDP port or source address than the others
expect. With another address than this node's record says, or without one, pods still reach pods
while the routes are there; what the host itself sends to them carries another source.

Found by comparing the kernel's links with the devices that the expected routes need, and with
vxlanEnabled, ipipEnabled, vxlanVNI and vxlanPort of FelixConfiguration (default, and that of this
node) and of Felix's environment.

`ip link set DEVICE up`. tunl0 comes with the kernel module: `modprobe ipip`. Felix makes
vxlan.calico anew within seconds and writes the routes within two minutes; if it does not, its log
says why: another device with the same VNI (flannel.1), or a kernel module that is missing.""",
    ),
    _entry(
        "RT-SOURCE",
        "tunnelled packets carry another source than the registered address",
        """\
What IPIP and WireGuard put around the packets of pods carries the source address of the kernel's
route to the other node. Where this host has several addresses that may be another one than the node
is registered with. The other node drops IPIP from addresses of no node; WireGuard there answers to
that address. BGP sessions bind the registered address and stay up, and VXLAN binds it too.

Found by asking the kernel for the source address towards each node (of large clusters towards some
of them, and what routes say of the others).

A route to that node's network with `src ADDRESS`, as the finding writes it, or the other address as
that of the node.""",
    ),
    _entry(
        "RT-WIREGUARD",
        "packets between nodes are to be encrypted, and are not",
        """\
WireGuard is asked for, and this host or another node has no public key in its record: Felix could
not make the device there, as the kernel has no WireGuard. Nothing is lost: packets to and from that
node travel in the clear, by the pool's usual way.

Found by comparing wireguardEnabled (wireguardEnabledV6) of FelixConfiguration and of Felix's
environment with the records of the nodes.

`modprobe wireguard` on that node, and restart calico/node there.""",
        Severity.WARNING,
    ),
    _entry(
        "RT-NO-FORWARDING",
        "this host has the routes, but does not forward packets",
        """\
The kernel drops every packet that is not its own: the pods here are cut off, although every route
and session is as it should be. Felix switches forwarding on when it starts; a sysctl.d file, or a
hardening tool that is run later, switches it off again.

Found by asking the kernel for its settings (RTM_GETNETCONF), when this host has blocks.

`sysctl -w net.ipv4.ip_forward=1` mends it at once (for IPv6 net.ipv6.conf.all.forwarding). Remove
what sets it to 0 in /etc/sysctl.d, or it comes back with the next boot.""",
    ),
    _entry(
        "RT-TUNNEL",
        "VXLAN packets for a node do not reach it",
        """\
The route to its pods leads to its tunnel address; the neighbour entry gives that a MAC, and the
forwarding database gives the MAC the address of the host. One of them is missing or leads
elsewhere. The route itself looks right.

Found by following the three of them to the owner's registered address, and by checking that this
is not an address of this host.

If the owner registered a wrong address, cure that (IP-BRIDGE). Otherwise restart calico/node
here: Felix rewrites them.""",
    ),
)
