"""Routes of the kernel, and what leads packets past them."""

from collections.abc import Iterator

from tests.campaign.deeds import FOREIGN, again_and_again, block_of, on, own_block, pod_route, route_in_the_place_of
from tests.campaign.fault import fault
from tests.lab.lab import Lab

ROUTES = "routes-of-host1"
"""To host2. What comes and goes has other ones: that a route does is remembered for five minutes."""


@fault("host2", "RT-MISSING", touches="routes-of-host2")
def route_missing(lab: Lab) -> Iterator[None]:
    """The route of host2 to host3's block is deleted ten times a second."""
    with again_and_again(lab, "host2", f"ip route del {block_of(lab, 'host3', 'host2')}"):
        yield


@fault("host1", touches=ROUTES)
def route_deleted_once(lab: Lab) -> Iterator[None]:
    """The route to host2's block is deleted once, and BIRD puts it back."""
    on(lab, "host1", f"ip route del {block_of(lab, 'host2')}")
    yield


@fault("host1", "RT-FOREIGN", touches=ROUTES)
def route_foreign(lab: Lab) -> Iterator[None]:
    """A route by hand leads host2's block to the router."""
    with route_in_the_place_of(lab, "host1", block_of(lab, "host2"), f"via {FOREIGN}"):
        yield


@fault("host1", "RT-FOREIGN", "RT-WRONG-NEXTHOP", touches=ROUTES)
def route_to_another_node(lab: Lab) -> Iterator[None]:
    """A static route leads host2's block to host3."""
    with route_in_the_place_of(lab, "host1", block_of(lab, "host2"), "via 10.77.0.13 proto static"):
        yield


@fault("host3", "RT-WRONG-NEXTHOP", touches="routes-of-host3")
def route_of_bird_to_another_node(lab: Lab) -> Iterator[None]:
    """The route of host3 to host1's block, as if BIRD had written it, leads to host2; ten times a second."""
    wrong = f"ip route replace {block_of(lab, 'host1', 'host3')} via 10.77.0.12 dev eth0 proto bird"
    with again_and_again(lab, "host3", wrong):
        yield


@fault("host1", "RT-BLACKHOLE", touches=ROUTES)
def route_blackhole(lab: Lab) -> Iterator[None]:
    """A blackhole is in the place of the route to host2's block."""
    with route_in_the_place_of(lab, "host1", block_of(lab, "host2"), "", "blackhole"):
        yield


@fault("host1", "RT-UNREACHABLE", touches=ROUTES)
def route_unreachable(lab: Lab) -> Iterator[None]:
    """An unreachable route is in the place of the route to host2's block."""
    with route_in_the_place_of(lab, "host1", block_of(lab, "host2"), "", "unreachable"):
        yield


@fault("host1", "RT-PROHIBIT", touches=ROUTES)
def route_prohibit(lab: Lab) -> Iterator[None]:
    """A route that prohibits is in the place of the route to host2's block."""
    with route_in_the_place_of(lab, "host1", block_of(lab, "host2"), "", "prohibit"):
        yield


@fault("host1", "RT-SHADOWED", touches=ROUTES)
def route_shadowed(lab: Lab) -> Iterator[None]:
    """The lower half of host2's block is led to the router by a longer prefix."""
    half = f"{block_of(lab, 'host2').partition('/')[0]}/27"
    on(lab, "host1", f"ip route add {half} via {FOREIGN} proto static")
    yield
    on(lab, "host1", f"ip route del {half} via {FOREIGN} proto static")


@fault("host1", "RT-ECMP", "RT-FOREIGN", touches=ROUTES)
def route_with_two_next_hops(lab: Lab) -> Iterator[None]:
    """A route by hand leads host2's block to host2 and to host3."""
    block = block_of(lab, "host2")
    on(lab, "host1", f"ip route replace {block} proto static nexthop via 10.77.0.12 nexthop via 10.77.0.13")
    yield
    on(lab, "host1", f"ip route del {block} proto static")


@fault("host1", "RT-WRONG-DEVICE", "RT-FOREIGN", touches=ROUTES)
def route_through_another_device(lab: Lab) -> Iterator[None]:
    """A route by hand leads host2's block out of a link that leads nowhere."""
    lab.host("host1").ip("link add wrong0 type veth peer name wrong1", "link set wrong0 up", "link set wrong1 up")
    with route_in_the_place_of(lab, "host1", block_of(lab, "host2"), "dev wrong0 proto static"):
        yield
    on(lab, "host1", "ip link del wrong0")


@fault("host3", "RT-FOREIGN", touches="routes-of-host1 routes-of-host3")
def route_by_hand_that_bird_spreads(lab: Lab) -> Iterator[None]:
    """A static route on host3 leads host2's block to the router, and BIRD tells the others."""
    block = block_of(lab, "host2")
    with route_in_the_place_of(lab, "host3", block, f"via {FOREIGN} proto static"):
        yield


@fault("host1", "RT-STALE", touches=ROUTES)
def route_to_a_block_of_nobody(lab: Lab) -> Iterator[None]:
    """A route to a block that nobody owns, as if BIRD had written it, comes ten times a second."""
    block = "192.168.251.64/26"
    with again_and_again(lab, "host1", f"ip route replace {block} via 10.77.0.12 dev eth0 proto bird"):
        yield
    lab.exec("host1", "ip", "route", "del", block)  # BIRD may have taken it away already


@fault("host1", "RT-BLACKHOLE-MISSING", touches="own-block-of-host1")
def own_blackhole_replaced(lab: Lab) -> Iterator[None]:
    """An unreachable route is in the place of the blackhole of host1's own block."""
    block = own_block(lab, "host1")
    on(lab, "host1", f"ip route replace unreachable {block} proto 99")
    yield
    on(lab, "host1", f"ip route del unreachable {block} proto 99")


@fault("host1", "RT-DIVERTED", touches="rules-of-host1")
def rule_to_another_table(lab: Lab) -> Iterator[None]:
    """A policy rule sends packets for pods into a table with a default route."""
    on(lab, "host1", f"ip route add default via {FOREIGN} table 100")
    on(lab, "host1", "ip rule add to 192.168.0.0/16 lookup 100 priority 50")
    yield
    on(lab, "host1", "ip rule del priority 50")
    on(lab, "host1", "ip route flush table 100")


@fault("host1", "RT-DIVERTED", touches="rules-of-host1")
def rule_that_prohibits(lab: Lab) -> Iterator[None]:
    """A policy rule prohibits packets to host2's block."""
    on(lab, "host1", f"ip rule add to {block_of(lab, 'host2')} priority 100 prohibit")
    yield
    on(lab, "host1", "ip rule del priority 100")


@fault("host1", touches="rules-of-host1")
def rule_that_does_not_matter(lab: Lab) -> Iterator[None]:
    """A policy rule for a network that is nobody's comes."""
    on(lab, "host1", "ip rule add to 203.0.113.0/24 lookup 100 priority 60")
    yield
    on(lab, "host1", "ip rule del priority 60")


@fault("host2", "RT-NO-FORWARDING", "HOST-FORWARD", touches="forwarding-of-host2")
def forwarding_off(lab: Lab) -> Iterator[None]:
    """net.ipv4.ip_forward of host2 is 0."""
    on(lab, "host2", "sysctl -w net.ipv4.ip_forward=0")
    yield
    on(lab, "host2", "sysctl -w net.ipv4.ip_forward=1")


@fault("host1", "RT-NEIGHBOUR", touches="neighbours-of-host1")
def neighbour_by_hand(lab: Lab) -> Iterator[None]:
    """The kernel of host1 is told a wrong hardware address of host2, for good."""
    on(lab, "host1", "ip neigh replace 10.77.0.12 lladdr 02:00:00:00:00:99 dev eth0")
    yield
    on(lab, "host1", "ip neigh del 10.77.0.12 dev eth0")


@fault("host2", "RT-WORKLOAD-MISSING", touches="pods-of-host2")
def pod_route_missing(lab: Lab) -> Iterator[None]:
    """The route to host2's pod is deleted ten times a second."""
    pod, _ = pod_route(lab, "host2")
    with again_and_again(lab, "host2", f"ip route del {pod}"):
        yield


@fault("host3", "RT-WORKLOAD-GONE", touches="pods-of-host3")
def pod_link_renamed(lab: Lab) -> Iterator[None]:
    """The link of host3's pod gets another name, so that the one of its record is not there."""
    pod, link = pod_route(lab, "host3")
    lab.host("host3").ip(f"link set {link} down", f"link set {link} name renamed0", "link set renamed0 up")
    yield
    lab.host("host3").ip("link set renamed0 down", f"link set renamed0 name {link}", f"link set {link} up")
    on(lab, "host3", f"ip route replace {pod} dev {link} scope link")
