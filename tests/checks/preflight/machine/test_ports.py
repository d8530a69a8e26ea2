"""Who has the ports that calico/node listens on."""

from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address

import pytest

from calico_agent.checks.preflight.machine.ports import check_ports
from calico_agent.model.calico.node import BgpSettings
from calico_agent.model.container.container import Docker
from calico_agent.model.network.listener import Listener, Listeners
from calico_agent.model.observation import Unreadable
from calico_agent.model.preflight import Verdict
from tests.checks.cluster import AT, HEALTHY, contained, problems_of, stored
from tests.checks.preflight.case import CheckCase, check, prepared

BGP, HEALTH, METRICS = "HOST-PORT TCP 179", "HOST-PORT TCP 9099", "HOST-PORT TCP 9091"
WITH_HEALTH = contained(env=(("FELIX_HEALTHENABLED", "true"),))
NO_CONTAINER = replace(HEALTHY, docker=Docker())


def listening(*sockets: Listener) -> Listeners:
    return Listeners(sockets)


def by(port: int, command: str, at: str = "0.0.0.0", **fields: object) -> Listener:
    return replace(Listener(port, ip_address(at), 4711, command), **fields)  # type: ignore[arg-type]


FRR = by(179, "/usr/lib/frr/bgpd -A 127.0.0.1", unit="frr.service")
CASES = {
    "nobody listens": CheckCase(prepared(listeners=listening()), {BGP: Verdict.OK}, says=("nobody else has it",)),
    "calico/node's own BIRD": CheckCase(
        prepared(listeners=listening(by(179, "bird", ours=True))), {BGP: Verdict.OK}, says=("calico/node has it",)
    ),
    "another BGP daemon": CheckCase(
        prepared(listeners=listening(FRR)),
        {BGP: Verdict.FAILURE},
        says=("taken by /usr/lib/frr/bgpd -A 127.0.0.1 (pid 4711)", "systemctl disable --now frr.service"),
    ),
    "another BGP daemon, before a first start": CheckCase(
        prepared(replace(NO_CONTAINER, bird=Unreadable("BIRD", "no socket", "absent")), listeners=listening(FRR)),
        {BGP: Verdict.FAILURE},
    ),
    "somebody whom this user cannot see": CheckCase(
        prepared(listeners=listening(Listener(179, ip_address("::")))), {BGP: Verdict.UNKNOWN}
    ),
    "BIRD of another container runtime": CheckCase(
        prepared(NO_CONTAINER, listeners=listening(by(179, "bird -R", program="BIRD"))), {BGP: Verdict.OK}
    ),
    "BIRD of a container that was started after Docker was asked": CheckCase(
        prepared(
            contained(started_at=AT - timedelta(seconds=2)), listeners=listening(by(179, "bird -R", program="BIRD"))
        ),
        {BGP: Verdict.OK},
    ),
    "a BIRD that is not calico/node's": CheckCase(
        prepared(listeners=listening(by(179, "bird -c /etc/bird.conf", program="BIRD"))), {BGP: Verdict.FAILURE}
    ),
    "a container has it": CheckCase(
        prepared(listeners=listening(by(179, "gobgpd", container="ab" * 32))),
        {BGP: Verdict.FAILURE},
        says=("docker stop abababababab",),
    ),
    "BGP has another port": CheckCase(
        prepared(stored(bgp=BgpSettings(listen_port=1790)), listeners=listening(FRR)),
        {"HOST-PORT TCP 1790": Verdict.OK},
    ),
    "no BGP is used": CheckCase(
        prepared(contained(env=(("CALICO_NETWORKING_BACKEND", "vxlan"),)), listeners=listening(FRR)), {}
    ),
    "Felix's health port is its own": CheckCase(
        prepared(WITH_HEALTH, listeners=listening(by(9099, "calico-node -felix", "127.0.0.1", ours=True))),
        {BGP: Verdict.OK, HEALTH: Verdict.OK},
    ),
    "Felix's health port is an exporter's": CheckCase(
        prepared(WITH_HEALTH, listeners=listening(by(9099, "node_exporter", "::"))),
        {BGP: Verdict.OK, HEALTH: Verdict.WARNING},
        says=("kill 4711",),
    ),
    "another address of the same port is not in Felix's way": CheckCase(
        prepared(WITH_HEALTH, listeners=listening(by(9099, "node_exporter", "10.77.0.11"))),
        {BGP: Verdict.OK, HEALTH: Verdict.OK},
    ),
    "Felix of Calico 2.3 has no health port": CheckCase(
        prepared(
            contained(image="calico/node:v1.3.0", env=(("FELIX_HEALTHENABLED", "true"),)),
            listeners=listening(by(9099, "node_exporter")),
        ),
        {BGP: Verdict.OK},
    ),
    "metrics on a port of one's own choice": CheckCase(
        prepared(
            contained(env=(("FELIX_PROMETHEUSMETRICSENABLED", "true"), ("FELIX_PROMETHEUSMETRICSPORT", "9191"))),
            listeners=listening(by(9191, "envoy", "10.77.0.11"), by(9091, "other")),
        ),
        {BGP: Verdict.OK, "HOST-PORT TCP 9191": Verdict.WARNING},
    ),
    "nothing was read": CheckCase(prepared(), {BGP: Verdict.UNKNOWN}),
    "nothing could be read": CheckCase(
        prepared(listeners=Unreadable("kernel", "netlink failed", "denied")), {BGP: Verdict.UNKNOWN}
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_ports(case: CheckCase) -> None:
    check(case, check_ports)


def test_it_is_a_problem_of_its_own() -> None:
    assert "HOST-PORT TCP 179" in problems_of(prepared(listeners=listening(FRR)))
