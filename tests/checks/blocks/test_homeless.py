"""Addresses of pods of this host that are in no block."""

from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest

from calico_agent.model.calico.node import EncapsulationMode, Pool
from calico_agent.model.observation import Observation
from tests.checks.case import Case, check
from tests.checks.cluster import DATASTORE, HEALTHY, POOL, also, stored, via

BOOT = 3
VXLAN = replace(POOL, vxlan=EncapsulationMode.ALWAYS)
TUNNEL = ip_address("192.168.9.1")


def with_pods(base: Observation, *addresses: str) -> Observation:
    """The same with routes into pods of this host."""
    return also(base, *(via(f"{one}/32", None, f"cali{number}", BOOT) for number, one in enumerate(addresses)))


CASES = {
    "pods in a block of this host": Case(with_pods(HEALTHY, "192.168.1.5", "192.168.1.6")),
    "BIRD tells of them alone": Case(
        with_pods(HEALTHY, "192.168.9.5", "192.168.9.6", "192.168.1.5"),
        {"RT-BLOCK-GONE 192.168.9.0/26": set()},
        says=(
            "no block has the address of 2 pods of this host: 192.168.9.5 and 192.168.9.6",
            "start these pods anew; ip -d link show cali0",
        ),
        unsaid=("Felix", "another tunnel address"),
        status={},
    ),
    "one for each block": Case(
        with_pods(HEALTHY, "192.168.9.5", "192.168.9.66"),
        {"RT-BLOCK-GONE 192.168.9.0/26": set(), "RT-BLOCK-GONE 192.168.9.64/26": set()},
    ),
    "the tunnel has an address of it, too": Case(
        with_pods(
            stored(
                nodes=tuple(
                    replace(one, ipip_tunnel_address=TUNNEL) if one.name == "host1" else one for one in DATASTORE.nodes
                )
            ),
            "192.168.9.5",
        ),
        {"RT-BLOCK-GONE 192.168.9.0/26": set()},
        says=("docker restart calico-node, for another tunnel address; then start these pods anew",),
    ),
    "in a pool without any block, as with the IPAM of another plugin": Case(
        with_pods(stored(pools=(POOL, Pool("other", ip_network("10.6.0.0/16")))), "10.6.0.5")
    ),
    "in no pool: somebody may have chosen it": Case(with_pods(HEALTHY, "10.5.0.5")),
    "in no pool, where a pool that was deleted leaves nothing to be read": Case(
        with_pods(stored(blocks_read=False), "10.5.0.5"),
        {"RT-POOL-GONE 10.5.0.5": set()},
        says=("create the pool again",),
        status={},
    ),
    "in no claimed block, where not all blocks are read": Case(with_pods(stored(blocks_read=False), "192.168.9.5")),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_homeless_pods(case: Case) -> None:
    check(case)
