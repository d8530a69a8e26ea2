"""The commands that findings print: typed on the host that they name, all is good again."""

import json
import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest

from tests.lab.conftest import named_lab
from tests.lab.lab import Lab
from tests.lab.options import Options, Pool
from tests.patience import eventually, until

pytestmark = [pytest.mark.lab, pytest.mark.real]

HOSTS = ("host1", "host2")


@pytest.fixture(scope="module")
def plain() -> Iterator[Lab]:
    """Two hosts with agents, no encapsulation."""
    with named_lab("cures") as lab:
        lab.up(Options(hosts=2))
        yield lab


@pytest.fixture(scope="module")
def vxlan() -> Iterator[Lab]:
    """Two hosts with agents, VXLAN."""
    with named_lab("vxcures") as lab:
        lab.up(Options(hosts=2, pool=Pool.VXLAN))
        yield lab


def problems(lab: Lab, host: str) -> list[dict[str, Any]]:
    """The problems of a host, the gravest first."""
    answer: dict[str, Any] = json.loads(lab.exec(host, "calico-agent", "status", "--json").stdout)
    return [one for one in answer["problems"] if one["confirmed"]]


def found(lab: Lab, host: str, code: str) -> dict[str, Any]:
    """The confirmed problem of this code, waited for."""
    seen = eventually(lambda: problems(lab, host), lambda those: any(one["code"] == code for one in those), 90)
    return next(one for one in seen if one["code"] == code)


def all_good(lab: Lab) -> None:
    """Waits until every host says so."""
    until(
        "all is good",
        lambda: not any(lab.exec(host, "calico-agent", "status").returncode for host in HOSTS),
        lambda: str([problems(lab, host) for host in HOSTS]),
    )


def typed(lab: Lab, host: str, cure: str, command: str) -> None:
    """Types the part of a cure that matches on a host."""
    match = re.search(command, cure)
    assert match, cure
    lab.exec(host, *shlex.split(match[0]), check=True)


def block_of(lab: Lab, host: str) -> str:
    """The block of another host, by the route that this one has to it."""
    rows = json.loads(lab.exec(host, "ip", "-j", "route", "show", "proto", "bird", check=True).stdout)
    return next(str(row["dst"]) for row in rows if "gateway" in row)


def test_a_foreign_route_is_deleted(plain: Lab) -> None:
    all_good(plain)
    block = block_of(plain, "host1")
    plain.exec("host1", "ip", "route", "replace", block, "via", "10.77.0.1", check=True)
    cure = found(plain, "host1", "RT-FOREIGN")["cure"]
    typed(plain, "host1", cure, r"ip route del \S+ via \S+ dev \S+ proto \S+")
    all_good(plain)


def test_a_neighbour_that_was_written_by_hand_is_deleted(plain: Lab) -> None:
    all_good(plain)
    plain.exec(
        "host1", "ip", "neigh", "replace", "10.77.0.12", "lladdr", "02:00:00:00:00:99", "dev", "eth0", check=True
    )
    cure = found(plain, "host1", "RT-NEIGHBOUR")["cure"]
    typed(plain, "host1", cure, r"ip neigh del \S+ dev \S+")
    all_good(plain)


def test_a_rule_that_leads_elsewhere_is_deleted(plain: Lab) -> None:
    all_good(plain)
    block = block_of(plain, "host1")
    plain.exec("host1", "ip", "rule", "add", "to", block, "priority", "100", "prohibit", check=True)
    cure = found(plain, "host1", "RT-DIVERTED")["cure"]
    typed(plain, "host1", cure, r"ip rule del priority .*(?= on this host)")
    all_good(plain)


def test_a_device_that_was_switched_off_is_switched_on(vxlan: Lab) -> None:
    all_good(vxlan)
    vxlan.exec("host1", "ip", "link", "set", "vxlan.calico", "down", check=True)
    cure = found(vxlan, "host1", "RT-TUNNEL-DEVICE")["cure"]
    typed(vxlan, "host1", cure, r"ip link set \S+ up")
    all_good(vxlan)
