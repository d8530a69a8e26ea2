"""Peers that are up and tell of none of their blocks."""

from dataclasses import replace
from ipaddress import ip_network

import pytest

from calico_agent.model.calico.bird import Bird
from calico_agent.model.calico.node import Pool
from calico_agent.model.identity import Candidate
from calico_agent.model.network.address import Family
from tests.checks.case import Case, check
from tests.checks.cluster import DATASTORE, IDENTITY, block, claim, session, stored, v6

BLOCK6 = "fd00:10::300/122"
DUAL = stored(
    nodes=tuple(replace(one, ipv6=v6(f"fd00:77::1{one.name[-1]}/64")) for one in DATASTORE.nodes),
    pools=(*DATASTORE.pools, Pool("six", ip_network("fd00:10::/48"), block_size=122)),
    blocks=(*DATASTORE.blocks, block("host3", BLOCK6)),
    affinities=(*DATASTORE.affinities, claim("host3", BLOCK6)),
)
DUAL_IDENTITY = replace(IDENTITY, ipv6=replace(IDENTITY.ipv6, candidates=(Candidate(v6("fd00:77::11/64"), "eth0"),)))
SILENT6 = Bird(Family.IPV6, "1.6.8", sessions=(session("fd00:77::12"), replace(session("fd00:77::13"), imported=0)))

CASES = {
    "a peer that tells of its IPv4 blocks, and of none of IPv6": Case(
        replace(DUAL, bird6=SILENT6),
        {"BGP-NO-ROUTES host3 (IPv6)": {f"RT-MISSING {BLOCK6}"}},
        DUAL_IDENTITY,
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_silent_peers(case: Case) -> None:
    check(case)
