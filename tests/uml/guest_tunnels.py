"""What goes wrong with a host's end of the tunnels, on a kernel that has them, and whether the printed cure heals it.

`test_lab.py` runs this in a guest that has a lab; every pool is IPIP=Always.
"""

import json
import subprocess
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.lab.image.keys import NODES
from tests.lab.lab import Lab
from tests.patience import until
from tests.uml.ipip import (
    HOSTS,
    PATIENCE,
    answers,
    await_all_good,
    await_problems,
    await_ways,
    cure,
    felix_held,
    pod,
    problems,
    routes_by,
    set_mode,
    stays_good,
    text,
    unreached,
    ways,
)

DEVICE = "RT-TUNNEL-DEVICE tunl0"


@pytest.fixture(scope="module")
def lab() -> Lab:
    """Three hosts, the last one behind a router, each with the agent in supervise mode and one pod."""
    lab = Lab.here()
    set_mode(lab, "Always")
    return lab


@pytest.fixture(autouse=True)
def all_good_before(lab: Lab) -> None:
    await_all_good(lab)


def tunnel_address(lab: Lab, host: str) -> str:
    return lab.exec(host, "ip", "-brief", "-4", "address", "show", "dev", "tunl0", check=True).stdout.split()[2]


def record(lab: Lab, host: str, tunnel: str) -> None:
    """Write another tunnel address into the record of a node."""
    (pair,) = json.loads(lab.datastore.get(f"{NODES}{host}"))["kvs"]
    node = json.loads(b64decode(pair["value"]))
    node["spec"]["bgp"]["ipv4IPIPTunnelAddr"] = tunnel
    lab.datastore.put(f"{NODES}{host}", json.dumps(node))


@contextmanager
def nothing_is_loaded() -> Iterator[None]:
    """The kernel loads no module by itself when somebody asks for a link, as Felix does that is not there to ask."""
    helper = Path("/proc/sys/kernel/modprobe")
    before = helper.read_text()
    helper.write_text("/bin/false")
    try:
        yield
    finally:
        helper.write_text(before)


@contextmanager
def module_file_gone() -> Iterator[None]:
    """The package with the module is not installed."""
    file = Path(subprocess.check_output(("modinfo", "-n", "ipip"), text=True).strip())
    away = file.with_suffix(".away")
    file.rename(away)
    subprocess.run(("depmod",), check=True)
    try:
        yield
    finally:
        away.rename(file)
        subprocess.run(("depmod",), check=True)


def test_a_tunnel_without_its_address(lab: Lab) -> None:
    address = tunnel_address(lab, "host2")
    with felix_held(lab, "host2"):
        lab.exec("host2", "ip", "address", "del", address, "dev", "tunl0", check=True)
        await_problems(lab, {"host1": "", "host2": DEVICE, "host3": ""})
        assert unreached(lab) == []
        assert "packets between pods do not" in text(lab, "host2")
        cure(lab, "host2", rf"ip addr add {address} dev tunl0")
        await_all_good(lab)


def test_a_tunnel_with_the_address_of_another_nodes(lab: Lab) -> None:
    own, other = tunnel_address(lab, "host2"), tunnel_address(lab, "host1")
    ip = other.removesuffix("/32")
    with felix_held(lab, "host2"):
        lab.exec("host2", "ip", "address", "add", other, "dev", "tunl0", check=True)
        lab.exec("host2", "ip", "address", "del", own, "dev", "tunl0", check=True)
        await_problems(
            lab,
            {"host1": "", "host2": f"RT-ADDRESS-TWICE {ip}", "host3": f"RT-TUNNEL-ADDRESS {ip}"},
        )
        assert unreached(lab) == []
        cure(lab, "host2", r"ip addr add \S+ dev tunl0", r"ip addr del \S+ dev tunl0")
        await_all_good(lab)


def test_a_record_with_the_tunnel_address_of_another_node(lab: Lab) -> None:
    """As after a disk was copied."""
    address = tunnel_address(lab, "host1")
    record(lab, "host2", address.removesuffix("/32"))
    twice = f"RT-ADDRESS-TWICE {address.removesuffix('/32')}"
    await_problems(lab, dict.fromkeys(HOSTS, twice))
    for host in HOSTS:
        assert "node host2 has the IPIP tunnel address of node host1" in text(lab, host)
    assert "on host2: docker restart calico-node" in text(lab, "host1")
    cure(lab, "host2", r"docker restart calico-node")
    await_all_good(lab)
    assert tunnel_address(lab, "host1") == address
    assert unreached(lab) == []


def test_a_kernel_that_has_lost_the_module(lab: Lab) -> None:
    with nothing_is_loaded():
        with module_file_gone():
            subprocess.run(("rmmod", "ipip"), check=True)
            await_problems(lab, dict.fromkeys(HOSTS, DEVICE))
            assert not answers(lab, "host1", pod(lab, "host2"))
            lab.agent_stop("host1")
            lab.agent_start("host1")
            until(
                "host1 knows that there is none to load",
                lambda: problems(lab, "host1") == {"HOST-MODULE IPIP": True},
                lambda: text(lab, "host1"),
                PATIENCE,
            )
        cure(lab, "host2", r"modprobe ipip")
        await_all_good(lab)
    assert unreached(lab) == []


def test_a_pool_that_leaves_ipip_and_comes_back(lab: Lab) -> None:
    """host3 is behind a router that knows nothing of pods: without a tunnel there is no way to it."""
    set_mode(lab, "Never")
    for host, other in (("host1", "host2"), ("host2", "host1")):
        near = routes_by(lab, host, "eth0", other).items()
        until(f"{near}", lambda: near <= ways(lab, host).items(), lambda: str(ways(lab, host)), PATIENCE)  # noqa: B023
    set_mode(lab, "Always")
    for host in HOSTS:
        await_ways(lab, host, routes_by(lab, host, "tunl0"))
    await_all_good(lab)
    stays_good(lab)
    assert unreached(lab) == []
