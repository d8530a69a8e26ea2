"""The links of this host, as far as nothing else explains what is wrong with them."""

from calico_agent.model.finding import ConditionType, Fault

RT_LINK_DOWN = Fault(
    code="RT-LINK-DOWN",
    title="the link that carries this node's address is down",
    condition=ConditionType.ROUTES_IN_PLACE,
    explanation="""\
This host is cut off from the others, while sessions stay established for minutes and routes keep
their place.

Found in the state of the link, and in the kernel's flag `linkdown` on its connected network.

`ip link show DEVICE`: bring it up, or look at the cable, the switch port, the virtual network
card.""",
)

RT_NEIGHBOUR = Fault(
    code="RT-NEIGHBOUR",
    title="the kernel was told a wrong hardware address of a node",
    condition=ConditionType.ROUTES_IN_PLACE,
    explanation="""\
Somebody wrote a neighbour entry by hand (PERMANENT), with a hardware address that no network card
of that node has. The kernel believes it and does not ask: all packets to the node are lost, those
of BGP as well, and BIRD notices after three to four minutes only.

Found by comparing the entry, on the link by which packets leave, with the cards that the agent on
that node named when it claimed its name.

`ip neigh del ADDRESS dev DEVICE`: the kernel then asks for the right one.""",
)

RT_NO_FORWARDING = Fault(
    code="RT-NO-FORWARDING",
    title="this host has the routes, but does not forward packets",
    condition=ConditionType.ROUTES_IN_PLACE,
    explanation="""\
The kernel drops every packet that is not its own: the pods here are cut off, although every route
and session is as it should be. Felix switches forwarding on when it starts; a sysctl.d file, or a
hardening tool that is run later, switches it off again.

Found by asking the kernel for its settings (RTM_GETNETCONF), when this host has blocks.

`sysctl -w net.ipv4.ip_forward=1` mends it at once (for IPv6 net.ipv6.conf.all.forwarding). Remove
what sets it to 0 in /etc/sysctl.d, or it comes back with the next boot.""",
)
