"""The agent's job with IPIP across subnets: host3 is behind a router. `test_lab.py` runs this in a guest with a lab."""

import pytest

from tests.lab.lab import Lab
from tests.uml.ipip import await_all_good, await_ways, block_of, stays_good, unreached


@pytest.fixture(scope="module")
def lab() -> Lab:
    """Three hosts, each with the agent in supervise mode and one pod."""
    return Lab.here()


def expect(lab: Lab, host: str, **devices: str) -> None:
    """The routes of a host, by the device that leads to each other one."""
    blocks = {block_of(lab, other): (str(lab.options.address(other).ip), device) for other, device in devices.items()}
    await_ways(lab, host, blocks)


def test_only_what_leaves_the_network_is_wrapped(lab: Lab) -> None:
    await_all_good(lab)
    expect(lab, "host1", host2="eth0", host3="tunl0")
    expect(lab, "host2", host1="eth0", host3="tunl0")
    expect(lab, "host3", host1="tunl0", host2="tunl0")
    assert unreached(lab) == []
    stays_good(lab)
