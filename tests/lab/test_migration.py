"""The guides, followed on three real hosts with pods: from a unit and from a DaemonSet to the agent, and back.

Every command of a guide is run, as it stands there (`tests.lab.guide`). What is lost meanwhile is watched by three
witnesses (`tests.lab.witness`).
"""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest

from tests.lab.cli import dump_lines
from tests.lab.conftest import named_lab
from tests.lab.founding import Founding
from tests.lab.guide import Guide, guides, read_guide
from tests.lab.lab import Lab
from tests.lab.options import Options, address
from tests.lab.witness import Witness, witnessed
from tests.packages.life import GUIDES
from tests.patience import until

# Three hosts are moved, one after the other, and back: a quarter of an hour is far above what that takes.
pytestmark = [pytest.mark.lab, pytest.mark.real, pytest.mark.timeout(900)]

Pods = Mapping[str, tuple[str, str]]
"""The name and the address of the pod of each host."""

UNIT = {"UNIT": "calico-node.service", "FILE": "/etc/systemd/system/calico-node.service"}
MANIFEST = "calico.yaml"


@pytest.fixture(scope="module")
def units() -> Iterator[Founding]:
    """Three hosts on which a unit of 2017 runs calico/node. A test puts that back."""
    with named_lab("units") as lab:
        lab.up(Options(), bare=True)
        founding = Founding(lab)
        for host in founding.hosts:
            founding.by_unit(host)
        yield founding


@pytest.fixture(scope="module")
def pods_of_units(units: Founding) -> Pods:
    return with_pods(units)


@pytest.fixture
def daemonset() -> Iterator[Founding]:
    """Three hosts whose kubelets run calico/node."""
    with named_lab("kubelets") as lab:
        lab.up(Options(), bare=True)
        founding = Founding(lab)
        founding.by_daemonset()
        yield founding


def with_pods(founding: Founding) -> Pods:
    """A pod on each host, with its name and address, once all of them are reached from everywhere."""
    lab, pods = founding.lab, dict[str, tuple[str, str]]()
    for host in founding.hosts:
        name = f"pod{host.removeprefix('host')}-a"
        pods[host] = (name, lab.pod(host, name).split()[0])
    for host in founding.hosts:
        until_routed(lab, host, len(founding.hosts) - 1)
    return pods


def until_routed(lab: Lab, host: str, others: int) -> None:
    until(
        f"{host} has a route to each of the others",
        lambda: routes_by_bird(lab, host) == others,
        lambda: lab.exec(host, "ip", "route").stdout,
    )


def routes_by_bird(lab: Lab, host: str) -> int:
    return len(bird_lines(lab, host))


def bird_lines(lab: Lab, host: str) -> list[str]:
    lines = lab.exec(host, "ip", "route").stdout.splitlines()
    return [line for line in lines if "via" in line and "proto bird" in line]


def registered(lab: Lab) -> dict[str, str]:
    """Each node's address in the datastore, without its length."""
    nodes = (json.loads(line) for line in dump_lines(lab))
    return {
        one["value"]["metadata"]["name"]: one["value"]["spec"]["bgp"]["ipv4Address"].partition("/")[0]
        for one in nodes
        if "/projectcalico.org/nodes/" in one["key"]
    }


def as_it_should(founding: Founding) -> dict[str, str]:
    return {host: str(address(host).ip) for host in founding.hosts}


def runs(founding: Founding, host: str) -> str:
    """Which container runs calico/node on this host."""
    names = founding.lab.exec(host, "docker", "ps", "--format", "{{.Names}}").stdout.split()
    (name,) = (name for name in names if "calico-node" in name and not name.startswith("k8s_install-cni"))
    return name


def labels(founding: Founding, host: str) -> Mapping[str, str]:
    found = founding.lab.exec(host, "docker", "inspect", "-f", "{{json .Config.Labels}}", runs(founding, host))
    given: Mapping[str, str] = json.loads(found.stdout) or {}
    return given


def by_agent(founding: Founding, host: str) -> bool:
    return "io.github.calico-agent.managed-by" in labels(founding, host)


@contextmanager
def nothing_lost(founding: Founding, pods: Pods) -> Iterator[Witness]:
    with witnessed(founding.lab, pods) as witness:
        yield witness
    print(witness)
    assert witness.samples.taken > 100
    assert witness.samples.lost == {}
    assert witness.deleted == []
    assert witness.unanswered == {}
    assert registered(founding.lab) == as_it_should(founding)


def follow(founding: Founding, host: str, guide: Guide, sections: tuple[str, ...], **values: str) -> str:
    """The commands of some sections on a host, and what they print."""
    told = ""
    for section in sections:
        begun = time.monotonic()
        done = founding.typed(host, guide.script(section, values), check=False)
        told += done.stdout + done.stderr
        print(f"{guide.name}, {section} on {host}: {time.monotonic() - begun:.0f} s")
        assert done.returncode == 0, f"{guide.name}, {section}, on {host}:\n{told}"
    return told


def test_a_route_that_is_away_for_a_moment_is_seen_by_each_witness(units: Founding, pods_of_units: Pods) -> None:
    with witnessed(units.lab, pods_of_units) as witness:
        block = next(line.split()[0] for line in bird_lines(units.lab, "host1") if "10.77.0.12" in line)
        bird = units.lab.exec("host1", "pidof", "bird", check=True).stdout.strip()
        units.lab.exec("host1", "kill", "-STOP", bird, check=True)  # else it may put it back before anybody looks
        try:
            units.lab.exec("host1", "ip", "route", "del", block, check=True)
            until("its absence is seen", lambda: bool(witness.samples.lost))
            time.sleep(1)  # ten pings
        finally:
            units.lab.exec("host1", "kill", "-CONT", bird, check=True)
        until_routed(units.lab, "host1", len(units.hosts) - 1)
    assert [line.split()[:3] for line in witness.deleted] == [["host1:", "Deleted", block]]
    assert len(witness.samples.lost) == 1
    assert "pod1-a to host2" in witness.unanswered


def move_from_unit(founding: Founding, host: str, guide: Guide) -> None:
    follow(founding, host, guide, ("1.", "2."), **UNIT)
    told = follow(founding, host, guide, ("3.",), **UNIT)
    assert "SV-FOREIGN" in told
    assert "systemctl disable --now calico-node.service" in " ".join(told.split())
    assert not by_agent(founding, host)
    follow(founding, host, guide, ("4.", "Later changes"), **UNIT)
    assert by_agent(founding, host)


def test_from_the_unit_to_the_agent_and_back(units: Founding, pods_of_units: Pods) -> None:
    guide = read_guide("from-unit.md")
    with nothing_lost(units, pods_of_units):
        for host in units.hosts:
            move_from_unit(units, host, guide)
    with nothing_lost(units, pods_of_units):
        for host in units.hosts:
            follow(units, host, guide, ("Back",), **UNIT)
            assert not by_agent(units, host)
    assert guide.left_out == set()


def test_from_the_daemonset_to_the_agent_and_back(daemonset: Founding) -> None:
    pods = with_pods(daemonset)
    guide, back = read_guide("from-daemonset.md"), read_guide("back-to-daemonset.md")
    first = daemonset.hosts[0]
    with nothing_lost(daemonset, pods):
        follow(daemonset, first, guide, ("1.", "2."), MANIFEST=MANIFEST, NODE=first)
        for host in daemonset.hosts:
            follow(daemonset, host, guide, ("1.", "3."), MANIFEST=MANIFEST, NODE=host)
            told = follow(daemonset, host, guide, ("4.",), MANIFEST=MANIFEST, NODE=host)
            assert "SV-FOREIGN" in told
            assert "the DaemonSet of pod kube-system/calico-node-" in " ".join(told.split())
            follow(daemonset, host, guide, ("5.",), MANIFEST=MANIFEST, NODE=host)
            assert by_agent(daemonset, host)
    with nothing_lost(daemonset, pods):
        follow(daemonset, first, back, ("1.",), MANIFEST=MANIFEST, NODE=first)
        for host in daemonset.hosts:
            follow(daemonset, host, back, ("2.",), MANIFEST=MANIFEST, NODE=host)
            assert runs(daemonset, host).startswith("k8s_calico-node_")
        follow(daemonset, first, back, ("4.",), MANIFEST=MANIFEST, NODE=first)
        for host in daemonset.hosts:
            follow(daemonset, host, back, ("5.",), MANIFEST=MANIFEST, NODE=host)
    assert guide.left_out == back.left_out == set()


def test_every_other_guide_is_followed_here() -> None:
    assert set(guides()) - GUIDES == {"from-unit.md", "from-daemonset.md", "back-to-daemonset.md"}
