"""The stand-in with IPIP shows what was recorded of calico/node 3.32.1. `test_lab.py` runs this in a guest, in which
there is a lab whose last host is behind a router, with a pod on each host.
"""

import json
from typing import Any

import pytest

from tests.lab.image.keys import NODES
from tests.lab.lab import Lab
from tests.lab.shapes import read_datastore, routes
from tests.lab.test_standin import datastore_of, routes_of
from tests.patience import eventually, until
from tests.places import DATA
from tests.uml.ipip import answers, pod, set_mode

LAB = Lab.here()
HOSTS = ("host1", "host2", "host3")
RECORDED = DATA / "calico-ipip"
PATIENCE = 90.0


def recorded_routes(scenario: str, host: str) -> set[str]:
    datastore = read_datastore((RECORDED / scenario / "etcd.jsonl").read_text())
    return routes((RECORDED / scenario / host / "ip-route.txt").read_text(), datastore)


def tunnel(host: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = json.loads(LAB.exec(host, "ip", "-json", "address", "show", "dev", "tunl0").stdout)
    return found[0]


def addresses(host: str) -> list[str]:
    return [f"{entry['local']}/{entry['prefixlen']}" for entry in tunnel(host)["addr_info"]]


def registered(host: str) -> str | None:
    address: str | None = datastore_of(LAB).items[f"{NODES}{host}"]["spec"]["bgp"].get("ipv4IPIPTunnelAddr")
    return address


@pytest.mark.parametrize("host", HOSTS)
def test_routes_across_subnets_are_as_recorded(host: str) -> None:
    expected = recorded_routes("ipip-cross-subnet", host)
    assert eventually(lambda: routes_of(LAB, host), lambda now: now == expected, PATIENCE) == expected


@pytest.mark.parametrize("host", HOSTS)
def test_the_device_is_as_recorded_and_has_the_registered_address(host: str) -> None:
    recorded = json.loads((RECORDED / "ipip-cross-subnet" / host / "ip-addr.json").read_text())
    wanted = next(link for link in recorded if link["ifname"] == "tunl0")
    fields = ("flags", "mtu", "operstate", "link_type", "qdisc")
    assert {field: tunnel(host)[field] for field in fields} == {field: wanted[field] for field in fields}
    assert addresses(host) == [f"{registered(host)}/32"]


@pytest.mark.parametrize("other", ["host2", "host3"])
def test_pods_reach_each_other(other: str) -> None:
    until("host1's pod reaches it", lambda: answers(LAB, "host1", pod(LAB, other)), seconds=PATIENCE)


def test_a_device_that_is_set_down_is_up_again_within_seconds_with_its_routes() -> None:
    expected = routes_of(LAB, "host1")
    LAB.exec("host1", "ip", "link", "set", "tunl0", "down", check=True)
    seen = eventually(lambda: routes_of(LAB, "host1"), lambda now: now == expected, PATIENCE)
    assert seen == expected
    assert "UP" in tunnel("host1")["flags"]


def test_a_pool_without_ipip_takes_the_address_away_and_one_with_it_gives_a_new_one() -> None:
    before = registered("host1")
    set_mode(LAB, "Never")
    until("tunl0 has lost its address", lambda: not addresses("host1"), seconds=PATIENCE)
    assert "UP" in tunnel("host1")["flags"]
    until("so has the record", lambda: registered("host1") is None, seconds=PATIENCE)
    until("no route is left there", lambda: not any("tunl0" in route for route in routes_of(LAB, "host1")))
    set_mode(LAB, "Always")
    until("there is one again", lambda: addresses("host1") == [f"{registered('host1')}/32"], seconds=PATIENCE)
    assert registered("host1") != before
    # host3 was in the same network when it was recorded with this pool.
    expected = {route.replace("10.77.0.13", "10.77.1.13") for route in recorded_routes("ipip-always", "host1")}
    assert eventually(lambda: routes_of(LAB, "host1"), lambda now: now == expected, PATIENCE) == expected
    assert {route.partition(" ")[0] for route in expected if "tunl0" in route} == {"BLOCK2", "BLOCK3"}
    set_mode(LAB, "CrossSubnet")
