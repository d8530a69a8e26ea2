"""Calico 2.x's keys and values in the etcd v2 API: the same model as v3's."""

import json
from ipaddress import ip_address, ip_interface, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calico_agent.model.calico.bad_key import BadKey, ResourceKind
from calico_agent.model.calico.bgp_peer import Peering
from calico_agent.model.calico.node import (
    Affinity,
    AffinityState,
    BgpSettings,
    Block,
    Datastore,
    EncapsulationMode,
    Node,
    Pool,
)
from calico_agent.sources.datastore.etcd2.decode import PREFIXES, Decoded, assemble, decode_key
from calico_agent.sources.datastore.etcd3.decode import decode_datastore
from calico_agent.sources.datastore.etcd3.encode import encode_datastore

HOST = "/calico/bgp/v1/host/node-a/"
GLOBAL = "/calico/bgp/v1/global/"
POOL = "/calico/v1/ipam/v4/pool/192.168.0.0-16"
BLOCK = "/calico/ipam/v2/assignment/ipv4/block/192.168.0.0-26"

# What calico/node v1.3.0 and its IPAM write for two nodes, the second without an address.
CLUSTER = {
    "/calico/v1/config/ClusterGUID": "4a1c1d2e",
    f"{GLOBAL}as_num": "64512",
    f"{GLOBAL}node_mesh": '{"enabled": true}',
    f"{GLOBAL}loglevel": "info",
    f"{GLOBAL}peer_v4/10.0.0.254": '{"ip":"10.0.0.254","as_num":"65001"}',
    f"{GLOBAL}custom_filters/v4/a": "reject;",
    f"{HOST}ip_addr_v4": "10.0.0.1",
    f"{HOST}ip_addr_v6": "",
    f"{HOST}network_v4": "10.0.0.0/24",
    f"{HOST}as_num": "64513",
    "/calico/bgp/v1/host/node-b/ip_addr_v4": "",
    "/calico/bgp/v1/host/node-b/ip_addr_v6": "",
    POOL: '{"cidr":"192.168.0.0/16","ipip":"tunl0","ipip_mode":"cross-subnet","masquerade":true,"disabled":false}',
    "/calico/ipam/v2/host/node-a/ipv4/block/192.168.0.0-26": "",
    BLOCK: json.dumps(
        {
            "cidr": "192.168.0.0/26",
            "affinity": "host:node-a",
            "strictAffinity": False,
            "allocations": [0, None],
            "unallocated": [1],
            "attributes": [{"handle_id": None, "secondary": None}],
        }
    ),
    "/calico/ipam/v2/handle/x": '{"block":{"192.168.0.0/26":1}}',
}


def read(cluster: dict[str, str]) -> Datastore:
    decoded: dict[str, Decoded | BadKey] = {}
    for key, value in cluster.items():
        found = decode_key(key, value.encode())
        if found is not None:
            decoded[key] = found
    return assemble(decoded, revision=7, read_at=None)


def test_a_cluster_is_read_into_the_same_model() -> None:
    network = ip_network("192.168.0.0/26")
    assert read(CLUSTER) == Datastore(
        nodes=(Node("node-a", ipv4=ip_interface("10.0.0.1/24"), as_number=64513), Node("node-b")),
        pools=(Pool("192.168.0.0-16", ip_network("192.168.0.0/16"), ipip=EncapsulationMode.CROSS_SUBNET),),
        blocks=(Block(network, "node-a"),),
        affinities=(Affinity("node-a", network, AffinityState.CONFIRMED),),
        bgp=BgpSettings(
            mesh=True,
            as_number=64512,
            peers=("10.0.0.254",),
            peerings=(Peering("10.0.0.254", ip_address("10.0.0.254"), as_number=65001, mutual=False),),
        ),
        cluster_guid="4a1c1d2e",
        claimable=False,
        is_of_calico_2=True,
        revision=7,
    )


def test_peers_outlive_a_restart_of_the_agent() -> None:
    bgp = read(CLUSTER | {f"{HOST}peer_v6/fd00::1": '{"ip":"fd00::1","as_num":"65002"}'}).bgp
    kept = encode_datastore(Datastore(bgp=bgp))
    assert decode_datastore(kept, revision=1, read_at=None).bgp == bgp


@pytest.mark.parametrize(
    ("value", "mode"),
    [
        pytest.param({"ipip": "", "ipip_mode": ""}, EncapsulationMode.NEVER, id="none"),
        pytest.param({}, EncapsulationMode.NEVER, id="not a word about it"),
        pytest.param({"ipip": "tunl0"}, EncapsulationMode.ALWAYS, id="a tunnel, from before there were modes"),
        pytest.param({"ipip": "tunl0", "ipip_mode": "always"}, EncapsulationMode.ALWAYS, id="always"),
        pytest.param({"ipip": "", "ipip_mode": "always"}, EncapsulationMode.NEVER, id="a mode without a tunnel"),
        pytest.param({"ipip": "tunl0", "ipip_mode": "cross-subnet"}, EncapsulationMode.CROSS_SUBNET, id="cross-subnet"),
    ],
)
def test_encapsulation_of_a_pool(value: dict[str, str], mode: EncapsulationMode) -> None:
    pool = decode_key(POOL, json.dumps({"cidr": "192.168.0.0/16"} | value).encode())
    assert isinstance(pool, Pool)
    assert pool.ipip is mode


@pytest.mark.parametrize(
    ("change", "node"),
    [
        pytest.param({"network_v4": "10.0.0.1/32"}, Node("node-a", ipv4=ip_interface("10.0.0.1/32")), id="no prefix"),
        pytest.param(
            {"ip_addr_v4": "", "ip_addr_v6": "fd00::1", "network_v6": "fd00::/64"},
            Node("node-a", ipv6=ip_interface("fd00::1/64")),
            id="IPv6 only",
        ),
    ],
)
def test_addresses_of_a_node(change: dict[str, str], node: Node) -> None:
    cluster = {f"{HOST}ip_addr_v4": "10.0.0.1"} | {f"{HOST}{name}": value for name, value in change.items()}
    assert read(cluster).nodes == (node,)


def test_an_address_whose_network_is_not_yet_written_stands_alone() -> None:
    assert read({f"{HOST}ip_addr_v4": "10.0.0.1"}).nodes[0].ipv4 == ip_interface("10.0.0.1/32")


def test_what_is_left_of_a_deleted_node_is_no_node() -> None:
    left = read({f"{HOST}as_num": "64512", f"{HOST}peer_v4/10.0.0.9": "{}"})
    assert left.nodes == ()
    assert left.bgp.peers == ("node-a 10.0.0.9",)


def test_without_settings_the_mesh_is_on_and_can_be_turned_off() -> None:
    assert read({}).bgp == BgpSettings()
    assert not read({f"{GLOBAL}node_mesh": '{"enabled": false}'}).bgp.mesh


NODE = ResourceKind.NODE


@pytest.mark.parametrize(
    ("key", "value", "reason", "kind", "name"),
    [
        (f"{HOST}ip_addr_v4", "fd00::1", "ip_addr_v4 is 'fd00::1', not an IPv4 address", NODE, "node-a"),
        (f"{HOST}network_v4", "10.0.0.0", "network_v4 is '10.0.0.0', not an IPv4 network", NODE, "node-a"),
        (f"{HOST}as_num", "many", "as_num is text that is no AS number", NODE, "node-a"),
        (f"{HOST}as_num", "9" * 2000, "the value has 2000 bytes", NODE, "node-a"),
        (f"{GLOBAL}node_mesh", "yes", "the value is not JSON", ResourceKind.BGP_CONFIGURATION, "default"),
        (
            POOL,
            '{"cidr":"192.168.0.0/16","ipip_mode":"sometimes"}',
            "ipip_mode is 'sometimes', not always or cross-subnet",
            ResourceKind.IP_POOL,
            "192.168.0.0-16",
        ),
        (
            POOL,
            '{"cidr":"fd00::/64"}',
            "cidr is 'fd00::/64', not an IPv4 network",
            ResourceKind.IP_POOL,
            "192.168.0.0-16",
        ),
        (BLOCK, "junk", "the value is not JSON", ResourceKind.IPAM_BLOCK, "192.168.0.0/26"),
    ],
)
def test_a_value_that_cannot_be_understood_is_told(
    key: str, value: str, reason: str, kind: ResourceKind, name: str
) -> None:
    assert decode_key(key, value.encode()) == BadKey(key, reason, kind, name)


@given(st.sampled_from([*PREFIXES, *CLUSTER]), st.text(), st.binary())
def test_no_key_and_no_value_raises(prefix: str, rest: str, value: bytes) -> None:
    decode_key(f"{prefix}{rest}", value)
    decode_key(prefix, value)
