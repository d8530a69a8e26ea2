"""Objects of the Kubernetes API, as recorded and as they should never be."""

import json
from ipaddress import ip_address, ip_interface, ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calico_agent.model.calico.bad_key import BadKey, ResourceKind
from calico_agent.model.calico.node import Affinity, AffinityState, Block, Borrowed, Datastore, EncapsulationMode, Node
from calico_agent.sources.datastore.kubernetes.decode import (
    PREFIXES,
    KubernetesNode,
    assemble,
    block_key,
    decode_key,
)
from tests.places import DATA
from tests.replay.kubernetes import read_objects

CAPTURES = DATA / "calico-kubernetes"
BLOCK = "ipamblocks/10-233-64-0-30"
AFFINITY = "blockaffinities/node-a-10-233-64-0-30"


def decoded(key: str, value: object) -> Any:
    return decode_key(key, json.dumps(value).encode())


def node(**annotations: str) -> Node:
    said = {f"projectcalico.org/{name}": value for name, value in annotations.items()}
    found = decoded("nodes/node-a", {"metadata": {"name": "node-a", "annotations": said}})
    assert isinstance(found, KubernetesNode)
    return found.node


def spec(key: str, **fields: object) -> Any:
    return decoded(key, {"metadata": {"name": key.partition("/")[2]}, "spec": fields})


def test_a_recorded_cluster() -> None:
    read = read_objects(CAPTURES / "borrowed-address")
    assert [one.name for one in read.nodes] == ["host1", "host2", "host3"]
    assert read.nodes[0].ipv4 == ip_interface("10.99.0.11/24")
    assert read.nodes[0].interfaces == (("eth0", (ip_address("10.99.0.11"),)),)
    assert [(str(one.cidr), one.owner) for one in read.blocks] == [
        ("192.168.119.0/26", "host1"),
        ("192.168.183.64/26", "host2"),
        ("192.168.55.64/26", "host3"),
    ]
    assert read.blocks[0].borrowed == (Borrowed(ip_address("192.168.119.40"), "host2"),)
    assert {one.node for one in read.affinities} == {"host1", "host2", "host3"}
    assert (read.calico_version, read.cluster_guid) == ("v3.32.1", "ebed9f94cc1444dfaf65de9eb791650d")
    assert (read.bad_keys, read.claimable, read.is_of_calico_2) == ((), False, False)


def test_both_groups_of_calicos_resources_are_read_alike() -> None:
    one, other = read_objects(CAPTURES / "healthy"), read_objects(CAPTURES / "v3-crds")
    assert one.pools == other.pools
    assert one.affinities[:2] == other.affinities
    assert {block.owner for block in other.blocks} == {"host1", "host2"}


def test_vxlan_and_bgp_peers_as_recorded() -> None:
    read = read_objects(CAPTURES / "vxlan-always")
    assert read.pools[0].vxlan is EncapsulationMode.ALWAYS
    assert read.nodes[1].vxlan_tunnel_address == ip_address("192.168.183.66")
    peers = read_objects(CAPTURES / "bgp-peers")
    assert (peers.bgp.mesh, peers.bgp.peers) == (False, ("rr-clients", "tor"))
    assert (peers.nodes[0].as_number, peers.nodes[0].route_reflector_cluster_id) == (64513, "244.0.0.1")
    assert ("route-reflector", "true") in peers.nodes[0].labels


def test_with_host_local_ipam_pod_cidrs_are_blocks() -> None:
    read = read_objects(CAPTURES / "host-local-pod-cidr")
    first, second = ip_network("10.244.1.0/24"), ip_network("10.244.2.0/24")
    assert read.blocks == (Block(first, "host1"), Block(second, "host2"))
    assert read.affinities == (Affinity("host1", first), Affinity("host2", second))
    assert [str(one.ipip_tunnel_address) for one in read.nodes] == ["10.244.1.1", "10.244.2.1"]


def test_without_host_local_ipam_pod_cidrs_are_nothing() -> None:
    assert len(read_objects(CAPTURES / "healthy").blocks) == 3


@pytest.mark.parametrize(
    "annotations",
    [
        {"IPv4Address": "10.0.0.300/24", "ASNumber": "1.2.3", "IPv4VXLANTunnelAddr": "none"},
        {"Interfaces": "{", "labels": "[1]", "IPv4WireguardInterfaceAddr": "10.0.0.1/24"},
        {"Interfaces": '[{"name": "eth0", "addresses": ["x"]}]', "labels": '{"a": 1}', "ASNumber": ""},
    ],
)
def test_an_annotation_that_cannot_be_understood_counts_as_absent(annotations: dict[str, str]) -> None:
    assert node(**annotations) == Node("node-a")


def test_every_annotation_of_a_node() -> None:
    found = node(
        IPv4Address="10.0.0.1/24",
        IPv6Address="fd00::1/64",
        ASNumber="1.10",
        RouteReflectorClusterID="1.0.0.1",
        IPv4IPIPTunnelAddr="10.1.0.1",
        IPv4VXLANTunnelAddr="10.1.0.2",
        IPv6VXLANTunnelAddr="fd00:1::2",
        VXLANTunnelMACAddr="66:00:00:00:00:01",
        VXLANTunnelMACAddrV6="66:00:00:00:00:02",
        IPv4WireguardInterfaceAddr="10.1.0.3",
        IPv6WireguardInterfaceAddr="fd00:1::3",
        WireguardPublicKey="key",
        WireguardPublicKeyV6="key6",
        Interfaces='[{"name":"eth0","addresses":["10.0.0.1"]}]',
    )
    assert found == Node(
        "node-a",
        ip_interface("10.0.0.1/24"),
        ip_interface("fd00::1/64"),
        65546,
        "1.0.0.1",
        ip_address("10.1.0.1"),
        ip_address("10.1.0.2"),
        ip_address("fd00:1::2"),
        "66:00:00:00:00:01",
        "66:00:00:00:00:02",
        "key",
        "key6",
        ip_address("10.1.0.3"),
        ip_address("fd00:1::3"),
        (("eth0", (ip_address("10.0.0.1"),)),),
    )


def test_labels_of_kubernetes_win_over_those_that_were_given_through_calico() -> None:
    annotations = {"projectcalico.org/labels": json.dumps({"rack": "b", "zone": "z"})}
    metadata = {"name": "node-a", "labels": {"rack": "a", "empty": None}, "annotations": annotations}
    found = decoded("nodes/node-a", {"metadata": metadata})
    assert found.node.labels == (("empty", ""), ("rack", "a"), ("zone", "z"))


@pytest.mark.parametrize("deleted", ["true", True])
def test_what_is_marked_as_deleted_is_absent(deleted: object) -> None:
    assert spec(AFFINITY, node="node-a", cidr="10.233.64.0/30", state="confirmed", deleted=deleted) is None
    assert spec(BLOCK, cidr="10.233.64.0/30", affinity="host:node-a", allocations=[], deleted=deleted) is None


@pytest.mark.parametrize("deleted", ["false", False, None, ""])
def test_what_is_not_is_there(deleted: object) -> None:
    found = spec(AFFINITY, node="node-a", cidr="10.233.64.0/30", state="pending", deleted=deleted)
    assert found == Affinity("node-a", ip_network("10.233.64.0/30"), AffinityState.PENDING)


def test_owners_that_are_no_hosts_have_no_affinity_here() -> None:
    assert spec(AFFINITY, node="load-balancer", cidr="10.233.64.0/30", type="virtual") is None
    assert spec(AFFINITY, node="node-a", cidr="10.233.64.0/30", type="host") is not None


@pytest.mark.parametrize(
    ("key", "fields", "kind", "name"),
    [
        ("nodes/a", b"junk", ResourceKind.NODE, "a"),
        (BLOCK, b'{"metadata": {}, "spec": {"cidr": 5}}', ResourceKind.IPAM_BLOCK, "10.233.64.0/30"),
        ("ipamblocks/fd00-1---122", b"{}", ResourceKind.IPAM_BLOCK, "fd00:1::/122"),
        (AFFINITY, b'{"metadata": {}, "spec": {}}', ResourceKind.BLOCK_AFFINITY, "node-a-10-233-64-0-30"),
        ("ippools/p", b'{"metadata": {}, "spec": {"cidr": "x"}}', ResourceKind.IP_POOL, "p"),
        ("bgppeers/p", b'{"metadata": {}, "spec": {"peerIP": "x"}}', ResourceKind.BGP_PEER, "p"),
    ],
)
def test_what_cannot_be_understood_is_named(key: str, fields: bytes, kind: ResourceKind, name: str) -> None:
    found = decode_key(key, fields)
    assert isinstance(found, BadKey)
    assert (found.key, found.kind, found.name) == (key, kind, name)


def test_blocks_that_are_not_followed_are_those_that_nodes_claim() -> None:
    cidr = ip_network("10.233.64.0/30")
    found = assemble({AFFINITY: Affinity("node-a", cidr)}, revision=1, read_at=None, follows_blocks=False)
    assert found.blocks == (Block(cidr, "node-a"),)


@pytest.mark.parametrize("cidr", ["192.168.119.0/26", "fd00:1::40/122"])
def test_a_blocks_name_is_its_network_with_dashes(cidr: str) -> None:
    assert block_key(ip_network(cidr)) == f"ipamblocks/{cidr.translate(str.maketrans('.:/', '---'))}"


@pytest.mark.parametrize("path", sorted((CAPTURES / "wire").glob("watch-*.jsonl")), ids=lambda path: path.stem)
def test_the_objects_of_recorded_watches_are_understood(path: Any) -> None:
    """A Node of which only the metadata was asked for has all that Calico registers."""
    plural = {"nodes-metadata": "nodes"}.get(path.stem.removeprefix("watch-"), path.stem.removeprefix("watch-"))
    events = [json.loads(line) for line in path.read_text().splitlines()]
    found = [
        decoded(f"{plural}/{event['object']['metadata']['name']}", event["object"])
        for event in events
        if event["type"] != "BOOKMARK"
    ]
    assert found
    assert not any(one is None or isinstance(one, BadKey) for one in found)
    if plural == "nodes":
        assert all(one.node.interfaces for one in found)


@given(
    st.sampled_from(PREFIXES),
    st.text(),
    st.binary()
    | st.recursive(
        st.none() | st.booleans() | st.text() | st.integers(),
        lambda inner: st.dictionaries(
            st.sampled_from(["metadata", "spec", "annotations", "labels", "cidr", "node", "podCIDRs", "deleted"]), inner
        ),
    ).map(lambda value: json.dumps(value).encode()),
)
def test_whatever_is_there_nothing_is_raised(prefix: str, name: str, value: bytes) -> None:
    found = decode_key(f"{prefix}{name}", value)
    known = {} if found is None else {f"{prefix}{name}": found}
    assert isinstance(assemble(known, revision=1, read_at=None, pod_cidrs=True), Datastore)
