"""The three worked examples of docs/choosing-the-address.md are what `detect` prints for these hosts."""

import pytest

from calico_agent.identity.candidates import NEVER, Rejection
from calico_agent.model.calico.node import Datastore
from calico_agent.model.container.container import Docker
from calico_agent.model.host.machine import Host
from calico_agent.report.pages.identity_text import render_identity
from tests.identity.machine import BRIDGE_NETWORK, DOCKER0, LO, Machine, docker_network, link, node, pool, source
from tests.places import REPOSITORY

PAGE = REPOSITORY / "docs" / "choosing-the-address.md"

_COMPOSE = docker_network("shop_default", "br-5c1d9f3a7b20", "172.18.0.0/16", "172.18.0.1")
COMPOSE_BRIDGE = link("br-5c1d9f3a7b20", "172.18.0.1/16", kind="bridge", running=False)

DOCKER_HOST = Machine(
    links=(LO, link("eth0", "10.0.0.13/24"), DOCKER0, COMPOSE_BRIDGE),
    docker=Docker(networks=(BRIDGE_NETWORK, _COMPOSE)),
    host=Host("node-13"),
    datastore=Datastore(
        nodes=(node("node-11", "10.0.0.11/24"), node("node-12", "10.0.0.12/24")), pools=(pool("10.244.0.0/16"),)
    ),
    endpoints=("10.0.0.11",),
    sources=(source("10.0.0.11", "10.0.0.13"), source("10.0.0.12", "10.0.0.13")),
    default_sources=(source("198.51.100.1", "10.0.0.13"),),
)
VAGRANT = Machine(
    links=(LO, link("eth0", "10.0.2.15/24"), link("eth1", "192.168.56.13/24"), DOCKER0),
    host=Host("vm3"),
    datastore=Datastore(
        nodes=(
            node("vm1", "192.168.56.11/24", "10.0.2.15", "192.168.56.11"),
            node("vm2", "10.0.2.15/24", "10.0.2.15", "192.168.56.12"),
        )
    ),
    endpoints=("192.168.56.11",),
    sources=(source("192.168.56.11", "192.168.56.13", "eth1"), source("10.0.2.15", "10.0.2.15", "lo")),
    default_sources=(source("198.51.100.1", "10.0.2.15", "eth0"),),
)
TWO_NETWORKS = Machine(
    links=(LO, link("bond0", "10.0.0.13/24", "10.0.0.100/32", kind="bond"), link("eno3", "192.168.7.3/24")),
    docker=Docker(),
    host=Host("db-3"),
    default_route="",
    endpoints=("127.0.0.1",),
)
EXAMPLES = {
    "a host with Docker networks": DOCKER_HOST,
    "a virtual machine whose first link is the same on every one": VAGRANT,
    "two networks, and nothing that decides": TWO_NETWORKS,
}


def test_the_page_lists_every_reason_and_whether_it_can_be_overridden() -> None:
    """The table of the page is the table of the program."""
    rows = [line.strip("|").split("|") for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    listed = {
        reason: row[2].strip() == "no"
        for row in rows
        if len(row) == 3
        for reason in row[0].replace("`", "").replace(" ", "").split(",")
    }
    assert listed == {str(reason): reason in NEVER for reason in Rejection}


@pytest.mark.parametrize("machine", EXAMPLES.values(), ids=EXAMPLES.keys())
def test_the_page_shows_what_detect_prints(machine: Machine) -> None:
    """To the letter; the page is for people who compare it with their own screen."""
    assert f"```\n{render_identity(machine.identify())}```\n" in PAGE.read_text()
