"""In a cluster of which not all blocks are read: recorded borrowing, with blocks that are asked for or refused."""

from collections.abc import Collection
from dataclasses import replace

import pytest

from calico_agent.checks.assessment import assess
from calico_agent.expected.view import view_of
from calico_agent.identity.select import identify_host
from calico_agent.model.calico.node import Block, Datastore
from calico_agent.model.network.address import IPNetwork
from calico_agent.model.settings import IdentitySettings, Mode
from calico_agent.runtime.pods import with_pods
from calico_agent.sources.datastore.kubernetes.decode import BLOCKS, assemble, decode_key
from tests.places import DATA
from tests.replay.kubernetes import AT, NOT_RECORDED, objects, read_host, read_objects

CAPTURES = DATA / "calico-kubernetes"
HOSTS = [(scenario, f"host{number}") for scenario in ("borrowed-address", "vxlan-always") for number in (1, 2, 3)]


def without_blocks(scenario: str) -> Datastore:
    """A recorded cluster as it is read when it is large."""
    decoded = {
        key: value
        for key, raw in objects(CAPTURES / scenario)
        if not key.startswith(BLOCKS) and (value := decode_key(key, raw)) is not None
    }
    return assemble(decoded, revision=1, read_at=AT, follows_blocks=False)


def judged(scenario: str, host: str, datastore: Datastore, given: tuple[Block, ...]) -> tuple[set[str], set[str]]:
    """The codes that are told, and the blocks that were asked for."""
    asked: set[str] = set()

    def blocks_of(wanted: Collection[IPNetwork]) -> tuple[Block, ...]:
        asked.update(map(str, wanted))
        return tuple(block for block in given if block.cidr in wanted)

    seen = read_host(CAPTURES / scenario, host, datastore)
    identity = identify_host(
        seen.host, seen.kernel, seen.docker, seen.datastore, IdentitySettings(), (), birds=(seen.bird, seen.bird6)
    )
    view = view_of(seen, identity, mode=Mode.OBSERVE, container_name="calico-node")
    seen = with_pods(view, blocks_of, lambda *_: None)
    found = assess(seen, identity, mode=Mode.OBSERVE, container_name="calico-node").problems
    return {one.cause.code for one in found} - NOT_RECORDED, asked


@pytest.mark.parametrize(("scenario", "host"), HOSTS)
@pytest.mark.parametrize("readable", [True, False], ids=["read one by one", "not readable"])
def test_a_borrowed_address_is_no_fault(scenario: str, host: str, *, readable: bool) -> None:
    recorded = read_objects(CAPTURES / scenario).blocks
    codes, asked = judged(scenario, host, without_blocks(scenario), recorded if readable else ())
    assert codes == set()
    own = {"host1": "192.168.119.0/26", "host2": "192.168.183.64/26", "host3": "192.168.55.64/26"}[host]
    assert asked == {own, "192.168.119.0/26"}


@pytest.mark.parametrize("host", ["host1", "host3"])
def test_a_route_that_nobody_borrowed_is_found(host: str) -> None:
    """The pod is gone, and its address was given back: the route is left over."""
    recorded = [replace(block, borrowed=()) for block in read_objects(CAPTURES / "vxlan-always").blocks]
    codes, _ = judged("vxlan-always", host, without_blocks("vxlan-always"), tuple(recorded))
    assert codes == {"RT-SHADOWED"}


def test_where_all_blocks_are_read_nothing_more_is_asked() -> None:
    read = read_objects(CAPTURES / "vxlan-always")
    _, asked = judged("vxlan-always", "host3", read, read.blocks)
    assert asked == {"192.168.55.64/26"}
