"""rp_filter, against what the Felix at hand does."""

from dataclasses import replace
from datetime import timedelta

import pytest

from calico_agent.checks.preflight.machine.source_check import check_source_check
from calico_agent.model.container.container import Docker
from calico_agent.model.host.sysctl import Sysctls
from calico_agent.model.observation import Observation, Unreadable
from calico_agent.model.preflight import Verdict
from tests.checks.cluster import AT, HEALTHY, contained, stored
from tests.checks.preflight.case import CheckCase, check, prepared

HOST, PODS = "HOST-RPFILTER", "HOST-RPFILTER cali"


def told(rp_filters: dict[str, int], image: str, observation: Observation = HEALTHY, **env: str) -> Observation:
    return prepared(contained(observation, image=image, env=tuple(env.items())), sysctls=Sysctls(rp_filters=rp_filters))


OLD, NEW, LATEST = "quay.io/calico/node:v1.3.0", "calico/node:v3.12.0", "calico/node:latest"
CASES = {
    "strict, whatever the release": CheckCase(told({"all": 1}, LATEST), {HOST: Verdict.OK}),
    "off, and old Felix has set its links": CheckCase(
        told({"all": 0, "cali1": 1, "eth0": 2}, OLD), {HOST: Verdict.OK, PODS: Verdict.OK}
    ),
    "loose: Felix of Calico 2.3 ends": CheckCase(
        told({"all": 2, "cali1": 1}, OLD),
        {HOST: Verdict.FAILURE},
        says=("ends at its start", "sysctl -w net.ipv4.conf.all.rp_filter=1"),
    ),
    "loose: Felix of v3.11 ends": CheckCase(told({"all": 2}, "calico/node:v3.11.3"), {HOST: Verdict.FAILURE}),
    "loose, and that is wanted": CheckCase(
        told({"all": 2}, OLD, FELIX_IGNORELOOSERPF="true"), {HOST: Verdict.WARNING}, says=("IgnoreLooseRPF",)
    ),
    "loose, and Felix checks sources itself": CheckCase(told({"all": 2, "cali1": 2}, NEW), {HOST: Verdict.OK}),
    "loose, and which Calico it is is not known": CheckCase(told({"all": 2}, LATEST), {HOST: Verdict.UNKNOWN}),
    "systemd has made a pod's link loose after old Felix": CheckCase(
        told({"all": 0, "cali1": 1, "cali2": 2}, OLD),
        {HOST: Verdict.OK, PODS: Verdict.WARNING},
        says=("1 link of pods, for example cali2",),
    ),
    "the link of a pod has no check": CheckCase(
        told({"all": 0, "cali1": 0}, OLD), {HOST: Verdict.OK, PODS: Verdict.WARNING}
    ),
    "old Felix was started just now": CheckCase(
        prepared(
            contained(image=OLD, started_at=AT - timedelta(seconds=3)),
            sysctls=Sysctls(rp_filters={"all": 0, "cali1": 0}),
        ),
        {HOST: Verdict.OK},
    ),
    "no calico/node": CheckCase(
        prepared(replace(HEALTHY, docker=Docker()), sysctls=Sysctls(rp_filters={"all": 2})), {HOST: Verdict.UNKNOWN}
    ),
    "containerd runs calico/node on Ubuntu, and the datastore knows which": CheckCase(
        prepared(
            replace(HEALTHY, docker=Docker(), datastore=stored(calico_version="v3.28.1").datastore),
            sysctls=Sysctls(rp_filters={"all": 2}),
        ),
        {HOST: Verdict.OK},
        says=("Calico v3.28 checks the sources of pods itself",),
    ),
    "it may not be read": CheckCase(prepared(sysctls=Sysctls()), {HOST: Verdict.UNKNOWN}),
    "nothing could be read": CheckCase(
        prepared(sysctls=Unreadable("sysctls", "late", "timeout")), {HOST: Verdict.UNKNOWN}
    ),
    "nothing was read": CheckCase(prepared(), {HOST: Verdict.UNKNOWN}),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_source_check(case: CheckCase) -> None:
    check(case, check_source_check)
