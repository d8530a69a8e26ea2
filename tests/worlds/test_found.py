"""What worlds have found, and has been mended: each case with its sentence."""

from tests.worlds.model import history
from tests.worlds.plain import of_size, plain
from tests.worlds.properties import false_alarms


def test_a_block_of_one_address_whose_pod_is_gone_is_told_to_nobody() -> None:
    """BIRD has no blackhole for a /32, so that nothing is left to advertise; the claim on the block stays."""
    world = history.remove_pod(plain(of_size(32)), "host2", 0)
    assert [block.owner for block in world.blocks if not block.given] == ["host2"]
    assert false_alarms(world) == []
