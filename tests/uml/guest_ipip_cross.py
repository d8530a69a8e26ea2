"""The agent's job with IPIP across subnets: host3 is behind a router. `test_lab.py` runs this in a guest with a lab."""

import re

import pytest

from tests.lab.lab import Lab
from tests.patience import until
from tests.uml.ipip import PATIENCE, await_all_good, await_ways, block_of, problems, stays_good, text, texts, unreached


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


def test_a_node_that_is_registered_without_its_network(lab: Lab) -> None:
    """For it every other node is in another subnet; what comes back is not wrapped."""
    registered(lab, "10.77.0.12/32")
    lab.agent_start("host2", {"CALICO_AGENT_MODE": "observe"})
    expect(lab, "host2", host1="tunl0", host3="tunl0")
    expect(lab, "host1", host2="eth0", host3="tunl0")
    bare = {"IP-PREFIX host2": True}
    wanted = {"host1": bare, "host2": bare, "host3": {}}
    until(f"{wanted}", lambda: {host: problems(lab, host) for host in wanted} == wanted, lambda: texts(lab), PATIENCE)
    assert unreached(lab) == []
    told = [re.search(r"IP=(\S+/24)", text(lab, host)) for host in ("host1", "host2")]
    assert [found and found[1] for found in told] == ["10.77.0.12/24"] * 2
    registered(lab, "10.77.0.12/24")
    lab.agent_start("host2")
    await_all_good(lab)
    expect(lab, "host2", host1="eth0", host3="tunl0")


def registered(lab: Lab, address: str) -> None:
    """host2 is started anew by hand. BIRD would keep the routes of which only the device is another one."""
    lab.node_stop("host2")
    lab.exec("host2", "ip", "route", "flush", "proto", "bird", check=True)
    lab.node_start("host2", {"IP": address})
