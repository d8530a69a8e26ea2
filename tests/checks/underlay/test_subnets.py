"""The prefix length of the records, which CrossSubnet goes by."""

from dataclasses import replace
from ipaddress import ip_interface

import pytest

from calico_agent.model.calico.node import EncapsulationMode, Node, Pool
from calico_agent.model.identity import AddressChoice, Candidate, Identity
from calico_agent.model.network.address import Family
from calico_agent.model.observation import Observation
from tests.checks.case import Case, check
from tests.checks.cluster import BLOCKS, DATASTORE, IDENTITY, POOL, peered, routed, session, stored, v4, v6

CROSS, NEVER = EncapsulationMode.CROSS_SUBNET, EncapsulationMode.NEVER
ACROSS = replace(POOL, vxlan=CROSS)
HOST1, HOST2, HOST3 = DATASTORE.nodes
IN_6 = Pool("v6", v6("fd00:192::/48").network, vxlan=CROSS)


BARE = routed(without=(*map(str, BLOCKS.values()), "192.168.1.5/32"))


def crossing(*nodes: Node, pools: tuple[Pool, ...] = (ACROSS,)) -> Observation:
    """Pools that encapsulate between subnets, without blocks and pods, and these records in place of the usual."""
    changed = {node.name: node for node in nodes}
    all_nodes = tuple(changed.get(node.name, node) for node in DATASTORE.nodes)
    return stored(BARE, nodes=all_nodes, pools=pools, blocks=(), affinities=())


def linked(*addresses: str) -> Identity:
    """Eth0 with these addresses."""
    held = tuple(Candidate(ip_interface(one), "eth0") for one in addresses)
    four = tuple(one for one in held if one.interface.version == 4)
    ipv6 = IDENTITY.ipv6
    if len(held) > len(four):
        ipv6 = AddressChoice(Family.IPV6, chosen=held[-1].interface, link="eth0", candidates=held[len(four) :])
    return replace(IDENTITY, ipv4=replace(IDENTITY.ipv4, candidates=four), ipv6=ipv6)


BARE1 = replace(HOST1, ipv4=v4("10.77.0.11/32"))
BARE2 = replace(HOST2, ipv4=v4("10.77.0.12/32"))
SIX = tuple(replace(node, ipv6=v6(f"fd00:77::1{node.name[-1]}/64")) for node in DATASTORE.nodes)

CASES = {
    "record and link agree": Case(crossing(), {}, status={}),
    "this node is registered with /32, its link has /24": Case(
        crossing(BARE1),
        {"IP-PREFIX host1": set()},
        says=(
            "this node is registered with 10.77.0.11/32, and its link has 10.77.0.11/24",
            "packets to nodes in 10.77.0.0/24 go through a tunnel too",
            "-e IP=10.77.0.11/24",
        ),
        status={},
    ),
    "with IPIP across subnets as well": Case(
        crossing(BARE1, pools=(replace(POOL, ipip=CROSS),)), {"IP-PREFIX host1": set()}
    ),
    "where nothing depends on subnets /32 is as good": Case(crossing(BARE1, BARE2, pools=(POOL,)), {}, status={}),
    "nor where everything is tunnelled anyway": Case(
        crossing(BARE1, pools=(replace(POOL, vxlan=EncapsulationMode.ALWAYS),)), {}, status={}
    ),
    "a disabled pool that gave nothing away depends on nothing": Case(
        crossing(BARE1, pools=(POOL, replace(ACROSS, name="old", cidr=v4("172.30.0.0/16").network, disabled=True))), {}
    ),
    "another node in this host's network is registered with /32": Case(
        crossing(BARE2),
        {"IP-PREFIX host2": set()},
        says=(
            "node host2 is registered with 10.77.0.12/32, and is in 10.77.0.0/24 like this host",
            "what comes back does not",
            "on host2: remove the calico/node container and start it with IP=10.77.0.12/24",
        ),
    ),
    "a far node with /32 may be on a link with /32": Case(
        peered(
            session("10.88.0.12"),
            session("10.77.0.13"),
            observation=crossing(replace(HOST2, ipv4=v4("10.88.0.12/32"))),
        ),
        {},
    ),
    "this host's link has /32 itself": Case(crossing(BARE1, BARE2), {}, linked("10.77.0.11/32")),
    "registered with a shorter prefix than the link has": Case(
        crossing(replace(HOST1, ipv4=v4("10.77.0.11/16"))),
        {"IP-PREFIX host1": set()},
        says=("also to those that are not in 10.77.0.0/24",),
    ),
    "an address that the link has twice, with both lengths": Case(
        crossing(BARE1), {}, linked("10.77.0.11/32", "10.77.0.11/24")
    ),
    "IPv6: a bare IP6 is registered with /128": Case(
        crossing(replace(SIX[0], ipv6=v6("fd00:77::11/128")), *SIX[1:], pools=(POOL, IN_6)),
        {"IP-PREFIX host1 (IPv6)": set()},
        linked("10.77.0.11/24", "fd00:77::11/64"),
        says=("-e IP6=fd00:77::11/64",),
    ),
    "IPv6 of another node": Case(
        crossing(*SIX[:2], replace(SIX[2], ipv6=v6("fd00:77::13/128")), pools=(POOL, IN_6)),
        {"IP-PREFIX host3 (IPv6)": set()},
        linked("10.77.0.11/24", "fd00:77::11/64"),
        says=("IP6=fd00:77::13/64",),
    ),
    "IPIP is for IPv4 alone": Case(
        crossing(
            replace(SIX[0], ipv6=v6("fd00:77::11/128")),
            *SIX[1:],
            pools=(POOL, replace(IN_6, vxlan=NEVER, ipip=CROSS)),
        ),
        {},
        linked("10.77.0.11/24", "fd00:77::11/64"),
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_subnets(case: Case) -> None:
    check(case)
