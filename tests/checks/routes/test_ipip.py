"""This host's end of IPIP tunnels, whose routes BIRD writes."""

from collections.abc import Iterable
from dataclasses import replace
from ipaddress import ip_address, ip_interface

import pytest

from calico_agent.model.calico.felix import ClusterRoutes, FelixSettings
from calico_agent.model.calico.node import EncapsulationMode
from calico_agent.model.container.program import Program
from calico_agent.model.finding import Status
from calico_agent.model.network.address import Link, LinkAddress
from calico_agent.model.network.fib import Fib
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.network.route import Route
from calico_agent.model.observation import Observation
from tests.checks.case import Case, check
from tests.checks.cluster import AT, CONTAINER, DATASTORE, FELIX, POOL, contained, findings_of, routed, stored, via

TO2, TO3 = "192.168.2.0/26", "192.168.3.0/26"
BY_TUNL0 = (via(TO2, "10.77.0.12", "tunl0"), via(TO3, "10.77.0.13", "tunl0"))
NODES = tuple(replace(node, ipip_tunnel_address=ip_address(f"192.168.{node.name[-1]}.2")) for node in DATASTORE.nodes)
IPIP = stored(routed(*BY_TUNL0), pools=(replace(POOL, ipip=EncapsulationMode.ALWAYS),), nodes=NODES)
TUNL0 = Link(7, "tunl0", "ipip", addresses=(LinkAddress(ip_interface("192.168.1.2/32")),))
BOTH = {f"RT-MISSING {TO2}", f"RT-MISSING {TO3}"}


def tunnel(*links: Link, routes: Iterable[Route] = BY_TUNL0, observation: Observation = IPIP) -> Observation:
    """The IPIP host with eth0, these links, and these routes to the blocks of other nodes."""
    kernel = observation.kernel
    assert isinstance(kernel, Kernel)
    others = (route for route in kernel.fib.routes if str(route.prefix) not in {TO2, TO3})
    return replace(observation, kernel=replace(kernel, links=(Link(2, "eth0"), *links), fib=Fib.of((*others, *routes))))


def logged(observation: Observation, *lines: str) -> Observation:
    return contained(observation, log_tail=lines)


def just_started(observation: Observation) -> Observation:
    return contained(observation, started_at=AT)


CASES = {
    "it is as it should be": Case(tunnel(TUNL0), {}, status={}),
    "tunl0 is switched off, and BIRD's routes went with it": Case(
        tunnel(replace(TUNL0, up=False), routes=()),
        {"RT-TUNNEL-DEVICE tunl0": BOTH},
        says=("tunl0, this host's end of the IPIP tunnels, is switched off", "ip link set tunl0 up on this host"),
        status={"RoutesInPlace": Status.FALSE},
    ),
    "the module ipip is gone": Case(
        tunnel(routes=()),
        {"RT-TUNNEL-DEVICE tunl0": BOTH},
        says=("does not exist", "modprobe ipip on this host: without that module the kernel has no such tunnels"),
    ),
    "the module ipip was never there, and Felix says so": Case(
        logged(
            tunnel(routes=()), "2026-11-23 00:59:00.000 [WARNING][81] Failed configure IPIP tunnel device, retrying..."
        ),
        {"RT-TUNNEL-DEVICE tunl0": BOTH},
        says=("Felix says: Failed configure IPIP tunnel device",),
    ),
    "without it BIRD of Calico 2.x leads the routes past the tunnel": Case(
        tunnel(routes=(via(TO2, "10.77.0.12"), via(TO3, "10.77.0.13"))),
        {"RT-TUNNEL-DEVICE tunl0": {f"RT-WRONG-DEVICE {TO2}", f"RT-WRONG-DEVICE {TO3}"}},
        says=("modprobe ipip",),
    ),
    "one route by the wrong device is not the tunnel's fault": Case(
        tunnel(TUNL0, routes=(BY_TUNL0[0], via(TO3, "10.77.0.13"))),
        {f"RT-WRONG-DEVICE {TO3}": set()},
        says=(
            "leaves through eth0 instead of tunl0",
            "ip route del 192.168.3.0/26 via 10.77.0.13 dev eth0 proto bird on this host; BIRD writes the right one",
        ),
    ),
    "it is switched off while calico/node starts": Case(
        just_started(tunnel(replace(TUNL0, up=False), routes=())), {"RT-TUNNEL-DEVICE tunl0": BOTH}
    ),
    "it has no address yet while calico/node starts": Case(just_started(tunnel(replace(TUNL0, addresses=()))), {}),
    "it has no address: only this host's own packets change": Case(
        tunnel(replace(TUNL0, addresses=())),
        {"RT-TUNNEL-DEVICE tunl0": set()},
        says=(
            "does not have its address 192.168.1.2",
            "what this host itself sends to pods of other nodes carries another source address",
            "packets between pods do not",
            "ip addr add 192.168.1.2/32 dev tunl0",
        ),
        status={},
    ),
    "it has no address, and the kernel dropped its routes with the last one": Case(
        tunnel(replace(TUNL0, addresses=()), routes=()),
        {"RT-TUNNEL-DEVICE tunl0": BOTH},
        says=("packets to the pods of other nodes do not get there through tunl0",),
    ),
    "it has the address of another node's tunnel": Case(
        tunnel(replace(TUNL0, addresses=(LinkAddress(ip_interface("192.168.2.2/32")),))),
        {"RT-ADDRESS-TWICE 192.168.2.2": {"RT-TUNNEL-DEVICE tunl0"}},
        says=(
            "does not have its address 192.168.1.2, and has 192.168.2.2, that of node host2",
            "ip addr add 192.168.1.2/32 dev tunl0; ip addr del 192.168.2.2/32 dev tunl0",
        ),
    ),
    "Felix writes the routes of IPIP, and the module is gone": Case(
        stored(tunnel(routes=()), felix=FelixSettings(ClusterRoutes.IPIP_ONLY)),
        {"RT-TUNNEL-DEVICE tunl0": BOTH},
    ),
    "Felix writes the routes of IPIP": Case(
        stored(
            tunnel(TUNL0, routes=(replace(route, protocol=FELIX) for route in BY_TUNL0)),
            felix=FelixSettings(ClusterRoutes.IPIP_ONLY),
        ),
        {},
    ),
    "Felix is held, and does not switch it on again": Case(
        contained(
            tunnel(replace(TUNL0, up=False), routes=()),
            programs=(Program("felix", 14, CONTAINER.started_at, CONTAINER.started_at, stopped=True),),
        ),
        {"SV-FELIX felix": {"RT-TUNNEL-DEVICE tunl0", *BOTH}},
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_ipip(case: Case) -> None:
    check(case)


def test_commands_name_the_container_that_runs_here() -> None:
    named = contained(tunnel(routes=()), name="calico-node-1")
    assert "docker restart calico-node-1" in findings_of(named)[0].cure
