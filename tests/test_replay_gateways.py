"""A recorded host of two families whose BIRD finds the next hops of one family by the gateway."""

from dataclasses import replace
from ipaddress import ip_network

from calico_agent.model.network.fib import Fib
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.network.route import PROTOCOL_RA
from calico_agent.model.observation import Observation
from tests.checks.cluster import via
from tests.places import DATA
from tests.replay import assess_observation, read_capture

DUAL = DATA / "calico-v3.31.7" / "dual-stack"
BLOCKS = ("fd00:192::3740/122", "fd00:192::b740/122")


def by_router(observation: Observation, *prefixes: str) -> Observation:
    """BIRD's routes to these blocks go by the router, which advertises itself."""
    assert isinstance(observation.kernel, Kernel)
    gone = tuple(map(ip_network, prefixes))
    kept = (one for one in observation.kernel.fib.routes if one.prefix not in gone)
    router = (via("::/0", "fe80::1", protocol=PROTOCOL_RA, metric=1024),)
    routes = (via(prefix, "fe80::1", metric=1024) for prefix in prefixes)
    return replace(observation, kernel=replace(observation.kernel, fib=Fib.of((*kept, *router, *routes))))


def said(observation: Observation) -> dict[str, set[str]]:
    problems = assess_observation(observation).problems
    return {
        f"{one.cause.code} {one.cause.subject}": {f"{each.code} {each.subject}" for each in one.consequences}
        for one in problems
    }


def test_bird_finds_all_nodes_of_ipv6_by_the_router() -> None:
    """projectcalico/calico#8381: after a floating address came or went."""
    host = read_capture(DUAL, "host1")
    assert said(by_router(host, *BLOCKS)) == {"BIRD-LINK eth0 (IPv6)": {f"RT-WRONG-NEXTHOP {one}" for one in BLOCKS}}


def test_one_node_advertises_its_block_by_the_router() -> None:
    host = read_capture(DUAL, "host1")
    assert said(by_router(host, BLOCKS[0])) == {f"RT-WRONG-NEXTHOP {BLOCKS[0]}": set()}
