"""Every fault of the catalogue, in the first worlds that can hold it; and a fault for every code."""

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_network

import pytest

from tests.worlds.faults import FAULTS, Fault
from tests.worlds.model.values import ALWAYS, CROSS_SUBNET, World
from tests.worlds.plain import POOL, apart, plain, reflected
from tests.worlds.properties import misjudged

WORLDS = {
    "no tunnel": plain(),
    "IPIP": plain(replace(POOL, ipip=ALWAYS)),
    "VXLAN": plain(replace(POOL, vxlan=ALWAYS)),
    "behind a router": apart(replace(POOL, ipip=CROSS_SUBNET)),
    "reflectors": reflected(),
    "borrowed addresses": plain(replace(POOL, cidr=ip_network("192.168.0.0/29"), block_size=30)),
}


def places(fault: Fault) -> Iterator[tuple[World, str]]:
    """Where the fault can be: on the last host of each world that can have it."""
    for world in WORLDS.values():
        names = (one.hostname for one in reversed(world.hosts) if fault.do(world, one.hostname) is not None)
        if (hostname := next(names, "")) != "":
            yield world, hostname


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_is_told_where_it_is_and_its_cure_heals(fault: Fault) -> None:
    found = list(places(fault))
    assert found, "no world can hold it"
    for world, hostname in found[:2]:
        assert misjudged(world, fault, hostname) == []
