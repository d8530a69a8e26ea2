"""Pools over the addresses of nodes: packets to a node itself that are taken for packets to pods."""

from dataclasses import replace
from ipaddress import ip_interface, ip_network

import pytest

from calico_agent.model.calico.node import Block, EncapsulationMode, Pool
from calico_agent.model.network.route import RouteType
from calico_agent.model.observation import Observation
from tests.checks.case import Case, check
from tests.checks.cluster import (
    BOOT,
    DATASTORE,
    FELIX,
    HEALTHY,
    POOL,
    SESSIONS,
    also,
    drop,
    peered,
    routed,
    session,
    stored,
    via,
)
from tests.checks.vxlan import VTEPS, VXLAN

OVER = Pool("nodes", ip_network("10.77.0.0/16"), vxlan=EncapsulationMode.ALWAYS, block_size=26)
POOLS = (replace(POOL, vxlan=EncapsulationMode.ALWAYS), OVER)
OVERLAP = {"RT-OVERLAP 10.77.0.0/24": set[str]()}
TO_NODE = via("10.77.0.13/32", "192.168.3.1", "vxlan.calico", BOOT)


def given(owner: str) -> Observation:
    """A pool lies over the network of the nodes, and somebody owns the block with their addresses."""
    blocks = (*DATASTORE.blocks, Block(ip_network("10.77.0.0/26"), owner=owner))
    return stored(VXLAN, pools=POOLS, blocks=blocks)


def told_of_themselves() -> Observation:
    """host3 is behind a router, and a pool that exempts the hosts from NAT has BIRD there advertise its network."""
    unreachable = (drop(prefix, RouteType.UNREACHABLE) for prefix in ("10.78.3.0/24", "192.168.3.0/26"))
    exempt = Pool("hosts", ip_network("10.78.0.0/16"), disabled=True)
    host3 = replace(DATASTORE.nodes[2], ipv4=ip_interface("10.78.3.13/24"))
    host = peered(SESSIONS[0], session("10.78.3.13"), observation=routed(*unreachable, via("0.0.0.0/0", "10.77.0.1")))
    return stored(host, pools=(POOL, exempt), nodes=(*DATASTORE.nodes[:2], host3))


CASES = {
    "the nodes' own network comes by BGP, as a pool covers it (projectcalico/calico#1761)": Case(
        told_of_themselves(),
        {"RT-OVERLAP host3": {"RT-UNREACHABLE 192.168.3.0/26", "RT-STALE 10.78.3.0/24"}},
        says=(
            "packets to node host3 itself (10.78.3.13) are refused: 10.78.3.0/24, the way there, came by BGP itself",
            "calicoctl patch ippool hosts",
        ),
    ),
    "Felix leads the packets to a node into the tunnel (projectcalico/calico#12847)": Case(
        also(stored(VXLAN, pools=POOLS), TO_NODE),
        {"RT-OVERLAP host3": set()} | OVERLAP,
        says=(
            "packets to node host3 itself (10.77.0.13) go into vxlan.calico, as those to pods",
            "the node's address lies in pool nodes (10.77.0.0/16)",
            "make a pool that contains no address of a node",
        ),
    ),
    "the block of one node hides all others": Case(
        also(given("host3"), via("10.77.0.0/26", "192.168.3.1", "vxlan.calico", BOOT)),
        {"RT-OVERLAP host2": set(), "RT-OVERLAP host3": set()} | OVERLAP,
    ),
    "this host drops what it sends to the nodes in its own block": Case(
        also(given("host1"), drop("10.77.0.0/26", protocol=FELIX)),
        {"RT-OVERLAP host2": set(), "RT-OVERLAP host3": set()} | OVERLAP,
        says=("packets to node host2 itself (10.77.0.12) are dropped, as those to a block of this host",),
    ),
    "a pool over the nodes, and no route of it yet": Case(stored(VXLAN, pools=POOLS), OVERLAP),
    "a node that is registered with its tunnel's address is another matter": Case(
        also(
            stored(VXLAN, nodes=(*VTEPS[:2], replace(VTEPS[2], ipv4=ip_interface("192.168.3.1/32")))),
            via("192.168.3.1/32", None, "vxlan.calico", BOOT),
        ),
        {
            "IP-ELSEWHERE host3": {"BGP-NO-SESSION host3"},
            "BGP-STALE-SESSION 10.77.0.13": set(),
        },
    ),
    "a healthy cluster with tunnels": Case(VXLAN, {}),
    "a healthy cluster without": Case(HEALTHY, {}),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_hidden_nodes(case: Case) -> None:
    check(case)
