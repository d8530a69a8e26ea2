"""The agent's job with IPIP=Always. `test_lab.py` runs this in a guest that has a lab."""

import pytest

from tests.lab.lab import Lab
from tests.patience import until
from tests.uml.ipip import (
    HOSTS,
    PATIENCE,
    await_all_good,
    await_problems,
    await_ways,
    block_of,
    cure,
    felix_held,
    problems,
    routes_by,
    set_mode,
    text,
    texts,
    unreached,
)

DEVICE = "RT-TUNNEL-DEVICE tunl0"


@pytest.fixture(scope="module")
def lab() -> Lab:
    """Three hosts, the last one behind a router, each with the agent in supervise mode and one pod.

    A test puts back what it changed.
    """
    lab = Lab.here()
    set_mode(lab, "Always")
    return lab


@pytest.fixture(autouse=True)
def all_good_before(lab: Lab) -> None:
    await_all_good(lab)


def test_every_host_has_its_routes_into_the_tunnel_and_pods_reach_each_other(lab: Lab) -> None:
    for host in HOSTS:
        await_ways(lab, host, routes_by(lab, host, "tunl0"))
        assert lab.exec(host, "calico-agent", "routes").returncode == 0
    assert unreached(lab) == []


def test_a_docker_bridge_registered_elsewhere_is_named_and_cured(lab: Lab) -> None:
    lost = block_of(lab, "host3")
    lab.node_stop("host3")
    lab.node_start("host3", {"IP": "172.17.0.1"})
    for host in ("host1", "host2"):
        bridge = {"IP-BRIDGE host3": True}
        until(f"{host} names it", lambda: problems(lab, host) == bridge, lambda: text(lab, host), PATIENCE)  # noqa: B023
        assert lost not in lab.exec(host, "ip", "route").stdout
        assert f"there is no route to {lost}, pods of node host3" in text(lab, host)
        told = "on host3: remove the calico/node container and start it with IP=10.77.1.13"
        until("the cure has its address", lambda: told in text(lab, host), lambda: text(lab, host), PATIENCE)  # noqa: B023
    lab.node_stop("host3")
    lab.node_start("host3", {"IP": "10.77.1.13"})
    until("it heals", lambda: not problems(lab, "host1") and not problems(lab, "host2"), lambda: texts(lab), PATIENCE)
    lab.agent_start("host3")
    await_all_good(lab)
    assert unreached(lab) == []


def test_a_tunnel_that_is_switched_off(lab: Lab) -> None:
    with felix_held(lab, "host2"):
        lab.exec("host2", "ip", "link", "set", "tunl0", "down", check=True)
        await_problems(lab, {"host1": "", "host2": DEVICE, "host3": ""})
        assert "host2 to host1" in unreached(lab)
        cure(lab, "host2", "ip link set tunl0 up")
        await_all_good(lab)
    assert unreached(lab) == []
