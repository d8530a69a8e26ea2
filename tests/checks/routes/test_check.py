"""The expected routes against the kernel's table."""

from collections.abc import Iterable
from dataclasses import replace
from ipaddress import ip_address, ip_interface, ip_network

import pytest

from calico_agent.model.assessment import RouteCounts
from calico_agent.model.calico.bad_key import ResourceKind
from calico_agent.model.calico.bgp_peer import Peering
from calico_agent.model.calico.bird import Bird, PeerKind, RibRoute
from calico_agent.model.calico.node import AffinityState, BgpSettings, Block, Borrowed, Node, Pool
from calico_agent.model.finding import Finding, Status
from calico_agent.model.host.claimant import Machine
from calico_agent.model.identity import Candidate, Identity
from calico_agent.model.name_lease import AliveSign
from calico_agent.model.network.address import Link
from calico_agent.model.network.fib import Fib
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.network.neighbor import ForwardingEntry, Neighbour
from calico_agent.model.network.route import NextHop, Route, RouteType
from calico_agent.model.observation import Observation, Unreadable
from tests.bad_keys import bad_record
from tests.checks.case import Case, check
from tests.checks.cluster import (
    BIRD,
    BIRD4,
    BOOT,
    DATASTORE,
    FELIX,
    HEALTHY,
    IDENTITY,
    KERNEL,
    POOL,
    ROUTES,
    SESSIONS,
    STATIC,
    also,
    block,
    claim,
    drop,
    findings_of,
    look,
    node,
    peered,
    routed,
    session,
    stored,
    via,
    with_neighbours,
)
from tests.checks.vxlan import VTEPS, VXLAN, without

TO3 = "192.168.3.0/26"
TO2 = "192.168.2.0/26"
LOST_SIGHT = {"BIRD-LINK eth0": {f"RT-WRONG-NEXTHOP {TO2}", f"RT-WRONG-NEXTHOP {TO3}"}}
TO_HOST2 = SESSIONS[0]
HOST1, HOST2, HOST3 = DATASTORE.nodes
MAC = "66:00:00:00:00:03"
ALIVE = stored(claims=(AliveSign("host3", Machine("m3", macs=(MAC,), address="10.77.0.13")),))
FAR = replace(HOST3, ipv4=ip_interface("10.78.0.13/24"))


def ecmp(prefix: str, *gateways: str) -> Route:
    hops = tuple(NextHop(ip_address(gateway), "eth0") for gateway in gateways)
    return Route(ip_network(prefix), next_hops=hops, protocol=BIRD)


def encapsulating(route: Route, word: str) -> Route:
    return replace(route, next_hops=tuple(replace(hop, encapsulation=word) for hop in route.next_hops))


def told(observation: Observation, *rows: RibRoute) -> Observation:
    """BIRD was asked for its table."""
    return replace(observation, bird=replace(BIRD4, routes=rows, asked=None))


def tunnelled(
    *neighbours: Neighbour, forwarding: tuple[ForwardingEntry, ...] = (), gone: Iterable[str] = ()
) -> Observation:
    """The VXLAN host, with neighbours and forwarding database read, perhaps without some routes."""
    return replace(VXLAN, kernel=replace(without(gone), neighbours=neighbours, fdb=forwarding))


def neighbour(address: str, mac: str = MAC, device: str = "vxlan.calico", state: str = "PERMANENT") -> Neighbour:
    return Neighbour(ip_address(address), device, state, mac)


def forwards(destination: str, mac: str = MAC) -> ForwardingEntry:
    return ForwardingEntry(mac, "vxlan.calico", ip_address(destination))


def borrowing(node: str, *, owner: str = "host2", address: str = "192.168.2.9") -> Observation:
    """A node uses one address of another's block."""
    lent = (Borrowed(ip_address(address), node),)
    blocks = tuple(replace(one, borrowed=lent) if one.owner == owner else one for one in DATASTORE.blocks)
    return stored(blocks=blocks)


ORPHAN = Block(ip_network("192.168.9.0/26"), None, borrowed=(Borrowed(ip_address("192.168.9.9"), "host3"),))


def far(*routes: Route, without: Iterable[str] = ()) -> Observation:
    """Host3 is on another network, behind a router."""
    assert isinstance(HEALTHY.bird, Bird)
    sessions = (session("10.77.0.12"), session("10.88.0.13"))
    moved = replace(routed(*routes, without=without), bird=replace(HEALTHY.bird, sessions=sessions))
    return stored(moved, nodes=(*DATASTORE.nodes[:2], node("host3", "10.88.0.13/24")))


def linked(*links: Link) -> Observation:
    """The healthy host, with its links read."""
    assert isinstance(HEALTHY.kernel, Kernel)
    return replace(HEALTHY, kernel=replace(HEALTHY.kernel, links=links))


BY_ROUTER = routed(via("10.77.0.13/32", "10.77.0.254", protocol=STATIC), via(TO3, "10.77.0.254"))


def dark(without: list[str]) -> Observation:
    """Eth0 lost its carrier: the kernel marks the routes through it."""
    network = Route(ip_network("10.77.0.0/24"), next_hops=(NextHop(None, "eth0", linkdown=True),), protocol=KERNEL)
    return routed(network, without=without)


def with_link(address: str, link: str, reason: str = "") -> Identity:
    """This host has one more address, perhaps with something that speaks against it."""
    more = Candidate(ip_interface(address), link, reason)
    return replace(IDENTITY, ipv4=replace(IDENTITY.ipv4, candidates=(*IDENTITY.ipv4.candidates, more)))


def on(observation: Observation, source: Observation) -> Observation:
    """The kernel of one with the datastore of the other."""
    return replace(observation, datastore=source.datastore)


NO_NAT = Pool("no-nat", ip_network("10.0.0.0/8"), disabled=True)
MAC2 = "66:00:00:00:00:02"
GOOD_TUNNELS = (neighbour("192.168.2.1", MAC2), neighbour("192.168.3.1"))
GOOD_FORWARDING = (forwards("10.77.0.12", MAC2), forwards("10.77.0.13"))
WRONG = {"RoutesInPlace": Status.FALSE}

CASES = {
    "a missing route: packets follow the default route": Case(
        routed(without=[TO3]),
        {f"RT-MISSING {TO3}": set()},
        says=(
            "there is no route to 192.168.3.0/26, pods of node host3",
            "wanted: 192.168.3.0/26 via 10.77.0.13",
            "packets to it follow default via 10.77.0.1 dev eth0",
        ),
        status=WRONG,
    ),
    "a missing route without a default route": Case(
        routed(without=[TO3, "0.0.0.0/0"]), {f"RT-MISSING {TO3}": set()}, says=("refused as unreachable",)
    ),
    "a missing route, and BIRD's table says why": Case(
        told(
            routed(without=[TO3]),
            RibRoute(ip_network(TO3), "Mesh_10_77_0_13", best=True, gateway=ip_address("10.77.0.13")),
        ),
        {f"RT-MISSING {TO3}": set()},
        says=("BIRD knows it by Mesh_10_77_0_13: it was deleted just now",),
    ),
    "several blocks of one node are one problem": Case(
        stored(
            routed(without=[TO3]),
            blocks=(*DATASTORE.blocks, block("host3", "192.168.3.64/26")),
            affinities=(*DATASTORE.affinities, claim("host3", "192.168.3.64/26")),
        ),
        {f"RT-MISSING {TO3}": {"RT-MISSING 192.168.3.64/26"}},
    ),
    "an emptied table is one problem": Case(
        stored(
            peered(session("10.77.0.1", kind=PeerKind.NODE), observation=routed(without=["192.168.2.0/26", TO3])),
            nodes=(*DATASTORE.nodes, *(Node(f"far{n}", ip_interface(f"10.77.0.2{n}/24")) for n in range(3))),
            blocks=(*DATASTORE.blocks, *(block(f"far{n}", f"192.168.9.{64 * n}/26") for n in range(3))),
            affinities=(*DATASTORE.affinities, *(claim(f"far{n}", f"192.168.9.{64 * n}/26") for n in range(3))),
            bgp=BgpSettings(mesh=False, peers=("routers",)),
        ),
        {
            "RT-MISSING 192.168.2.0/26": {
                f"RT-MISSING {TO3}",
                "RT-MISSING 192.168.9.0/26",
                "RT-MISSING 192.168.9.64/26",
                "RT-MISSING 192.168.9.128/26",
            }
        },
    ),
    "another node's address as next hop": Case(
        routed(via(TO3, "10.77.0.12")),
        {f"RT-WRONG-NEXTHOP {TO3}": set()},
        says=("host2 advertises it too", "found: 192.168.3.0/26 via 10.77.0.12 dev eth0 proto bird"),
        status=WRONG,
    ),
    "nobody's address as next hop, and BIRD's table names who sent it": Case(
        told(
            routed(via(TO3, "10.77.0.1")),
            RibRoute(
                ip_network(TO3),
                "Mesh_10_77_0_12",
                best=True,
                gateway=ip_address("10.77.0.1"),
                learned_from=ip_address("10.77.0.12"),
            ),
        ),
        {f"RT-WRONG-NEXTHOP {TO3}": set()},
        says=(
            "host2 advertises it too",
            "on host2: ip route del 192.168.3.0/26 via 10.77.0.1, if it is not BIRD's or Felix's there",
        ),
    ),
    "an owner behind a router is reached by the router": Case(
        far(via(TO3, "10.77.0.1")),
        {"RT-ROUTER 10.77.0.1": set()},
        status={},
    ),
    "an owner behind a router, and a next hop that is not on the way to it": Case(
        far(via(TO3, "10.77.0.12")),
        {f"RT-WRONG-NEXTHOP {TO3}": set()},
        says=("wanted: 192.168.3.0/26 via the way to 10.88.0.13", "host2 advertises it too"),
        status=WRONG,
    ),
    "an owner behind a router that does not answer": Case(
        with_neighbours(far(via(TO3, "10.77.0.1")), neighbour("10.77.0.1", "", "eth0", "FAILED")),
        {"RT-NEXTHOP-DEAD host3": set()},
        says=("nobody answers for 10.77.0.1, the router towards 10.88.0.13", "look at the router 10.77.0.1"),
        status=WRONG,
    ),
    "an owner behind two routers, one of which answers": Case(
        with_neighbours(
            far(ecmp(TO3, "10.77.0.1", "10.77.0.2"), ecmp("0.0.0.0/0", "10.77.0.1", "10.77.0.2")),
            neighbour("10.77.0.1", "", "eth0", "FAILED"),
        ),
        {"RT-ROUTER 10.77.0.1 and 10.77.0.2": set()},
    ),
    "an owner behind one of two routers": Case(
        far(via(TO3, "10.77.0.2"), via("10.88.0.0/24", "10.77.0.2", protocol=STATIC)),
        {"RT-ROUTER 10.77.0.2": set()},
        status={},
    ),
    "an owner behind a router, and a router of our AS that peers with us: it may know better": Case(
        stored(
            peered(
                *(TO_HOST2, session("10.88.0.13"), session("10.77.0.2", kind=PeerKind.GLOBAL)),
                observation=far(via(TO3, "10.77.0.2")),
            ),
            bgp=BgpSettings(peers=("tor",), peerings=(Peering("tor", ip_address("10.77.0.2")),)),
            nodes=(*DATASTORE.nodes[:2], node("host3", "10.88.0.13/24")),
        ),
        {},
        status={},
    ),
    "an owner behind a router, and a second next hop that is not on the way to it": Case(
        far(ecmp(TO3, "10.77.0.1", "10.77.0.12")),
        {f"RT-ECMP {TO3}": set()},
    ),
    "the link without carrier explains what follows from it": Case(
        peered(
            TO_HOST2,
            session("10.77.0.13", "Idle", "BGP Error: Hold timer expired"),
            observation=dark(without=[TO3]),
        ),
        {"RT-LINK-DOWN eth0": {"BGP-DOWN host3", f"RT-MISSING {TO3}"}},
        says=("eth0, the link with this node's address 10.77.0.11, has no carrier", "this host is cut off"),
        status={"BGPEstablished": Status.FALSE, "RoutesInPlace": Status.FALSE},
    ),
    "the link is switched off": Case(
        linked(Link(2, "eth0", up=False, running=False)),
        {"RT-LINK-DOWN eth0": set()},
        says=("is switched off", "ip link set eth0 up"),
    ),
    "the kernel's routes know nothing yet": Case(
        linked(Link(2, "eth0", running=False)), {"RT-LINK-DOWN eth0": set()}, says=("has no carrier",)
    ),
    "docker0 without containers has no carrier, and nobody minds": Case(
        linked(Link(2, "eth0"), Link(3, "docker0", kind="bridge", running=False)), {}, status={}
    ),
    "a network of this host that overlaps the pool": Case(
        HEALTHY,
        {"RT-OVERLAP 192.168.100.0/24": set()},
        with_link("192.168.100.1/24", "eth1"),
        says=(
            "the network 192.168.100.0/24 of eth1 and the pool default (192.168.0.0/16) share 192.168.100.0/24",
            "packets for pods in 192.168.100.0/24 go out by eth1 where no block has a route",
        ),
        status={},
    ),
    "a bridge for virtual machines inside the pool is nobody's business": Case(
        HEALTHY, {}, with_link("192.168.122.1/24", "virbr0", "bridge-without-port"), status={}
    ),
    "until a block lies in it": Case(
        HEALTHY,
        {"RT-OVERLAP 192.168.3.0/24": set()},
        with_link("192.168.3.1/24", "virbr0", "bridge-without-port"),
        status={},
    ),
    "or it lies in a block": Case(
        HEALTHY,
        {"RT-OVERLAP 192.168.3.0/28": set()},
        with_link("192.168.3.1/28", "virbr0", "bridge-without-port"),
        status={},
    ),
    "a network around the pool overlaps it too": Case(
        HEALTHY,
        {"RT-OVERLAP 192.0.0.0/8": set()},
        with_link("192.1.0.1/8", "eth1"),
        says=("share 192.168.0.0/16",),
        status={},
    ),
    "a disabled pool over the network of the hosts, which exempts it from NAT": Case(
        stored(pools=(*DATASTORE.pools, NO_NAT)), {}, with_link("10.78.0.11/24", "eth1"), status={}
    ),
    "a pool over it that gives addresses to services only": Case(
        stored(pools=(*DATASTORE.pools, replace(NO_NAT, disabled=False, for_pods=False))),
        {},
        with_link("10.78.0.11/24", "eth1"),
        status={},
    ),
    "a block of services, which is no host's, in such a pool": Case(
        stored(
            pools=(*DATASTORE.pools, replace(NO_NAT, disabled=False, for_pods=False)),
            blocks=(*DATASTORE.blocks, Block(ip_network("10.78.0.64/26"), "load-balancer", virtual=True)),
        ),
        {},
        with_link("10.78.0.11/24", "eth1"),
        status={},
    ),
    "a network in a pool that was disabled, with a block from before": Case(
        stored(pools=(replace(POOL, disabled=True),)),
        {"RT-OVERLAP 192.168.3.0/24": set()},
        with_link("192.168.3.1/24", "eth1"),
        says=("make the pods anew whose blocks lie in 192.168.3.0/24",),
        status={},
    ),
    "a network in a pool that was disabled, without a block": Case(
        stored(pools=(replace(POOL, disabled=True),)), {}, with_link("192.168.100.1/24", "eth1"), status={}
    ),
    "a tunnel's address of the pool is as it should be": Case(
        HEALTHY, {}, with_link("192.168.1.1/32", "vxlan.calico"), status={}
    ),
    "through the tunnel though the pool has none": Case(
        routed(via(TO3, "10.77.0.13", "tunl0")),
        {f"RT-WRONG-DEVICE {TO3}": set()},
        says=("leaves through tunl0 instead of a device of the host",),
    ),
    "through docker0": Case(routed(via(TO3, "10.77.0.13", "docker0")), {f"RT-WRONG-DEVICE {TO3}": set()}),
    "as if the block were ours": Case(
        routed(drop(TO3)),
        {f"RT-BLACKHOLE {TO3}": set()},
        says=("as if the block were its own", "packets to it are dropped without a word on this host"),
    ),
    "a blackhole that somebody put there": Case(
        routed(drop(TO3, protocol=STATIC)),
        {f"RT-BLACKHOLE {TO3}": set()},
        says=("ip route del blackhole 192.168.3.0/26 proto static on this host",),
    ),
    "BIRD cannot resolve the next hop": Case(
        routed(drop(TO3, RouteType.UNREACHABLE)),
        {f"RT-UNREACHABLE {TO3}": set()},
        says=(
            "BIRD finds no way to 10.77.0.13, although this host has one (10.77.0.0/24 dev eth0 proto kernel)",
            "docker exec calico-node birdcl -s /var/run/calico/bird.ctl restart Mesh_10_77_0_13",
        ),
    ),
    "BIRD cannot resolve the next hop, and nobody can": Case(
        far(drop(TO3, RouteType.UNREACHABLE), without=["0.0.0.0/0"]),
        {f"RT-UNREACHABLE {TO3}": set()},
        says=("BIRD finds no way to 10.88.0.13, the next hop", "ip route get 10.88.0.13 fails on this host"),
    ),
    "prohibited": Case(routed(drop(TO3, RouteType.PROHIBIT, STATIC)), {f"RT-PROHIBIT {TO3}": set()}),
    "two owners at once": Case(
        routed(ecmp(TO3, "10.77.0.12", "10.77.0.13")),
        {f"RT-ECMP {TO3}": set()},
        says=("has 2 next hops: host2 advertises it too",),
    ),
    "a route that was put in by hand": Case(
        routed(via(TO3, "10.77.0.1", protocol=BOOT)),
        {f"RT-FOREIGN {TO3}": set()},
        says=(
            "ip route del 192.168.3.0/26 via 10.77.0.1 dev eth0 proto boot on this host",
            "BIRD learns it and advertises it",
        ),
    ),
    "a route that was put in by hand and is right": Case(routed(via(TO3, "10.77.0.13", protocol=STATIC)), {}),
    "a right route that encapsulates, which nothing of Calico's does without a device": Case(
        routed(encapsulating(via(TO3, "10.77.0.13"), "mpls")),
        {f"RT-FOREIGN {TO3}": set()},
        says=("found: 192.168.3.0/26 encap mpls via 10.77.0.13 dev eth0 proto bird",),
        status=WRONG,
    ),
    "one that encapsulates in a way nobody knows, where only the presence of a route is asked for": Case(
        stored(
            routed(encapsulating(via(TO3, "10.77.0.1"), "of type 99")),
            nodes=(HOST1, HOST2, replace(HOST3, as_number=64999)),
        ),
        {f"RT-FOREIGN {TO3}": set()},
    ),
    "a route with a better metric": Case(
        routed(via(TO3, "10.77.0.13", metric=1024), via(TO3, "10.77.0.1", protocol=STATIC, metric=50)),
        {f"RT-SHADOWED {TO3}": set()},
        says=("better metric",),
    ),
    "a route with a worse metric, which BIRD learns all the same": Case(
        routed(via(TO3, "10.77.0.13"), via(TO3, "10.77.0.1", protocol=STATIC, metric=50)),
        {f"RT-FOREIGN {TO3}": set()},
        says=(
            "a route that is not Calico's (static) lies beside the one to 192.168.3.0/26, pods of node host3",
            "packets of this host go the right way, but BIRD learns it",
            "ip route del 192.168.3.0/26 via 10.77.0.1 dev eth0 proto static metric 50 on this host",
        ),
    ),
    "a route with a worse metric beside one of Felix's": Case(
        on(
            routed(
                via(TO3, "192.168.3.1", "vxlan.calico", BOOT),
                via(TO3, "10.77.0.1", protocol=STATIC, metric=50),
                via("192.168.2.0/26", "192.168.2.1", "vxlan.calico", BOOT),
                drop("192.168.1.0/26", protocol=FELIX),
            ),
            VXLAN,
        ),
        {},
    ),
    "a tunnel without route and without entries is one thing": Case(
        tunnelled(neighbour("192.168.2.1", MAC2), forwarding=GOOD_FORWARDING, gone=[TO3]),
        {f"RT-MISSING {TO3}": {"RT-TUNNEL host3"}},
    ),
    "a foreign route on an own block": Case(
        routed(via("192.168.1.0/26", "10.77.0.1", protocol=BOOT)),
        {"RT-FOREIGN 192.168.1.0/26": set()},
        says=(
            "a route that is not Calico's (boot) lies on 192.168.1.0/26, a block of this host",
            "BIRD learns it and advertises it, so that other nodes send there too",
        ),
    ),
    "a foreign route on a block of another host, as that host advertises it": Case(
        told(
            routed(ecmp(TO3, "10.77.0.1", "10.77.0.13")),
            *(
                RibRoute(ip_network(TO3), "Mesh_10_77_0_13", best, gateway=ip_address(gateway), device="eth0")
                for best, gateway in ((True, "10.77.0.13"), (False, "10.77.0.1"))
            ),
        ),
        {f"RT-ECMP {TO3}": set()},
        says=(
            "has 2 next hops: host3 itself advertises it by 10.77.0.1",
            "on host3: ip route del 192.168.3.0/26 via 10.77.0.1",
        ),
    ),
    "BIRD lost sight of the network of this host (projectcalico/calico#7706)": Case(
        told(
            routed(via(TO2, "10.77.0.1"), via(TO3, "10.77.0.1")),
            *(
                RibRoute(ip_network(prefix), name, best=True, gateway=ip_address("10.77.0.1"), device="eth0")
                for prefix, name in ((TO2, "Mesh_10_77_0_12"), (TO3, "Mesh_10_77_0_13"))
            ),
        ),
        LOST_SIGHT,
        says=(
            "BIRD sends to the nodes in 10.77.0.0/24 by the gateway 10.77.0.1, though eth0 is in that network",
            "docker exec calico-node sv restart /etc/service/enabled/bird on this host",
            "leads to another host: BIRD here takes the gateway, though that node is near",
        ),
    ),
    "the same, where BIRD's table is not known": Case(routed(via(TO2, "10.77.0.1"), via(TO3, "10.77.0.1")), LOST_SIGHT),
    "the same, where BIRD says by itself that it missed the link": Case(
        peered(
            *SESSIONS,
            observation=routed(via(TO2, "10.77.0.1"), via(TO3, "10.77.0.1")),
            links_missed=("eth0",),
        ),
        LOST_SIGHT,
        says=("BIRD takes eth0 for down, and it is up",),
    ),
    "all routes lead to another router than this host's": Case(
        routed(via(TO2, "10.77.0.9"), via(TO3, "10.77.0.9")),
        {f"RT-WRONG-NEXTHOP {TO2}": set(), f"RT-WRONG-NEXTHOP {TO3}": set()},
    ),
    "another host advertises its block by the gateway, and BIRD sees the rest at hand": Case(
        told(
            routed(via(TO2, "10.77.0.1")),
            RibRoute(ip_network(TO2), "Mesh_10_77_0_12", best=True, gateway=ip_address("10.77.0.1"), device="eth0"),
        ),
        {f"RT-WRONG-NEXTHOP {TO2}": set()},
        says=("host2 itself advertises it by 10.77.0.1", "on host2: ip route del 192.168.2.0/26 via 10.77.0.1"),
    ),
    "by the node's own address, while this host has a single one (/32) and no network": Case(
        routed(without=["10.77.0.0/24"]), {}, status={}
    ),
    "a longer prefix inside the block": Case(
        routed(via("192.168.3.0/28", "10.77.0.1", protocol=STATIC)),
        {"RT-SHADOWED 192.168.3.0/28": set()},
        says=("takes over a part of 192.168.3.0/26, pods of node host3",),
    ),
    "a longer prefix that BIRD learned from another host": Case(
        told(
            routed(via("192.168.3.0/27", "10.77.0.1")),
            RibRoute(ip_network("192.168.3.0/27"), "Mesh_10_77_0_12", True, gateway=ip_address("10.77.0.1")),
        ),
        {"RT-SHADOWED 192.168.3.0/27": set()},
        says=(
            "a route to 192.168.3.0/27 takes over a part of 192.168.3.0/26, pods of node host3: host2 advertises it",
            "on host2: ip route del 192.168.3.0/27 via 10.77.0.1",
        ),
    ),
    "a longer prefix inside an own block that BIRD learned from another host": Case(
        routed(via("192.168.1.0/27", "10.77.0.1")),
        {"RT-SHADOWED 192.168.1.0/27": set()},
        says=("look on the other hosts for the route that BIRD learned (ip route show 192.168.1.0/27)",),
    ),
    "a single address that BIRD learned, and no node is the next hop": Case(
        routed(via("192.168.3.7/32", "10.77.0.1")), {"RT-SHADOWED 192.168.3.7/32": set()}
    ),
    "a single address at another node, which IPAM does not know": Case(
        routed(via("192.168.3.7/32", "10.77.0.12")), {}, status={}
    ),
    "a single address at a node behind that router, whose BIRD tells of it": Case(
        told(
            stored(
                routed(via("192.168.3.7/32", "10.77.0.1"), via("10.77.1.0/24", "10.77.0.1", protocol=BOOT)),
                nodes=(HOST1, node("host2", "10.77.1.12/24"), HOST3),
            ),
            RibRoute(
                ip_network("192.168.3.7/32"),
                "Mesh_10_77_1_12",
                True,
                gateway=ip_address("10.77.0.1"),
                learned_from=ip_address("10.77.1.12"),
            ),
        ),
        {"BGP-NO-SESSION host2": {"RT-WRONG-NEXTHOP 192.168.2.0/26"}, "BGP-STALE-SESSION 10.77.0.12": set()},
    ),
    "a single address from a router that BGP is spoken with": Case(
        stored(routed(via("192.168.3.7/32", "10.77.0.1")), bgp=BgpSettings(peers=("tor",))), {}, status={}
    ),
    "a network of the host inside the block": Case(
        routed(via("192.168.3.32/27", None, "virbr0", 2)), {"RT-SHADOWED 192.168.3.32/27": set()}
    ),
    "a single foreign address inside the block": Case(
        routed(via("192.168.3.7/32", "10.77.0.1", protocol=STATIC)), {"RT-SHADOWED 192.168.3.7/32": set()}
    ),
    "a single address inside the block, as if it were in the host's network": Case(
        routed(via("192.168.3.7/32", None, "eth0", STATIC)), {"RT-SHADOWED 192.168.3.7/32": set()}
    ),
    "a single address inside the block, dropped": Case(
        routed(drop("192.168.3.7/32", protocol=BOOT)),
        {"RT-SHADOWED 192.168.3.7/32": set()},
        says=("takes over a part of 192.168.3.0/26, pods of node host3", "dropped without a word on this host"),
    ),
    "a single foreign address inside an own block": Case(
        routed(via("192.168.1.7/32", "10.77.0.1", protocol=STATIC)),
        {"RT-SHADOWED 192.168.1.7/32": set()},
        says=("takes over a part of 192.168.1.0/26, a block of this host",),
    ),
    "a pod's address in an own block, dropped": Case(
        routed(drop("192.168.1.5/32", protocol=BOOT)), {"RT-SHADOWED 192.168.1.5/32": set()}
    ),
    "a pod of ours with an address of another's block": Case(
        on(
            routed(via("192.168.3.7/32", None, "cali7", BOOT)), borrowing("host1", owner="host3", address="192.168.3.7")
        ),
        {},
    ),
    "a route whose link is down": Case(
        routed(
            Route(ip_network(TO3), next_hops=(NextHop(ip_address("10.77.0.13"), "eth0", dead=True),), protocol=BIRD)
        ),
        {f"RT-NEXTHOP-DEAD {TO3}": set()},
    ),
    "a host that does not answer ARP explains its session too": Case(
        replace(
            HEALTHY,
            kernel=Kernel(fib=Fib.of(ROUTES), neighbours=(neighbour("10.77.0.13", "", "eth0", "FAILED"),), fdb=()),
            bird=replace(
                BIRD4, sessions=(SESSIONS[0], replace(SESSIONS[1], bgp_state="Active", protocol_state="start"))
            ),
        ),
        {"RT-NEXTHOP-DEAD host3": {"BGP-DOWN host3"}},
        says=("neighbour entry of 10.77.0.13: FAILED on eth0",),
        status={"BGPEstablished": Status.FALSE} | WRONG,
    ),
    "a host that did not answer on another link than packets take": Case(
        with_neighbours(HEALTHY, neighbour("10.77.0.13", "", "eth1", "FAILED")), {}, status={}
    ),
    "a host that answers on neither": Case(
        with_neighbours(
            HEALTHY,
            neighbour("10.77.0.13", "", "eth1", "FAILED"),
            neighbour("10.77.0.13", "", "eth0", "INCOMPLETE"),
        ),
        {"RT-NEXTHOP-DEAD host3": set()},
        says=("neighbour entry of 10.77.0.13: INCOMPLETE on eth0",),
    ),
    "a host of our network that a router leads to does not answer itself": Case(
        with_neighbours(BY_ROUTER, neighbour("10.77.0.13", "", "eth0", "FAILED")),
        {},
        status={},
    ),
    "a host of our network, and the router that leads to it does not answer": Case(
        with_neighbours(BY_ROUTER, neighbour("10.77.0.254", "", "eth0", "FAILED")),
        {"RT-NEXTHOP-DEAD host3": set()},
        says=("nobody answers for 10.77.0.254, the router towards 10.77.0.13",),
    ),
    "a router that did not answer on another link": Case(
        with_neighbours(far(via(TO3, "10.77.0.1")), neighbour("10.77.0.1", "", "eth1", "FAILED")),
        {"RT-ROUTER 10.77.0.1": set()},
    ),
    "a tunnel, and no route to the nodes at its other ends": Case(
        replace(VXLAN, kernel=without(["10.77.0.0/24", "0.0.0.0/0"])),
        {"RT-NEXTHOP-DEAD host2": set(), "RT-NEXTHOP-DEAD host3": set()},
        says=("this host has no route to 10.77.0.13, where packets in vxlan.calico are to go",),
    ),
    "a tunnel, and somebody forbade the node at its other end": Case(
        also(VXLAN, drop("10.77.0.13/32", RouteType.PROHIBIT, BOOT)),
        {"RT-NEXTHOP-DEAD host3": set()},
        says=("this host has only `prohibit` to 10.77.0.13",),
    ),
    "a host that pods' packets are sent to on another link than the host's own": Case(
        with_neighbours(routed(via(TO3, "10.77.0.13", "eth1")), neighbour("10.77.0.13", "", "eth1", "FAILED")),
        {"RT-NEXTHOP-DEAD host3": set()},
        says=("FAILED on eth1",),
    ),
    "a node of our network that a router leads to: BIRD resolves by it": Case(BY_ROUTER, {}, status={}),
    "a node of our network that a router leads to, and the plain way to it": Case(
        routed(via("10.77.0.13/32", "10.77.0.254", protocol=STATIC)), {}, status={}
    ),
    "a node of our network that a router leads to, and another router": Case(
        routed(via("10.77.0.13/32", "10.77.0.254", protocol=STATIC), via(TO3, "10.77.0.253")),
        {f"RT-WRONG-NEXTHOP {TO3}": set()},
    ),
    "a node of our network with two routers": Case(
        routed(ecmp("10.77.0.13/32", "10.77.0.253", "10.77.0.254"), ecmp(TO3, "10.77.0.253", "10.77.0.254")),
        {},
    ),
    "the router of another node": Case(
        routed(via("10.77.0.12/32", "10.77.0.254", protocol=STATIC), via(TO3, "10.77.0.254")),
        {f"RT-WRONG-NEXTHOP {TO3}": set()},
    ),
    "a route of a block that is free again": Case(
        routed(via("192.168.7.0/26", "10.77.0.12")), {"RT-STALE 192.168.7.0/26": set()}, status={}
    ),
    "a blackhole of a block that is free again": Case(
        routed(drop("192.168.7.0/26")), {"RT-STALE 192.168.7.0/26": set()}, says=("there is a blackhole",)
    ),
    "a tunnel route of a block that is free again": Case(
        on(
            routed(
                *(route for route in (via("192.168.7.0/26", "192.168.2.1", "vxlan.calico", BOOT),)),
                via("192.168.2.0/26", "192.168.2.1", "vxlan.calico", BOOT),
                via(TO3, "192.168.3.1", "vxlan.calico", BOOT),
            ),
            VXLAN,
        ),
        {"RT-STALE 192.168.7.0/26": set()},
    ),
    "a block that has no owner, only allocations": Case(
        stored(
            routed(via("192.168.7.0/26", "10.77.0.12")),
            blocks=(*DATASTORE.blocks, Block(ip_network("192.168.7.0/26"))),
        ),
        {"RT-STALE 192.168.7.0/26": set()},
    ),
    "a block whose claim is only just written": Case(
        stored(
            routed(via("192.168.7.0/26", "10.77.0.12")),
            affinities=(*DATASTORE.affinities, claim("host2", "192.168.7.0/26", AffinityState.PENDING)),
        ),
        {},
    ),
    "a block whose record is gone: BIRD goes by the claim": Case(
        stored(blocks=DATASTORE.blocks[:2]),
        {f"RT-BLOCK-GONE {TO3}": set()},
        says=(
            "node host3 claims 192.168.3.0/26, and the record of this block is gone",
            "etcdctl del /calico/ipam/v2/host/host3/ipv4/block/192.168.3.0-26",
        ),
        status={},
    ),
    "an own block whose record is gone": Case(
        stored(routed(without=["192.168.1.0/26"]), blocks=DATASTORE.blocks[1:]),
        {"RT-BLOCK-GONE 192.168.1.0/26": {"RT-BLACKHOLE-MISSING 192.168.1.0/26"}},
    ),
    "a block whose record is gone, in a pool with VXLAN: Felix goes by the block": Case(
        stored(replace(VXLAN, kernel=without([TO3])), blocks=DATASTORE.blocks[:2]),
        {f"RT-BLOCK-GONE {TO3}": {f"RT-MISSING {TO3}"}},
        says=("Felix takes the routes to them away",),
    ),
    "a block whose record cannot be read": Case(
        stored(
            blocks=DATASTORE.blocks[:2],
            bad_keys=(bad_record(ResourceKind.IPAM_BLOCK, "192.168.3.0/26"),),
        ),
        {"DS-BAD-KEY key-of-192.168.3.0/26": set()},
    ),
    "a load balancer's address": Case(
        stored(
            routed(via("192.168.7.5/32", "10.77.0.12")),
            blocks=(*DATASTORE.blocks, Block(ip_network("192.168.7.0/26"), "load-balancer", virtual=True)),
        ),
        {},
    ),
    "an address that IPAM does not know": Case(routed(via("192.168.2.7/32", "10.77.0.12")), {}),
    "an aggregate of a router, beside the mesh": Case(
        stored(routed(via("192.168.64.0/18", "10.77.0.1")), bgp=BgpSettings(peers=("router",))), {}
    ),
    "an aggregate without any router": Case(
        routed(via("192.168.64.0/18", "10.77.0.12")), {"RT-STALE 192.168.64.0/18": set()}
    ),
    "a foreign route in the pool that is on no block: BIRD hands it on": Case(
        routed(via("192.168.64.0/24", "10.77.0.1", protocol=STATIC)),
        {"RT-FOREIGN 192.168.64.0/24": set()},
        says=("leads to 192.168.64.0/24, inside pool default (192.168.0.0/16)", "the other nodes send packets"),
        status={},
    ),
    "a foreign route in the pool that stays on this host": Case(
        routed(via("192.168.64.0/24", None, "virbr0", protocol=KERNEL)), {}
    ),
    "what another host hands on": Case(
        told(
            routed(via("192.168.64.0/24", "10.77.0.1")),
            RibRoute(
                ip_network("192.168.64.0/24"),
                "Mesh_10_77_0_12",
                best=True,
                gateway=ip_address("10.77.0.1"),
                device="eth0",
                learned_from=ip_address("10.77.0.12"),
            ),
        ),
        {"RT-STALE 192.168.64.0/24": set()},
        says=(
            "a part of a pool that is no block: host2 advertises it",
            "on host2: ip route del 192.168.64.0/24 via 10.77.0.1",
        ),
    ),
    "our own block without its blackhole": Case(
        routed(without=["192.168.1.0/26"]),
        {"RT-BLACKHOLE-MISSING 192.168.1.0/26": set()},
        says=("for addresses that no pod has, packets to it follow default",),
        status={},
    ),
    "a route on our own block": Case(
        routed(via("192.168.1.0/26", "10.77.0.12")),
        {"RT-BLACKHOLE-MISSING 192.168.1.0/26": set()},
        says=("instead there is 192.168.1.0/26 via 10.77.0.12",),
    ),
    "two nodes claim a block, and the route shows it": Case(
        stored(
            routed(ecmp(TO3, "10.77.0.12", "10.77.0.13")),
            affinities=(*DATASTORE.affinities, claim("host2", TO3)),
        ),
        {f"RT-DUPLICATE-AFFINITY {TO3}": {f"RT-ECMP {TO3}"}},
        says=("claimed by host2 and host3", "the block itself says host3"),
    ),
    "a block says another node than the only one that claims it": Case(
        stored(
            routed(via(TO3, "10.77.0.12")),
            blocks=(
                *DATASTORE.blocks[:2],
                replace(block("host3"), borrowed=(Borrowed(ip_address("192.168.3.0"), "host2"),)),
            ),
            affinities=(*DATASTORE.affinities[:2], claim("host2", TO3)),
        ),
        {f"RT-DUPLICATE-AFFINITY {TO3}": {f"RT-UNCLAIMED {TO3}"}},
        says=("host2 advertises it, and IPAM gives its addresses to pods of host3",),
    ),
    "a second claim that is not confirmed": Case(
        stored(affinities=(*DATASTORE.affinities, claim("host2", TO3, AffinityState.PENDING))), {}
    ),
    "blocks of a node that has no record": Case(
        stored(routed(without=[TO3]), nodes=DATASTORE.nodes[:2], pools=(POOL,)),
        {"BGP-STALE-SESSION 10.77.0.13": set(), "NODE-NO-RECORD host3": set()},
        says=("1 block of node host3",),
    ),
    "blocks of a node that has no address": Case(
        stored(
            replace(routed(without=[TO3]), bird=replace(BIRD4, sessions=SESSIONS[:1])),
            nodes=(HOST1, HOST2, Node("host3")),
        ),
        {"NODE-NO-ADDRESS host3": set()},
    ),
    "a borrowed address has its route": Case(on(routed(via("192.168.2.9/32", "10.77.0.13")), borrowing("host3")), {}),
    "a borrowed address without its route: its packets go to the block's owner": Case(
        borrowing("host3"),
        {"RT-BORROWED-MISSING 192.168.2.9/32": set()},
        status={},
        says=(
            "192.168.2.9, which host3 borrowed: a pod, or a leaked address",
            "packets to it follow 192.168.2.0/26 via 10.77.0.12 dev eth0",
        ),
    ),
    "an address of a block that nobody owns, without its route": Case(
        stored(blocks=(*DATASTORE.blocks, ORPHAN)),
        {"RT-BORROWED-MISSING 192.168.9.9/32": set()},
        status={},
        says=(
            "192.168.9.9, in use on node host3, of a block that nobody owns: a pod, or a leaked address",
            "block 192.168.9.0/26 lost its owner when its pool or its node's claim was deleted",
            "calicoctl ipam release --ip=192.168.9.9",
        ),
    ),
    "an address that was borrowed from us, without its route": Case(
        borrowing("host3", owner="host1", address="192.168.1.9"),
        {"RT-BORROWED-MISSING 192.168.1.9/32": set()},
        says=("packets to it follow 192.168.1.0/26, where they are dropped without a word",),
    ),
    "VXLAN: routes to tunnel addresses": Case(VXLAN, {}, status={}),
    "VXLAN: the whole way is right": Case(tunnelled(*GOOD_TUNNELS, forwarding=GOOD_FORWARDING), {}, status={}),
    "VXLAN: a plain route instead of the tunnel": Case(
        on(routed(via("192.168.2.0/26", "192.168.2.1", "vxlan.calico", BOOT)), VXLAN),
        {f"RT-WRONG-DEVICE {TO3}": set()},
        says=("leaves through eth0 instead of vxlan.calico",),
    ),
    "VXLAN: another node's tunnel address": Case(
        on(
            routed(
                via("192.168.2.0/26", "192.168.2.1", "vxlan.calico", BOOT),
                via(TO3, "192.168.2.1", "vxlan.calico", BOOT),
            ),
            VXLAN,
        ),
        {f"RT-WRONG-NEXTHOP {TO3}": set()},
    ),
    "a hardware address that a node does not have": Case(
        with_neighbours(ALIVE, neighbour("10.77.0.13", "02:00:00:00:00:99", "eth0")),
        {"RT-NEIGHBOUR host3": set()},
        says=(
            "somebody wrote that 10.77.0.13 has the hardware address 02:00:00:00:00:99, which it has not",
            "the agent on host3 named 66:00:00:00:00:03",
            "ip neigh del 10.77.0.13 dev eth0",
        ),
    ),
    "one of it on a link that packets do not take": Case(
        with_neighbours(ALIVE, neighbour("10.77.0.13", "02:00:00:00:00:99", "eth1")), {}
    ),
    "one of it that packets do not use: a router leads there": Case(
        with_neighbours(on(BY_ROUTER, ALIVE), neighbour("10.77.0.13", "02:00:00:00:00:99", "eth0")),
        {},
    ),
    "one that it has": Case(with_neighbours(ALIVE, neighbour("10.77.0.13", "66:00:00:00:00:03", "eth0")), {}),
    "one of a node without an agent": Case(with_neighbours(ALIVE, neighbour("10.77.0.12", MAC, "eth0")), {}),
    "one that the kernel found out": Case(
        with_neighbours(ALIVE, neighbour("10.77.0.13", "02:00:00:00:00:99", "eth0", "STALE")), {}
    ),
    "VXLAN: Felix wrote no route": Case(
        on(routed(via("192.168.2.0/26", "192.168.2.1", "vxlan.calico", BOOT), without=[TO3]), VXLAN),
        {f"RT-MISSING {TO3}": set()},
        says=("Felix's errors",),
    ),
    "VXLAN: frames are sent to another host": Case(
        tunnelled(*GOOD_TUNNELS, forwarding=(GOOD_FORWARDING[0], forwards("10.77.0.99"))),
        {"RT-TUNNEL host3": set()},
        says=("they are sent to 10.77.0.99 on vxlan.calico, and host3 is registered with 10.77.0.13",),
        status=WRONG,
    ),
    "VXLAN: frames are sent with another hardware address than the device there has": Case(
        stored(
            tunnelled(*GOOD_TUNNELS, forwarding=GOOD_FORWARDING),
            nodes=(*VTEPS[:2], replace(VTEPS[2], vxlan_tunnel_mac="66:00:00:00:00:AA")),
        ),
        {"RT-TUNNEL host3": set()},
        says=("and the device of host3 has 66:00:00:00:00:aa",),
    ),
    "VXLAN: frames are sent with the hardware address that the device there has": Case(
        stored(
            tunnelled(*GOOD_TUNNELS, forwarding=GOOD_FORWARDING),
            nodes=(*VTEPS[:2], replace(VTEPS[2], vxlan_tunnel_mac=MAC.upper())),
        ),
        {},
    ),
    "VXLAN: no forwarding entry": Case(
        tunnelled(*GOOD_TUNNELS, forwarding=GOOD_FORWARDING[:1]),
        {"RT-TUNNEL host3": set()},
        says=(f"{MAC} has no forwarding entry",),
    ),
    "VXLAN: no neighbour entry": Case(
        tunnelled(GOOD_TUNNELS[0], forwarding=GOOD_FORWARDING),
        {"RT-TUNNEL host3": set()},
        says=("vxlan.calico has no neighbour entry for 192.168.3.1",),
    ),
    "VXLAN: a device without any entries is flow-based": Case(tunnelled(), {}),
    "VXLAN: right routes into our own docker0": Case(
        stored(
            replace(VXLAN, bird=replace(BIRD4, sessions=SESSIONS[:1])),
            nodes=(*VTEPS[:2], replace(VTEPS[2], ipv4=ip_interface("172.17.0.1/16"))),
        ),
        {"IP-BRIDGE host3": {"BGP-NO-SESSION host3", "RT-TUNNEL host3"}},
        says=("they are sent to 172.17.0.1, which is this host itself (docker0)",),
    ),
    "the kernel cannot be read": Case(
        replace(HEALTHY, kernel=Unreadable("kernel", "the table changed during each of 5 reads", "interrupted")),
        {"KERNEL-UNREADABLE kernel": set()},
        status={"IdentityConfirmed": Status.UNKNOWN, "RoutesInPlace": Status.UNKNOWN},
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_routes(case: Case) -> None:
    check(case)


def counts(observation: Observation) -> RouteCounts:
    found = look(observation).routes
    assert found is not None
    return found


def test_every_expected_route_is_counted_once() -> None:
    assert counts(HEALTHY) == RouteCounts(expected=2, present=2)
    assert counts(routed(without=[TO3])) == RouteCounts(expected=2, present=1, missing=1, nodes_without_route=1)
    assert counts(routed(via(TO3, "10.77.0.12"))) == RouteCounts(expected=2, present=1, wrong=1)
    assert counts(routed(via("192.168.7.0/26", "10.77.0.12"))) == RouteCounts(expected=2, present=2, stale=1)
    assert counts(borrowing("host3")) == RouteCounts(expected=3, present=2, missing=1)


def test_a_right_route_into_a_broken_tunnel_counts_as_wrong() -> None:
    broken = tunnelled(*GOOD_TUNNELS, forwarding=GOOD_FORWARDING[:1])
    assert counts(broken) == RouteCounts(expected=2, present=1, wrong=1)


def test_the_counts_by_encapsulation_add_up() -> None:
    broken = tunnelled(*GOOD_TUNNELS, forwarding=GOOD_FORWARDING[:1])
    for observation in (HEALTHY, routed(without=[TO3]), routed(via(TO3, "10.77.0.12")), broken):
        found, total = look(observation).encapsulated, counts(observation)
        for state in ("expected", "present", "missing", "wrong"):
            assert sum(getattr(one, state) for one in found.values()) == getattr(total, state)
    assert look(routed(without=[TO3])).encapsulated["none"] == RouteCounts(expected=2, present=1, missing=1)
    assert look(broken).encapsulated["VXLAN"].wrong == 1


def test_findings_carry_node_and_prefix() -> None:
    (missing,) = findings_of(routed(without=[TO3]))
    assert isinstance(missing, Finding)
    assert (missing.node, missing.prefix) == ("host3", ip_network(TO3))
