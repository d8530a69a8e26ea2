"""Tunnel addresses of nodes: each is one node's, and leads there."""

from collections.abc import Iterable
from dataclasses import replace
from ipaddress import ip_address, ip_interface, ip_network

import pytest

from calico_agent.model.calico.node import Block, Borrowed, Datastore, EncapsulationMode, Node
from calico_agent.model.host.claimant import Machine
from calico_agent.model.host.machine import Host
from calico_agent.model.name_lease import NameOwner
from calico_agent.model.network.address import Link, LinkAddress
from calico_agent.model.observation import Observation
from tests.checks.case import Case, check
from tests.checks.cluster import (
    BIRD,
    BOOT,
    DATASTORE,
    FELIX,
    IDENTITY,
    POOL,
    also,
    drop,
    findings_of,
    peered,
    routed,
    session,
    stored,
    via,
)
from tests.checks.vxlan import VXLAN, without

IPIP = stored(
    routed(via("192.168.2.0/26", "10.77.0.12", "tunl0"), via("192.168.3.0/26", "10.77.0.13", "tunl0")),
    pools=(replace(POOL, ipip=EncapsulationMode.ALWAYS),),
    nodes=tuple(replace(one, ipip_tunnel_address=ip_address(f"192.168.{one.name[-1]}.2")) for one in DATASTORE.nodes),
)


def having(observation: Observation, name: str, **changes: object) -> Observation:
    """An observation in which the record of one node differs."""
    assert isinstance(observation.datastore, Datastore)
    records: Iterable[Node] = observation.datastore.nodes
    return stored(
        observation,
        nodes=tuple(replace(one, **changes) if one.name == name else one for one in records),  # type: ignore[arg-type]
    )


def lent(observation: Observation, owner: str, address: str, node: str, kind: str) -> Observation:
    """An observation in which a node borrowed an address for its tunnel device."""
    assert isinstance(observation.datastore, Datastore)
    one = Borrowed(ip_address(address), node, kind)
    blocks: Iterable[Block] = observation.datastore.blocks
    return stored(
        observation,
        blocks=tuple(replace(found, borrowed=(one,)) if found.owner == owner else found for found in blocks),
    )


# host2's VXLAN address is one of host3's block, and the route to its block goes by it.
BORROWED = lent(
    having(VXLAN, "host2", vxlan_tunnel_address=ip_address("192.168.3.9")),
    "host3",
    "192.168.3.9",
    "host2",
    "vxlanTunnelAddress",
)
NEXT_HOP = via("192.168.2.0/26", "192.168.3.9", "vxlan.calico", BOOT)
BORROWED = also(replace(BORROWED, kernel=without(["192.168.2.0/26"])), NEXT_HOP)
CLONED = having(IPIP, "host3", ipip_tunnel_address=ip_address("192.168.2.2"))
TUNL0 = Link(9, "tunl0", "ipip", addresses=(LinkAddress(ip_interface("192.168.1.2/32")),))

CASES = {
    "each in a block of its node": Case(IPIP, {}),
    "each in a block of its node, with routes of their own": Case(
        also(VXLAN, via("192.168.2.1/32", None, "vxlan.calico", BOOT)), {}
    ),
    "VXLAN borrowed, with the route that Felix writes": Case(
        also(BORROWED, via("192.168.3.9/32", None, "vxlan.calico", BOOT)), {}
    ),
    "VXLAN across subnets borrowed, by the node's own address": Case(
        also(BORROWED, via("192.168.3.9/32", "10.77.0.12", "eth0", FELIX)),
        {},
    ),
    "VXLAN borrowed, without a route of its own": Case(
        BORROWED,
        {"RT-TUNNEL-ADDRESS 192.168.3.9": set()},
        says=(
            "packets to 192.168.3.9, the VXLAN tunnel address of node host2, go to node host3,",
            "node host3, from whose block it is borrowed",
            "calicoctl ipam release --ip=192.168.3.9, then on host2: docker restart calico-node",
        ),
    ),
    "VXLAN borrowed from a block that nobody owns": Case(
        stored(
            BORROWED,
            blocks=(
                *DATASTORE.blocks[:2],
                replace(DATASTORE.blocks[2], cidr=ip_network("192.168.9.0/26")),
                Block(
                    ip_network("192.168.3.0/26"),
                    borrowed=(Borrowed(ip_address("192.168.3.9"), "host2", "vxlanTunnelAddress"),),
                ),
            ),
        ),
        {
            "RT-TUNNEL-ADDRESS 192.168.3.9": set(),
            "RT-MISSING 192.168.9.0/26": set(),
        },
    ),
    "IPIP borrowed, advertised": Case(
        also(
            lent(
                having(IPIP, "host2", ipip_tunnel_address=ip_address("192.168.3.9")),
                "host3",
                "192.168.3.9",
                "host2",
                "ipipTunnelAddress",
            ),
            via("192.168.3.9/32", "10.77.0.12", "tunl0", BIRD),
        ),
        {},
    ),
    "IPIP borrowed, not advertised": Case(
        lent(
            having(IPIP, "host2", ipip_tunnel_address=ip_address("192.168.3.9")),
            "host3",
            "192.168.3.9",
            "host2",
            "ipipTunnelAddress",
        ),
        {"RT-TUNNEL-ADDRESS 192.168.3.9": set()},
    ),
    "IPIP borrowed from this host's block, not advertised": Case(
        lent(
            having(IPIP, "host2", ipip_tunnel_address=ip_address("192.168.1.9")),
            "host1",
            "192.168.1.9",
            "host2",
            "ipipTunnelAddress",
        ),
        {"RT-TUNNEL-ADDRESS 192.168.1.9": set()},
        says=("go nowhere, as it is borrowed from a block of host1",),
    ),
    "IPIP borrowed, and the session with its node is down": Case(
        peered(
            session("10.77.0.12", "Active"),
            session("10.77.0.13"),
            observation=lent(
                having(IPIP, "host2", ipip_tunnel_address=ip_address("192.168.3.9")),
                "host3",
                "192.168.3.9",
                "host2",
                "ipipTunnelAddress",
            ),
        ),
        {"BGP-DOWN host2": {"RT-TUNNEL-ADDRESS 192.168.3.9"}},
    ),
    "a borrowed address that the record does not have any more is nobody's": Case(
        lent(VXLAN, "host3", "192.168.3.9", "host2", "vxlanTunnelAddress"), {}
    ),
    "a borrowed address of WireGuard, which the record does not have": Case(
        lent(VXLAN, "host3", "192.168.3.9", "host2", "wireguardTunnelAddress"), {}
    ),
    "what is left in a record of a pool that is not tunnelled any more": Case(
        stored(CLONED, pools=(POOL,), nodes=(*IPIP.datastore.nodes[:2], DATASTORE.nodes[2])),  # type: ignore[union-attr]
        {"RT-WRONG-DEVICE 192.168.2.0/26": set(), "RT-WRONG-DEVICE 192.168.3.0/26": set()},
    ),
    "a node record that was copied with the disk": Case(
        CLONED,
        {"RT-ADDRESS-TWICE 192.168.2.2": set()},
        says=(
            "node host3 has the IPIP tunnel address of node host2, 192.168.2.2",
            "on host3: docker restart calico-node",
        ),
        status={},
    ),
    "a node record that was copied with the disk, and BIRD advertises it": Case(
        also(CLONED, via("192.168.2.2/32", "10.77.0.13", "tunl0", BIRD)),
        {"RT-ADDRESS-TWICE 192.168.2.2": set()},
        says=("found: 192.168.2.2/32 via 10.77.0.13 dev tunl0",),
    ),
    "this host's record was copied": Case(
        having(IPIP, "host1", ipip_tunnel_address=ip_address("192.168.2.2")),
        {"RT-ADDRESS-TWICE 192.168.2.2": set()},
        says=("node host1 has the IPIP tunnel address of node host2",),
    ),
    "one VXLAN address of two nodes": Case(
        having(VXLAN, "host3", vxlan_tunnel_address=ip_address("192.168.2.1")),
        {"RT-ADDRESS-TWICE 192.168.2.1": {"RT-WRONG-NEXTHOP 192.168.3.0/26"}},
        says=("packets to the pods of all but one of them are lost",),
    ),
    "one WireGuard address of two nodes": Case(
        having(
            having(IPIP, "host2", wireguard_address=ip_address("192.168.2.3")),
            "host3",
            wireguard_address=ip_address("192.168.2.3"),
        ),
        {"RT-ADDRESS-TWICE 192.168.2.3": set()},
        says=("node host3 has the WireGuard tunnel address of node host2",),
    ),
    "one IPv6 address of two nodes": Case(
        having(
            having(VXLAN, "host2", vxlan_tunnel_address_v6=ip_address("fd00:192::1")),
            "host3",
            vxlan_tunnel_address_v6=ip_address("fd00:192::1"),
        ),
        {"RT-ADDRESS-TWICE fd00:192::1": set()},
    ),
    "two tunnels of one node with one address are no two users": Case(
        having(VXLAN, "host2", ipip_tunnel_address=ip_address("192.168.2.1")), {}
    ),
    "somebody put it on a device of another node, and BIRD advertises it": Case(
        also(IPIP, via("192.168.2.2/32", "10.77.0.13", "tunl0", BIRD)),
        {"RT-TUNNEL-ADDRESS 192.168.2.2": set()},
        says=(
            "packets to 192.168.2.2, the IPIP tunnel address of node host2, go to node host3",
            "on host3: ip addr del 192.168.2.2/32 dev tunl0",
        ),
    ),
    "it is dropped": Case(
        also(IPIP, drop("192.168.2.2/32", protocol=BOOT)),
        {"RT-SHADOWED 192.168.2.2/32": {"RT-TUNNEL-ADDRESS 192.168.2.2"}},
    ),
    "this host's own tunnel device": Case(also(IPIP, links=(TUNL0,)), {}),
    "tunl0 of this host has that of another node": Case(
        also(
            IPIP,
            links=(replace(TUNL0, addresses=(*TUNL0.addresses, LinkAddress(ip_interface("192.168.2.2/32")))),),
        ),
        {"RT-ADDRESS-TWICE 192.168.2.2": set()},
        says=(
            "tunl0 of this host has 192.168.2.2, the IPIP tunnel address of node host2",
            "ip addr del 192.168.2.2/32 dev tunl0",
        ),
    ),
    "tunl0 of this host has that of another node instead of its own": Case(
        also(IPIP, links=(replace(TUNL0, addresses=(LinkAddress(ip_interface("192.168.2.2/32")),)),)),
        {"RT-ADDRESS-TWICE 192.168.2.2": {"RT-TUNNEL-DEVICE tunl0"}},
        says=("ip addr add 192.168.1.2/32 dev tunl0; ip addr del 192.168.2.2/32 dev tunl0 on this host",),
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_tunnel_addresses(case: Case) -> None:
    check(case)


def test_a_host_whose_calico_node_was_given_another_name_keeps_its_tunnel_address() -> None:
    """Else it is told to take the address of its own node off."""
    held = (*TUNL0.addresses, LinkAddress(ip_interface("192.168.2.2/32")))
    seen = also(IPIP, links=(replace(TUNL0, addresses=held),))
    claimed = stored(
        replace(seen, host=Host("host2", machine_id="m2", nodename_file="host1")),
        claims=(NameOwner("host2", Machine("m2"), None, ""),),
    )
    really = replace(IDENTITY, name=replace(IDENTITY.name, name="host2"))
    assert "RT-ADDRESS-TWICE" in {one.code for one in findings_of(claimed)}
    assert "RT-ADDRESS-TWICE" not in {one.code for one in findings_of(claimed, really)}
