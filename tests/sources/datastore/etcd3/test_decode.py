"""Calico's keys and values in etcd v3, as recorded and as they should never be."""

import json
from ipaddress import ip_address, ip_interface, ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calico_agent.model.calico.bad_key import BadKey, ResourceKind
from calico_agent.model.calico.bgp_peer import Peering
from calico_agent.model.calico.felix import ClusterRoutes, FelixSettings
from calico_agent.model.calico.node import (
    Affinity,
    AffinityState,
    BgpSettings,
    Block,
    Borrowed,
    Datastore,
    EncapsulationMode,
    Node,
    Pool,
)
from calico_agent.sources.datastore.etcd3.decode import PREFIXES, block_key, decode_datastore, decode_key
from tests.places import DATA

CAPTURES = DATA / "calico-v3.31.7"
RESOURCES = "/calico/resources/v3/projectcalico.org/"
NODE = f"{RESOURCES}nodes/node-a"
POOL = f"{RESOURCES}ippools/default-ipv4-ippool"
BGP = f"{RESOURCES}bgpconfigurations/default"
BLOCK = "/calico/ipam/v2/assignment/ipv4/block/10.233.64.0-30"
BLOCK_V6 = "/calico/ipam/v2/assignment/ipv6/block/fd00:192::3740-122"
AFFINITY = "/calico/ipam/v2/host/node-a/ipv4/block/10.233.64.0-30"


def encoded(value: object) -> bytes:
    return json.dumps(value).encode()


def capture(scenario: str) -> Datastore:
    lines = (CAPTURES / scenario / "etcd.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in lines]
    return decode_datastore(((each["key"], encoded(each["value"])) for each in records), revision=1, read_at=None)


def block(**changes: Any) -> bytes:
    """A /30 of node-a with one address free and the last one borrowed by node-b."""
    fields = {
        "cidr": "10.233.64.0/30",
        "affinity": "host:node-a",
        "allocations": [0, 1, None, 2],
        "unallocated": [2],
        "attributes": [
            {"handle_id": "ipip-tunnel-addr-node-a", "secondary": {"node": "node-a", "type": "ipipTunnelAddress"}},
            {"handle_id": "k8s-pod-network.4f6c", "secondary": {"node": "node-a", "pod": "web-0"}},
            {"handle_id": "k8s-pod-network.91aa", "secondary": {"node": "node-b", "pod": "web-1"}},
        ],
        "sequenceNumber": 1782295201000000003,
        "deleted": False,
    }
    return encoded(fields | changes)


@pytest.mark.parametrize("scenario", sorted(path.parent.name for path in CAPTURES.glob("*/etcd.jsonl")))
def test_every_recorded_key_is_understood(scenario: str) -> None:
    datastore = capture(scenario)
    assert datastore.bad_keys == ()
    assert datastore.nodes
    assert datastore.pools
    assert {block.cidr for block in datastore.blocks} == {affinity.cidr for affinity in datastore.affinities}


def test_the_healthy_cluster_has_three_nodes_with_a_block_each() -> None:
    datastore = capture("healthy")
    assert [(node.name, str(node.ipv4)) for node in datastore.nodes] == [
        ("host1", "10.77.0.11/24"),
        ("host2", "10.77.0.12/24"),
        ("host3", "10.77.0.13/24"),
    ]
    assert {(str(block.cidr), block.owner) for block in datastore.blocks} == {
        ("192.168.119.0/26", "host1"),
        ("192.168.183.64/26", "host2"),
        ("192.168.55.64/26", "host3"),
    }
    assert datastore.bgp == BgpSettings(mesh=True, as_number=64512, listen_port=179, peers=())


def test_the_docker_bridge_address_is_read_as_it_was_registered() -> None:
    node = capture("docker-bridge-address").node("host3")
    assert node is not None
    assert node.ipv4 == ip_interface("172.17.0.1/16")


def test_borrowed_addresses_name_their_borrowers() -> None:
    borrowed = {
        str(each.address): each.node for block in capture("borrowed-addresses").blocks for each in block.borrowed
    }
    assert borrowed == {"10.65.0.5": "host1", "10.65.0.6": "host1", "10.65.0.7": "host3"}


def test_both_families_of_a_dual_stack_cluster_are_read() -> None:
    datastore = capture("dual-stack")
    node = datastore.node("host3")
    assert node is not None
    assert (node.ipv4, node.ipv6) == (ip_interface("10.77.0.13/24"), ip_interface("fd00:77::13/64"))
    assert Block(ip_network("fd00:192::3740/122"), "host3") in datastore.blocks


def test_vxlan_tunnel_addresses_are_read() -> None:
    datastore = capture("vxlan-always")
    assert datastore.pools[0].vxlan is EncapsulationMode.ALWAYS
    assert [str(node.vxlan_tunnel_address) for node in datastore.nodes] == [
        "192.168.119.1",
        "192.168.183.66",
        "192.168.55.65",
    ]


def holders(*attributes: dict[str, Any]) -> dict[int, str]:
    """Which node has which address of node-a's block for a pod, its allocations being these in turn."""
    cidr = ip_network("10.233.64.0/26")
    fields = {"cidr": str(cidr), "affinity": "host:node-a", "allocations": list(range(len(attributes)))}
    found = decode_key(block_key(cidr), encoded({**fields, "attributes": list(attributes)}))
    assert isinstance(found, Block)
    told = {ordinal: found.holder(cidr[ordinal]) for ordinal in range(len(attributes) + 1)}
    return {ordinal: name for ordinal, name in told.items() if name is not None}


def test_a_block_says_to_whose_pods_it_gave_addresses() -> None:
    tunnel = {"secondary": {"node": "node-b", "type": "ipipTunnelAddress"}}
    moving = {"secondary": {"node": "node-a"}, "alternateOwnerAttrs": {"node": "node-b"}}
    assert holders(
        {"secondary": {"node": "node-a"}},
        {"secondary": {"node": "node-b"}},
        tunnel,
        {"secondary": {"node": "node-a", "type": "vxlanTunnelAddress"}},
        {"handle_id": "default.pod1-a", "secondary": None},
        moving,
    ) == {0: "node-a", 1: "node-b"}


def test_a_borrowed_tunnel_address_keeps_its_kind() -> None:
    cidr = ip_network("10.233.64.0/30")
    attribute = {"secondary": {"node": "node-b", "type": "vxlanTunnelAddress"}}
    value = encoded({"cidr": str(cidr), "affinity": "host:node-a", "allocations": [None, 0], "attributes": [attribute]})
    found = decode_key(block_key(cidr), value)
    assert isinstance(found, Block)
    assert found.borrowed == (Borrowed(cidr[1], "node-b", "vxlanTunnelAddress"),)
    assert list(found.held_by("node-b")) == []


def test_the_tunnel_addresses_of_a_node_are_read() -> None:
    spec = {
        "bgp": {"ipv4IPIPTunnelAddr": "10.0.0.1"},
        "ipv4VXLANTunnelAddr": "10.0.0.2",
        "ipv6VXLANTunnelAddr": "fd00::2",
        "wireguard": {"interfaceIPv4Address": "10.0.0.3", "interfaceIPv6Address": "fd00::3"},
    }
    found = decode_key(NODE, node(spec))
    assert isinstance(found, Node)
    assert [(kind, str(address)) for kind, address in found.tunnel_addresses()] == [
        ("IPIP", "10.0.0.1"),
        ("VXLAN", "10.0.0.2"),
        ("VXLAN", "fd00::2"),
        ("WireGuard", "10.0.0.3"),
        ("WireGuard", "fd00::3"),
    ]


def node(spec: dict[str, Any], status: dict[str, Any] | None = None) -> bytes:
    return encoded({"kind": "Node", "metadata": {"name": "other"}, "spec": spec, "status": status})


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        pytest.param(NODE, node({"bgp": None}), Node("node-a"), id="a node without BGP has no address"),
        pytest.param(NODE, b"{}", Node("node-a"), id="a node may be empty: the name is in the key"),
        pytest.param(
            f"{RESOURCES}nodes/Node_A.example",
            node({"bgp": {"ipv4Address": "10.0.0.1"}}),
            Node("Node_A.example", ipv4=ip_interface("10.0.0.1/32")),
            id="a node's name is kept as it is, a bare address is a /32",
        ),
        pytest.param(
            NODE,
            node(
                {
                    "bgp": {
                        "asNumber": "1.10",
                        "ipv4Address": "10.0.0.1/24",
                        "ipv6Address": "",
                        "ipv4IPIPTunnelAddr": "10.233.64.0",
                        "routeReflectorClusterID": "224.0.0.1",
                        "aFieldOfTheFuture": [1],
                    },
                    "vxlanTunnelMACAddr": "66:1f:3c:6c:7a:01",
                    "interfaces": [{"name": "eth0", "addresses": ["10.0.0.1", "fe80::1"]}],
                },
                {"wireguardPublicKey": "jlkVyQYooZYzI2wFfNhSZez5eWh44yfq1wKVjLvSXgY="},
            ),
            Node(
                "node-a",
                ipv4=ip_interface("10.0.0.1/24"),
                as_number=65546,
                route_reflector_cluster_id="224.0.0.1",
                ipip_tunnel_address=ip_address("10.233.64.0"),
                vxlan_tunnel_mac="66:1f:3c:6c:7a:01",
                wireguard_public_key="jlkVyQYooZYzI2wFfNhSZez5eWh44yfq1wKVjLvSXgY=",
                interfaces=(("eth0", (ip_address("10.0.0.1"), ip_address("fe80::1"))),),
            ),
            id="a node with everything, and with fields that nobody knows yet",
        ),
        pytest.param(
            NODE,
            encoded({"metadata": {"labels": {"rack": "r1", "empty": None, "a/b.c-d": "x y"}}}),
            Node("node-a", labels=(("a/b.c-d", "x y"), ("empty", ""), ("rack", "r1"))),
            id="labels in the order of their names, null is an empty text to Go",
        ),
        pytest.param(
            POOL,
            encoded({"spec": {"cidr": "10.233.64.7/18", "ipipMode": "CrossSubnet", "disableBGPExport": True}}),
            Pool(
                "default-ipv4-ippool",
                ip_network("10.233.64.0/18"),
                ipip=EncapsulationMode.CROSS_SUBNET,
                bgp_export=False,
            ),
            id="a pool of before block sizes; host bits are masked as Calico does",
        ),
        pytest.param(
            BLOCK,
            block(),
            Block(ip_network("10.233.64.0/30"), "node-a", borrowed=(Borrowed(ip_address("10.233.64.3"), "node-b"),)),
            id="a block with a borrowed address",
        ),
        pytest.param(
            BLOCK_V6,
            encoded({"cidr": "fd00:192::3740/122", "affinity": "host:node-a", "allocations": None, "attributes": None}),
            Block(ip_network("fd00:192::3740/122"), "node-a", in_use=False),
            id="an IPv6 block, its key with colons; null lists are empty ones",
        ),
        pytest.param(
            BLOCK,
            block(affinity=None, hostAffinity="node-a", attributes=[{"handle_id": None, "secondary": {}}] * 3),
            Block(ip_network("10.233.64.0/30"), "node-a"),
            id="a very old block names its owner as hostAffinity and its users not at all",
        ),
        pytest.param(
            BLOCK,
            block(affinity=None, allocations=[None, 1, None, None]),
            Block(ip_network("10.233.64.0/30"), None, borrowed=(Borrowed(ip_address("10.233.64.1"), "node-a"),)),
            id="in a block without an owner every address in use is somebody else's",
        ),
        pytest.param(
            BLOCK,
            block(affinity="virtual:load-balancer"),
            Block(ip_network("10.233.64.0/30"), "load-balancer", virtual=True),
            id="a block of the load balancer belongs to no host",
        ),
        pytest.param(BLOCK, block(deleted=True), None, id="a block marked as deleted is absent"),
        pytest.param(
            AFFINITY,
            encoded({"state": "pending", "deleted": False}),
            Affinity("node-a", ip_network("10.233.64.0/30"), AffinityState.PENDING),
            id="a claim that is being made",
        ),
        pytest.param(
            AFFINITY,
            b"",
            Affinity("node-a", ip_network("10.233.64.0/30"), AffinityState.CONFIRMED),
            id="a claim of before states existed is confirmed",
        ),
        pytest.param(AFFINITY, encoded({"deleted": True}), None, id="a claim marked as deleted is absent"),
        pytest.param(
            "/calico/ipam/v2/host/node-a/ipv6/block/fd00::-122",
            b"{}",
            Affinity("node-a", ip_network("fd00::/122")),
            id="a claim on an IPv6 block",
        ),
        pytest.param("/calico/ipam/v2/handle/x", b"junk", None, id="a handle is of no interest"),
        pytest.param(
            "/calico/ipam/v2/virtual/load-balancer/ipv4/block/10.0.0.0-26", b"junk", None, id="nor a virtual claim"
        ),
        pytest.param(f"{RESOURCES}tiers/default", b"junk", None, id="nor a tier"),
        pytest.param("/registry/pods/default/web-0", b"junk", None, id="nor another program's key"),
    ],
)
def test_a_key_becomes(key: str, value: bytes, expected: object) -> None:
    assert decode_key(key, value) == expected


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        pytest.param(NODE, b"", "the value is not JSON", id="nothing"),
        pytest.param(NODE, b"{", "the value is not JSON", id="half a value"),
        pytest.param(NODE, b"\xff\xfe", "the value is not JSON", id="bytes that are no text"),
        pytest.param(NODE, b"[" * 100_000, "the value is not JSON", id="brackets without end"),
        pytest.param(NODE, b"9" * 10_000, "the value is not JSON", id="digits without end"),
        pytest.param(NODE, b"[]", "the value is an array, not a JSON object", id="an array"),
        pytest.param(NODE, b"null", "the value is null, not a JSON object", id="null"),
        pytest.param(
            NODE, b" " * 10_000_000, "the value has 10000000 bytes, more than the 2097152 that are read", id="10 MB"
        ),
        pytest.param(NODE, node({"bgp": []}), "bgp is an array, not an object", id="a section that is an array"),
        pytest.param(
            NODE, node({"bgp": {"ipv4Address": 1}}), "ipv4Address is a number, not text", id="a numeric address"
        ),
        pytest.param(
            NODE,
            node({"bgp": {"ipv4Address": "fd00::1/64"}}),
            "ipv4Address is 'fd00::1/64', not an IPv4 address with its prefix length",
            id="an address of the other family",
        ),
        pytest.param(
            NODE,
            encoded({"metadata": {"labels": {"rack": 1}}}),
            "labels holds values that are not text",
            id="a label that is a number",
        ),
        pytest.param(
            NODE,
            node({"bgp": {"asNumber": "64512x"}}),
            "asNumber is text that is no AS number",
            id="an AS number with a letter",
        ),
        pytest.param(
            NODE, node({"bgp": {"asNumber": 2**32}}), "asNumber is not between 0 and 4294967295", id="a huge AS number"
        ),
        pytest.param(
            NODE,
            node({"bgp": {"asNumber": True}}),
            "asNumber is true or false, not a whole number",
            id="a true AS number",
        ),
        pytest.param(f"{RESOURCES}nodes/", b"{}", "the key does not end in one name", id="a node without a name"),
        pytest.param(f"{RESOURCES}nodes/a/b", b"{}", "the key does not end in one name", id="a node with two names"),
        pytest.param(
            f"{RESOURCES}nodes/a\x1b[2J",
            b"{}",
            r"the name in the key is 'a\x1b[2J', which is no usable text",
            id="a name that clears the screen",
        ),
        pytest.param(POOL, b"{}", "cidr is null, not an IP network", id="a pool without a network"),
        pytest.param(
            POOL,
            encoded({"spec": {"cidr": "10.0.0.0"}}),
            "cidr is '10.0.0.0', not an IP network",
            id="a pool without a length",
        ),
        pytest.param(
            POOL,
            encoded({"spec": {"cidr": "10.0.0.0/8", "ipipMode": "Sometimes"}}),
            "ipipMode is 'Sometimes', not Never, Always or CrossSubnet",
            id="an unknown mode",
        ),
        pytest.param(
            BGP,
            encoded({"spec": {"nodeToNodeMeshEnabled": "no"}}),
            "nodeToNodeMeshEnabled is text, not true or false",
            id="a mesh of text",
        ),
        pytest.param(
            BGP, encoded({"spec": {"listenPort": 70000}}), "listenPort is not between 0 and 65535", id="a port too high"
        ),
        pytest.param(
            BLOCK,
            block(cidr="10.233.64.4/30"),
            "the key says 10.233.64.0/30, the value says 10.233.64.4/30",
            id="key and value disagree",
        ),
        pytest.param(
            BLOCK, block(affinity="node-a"), "affinity is 'node-a', not host:<node>", id="an owner of no kind"
        ),
        pytest.param(
            BLOCK,
            block(allocations=[3]),
            "the allocation of address 0 points to no attribute",
            id="a dangling allocation",
        ),
        pytest.param(
            BLOCK,
            block(allocations=[-1]),
            "the allocation of address 0 points to no attribute",
            id="a negative allocation",
        ),
        pytest.param(
            BLOCK, block(allocations=[None] * 5), "5 allocations in a block of 4 addresses", id="too many allocations"
        ),
        pytest.param(
            BLOCK, block(attributes=[0]), "attributes holds a number, not objects", id="attributes of numbers"
        ),
        pytest.param(
            AFFINITY,
            encoded({"state": "wanted"}),
            "state is 'wanted', not confirmed, pending or pendingDeletion",
            id="an unknown state",
        ),
        pytest.param(
            "/calico/ipam/v2/host//ipv4/block/10.0.0.0-26", b"", "the key names no node", id="a claim of nobody"
        ),
        *(
            pytest.param(
                f"/calico/ipam/v2/assignment/{tail}",
                b"{}",
                "the key does not end in ipv4/block/<network>-<length> or ipv6/block/<network>-<length>",
                id=f"a block key that ends in {tail!r}",
            )
            for tail in ("", "ipv4", "ipv4/block/10.0.0.0", "ipv5/block/10.0.0.0-26", "ipv4/blocks/10.0.0.0-26")
        ),
        pytest.param(
            "/calico/ipam/v2/assignment/ipv6/block/10.0.0.0-26",
            b"{}",
            "the network in the key is '10.0.0.0/26', not an IPv6 network",
            id="a block key of the wrong family",
        ),
    ],
)
def test_a_bad_key_is_told_in_one_sentence(key: str, value: bytes, reason: str) -> None:
    found = decode_key(key, value)
    assert isinstance(found, BadKey)
    assert found.reason == reason
    assert found.key.isprintable()


def test_the_bad_key_of_an_endless_name_is_cut() -> None:
    found = decode_key(f"{RESOURCES}nodes/{'n' * 100_000}", b"{}")
    assert isinstance(found, BadKey)
    assert len(found.key) < 400
    assert len(found.reason) < 400


@pytest.mark.parametrize(
    ("key", "kind", "name"),
    [
        (f"{RESOURCES}nodes/node-a", ResourceKind.NODE, "node-a"),
        (f"{RESOURCES}ippools/a", ResourceKind.IP_POOL, "a"),
        (f"{RESOURCES}bgppeers/a", ResourceKind.BGP_PEER, "a"),
        (f"{RESOURCES}bgpfilters/a", ResourceKind.BGP_FILTER, "a"),
        (f"{RESOURCES}bgpconfigurations/default", ResourceKind.BGP_CONFIGURATION, "default"),
        (f"{RESOURCES}clusterinformations/default", ResourceKind.CLUSTER_INFORMATION, "default"),
        (f"{RESOURCES}felixconfigurations/node.a", ResourceKind.FELIX_CONFIGURATION, "node.a"),
        ("/calico/ipam/v2/assignment/ipv6/block/fd00:1::-122", ResourceKind.IPAM_BLOCK, "fd00:1::/122"),
        ("/calico/ipam/v2/host/a-1/ipv4/block/10.0.0.0-26", ResourceKind.BLOCK_AFFINITY, "a-1 10.0.0.0/26"),
        ("/calico-agent/v1/names/a", None, "names/a"),
    ],
)
def test_a_bad_key_says_which_resource_it_is(key: str, kind: ResourceKind | None, name: str) -> None:
    found = decode_key(key, b"junk")
    assert isinstance(found, BadKey)
    assert (found.kind, found.name) == (kind, name)


def test_one_bad_key_leaves_the_rest_standing() -> None:
    items = [(NODE, b"{}"), (f"{RESOURCES}nodes/node-b", b"junk"), (BLOCK, block())]
    datastore = decode_datastore(items, revision=7, read_at=None)
    assert [node.name for node in datastore.nodes] == ["node-a"]
    assert len(datastore.blocks) == 1
    (bad,) = datastore.bad_keys
    assert bad == BadKey(f"{RESOURCES}nodes/node-b", "the value is not JSON", ResourceKind.NODE, "node-b")
    assert datastore.revision == 7


def test_bgp_settings_are_put_together_from_their_resources() -> None:
    items = [
        (f"{RESOURCES}bgppeers/rack1-tor", encoded({"spec": {"peerIP": "10.0.0.254", "asNumber": 65001}})),
        (f"{RESOURCES}bgpconfigurations/node.node-a", encoded({"spec": {"listenPort": 1790}})),
        (BGP, encoded({"spec": {"nodeToNodeMeshEnabled": False, "asNumber": 64513, "listenPort": 178}})),
    ]
    assert decode_datastore(items, revision=1, read_at=None).bgp == BgpSettings(
        mesh=False,
        as_number=64513,
        listen_port=178,
        peers=("rack1-tor",),
        node_listen_ports=(("node-a", 1790),),
        peerings=(Peering("rack1-tor", ip_address("10.0.0.254"), as_number=65001),),
    )


def test_a_bgp_peer_whose_selector_cannot_be_read_is_told_and_the_rest_stands() -> None:
    items = [
        (f"{RESOURCES}bgppeers/bad", encoded({"spec": {"peerIP": "10.0.0.254", "nodeSelector": "rack = 1"}})),
        (f"{RESOURCES}bgppeers/good", encoded({"spec": {"peerIP": "10.0.0.254", "nodeSelector": "has(rack)"}})),
    ]
    found = decode_datastore(items, revision=1, read_at=None)
    assert found.bgp.peers == ("good",)
    reason = "nodeSelector cannot be read from '= 1' on"
    assert found.bad_keys == (BadKey(f"{RESOURCES}bgppeers/bad", reason, ResourceKind.BGP_PEER, "bad"),)


def test_labels_that_many_nodes_have_are_kept_once() -> None:
    value = encoded({"metadata": {"labels": {"rack": "r1"}}})
    one, other = decode_datastore(
        [(f"{RESOURCES}nodes/{name}", value) for name in "ab"], revision=1, read_at=None
    ).nodes
    assert one.labels[0] is other.labels[0]


@pytest.mark.parametrize(
    ("version", "written", "expected"),
    [
        pytest.param("v3.31.7", None, ClusterRoutes.DISABLED, id="not set: BIRD writes them"),
        pytest.param("v3.33.0", None, ClusterRoutes.IPIP_ONLY, id="not set from v3.33 on: Felix writes those of IPIP"),
        pytest.param("v3.34.0-0.dev-12-gabc", None, ClusterRoutes.IPIP_ONLY, id="not set in a build before a release"),
        pytest.param("v4.0.0", None, ClusterRoutes.IPIP_ONLY, id="not set in a later one"),
        pytest.param("", None, ClusterRoutes.DISABLED, id="no version is known"),
        pytest.param("v3.33.0", "Disabled", ClusterRoutes.DISABLED, id="what is set counts"),
        pytest.param("v3.31.7", "Enabled", ClusterRoutes.ENABLED, id="all by Felix"),
        pytest.param("v3.33.0", "EnabledNoEncapOnly", ClusterRoutes.PLAIN_ONLY, id="those without encapsulation"),
    ],
)
def test_who_writes_cluster_routes(version: str, written: str | None, expected: ClusterRoutes) -> None:
    items = (
        (f"{RESOURCES}clusterinformations/default", encoded({"spec": {"calicoVersion": version}})),
        (f"{RESOURCES}felixconfigurations/default", encoded({"spec": {"programClusterRoutes": written}})),
        (f"{RESOURCES}felixconfigurations/default-of-another", encoded({"spec": {"programClusterRoutes": "x"}})),
    )
    datastore = decode_datastore(items, revision=1, read_at=None)
    assert (datastore.felix.cluster_routes, datastore.bad_keys) == (expected, ())


def test_what_felix_is_told_of_tunnels() -> None:
    spec = {
        "vxlanEnabled": False,
        "ipipEnabled": True,
        "wireguardEnabled": False,
        "vxlanVNI": 77,
        "vxlanPort": 8472,
    }
    items = ((f"{RESOURCES}felixconfigurations/default", encoded({"spec": spec})),)
    felix = decode_datastore(items, revision=1, read_at=None).felix
    assert felix == FelixSettings(off=frozenset({"vxlanEnabled"}), vxlan_vni=77, vxlan_port=8472)


def test_what_felix_is_told_on_single_nodes() -> None:
    items = (
        (
            f"{RESOURCES}felixconfigurations/node.host1",
            encoded({"spec": {"routeSyncDisabled": True, "bpfLogLevel": "Off"}}),
        ),
        (f"{RESOURCES}felixconfigurations/node.host2", encoded({"spec": {"floatingIPs": "Disabled"}})),
        (f"{RESOURCES}felixconfigurations/default", encoded({"spec": {"deviceRouteProtocol": 200}})),
    )
    datastore = decode_datastore(items, revision=1, read_at=None)
    assert datastore.felix == FelixSettings(route_protocol=200)
    assert datastore.felix_nodes == (("host1", (("routeSyncDisabled", True),)),)


def test_an_unknown_setting_of_cluster_routes_is_a_bad_key() -> None:
    value = encoded({"spec": {"programClusterRoutes": "Sometimes"}})
    (bad,) = decode_datastore([(f"{RESOURCES}felixconfigurations/default", value)], revision=1, read_at=None).bad_keys
    assert bad.reason == "programClusterRoutes is 'Sometimes', which is not known"


def test_the_order_of_arrival_does_not_matter() -> None:
    items = [(f"{RESOURCES}nodes/{name}", b"{}") for name in "cab"]
    assert decode_datastore(items, revision=1, read_at=None) == decode_datastore(
        reversed(items), revision=1, read_at=None
    )


# Text that reaches the places where shapes matter, beside text that is anything.
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["host:a", "10.0.0.0/30", "::/122"]),
    lambda children: (
        st.lists(children)
        | st.dictionaries(
            st.sampled_from(
                [
                    "spec",
                    "status",
                    "bgp",
                    "cidr",
                    "affinity",
                    "allocations",
                    "attributes",
                    "secondary",
                    "node",
                    "state",
                    "deleted",
                    "asNumber",
                    "ipv4Address",
                    "interfaces",
                    "addresses",
                    "name",
                    "ipipMode",
                    "blockSize",
                    "listenPort",
                ]
            ),
            children,
        )
    ),
)
keys = st.builds(
    str.__add__,
    st.sampled_from([*PREFIXES, BLOCK, BLOCK_V6, AFFINITY, NODE, POOL, BGP]),
    st.just("") | st.text() | st.sampled_from(["ipv4/block/10.0.0.0-30", "a/ipv6/block/::-122"]),
)


@given(keys | st.text(), st.binary() | json_values.map(encoded))
def test_nothing_that_may_stand_in_etcd_raises(key: str, value: bytes) -> None:
    found = decode_key(key, value)
    if isinstance(found, BadKey):
        assert found.reason
        assert found.reason.isprintable()
        assert found.key.isprintable()


@given(
    st.ip_addresses(v=4).map(lambda address: ip_network(f"{address}/26", strict=False)),
    st.lists(st.none() | st.sampled_from(["node-a", "node-b", "node-c"]), max_size=64),
)
def test_exactly_the_addresses_of_other_nodes_are_borrowed(network: Any, holders: list[str | None]) -> None:
    value = {
        "cidr": str(network),
        "affinity": "host:node-a",
        "allocations": [None if holder is None else ordinal for ordinal, holder in enumerate(holders)],
        "attributes": [{"secondary": {"node": holder}} for holder in holders],
    }
    found = decode_key(f"/calico/ipam/v2/assignment/ipv4/block/{str(network).replace('/', '-')}", encoded(value))
    assert isinstance(found, Block)
    assert [(int(each.address) - int(network.network_address), each.node) for each in found.borrowed] == [
        (ordinal, holder) for ordinal, holder in enumerate(holders) if holder not in (None, "node-a")
    ]
