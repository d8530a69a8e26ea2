"""What is encoded is decoded to the same, whatever the datastore holds."""

import ipaddress
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calico_agent.model.calico.bgp_filter import BgpFilter, Direction, FilterRule, Match
from calico_agent.model.calico.bgp_peer import Peering
from calico_agent.model.calico.felix import SETTINGS, TUNNEL_MTUS, TUNNEL_SWITCHES, FelixSettings
from calico_agent.model.calico.node import Affinity, BgpSettings, Block, Borrowed, Datastore, Node, Pool
from calico_agent.model.network.address import Family
from calico_agent.sources.datastore.etcd3.decode import decode_datastore
from calico_agent.sources.datastore.etcd3.encode import encode_datastore
from tests.examples import at_most
from tests.sources.datastore.calico.test_selector import SELECTORS
from tests.sources.datastore.etcd3.test_decode import CAPTURES, capture

NAMES = st.from_regex(r"[a-z0-9]([-.a-z0-9]{0,20}[a-z0-9])?", fullmatch=True)
ADDRESSES = st.ip_addresses()
LONGEST = {4: 32, 6: 128}
INTERFACES = {
    version: st.builds(
        lambda address, length: ipaddress.ip_interface((address, length)),
        st.ip_addresses(v=version),
        st.integers(0, LONGEST[version]),
    )
    for version in (4, 6)
}
NETWORKS = st.one_of(*INTERFACES.values()).map(lambda interface: interface.network)
TEXTS = st.none() | NAMES


def every_field(kind: type[Any], **known: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Values of `kind`. Fields that are not named are filled from their type, so that one added later is tried too."""
    return st.builds(kind, **{field.name: known.get(field.name, ...) for field in fields(kind)})


NODES = every_field(
    Node,
    name=NAMES,
    ipv4=st.none() | INTERFACES[4],
    ipv6=st.none() | INTERFACES[6],
    as_number=st.none() | st.integers(1, 2**32 - 1),
    route_reflector_cluster_id=TEXTS,
    ipip_tunnel_address=st.none() | st.ip_addresses(v=4),
    vxlan_tunnel_address=st.none() | st.ip_addresses(v=4),
    vxlan_tunnel_address_v6=st.none() | st.ip_addresses(v=6),
    vxlan_tunnel_mac=TEXTS,
    vxlan_tunnel_mac_v6=TEXTS,
    wireguard_public_key=TEXTS,
    wireguard_public_key_v6=TEXTS,
    wireguard_address=st.sampled_from((None, ipaddress.ip_address("10.0.0.1"))),
    wireguard_address_v6=st.sampled_from((None, ipaddress.ip_address("fd00::1"))),
    interfaces=st.lists(st.tuples(NAMES, st.lists(ADDRESSES, max_size=3).map(tuple)), max_size=3).map(tuple),
    labels=st.dictionaries(st.text(), st.text(), max_size=3).map(lambda labels: tuple(sorted(labels.items()))),
)
FELIX = every_field(
    FelixSettings,
    off=st.sets(st.sampled_from(TUNNEL_SWITCHES)).map(frozenset),
    vxlan_vni=st.integers(1, 2**24 - 1),
    vxlan_port=st.integers(1, 65535),
    wireguard_port=st.integers(1, 65535),
    wireguard_port_v6=st.integers(1, 65535),
    route_protocol=st.integers(1, 255),
    wireguard=st.sets(st.sampled_from(Family)).map(frozenset),
    health_port=st.integers(0, 65535),
    metrics_port=st.integers(0, 65535),
    mtus=st.dictionaries(st.sampled_from(TUNNEL_MTUS), st.integers(0, 65535)).map(
        lambda mtus: tuple(sorted(mtus.items()))
    ),
    nftables=st.sampled_from(("", "Enabled", "Disabled", "Auto")),
)
SAID = st.dictionaries(st.sampled_from(("routeSource", "FloatingIPs")), NAMES, min_size=1).map(
    lambda said: tuple((name, said[name]) for name in SETTINGS if name in said)
)
POOLS = every_field(Pool, name=NAMES, cidr=NETWORKS, block_size=st.none() | st.integers(1, 128))
AFFINITIES = every_field(Affinity, node=NAMES, cidr=NETWORKS)
PORTS = st.integers(1, 65535)
AS_NUMBERS = st.none() | st.integers(1, 2**32 - 1)


def peerings(name: str) -> st.SearchStrategy[Peering]:
    """BGPPeers of this name, to an address or to the nodes that a selector matches."""
    known: dict[str, st.SearchStrategy[Any]] = {
        "name": st.just(name),
        "as_number": AS_NUMBERS,
        "local_as": AS_NUMBERS,
        "node": NAMES | st.just(""),
        "nodes": st.none() | SELECTORS,
        "filters": st.lists(NAMES, max_size=2).map(tuple),
    }
    to_address = every_field(Peering, address=ADDRESSES, port=st.none() | PORTS, peers=st.none(), **known)
    return to_address | every_field(Peering, address=st.none(), port=st.none(), peers=SELECTORS, **known)


RULES = {
    version: every_field(
        FilterRule,
        match=st.sampled_from(Match),
        cidr=INTERFACES[version].map(lambda interface: interface.network),
        lengths=st.none() | st.tuples(st.integers(0, LONGEST[version]), st.integers(0, LONGEST[version])),
    )
    | every_field(FilterRule, match=st.none(), cidr=st.none(), lengths=st.none())
    for version in (4, 6)
}
FILTERS = every_field(
    BgpFilter,
    name=NAMES,
    **{
        f"{direction.value}_v{version}": st.lists(RULES[version], max_size=3).map(tuple)
        for direction in Direction
        for version in (4, 6)
    },
)
BGP = every_field(
    BgpSettings,
    as_number=st.integers(1, 2**32 - 1),
    listen_port=PORTS,
    binds_to_address=st.booleans(),
    services=st.lists(NETWORKS, max_size=2).map(tuple),
    peers=st.sets(NAMES).map(sorted).map(tuple),
    node_listen_ports=st.dictionaries(NAMES, PORTS, max_size=3).map(lambda ports: tuple(sorted(ports.items()))),
    peerings=st.just(()),
    filters=st.lists(FILTERS, max_size=2, unique_by=lambda found: found.name).map(
        lambda found: tuple(sorted(found, key=lambda one: one.name))
    ),
).flatmap(
    lambda bgp: st.tuples(*(st.none() | peerings(name) for name in bgp.peers)).map(
        lambda found: replace(bgp, peerings=tuple(one for one in found if one is not None))
    )
)


@st.composite
def blocks(draw: st.DrawFn) -> Block:
    """A block of a node, of something virtual, or of nobody, with addresses in use on other nodes."""
    cidr = draw(NETWORKS)
    owner = draw(st.none() | NAMES)
    virtual = owner is not None and draw(st.booleans())
    holders = draw(st.dictionaries(st.integers(0, min(cidr.num_addresses, 256) - 1), NAMES, max_size=4))
    borrowed = tuple(
        Borrowed(cidr.network_address + ordinal, holder, "vxlanTunnelAddress" if ordinal % 2 else "")
        for ordinal, holder in sorted(holders.items())
        if holder != owner and not virtual
    )
    return Block(cidr, owner, virtual, borrowed, in_use=bool(borrowed) or draw(st.booleans()))


def again(datastore: Datastore) -> Datastore:
    return decode_datastore(encode_datastore(datastore), revision=datastore.revision, read_at=datastore.read_at)


@at_most(40)  # each is a whole datastore
@given(
    every_field(
        Datastore,
        nodes=st.lists(NODES, max_size=3).map(tuple),
        pools=st.lists(POOLS, max_size=3).map(tuple),
        blocks=st.lists(blocks(), max_size=3).map(tuple),
        affinities=st.lists(AFFINITIES, max_size=3).map(tuple),
        bgp=BGP,
        felix=FELIX,
        felix_nodes=st.dictionaries(NAMES, SAID, max_size=2).map(
            lambda said: tuple((name, found) for name, found in sorted(said.items()) if found)
        ),
        bad_keys=st.just(()),
        claims=st.just(()),
        claims_trouble=st.just(""),
        cluster_guid=st.just("") | NAMES,
        calico_version=st.just("") | NAMES,
        revision=st.integers(0, 2**63),
        read_at=st.none(),
    )
)
def test_what_is_encoded_is_decoded_to_the_same(datastore: Datastore) -> None:
    once = again(datastore)
    # In the order of the keys, and one value a key, as etcd itself would hold it.
    assert set(once.nodes) <= set(datastore.nodes)
    assert {node.name for node in once.nodes} == {node.name for node in datastore.nodes}
    assert {pool.name for pool in once.pools} == {pool.name for pool in datastore.pools}
    assert {block.cidr for block in once.blocks} == {block.cidr for block in datastore.blocks}
    assert {(one.node, one.cidr) for one in once.affinities} == {(one.node, one.cidr) for one in datastore.affinities}
    assert set(once.pools) <= set(datastore.pools)
    assert set(once.blocks) <= set(datastore.blocks)
    assert set(once.affinities) <= set(datastore.affinities)
    kept = ("bgp", "cluster_guid", "calico_version", "felix", "felix_nodes")
    assert [getattr(once, name) for name in kept] == [getattr(datastore, name) for name in kept]
    assert once.bad_keys == ()
    assert again(once) == once


@pytest.mark.parametrize("scenario", sorted(path.parent.name for path in Path(CAPTURES).glob("*/etcd.jsonl")))
def test_a_recorded_cluster_comes_back_as_it_was(scenario: str) -> None:
    datastore = replace(capture(scenario), bad_keys=())
    assert again(datastore) == datastore
    assert datastore.cluster_guid


def test_a_value_is_one_line_without_what_is_not_set() -> None:
    (_, node), *_ = encode_datastore(Datastore(nodes=(Node("node-a"),)))
    assert node == b"{}"
