"""Pods in use that their node tells nobody about."""

from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest

from calico_agent.model.calico.node import AffinityState, Block, Borrowed
from calico_agent.model.finding import Status
from tests.checks.case import Case, check
from tests.checks.cluster import BOOT, DATASTORE, HEALTHY, POOL, also, claim, contained, routed, stored, via

TO3 = "192.168.3.0/26"
OTHERS = tuple(one for one in DATASTORE.affinities if one.node != "host3")
UNUSED = tuple(replace(block, in_use=block.owner != "host3") for block in DATASTORE.blocks)
NO_ROUTE = routed(without=[TO3])
ORPHAN = Block(ip_network("10.99.0.0/26"), None, borrowed=(Borrowed(ip_address("10.99.0.3"), "host3"),))
ORPHANS = replace(ORPHAN, borrowed=(*ORPHAN.borrowed, Borrowed(ip_address("10.99.0.4"), "host1")))

CASES = {
    "a claim that stays pending": Case(
        stored(NO_ROUTE, affinities=(*OTHERS, claim("host3", state=AffinityState.PENDING))),
        {f"RT-UNCLAIMED {TO3}": set()},
        says=(
            "node host3 does not advertise 192.168.3.0/26, where its pods have",
            "its claim on it is pending",
            "advertises each of these pods alone",
        ),
        status={},
    ),
    "a claim that stays pending, outside all pools": Case(
        stored(NO_ROUTE, affinities=(*OTHERS, claim("host3", state=AffinityState.PENDING)), pools=()),
        {f"RT-UNCLAIMED {TO3}": set()},
        says=("no route leads to these pods of host3 from any other node",),
        status={"RoutesInPlace": Status.FALSE},
    ),
    "a claim that is about to be deleted": Case(
        stored(NO_ROUTE, affinities=(*OTHERS, claim("host3", state=AffinityState.PENDING_DELETION))),
        {f"RT-UNCLAIMED {TO3}": set()},
    ),
    "no claim at all": Case(
        stored(NO_ROUTE, affinities=OTHERS),
        {f"RT-UNCLAIMED {TO3}": set()},
        says=("its claim on it is gone", "/calico/ipam/v2/host/host3/ipv4/block/192.168.3.0-26 does not exist"),
    ),
    "no claim on an own block": Case(
        stored(affinities=tuple(one for one in DATASTORE.affinities if one.node != "host1")),
        {"RT-UNCLAIMED 192.168.1.0/26": set()},
    ),
    "no claim on a block without pods": Case(stored(NO_ROUTE, affinities=OTHERS, blocks=UNUSED), {}, status={}),
    "no claim, and this host has no BIRD": Case(
        contained(stored(NO_ROUTE, affinities=OTHERS), env=(("CALICO_NETWORKING_BACKEND", "none"),)), {}
    ),
    "a pool that is not exported": Case(
        stored(NO_ROUTE, pools=(replace(POOL, bgp_export=False),)),
        {"RT-NOT-EXPORTED default": set()},
        says=("no node advertises its pods in pool default (192.168.0.0/16)", "3 blocks in use"),
        status={},
    ),
    "an address in use outside all pools": Case(
        stored(HEALTHY, blocks=(*DATASTORE.blocks, ORPHAN)),
        {"RT-POOL-GONE 10.99.0.0/26": set()},
        says=("1 address in use on 1 node lies in no pool: the pool of 10.99.0.0/26 was deleted",),
        status={},
    ),
    "addresses in use outside all pools, one of them by a pod of this host": Case(
        stored(also(HEALTHY, via("10.99.0.4/32", None, "cali4", BOOT)), blocks=(*DATASTORE.blocks, ORPHANS)),
        {"RT-POOL-GONE 10.99.0.0/26": set()},
        says=(
            "2 addresses in use on 2 nodes lie in no pool",
            "nobody owns 10.99.0.0/26: blocks lose their owner when their pool is deleted, and never get it back",
            "in use: 1 on host1 and 1 on host3",
        ),
        status={"RoutesInPlace": Status.FALSE},
    ),
    "addresses that leaked outside all pools, one of them here": Case(
        stored(HEALTHY, blocks=(*DATASTORE.blocks, ORPHANS)), {"RT-POOL-GONE 10.99.0.0/26": set()}, status={}
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_unadvertised(case: Case) -> None:
    check(case)
