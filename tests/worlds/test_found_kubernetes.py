"""What worlds whose data is in the Kubernetes API have found, and has been mended: each case with its sentence."""

from dataclasses import replace
from ipaddress import ip_network

import pytest

from tests.worlds import mistakes
from tests.worlds.faults import FAULTS, Fault
from tests.worlds.health import false_alarms
from tests.worlds.looking import look_at
from tests.worlds.model import history
from tests.worlds.model.settle import settle
from tests.worlds.model.values import KUBERNETES, MANY_NODES, PENDING, PENDING_DELETION, Claim, World
from tests.worlds.plain import apart, of_size, plain
from tests.worlds.properties import misjudged


def in_api(store: str = MANY_NODES) -> World:
    return replace(plain(), store=store)


def roots(world: World | None) -> list[tuple[str, str]]:
    """The root causes on each host."""
    assert world is not None
    return [(look.hostname, f"{one.code} {one.subject}") for look in look_at(settle(world)) for one in look.roots]


@pytest.mark.parametrize("state", [PENDING, PENDING_DELETION])
def test_a_claim_that_a_crash_left_behind_is_no_block_in_use(state: str) -> None:
    """Where blocks are known by their claims, this one passed for a block whose owner does not advertise it."""
    claim = Claim("host2", ip_network("192.168.200.0/26"), state)
    assert false_alarms(replace(in_api(), claims=(claim,))) == []


def test_nor_does_it_take_the_block_from_its_owner() -> None:
    world = in_api()
    block = next(one for one in world.blocks if one.owner == "host3")
    claimed = replace(block, claims=(*block.claims, ("host2", PENDING)))
    blocks = tuple(claimed if one is block else one for one in world.blocks)
    assert false_alarms(replace(world, blocks=blocks)) == []


def test_a_route_to_a_pod_in_a_block_of_one_that_nobody_claims_is_not_stale() -> None:
    """Its node tells of it as of every pod, and the block is read by nobody else."""
    world = replace(plain(of_size(32)), store=MANY_NODES)
    block = mistakes.own_block(world, "host2")
    assert block is not None
    assert false_alarms(history.release_block(world, block)) == []


@pytest.mark.parametrize("store", [KUBERNETES, MANY_NODES])
def test_a_claim_that_is_pending_while_the_block_is_in_use_is_told(store: str) -> None:
    """That it is in use, its own record says, which is asked for."""
    world = in_api(store)
    block = mistakes.own_block(world, "host2")
    assert block is not None
    told = [(host, f"RT-UNCLAIMED {block.cidr}") for host in ("host1", "host2", "host3")]
    assert roots(mistakes.unclaimed(world, "host2")) == told


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_is_told_where_not_all_blocks_are_read(fault: Fault) -> None:
    assert misjudged(in_api(), fault, "host3") == []


def test_a_pod_under_another_nodes_name_is_not_looked_for_on_that_node() -> None:
    """The command for this host deleted the pod of the other one."""
    world = mistakes.taken_name(replace(apart(), store=KUBERNETES), "host1")
    assert world is not None
    look = next(one for one in look_at(settle(world)) if one.hostname == "host1")
    cures = [one.cure for one in look.roots if "NODENAME of the DaemonSet" in one.cure]
    assert cures
    assert all("then kubectl -n kube-system delete pod calico-node-1" in one for one in cures)
