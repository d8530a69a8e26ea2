"""Whether the host forwards packets."""

from dataclasses import replace
from datetime import timedelta
from ipaddress import IPv6Interface

import pytest

from calico_agent.checks.preflight.machine.ip_forward import check_forwarding
from calico_agent.model.container.container import ContainerState, Docker
from calico_agent.model.host.sysctl import Sysctls
from calico_agent.model.identity import AddressChoice
from calico_agent.model.network.address import Family
from calico_agent.model.observation import Unreadable
from calico_agent.model.preflight import Verdict
from tests.checks.cluster import AT, HEALTHY, IDENTITY, contained
from tests.checks.preflight.case import CheckCase, check, prepared

V4, V6 = "HOST-FORWARD net.ipv4.ip_forward", "HOST-FORWARD net.ipv6.conf.all.forwarding"
WITH_V6 = replace(
    IDENTITY, ipv6=AddressChoice(Family.IPV6, chosen=IPv6Interface("2001:db8::11/64"), link="eth0", rule="other nodes")
)
NO_CONTAINER = replace(HEALTHY, docker=Docker(), bird=Unreadable("BIRD", "no socket", "absent"))
ENDED = contained(NO_CONTAINER, state=ContainerState.EXITED)
NO_DOCKER = replace(NO_CONTAINER, docker=Unreadable("Docker", "no socket", "absent"))


def sysctls(v4: str = "1", v6: str | None = None) -> Sysctls:
    values = {"net.ipv4.ip_forward": v4}
    return Sysctls(values if v6 is None else values | {"net.ipv6.conf.all.forwarding": v6})


CASES = {
    "it forwards": CheckCase(
        prepared(sysctls=sysctls()),
        {V4: Verdict.OK, V6: Verdict.NOT_APPLICABLE},
        says=("net.ipv4.ip_forward is 1",),
    ),
    "it forwards both families": CheckCase(
        prepared(sysctls=sysctls("1", "1")), {V4: Verdict.OK, V6: Verdict.OK}, identity=WITH_V6
    ),
    "it does not, and calico/node runs": CheckCase(
        prepared(sysctls=sysctls("0")),
        {V4: Verdict.FAILURE, V6: Verdict.NOT_APPLICABLE},
        says=("sysctl -w net.ipv4.ip_forward=1",),
    ),
    "it does not, and BIRD of another container runtime answers": CheckCase(
        prepared(replace(HEALTHY, docker=Docker()), sysctls=sysctls("0")),
        {V4: Verdict.FAILURE, V6: Verdict.NOT_APPLICABLE},
    ),
    "not for IPv6, and this node has such an address": CheckCase(
        prepared(sysctls=sysctls("1", "0")), {V4: Verdict.OK, V6: Verdict.FAILURE}, identity=WITH_V6
    ),
    "it does not, and a calico/node that switches it on is about to start": CheckCase(
        prepared(ENDED, sysctls=sysctls("0")),
        {V4: Verdict.OK, V6: Verdict.NOT_APPLICABLE},
        says=("until calico/node starts",),
    ),
    "it does not, and calico/node was started just now": CheckCase(
        prepared(contained(started_at=AT - timedelta(seconds=5)), sysctls=sysctls("0")),
        {V4: Verdict.OK, V6: Verdict.NOT_APPLICABLE},
    ),
    "it does not, and the Felix that is about to start leaves it so": CheckCase(
        prepared(contained(ENDED, image="calico/node:v1.3.0", state=ContainerState.EXITED), sysctls=sysctls("0")),
        {V4: Verdict.FAILURE, V6: Verdict.NOT_APPLICABLE},
        says=("Calico v2.3 does not switch it on",),
    ),
    "it does not, and Felix is told to leave it so": CheckCase(
        prepared(
            contained(ENDED, env=(("FELIX_IPFORWARDING", "Disabled"),), state=ContainerState.EXITED),
            sysctls=sysctls("0"),
        ),
        {V4: Verdict.FAILURE, V6: Verdict.NOT_APPLICABLE},
        says=("ipForwarding is Disabled",),
    ),
    "it does not, and which calico/node will start is not known": CheckCase(
        prepared(NO_CONTAINER, sysctls=sysctls("0")), {V4: Verdict.WARNING, V6: Verdict.NOT_APPLICABLE}
    ),
    "it does not, and whether calico/node runs is not known": CheckCase(
        prepared(NO_DOCKER, sysctls=sysctls("0")), {V4: Verdict.WARNING, V6: Verdict.NOT_APPLICABLE}
    ),
    "the setting may not be read": CheckCase(
        prepared(sysctls=Sysctls(unread={"net.ipv4.ip_forward": "Permission denied"})),
        {V4: Verdict.UNKNOWN, V6: Verdict.NOT_APPLICABLE},
        says=("Permission denied",),
    ),
    "a kernel without IPv6": CheckCase(
        prepared(sysctls=sysctls()),
        {V4: Verdict.OK, V6: Verdict.UNKNOWN},
        says=("this kernel has no IPv6",),
        identity=WITH_V6,
    ),
    "nothing was read": CheckCase(prepared(), {V4: Verdict.UNKNOWN, V6: Verdict.NOT_APPLICABLE}),
    "nothing could be read": CheckCase(
        prepared(sysctls=Unreadable("sysctls", "not read within 10 s", "timeout")),
        {V4: Verdict.UNKNOWN, V6: Verdict.NOT_APPLICABLE},
        says=("not read within 10 s",),
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_forwarding(case: CheckCase) -> None:
    check(case, check_forwarding)
