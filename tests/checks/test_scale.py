"""What a pass costs grows with the number of peers, and not with its square. Calls are counted, time is not."""

import sys
from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_address, ip_interface, ip_network
from types import FrameType

import pytest

from calico_agent.model.calico.node import Affinity, Block, Node
from calico_agent.model.host.claimant import Machine
from calico_agent.model.name_lease import AliveSign
from calico_agent.model.observation import Observation
from tests.checks.cluster import DATASTORE, contained, knocks, look, peered, routed, session, stored

FEW, MANY = 60, 240
FIRST = ip_address("10.80.0.1")


def peers(count: int) -> tuple[Node, ...]:
    """As many nodes beside host1."""
    return tuple(Node(f"peer{number}", ipv4=ip_interface(f"{FIRST + number}/16")) for number in range(count))


def cluster(count: int) -> Observation:
    """A large cluster, in which each node has a block."""
    nodes = (DATASTORE.nodes[0], *peers(count))
    blocks = tuple(
        Block(ip_network((int(ip_address("192.168.0.0")) + 64 * number, 26)), node.name)
        for number, node in enumerate(nodes)
    )
    claims = tuple(Affinity(block.owner or "", block.cidr) for block in blocks)
    bare = routed(without=["192.168.1.0/26", "192.168.2.0/26", "192.168.3.0/26"])
    return stored(bare, nodes=nodes, blocks=blocks, affinities=claims)


def silent(count: int) -> Observation:
    """Every session is up, and no peer advertises anything; some peers are registered with docker0's address."""
    sessions = (replace(session(str(FIRST + number)), imported=0) for number in range(count))
    return peered(*sessions, observation=cluster(count))


def recovering(count: int) -> Observation:
    """BIRD was just started and waits for every peer."""
    sessions = (replace(session(str(FIRST + number), "Passive"), awaited=True) for number in range(count))
    return peered(*sessions, observation=cluster(count), graceful_restart=True, recovery_seconds=100)


def down(count: int) -> Observation:
    """No session is up, every agent says that its node has another address, and many strangers knock."""
    sessions = (session(str(FIRST + number), "Active", "Socket: No route to host") for number in range(count))
    strangers = knocks(*(f"10.81.0.{number}" for number in range(1, count)))
    seen = contained(peered(*sessions, observation=cluster(count)), knocks=strangers)
    machines = (
        AliveSign(f"peer{number}", Machine(f"m{number}", address=f"10.90.0.{number}")) for number in range(count)
    )
    return stored(seen, claims=tuple(machines))


def translated(count: int) -> Observation:
    """All of them are behind one router that rewrites their source."""
    sessions = (session(str(FIRST + number), "Passive") for number in range(count))
    return contained(peered(*sessions, observation=cluster(count)), knocks=knocks("10.77.0.1"))


def calls_of(observation: Observation) -> int:
    """How many Python functions one look calls."""
    count = 0

    def count_call(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        count += event == "call"

    sys.setprofile(count_call)
    try:
        look(observation)
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("trouble", [silent, recovering, down, translated], ids=lambda trouble: trouble.__name__)
def test_work_grows_with_the_peers(trouble: Callable[[int], Observation]) -> None:
    few, many = calls_of(trouble(FEW)), calls_of(trouble(MANY))
    assert many < 1.3 * MANY / FEW * few
