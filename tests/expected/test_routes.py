"""What a host should have in its table, for every way Calico can lead packets."""

from dataclasses import replace
from ipaddress import ip_address, ip_interface, ip_network

import pytest

from calico_agent.expected.cluster import index
from calico_agent.expected.local_node import local_host
from calico_agent.expected.routes import Expectation, expect
from calico_agent.model.calico.bad_key import ResourceKind
from calico_agent.model.calico.bgp_peer import Peering
from calico_agent.model.calico.node import (
    AffinityState,
    BgpSettings,
    Block,
    Borrowed,
    Datastore,
    EncapsulationMode,
    Node,
    Pool,
)
from calico_agent.model.calico.selector import Comparison, Operator
from calico_agent.model.container.container import Docker
from calico_agent.model.settings import Mode
from tests.bad_keys import bad_record
from tests.checks.cluster import CONTAINER, DATASTORE, HEALTHY, IDENTITY, POOL, block, claim, v6

NEVER, ALWAYS, CROSS = EncapsulationMode.NEVER, EncapsulationMode.ALWAYS, EncapsulationMode.CROSS_SUBNET
HOST1, HOST2, HOST3 = DATASTORE.nodes
FAR = replace(HOST3, ipv4=ip_interface("10.78.0.13/24"))
SLASH32 = replace(HOST1, ipv4=ip_interface("10.77.0.11/32"))
V6_NODES = tuple(replace(one, ipv6=v6(f"fd00:77::1{one.name[-1]}/64")) for one in DATASTORE.nodes)
V6_POOL = Pool("v6", ip_network("fd00:192::/112"), block_size=122)


def expectation(*, backend: str = "", **changes: object) -> Expectation:
    """What host1 is to expect of a datastore with these changes."""
    datastore = replace(DATASTORE, **changes)  # type: ignore[arg-type]
    container = replace(CONTAINER, env=(("CALICO_NETWORKING_BACKEND", backend),) if backend else ())
    observation = replace(HEALTHY, docker=Docker(containers=(container,)), datastore=datastore)
    cluster = index(datastore)
    return expect(cluster, local_host(observation, IDENTITY, cluster, mode=Mode.OBSERVE, container_name="calico-node"))


def ways(**changes: object) -> dict[str, str]:
    """Each expected prefix with the way to it."""
    backend = str(changes.pop("backend", ""))
    return {str(route.prefix): str(route.way) for route in expectation(backend=backend, **changes).routes}


def pool(**changes: object) -> tuple[Pool, ...]:
    return (replace(POOL, **changes),)  # type: ignore[arg-type]


def nodes(third: Node, first: Node = HOST1) -> tuple[Node, ...]:
    return (first, HOST2, third)


def with_vteps(*records: Node) -> tuple[Node, ...]:
    return tuple(replace(one, vxlan_tunnel_address=ip_address(f"192.168.{one.name[-1]}.1")) for one in records)


PLAIN = {"192.168.2.0/26": "via 10.77.0.12", "192.168.3.0/26": "via 10.77.0.13"}
ANYHOW = "via the way to 10.78.0.13"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, PLAIN, id="no encapsulation, one subnet"),
        pytest.param(
            {"nodes": nodes(FAR)},
            PLAIN | {"192.168.3.0/26": ANYHOW},
            id="no encapsulation, another subnet: BIRD resolves the next hop, whatever it is",
        ),
        pytest.param(
            {"nodes": nodes(HOST3, SLASH32)},
            PLAIN,
            id="a /32 in our own record: the link's network still tells what is near",
        ),
        pytest.param(
            {"pools": pool(ipip=ALWAYS), "nodes": nodes(FAR)},
            {
                "192.168.2.0/26": "via 10.77.0.12 dev tunl0",
                "192.168.3.0/26": "via 10.78.0.13 dev tunl0",
            },
            id="IPIP: the owner's own address, near or far",
        ),
        pytest.param(
            {"pools": pool(ipip=CROSS), "nodes": nodes(FAR)},
            PLAIN | {"192.168.3.0/26": "via 10.78.0.13 dev tunl0"},
            id="IPIP across subnets only",
        ),
        pytest.param(
            {"pools": pool(ipip=CROSS), "nodes": nodes(HOST3, SLASH32)},
            {
                "192.168.2.0/26": "via 10.77.0.12 dev tunl0",
                "192.168.3.0/26": "via 10.77.0.13 dev tunl0",
            },
            id="IPIP across subnets, and a /32 in our record: everybody is in another subnet",
        ),
        pytest.param(
            {"pools": pool(vxlan=ALWAYS), "nodes": with_vteps(*nodes(FAR))},
            {
                "192.168.2.0/26": "via 192.168.2.1 dev vxlan.calico",
                "192.168.3.0/26": "via 192.168.3.1 dev vxlan.calico",
            },
            id="VXLAN: the owner's tunnel address",
        ),
        pytest.param(
            {"pools": pool(vxlan=CROSS), "nodes": with_vteps(*nodes(FAR))},
            PLAIN | {"192.168.3.0/26": "via 192.168.3.1 dev vxlan.calico"},
            id="VXLAN across subnets only",
        ),
        pytest.param(
            {"pools": pool(vxlan=ALWAYS, bgp_export=False), "nodes": with_vteps(*DATASTORE.nodes), "backend": "vxlan"},
            {
                "192.168.2.0/26": "via 192.168.2.1 dev vxlan.calico",
                "192.168.3.0/26": "via 192.168.3.1 dev vxlan.calico",
            },
            id="VXLAN needs no BIRD and no export",
        ),
        pytest.param({"backend": "none"}, {}, id="no BIRD, no tunnel: no routes"),
        pytest.param({"pools": pool(bgp_export=False)}, {}, id="a pool that is not exported"),
        pytest.param({"pools": pool(disabled=True)}, PLAIN, id="a disabled pool still has its blocks"),
        pytest.param({"pools": ()}, PLAIN, id="blocks that outlived their pool are exported, without encapsulation"),
        pytest.param(
            {
                "pools": (),
                "bad_keys": (bad_record(ResourceKind.IP_POOL, "a"),),
            },
            {},
            id="the pool of a block may be one that cannot be read",
        ),
        pytest.param(
            {"pools": pool(ipip=ALWAYS, cidr=ip_network("192.168.0.0/23"))},
            PLAIN,
            id="blocks that outlived their pool, beside others",
        ),
        pytest.param(
            {"pools": (*pool(bgp_export=False), Pool("inner", ip_network("192.168.3.0/24")))},
            {},
            id="a pool inside one that is not exported is not either",
        ),
        pytest.param(
            {"pools": (*pool(), Pool("inner", ip_network("192.168.3.0/24"), bgp_export=False))},
            {"192.168.2.0/26": "via 10.77.0.12"},
            id="a pool that is not exported, inside one that is",
        ),
        pytest.param(
            {
                "pools": (*pool(bgp_export=False), Pool("inner", ip_network("192.168.3.0/24"), vxlan=ALWAYS)),
                "nodes": with_vteps(*DATASTORE.nodes),
            },
            {"192.168.3.0/26": "via 192.168.3.1 dev vxlan.calico"},
            id="VXLAN inside a pool that is not exported",
        ),
        pytest.param({"pools": pool(disabled=True, bgp_export=False)}, {}, id="a disabled pool that is not exported"),
        pytest.param(
            {"pools": (*pool(), Pool("inner", ip_network("192.168.3.0/24"), ipip=ALWAYS))},
            PLAIN | {"192.168.3.0/26": "via 10.77.0.13 dev tunl0"},
            id="of nested pools the longest prefix counts",
        ),
        pytest.param(
            {"affinities": (claim("host1"), claim("host2"), claim("host3", state=AffinityState.PENDING))},
            {"192.168.2.0/26": "via 10.77.0.12"},
            id="a claim that is pending is not advertised",
        ),
        pytest.param(
            {"affinities": (claim("host1"), claim("host2"), claim("host3", state=AffinityState.PENDING_DELETION))},
            {"192.168.2.0/26": "via 10.77.0.12"},
            id="a claim that is being given up is not advertised",
        ),
        pytest.param(
            {"affinities": DATASTORE.affinities[:2]},
            {"192.168.2.0/26": "via 10.77.0.12"},
            id="a block whose owner has no claim is not advertised",
        ),
        pytest.param(
            {"blocks": (*DATASTORE.blocks[:2], replace(DATASTORE.blocks[2], virtual=True))},
            {"192.168.2.0/26": "via 10.77.0.12"},
            id="a load balancer's block is no host's",
        ),
        pytest.param(
            {"nodes": DATASTORE.nodes[:2]}, {"192.168.2.0/26": "via 10.77.0.12"}, id="an owner without a record"
        ),
        pytest.param(
            {"nodes": (HOST1, HOST2, Node("host3"))},
            {"192.168.2.0/26": "via 10.77.0.12"},
            id="an owner without address",
        ),
        pytest.param(
            {
                "blocks": (*DATASTORE.blocks, block("host3", "192.168.9.9/32")),
                "affinities": (*DATASTORE.affinities, claim("host3", "192.168.9.9/32")),
            },
            PLAIN | {"192.168.9.9/32": "via 10.77.0.13"},
            id="blocks of one address",
        ),
        pytest.param(
            {
                "nodes": V6_NODES,
                "pools": (*pool(), replace(V6_POOL, ipip=ALWAYS)),
                "blocks": (block("host3", "fd00:192::/122"),),
                "affinities": (claim("host3", "fd00:192::/122"),),
            },
            {"fd00:192::/122": "via the way to fd00:77::13"},
            id="IPv6: IPIP does not exist, and no IPv6 network is near",
        ),
        pytest.param(
            {
                "nodes": tuple(replace(one, vxlan_tunnel_address_v6=ip_address("fd00:192::1")) for one in V6_NODES),
                "pools": (replace(V6_POOL, vxlan=ALWAYS),),
                "blocks": (block("host3", "fd00:192::/122"),),
                "affinities": (claim("host3", "fd00:192::/122"),),
            },
            {"fd00:192::/122": "via fd00:192::1 dev vxlan-v6.calico"},
            id="IPv6 over VXLAN",
        ),
        pytest.param(
            {
                "pools": (V6_POOL,),
                "blocks": (block("host3", "fd00:192::/122"),),
                "affinities": (claim("host3", "fd00:192::/122"),),
            },
            {},
            id="nodes without IPv6 addresses have no IPv6 routes",
        ),
    ],
)
def test_routes_follow_from_pool_and_nodes(changes: dict[str, object], expected: dict[str, str]) -> None:
    assert ways(**changes) == expected


def borrowed(address: str, node: str, owner: str) -> tuple[Block, ...]:
    lent = (Borrowed(ip_address(address), node),)
    return tuple(replace(one, borrowed=lent) if one.owner == owner else one for one in DATASTORE.blocks)


@pytest.mark.parametrize(
    ("blocks", "expected"),
    [
        pytest.param(
            borrowed("192.168.2.9", "host3", "host2"), {"192.168.2.9/32": "via 10.77.0.13"}, id="by a third node"
        ),
        pytest.param(borrowed("192.168.1.9", "host3", "host1"), {"192.168.1.9/32": "via 10.77.0.13"}, id="from us"),
        pytest.param(borrowed("192.168.2.9", "host1", "host2"), {}, id="by us: a local workload"),
        pytest.param(borrowed("192.168.2.9", "gone", "host2"), {}, id="by a node without a record"),
        pytest.param(
            (
                *DATASTORE.blocks,
                Block(ip_network("192.168.9.0/26"), borrowed=(Borrowed(ip_address("192.168.9.1"), "host2"),)),
            ),
            {"192.168.9.1/32": "via 10.77.0.12"},
            id="from a block that nobody owns any more",
        ),
    ],
)
def test_borrowed_addresses_have_routes_of_their_own(blocks: tuple[Block, ...], expected: dict[str, str]) -> None:
    assert ways(blocks=blocks) == PLAIN | expected


def test_a_borrowed_address_outside_all_pools_is_not_exported() -> None:
    assert ways(pools=(), blocks=borrowed("192.168.2.9", "host3", "host2")) == PLAIN


def test_a_borrowed_tunnel_address_is_reached_by_the_tunnel() -> None:
    tunnels = (HOST1, HOST2, replace(HOST3, ipip_tunnel_address=ip_address("192.168.2.9")))
    assert ways(nodes=tunnels, blocks=borrowed("192.168.2.9", "host3", "host2")) == PLAIN


RR = replace(HOST2, route_reflector_cluster_id="1.0.0.1")
CLIENTS = Peering("rr", peers=Comparison("rr", Operator.EQUAL, "yes"))
REFLECTED = (HOST1, replace(RR, labels=(("rr", "yes"),)), HOST3)
ROUTER = Peering("router", ip_address("10.77.0.1"), as_number=65001)


def peers(*peerings: Peering, mesh: bool = False) -> BgpSettings:
    return BgpSettings(mesh=mesh, peers=tuple(one.name for one in peerings), peerings=peerings)


@pytest.mark.parametrize(
    ("bgp", "records", "judged"),
    [
        pytest.param(
            BgpSettings(), DATASTORE.nodes, {"host2", "host3"}, id="with the full mesh the next hop is certain"
        ),
        pytest.param(
            peers(ROUTER, mesh=True), DATASTORE.nodes, {"host2", "host3"}, id="also beside a router of another AS"
        ),
        pytest.param(
            peers(replace(ROUTER, as_number=None), mesh=True), DATASTORE.nodes, set(), id="not beside one of this AS"
        ),
        pytest.param(
            BgpSettings(), (HOST1, replace(HOST2, as_number=65002), HOST3), {"host3"}, id="nor of nodes of another AS"
        ),
        pytest.param(BgpSettings(mesh=False, peers=("rr",)), DATASTORE.nodes, set(), id="with peers that nobody knows"),
        pytest.param(peers(ROUTER), DATASTORE.nodes, set(), id="through a router a route may come from anywhere"),
        pytest.param(peers(CLIENTS), REFLECTED, {"host2", "host3"}, id="a route reflector keeps the next hop"),
        pytest.param(peers(replace(CLIENTS, next_hop_self=True)), REFLECTED, set(), id="unless it is told not to"),
        pytest.param(peers(CLIENTS, mesh=True), REFLECTED, {"host2", "host3"}, id="a route reflector beside the mesh"),
        pytest.param(peers(mesh=True), (HOST1, RR, HOST3), {"host3"}, id="a route reflector is outside the mesh"),
        pytest.param(
            peers(Peering("pair", peers=Comparison("rr", Operator.EQUAL, "yes"), node="host1")),
            (HOST1, replace(HOST2, labels=(("rr", "yes"),)), HOST3),
            {"host2"},
            id="a session with the owner itself",
        ),
    ],
)
def test_where_the_next_hop_is_judged(bgp: BgpSettings, records: tuple[Node, ...], judged: set[str]) -> None:
    routes = expectation(bgp=bgp, nodes=records).routes
    assert {route.way.node for route in routes} == {"host2", "host3"}
    assert {route.way.node for route in routes if route.way.judged} == judged


def test_felix_needs_no_session() -> None:
    routes = expectation(bgp=peers(), pools=pool(vxlan=CROSS), nodes=with_vteps(*nodes(FAR))).routes
    assert [(route.way.judged, route.way.by_bgp) for route in routes] == [(True, False), (True, False)]


@pytest.mark.parametrize(
    ("changes", "blackholes"),
    [
        pytest.param({}, ["192.168.1.0/26"], id="of a confirmed claim"),
        pytest.param(
            {"affinities": (claim("host1", state=AffinityState.PENDING_DELETION),)},
            ["192.168.1.0/26"],
            id="of a claim that is being given up",
        ),
        pytest.param({"affinities": (claim("host1", state=AffinityState.PENDING),)}, [], id="not of a pending claim"),
        pytest.param({"pools": ()}, ["192.168.1.0/26"], id="of a block that outlived its pool"),
        pytest.param({"pools": pool(bgp_export=False)}, ["192.168.1.0/26"], id="also where it is not exported"),
        pytest.param(
            {"blocks": (block("host1", "192.168.1.1/32"),), "affinities": (claim("host1", "192.168.1.1/32"),)},
            [],
            id="not of a single address",
        ),
        pytest.param({"backend": "none"}, [], id="not without BIRD"),
        pytest.param(
            {"backend": "vxlan", "pools": pool(vxlan=ALWAYS)}, ["192.168.1.0/26"], id="but by Felix with VXLAN"
        ),
    ],
)
def test_own_blocks_want_a_blackhole(changes: dict[str, object], blackholes: list[str]) -> None:
    backend = str(changes.pop("backend", ""))
    assert [str(prefix) for prefix in expectation(backend=backend, **changes).own_blocks] == blackholes


def test_nothing_is_expected_while_it_is_not_known_which_node_this_is() -> None:
    cluster = index(DATASTORE)
    nameless = replace(IDENTITY, name=replace(IDENTITY.name, name=None))
    observation = replace(HEALTHY, host=replace(HEALTHY.host, nodename_file=None))  # type: ignore[arg-type]
    local = local_host(observation, nameless, cluster, mode=Mode.SUPERVISE, container_name="calico-node")
    assert local.name is None
    assert expect(cluster, local) == Expectation()


def test_blocks_of_one_node_share_one_way() -> None:
    routes = expectation(
        blocks=(*DATASTORE.blocks, block("host3", "192.168.3.64/26")),
        affinities=(*DATASTORE.affinities, claim("host3", "192.168.3.64/26")),
    ).routes
    assert len({id(route.way) for route in routes}) == 2


def test_an_empty_datastore_expects_nothing() -> None:
    cluster = index(Datastore())
    local = local_host(HEALTHY, IDENTITY, cluster, mode=Mode.OBSERVE, container_name="calico-node")
    assert expect(cluster, local) == Expectation()
