"""The agent's reading of WireGuard, and its verdict, held against a kernel that has it. `make wireguard` runs this.

Not `test_...`: `make test` leaves it out, as it downloads a kernel (27 MB) and an emulator (70 MB).
"""

import pickle
from collections.abc import Mapping
from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest

from calico_agent.identity.select import identify_host
from calico_agent.model.calico.node import Datastore
from calico_agent.model.container.container import Docker
from calico_agent.model.host.machine import Host
from calico_agent.model.network.address import Family
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.network.route import Route
from calico_agent.model.settings import IdentitySettings
from tests.checks.cluster import DATASTORE, HEALTHY, problems_of, stored
from tests.identity.test_recorded_links import by_bytes
from tests.wireguard.machine import run

ENCRYPTED, CLEAR = map(ip_address, ("192.168.2.7", "192.168.3.7"))
WITHOUT_KEY = "host3"
# The recording's networks by those that are used here.
RECORDED = {
    ip_network(ours): ip_network(theirs)
    for ours, theirs in {
        "192.168.1.0/26": "192.168.119.0/26",
        "192.168.2.0/26": "192.168.183.64/26",
        "192.168.2.0/32": "192.168.183.64/32",
        "192.168.3.0/26": "192.168.55.64/26",
    }.items()
}


@pytest.fixture(scope="module")
def readings(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Kernel]:
    """What was read with the device up, and down."""
    found: Mapping[str, Kernel] = pickle.loads(run(tmp_path_factory.mktemp("machine")))
    assert all(isinstance(kernel, Kernel) for kernel in found.values()), found
    return found


@pytest.mark.parametrize("state", ["up", "down"])
def test_the_reading_is_that_of_the_recording(readings: Mapping[str, Kernel], state: str) -> None:
    here, recorded = readings[state], by_bytes({"up": "wireguard", "down": "wireguard-down"}[state])
    device, as_recorded = here.link("wireguard.cali"), recorded.link("wireguard.cali")
    assert device is not None
    assert as_recorded is not None
    assert replace(device, index=0, addresses=()) == replace(as_recorded, index=0, addresses=())
    assert here.rules[Family.IPV4] == recorded.rules[Family.IPV4]
    assert {_as_recorded(route) for route in here.tables[1].routes} == set(recorded.tables[1].routes)
    assert {route.prefix for route in here.fib.routes} >= RECORDED.keys() - {ip_network("192.168.2.0/32")}


@pytest.mark.parametrize(("state", "devices"), [("up", ("wireguard.cali", "eth0")), ("down", ("eth0", "eth0"))])
def test_our_walk_through_rules_and_tables_ends_where_the_kernels_does(
    readings: Mapping[str, Kernel], state: str, devices: tuple[str, str]
) -> None:
    kernel = readings[state]
    asked = {source.destination: source.device for source in kernel.lookups}
    assert asked == dict(zip((ENCRYPTED, CLEAR), devices, strict=True))
    walked = {pod: route.next_hops[0].device for pod in asked if (route := kernel.route_to(pod)) is not None}
    assert walked == asked


def test_the_hosts_address_is_not_that_of_the_tunnel(readings: Mapping[str, Kernel]) -> None:
    choice = identify_host(Host("host1"), readings["up"], Docker(), Datastore(), IdentitySettings(), ()).ipv4
    assert str(choice.chosen) == "10.77.0.11/24"


def test_a_host_that_encrypts_is_right_and_one_whose_device_is_down_is_told(readings: Mapping[str, Kernel]) -> None:
    keys = {node.name: "" if node.name == WITHOUT_KEY else "key" for node in DATASTORE.nodes}
    nodes = tuple(replace(node, wireguard_public_key=keys[node.name] or None) for node in DATASTORE.nodes)
    found = {
        state: problems_of(replace(stored(HEALTHY, nodes=nodes), kernel=kernel)) for state, kernel in readings.items()
    }
    assert found == {"up": {}, "down": {"RT-TUNNEL-DEVICE wireguard.cali": {"RT-WRONG-DEVICE 192.168.2.0/26"}}}


def _as_recorded(route: Route) -> Route:
    return replace(route, prefix=RECORDED[route.prefix])
