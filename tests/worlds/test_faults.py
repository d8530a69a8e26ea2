"""Every fault of the catalogue, in the first worlds that can hold it; and a fault for every code."""

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

import pytest

from calico_agent.faults.registry import FAULTS as CODES
from tests.worlds.faults import FAULTS, Fault
from tests.worlds.faults.elsewhere import ELSEWHERE
from tests.worlds.looking import look_at
from tests.worlds.model.releases import V3_32
from tests.worlds.model.settle import settle
from tests.worlds.model.values import ALWAYS, CROSS_SUBNET, World
from tests.worlds.plain import POOL, apart, plain, reflected, routed
from tests.worlds.properties import misjudged

WORLDS = {
    "no tunnel": plain(),
    "IPIP": plain(replace(POOL, ipip=ALWAYS)),
    "VXLAN": plain(replace(POOL, vxlan=ALWAYS)),
    "behind a router": apart(replace(POOL, ipip=CROSS_SUBNET)),
    "reflectors": reflected(),
    "metrics": plain(release=V3_32),
    "borrowed addresses": plain(replace(POOL, cidr=ip_network("192.168.0.0/29"), block_size=30)),
    "routers": routed(),
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


_ROOT = Path(__file__).parents[2]
_PREFLIGHT = "".join(path.read_text() for path in (_ROOT / "tests/checks/preflight").rglob("*.py"))


@pytest.mark.parametrize("code", sorted(CODES))
def test_a_fault_brings_each_code_about_or_a_test_is_named_that_does(code: str) -> None:
    named = [fault for fault in FAULTS if code in fault.roots | fault.follows]
    if code.startswith("HOST-") and not named:
        assert _names(_PREFLIGHT, code)
    elif code in ELSEWHERE:
        _, file = ELSEWHERE[code]
        assert not named, "it can be held after all"
        assert _names((_ROOT / file).read_text(), code), f"{file} says nothing of it"
    else:
        assert any(_is_said(code, world, hostname, fault) for fault in named for world, hostname in places(fault))


def _names(text: str, code: str) -> bool:
    return code in text or code.replace("-", "_") in text


def _is_said(code: str, world: World, hostname: str, fault: Fault) -> bool:
    broken = fault.do(world, hostname)
    assert broken is not None
    return any(one.code == code for look in look_at(settle(broken)) for one in look.findings)


def test_every_code_of_the_table_exists() -> None:
    assert set(ELSEWHERE) <= set(CODES)
