"""How supervision goes: crash loops, containers that somebody stopped, drift, and what taking over would change."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from calico_agent.model.container.container import (
    LABEL_MANAGED_BY,
    LABEL_SPEC_HASH,
    MANAGED_BY,
    ContainerSpec,
    ContainerState,
    LogHint,
    Mount,
)
from calico_agent.model.container.program import Program
from calico_agent.model.container.supervision import Attempts, Supervising
from calico_agent.model.finding import Severity, Status
from calico_agent.model.observation import Unreadable
from calico_agent.model.settings import DriftPolicy, Mode, SuperviseSettings
from tests.checks.case import Case, check
from tests.checks.cluster import AT, HEALTHY, IDENTITY, contained, findings_of

SPEC = ContainerSpec(
    "calico-node",
    "calico/node:v3.31.7",
    env=(("ETCD_PASSWORD", "new-secret"), ("IP", "10.77.0.11/24"), ("NODENAME", "host1")),
    mounts=(Mount("/var/lib/calico", "/var/lib/calico"),),
)
LABELS = ((LABEL_MANAGED_BY, MANAGED_BY), (LABEL_SPEC_HASH, SPEC.hash))
OLD = ((LABEL_MANAGED_BY, MANAGED_BY), (LABEL_SPEC_HASH, "made-before"))
HINT = LogHint(
    "address-conflict",
    "calico/node refuses the address 10.77.0.11: node host3 is already registered with it",
    "Calico node 'host3' is already using the IPv4 address 10.77.0.11.",
    "give this host its own address",
)
HOST: dict[str, Any] = {"network_mode": "host", "privileged": True, "restart_policy": "no"}
ENV = (*SPEC.env, ("PATH", "/usr/bin"))
BARE: dict[str, Any] = {**HOST, "env": ENV, "image_env": (("PATH", "/usr/bin"),), "mounts": SPEC.mounts}
OURS: dict[str, Any] = {**BARE, "labels": LABELS}
SETTINGS = SuperviseSettings()
WITHOUT_BIRD = replace(HEALTHY, bird=Unreadable("BIRD", "nobody listens", "refused"))
GONE = {"ContainerRunning": Status.FALSE, "BGPEstablished": Status.UNKNOWN}


def supervising(attempts: Attempts | None = None, spec: ContainerSpec | None = SPEC, **settings: object) -> Supervising:
    return Supervising(spec, attempts or Attempts(), replace(SETTINGS, **settings))  # type: ignore[arg-type]


CASES = {
    "the wanted container runs": Case(contained(**OURS), {}, mode=Mode.SUPERVISE, supervising=supervising(), status={}),
    "three starts in a row are not yet a loop": Case(
        contained(WITHOUT_BIRD, **OURS, state=ContainerState.EXITED, exit_code=1),
        {"SV-EXITED calico-node": {"BIRD-DOWN BIRD"}},
        mode=Mode.SUPERVISE,
        supervising=supervising(Attempts(failures=3)),
    ),
    "four starts in a row are a loop, with count, code and the line that explains it": Case(
        contained(WITHOUT_BIRD, **OURS, state=ContainerState.EXITED, exit_code=1, log_hint=HINT),
        {"SV-CRASHLOOP calico-node": {"BIRD-DOWN BIRD"}},
        mode=Mode.SUPERVISE,
        supervising=supervising(Attempts(failures=4)),
        says=(
            "was started 4 times in a row and did not last",
            "exited with code 1",
            HINT.sentence,
            HINT.line,
            HINT.cure,
        ),
        status=GONE,
    ),
    "a loop that the out-of-memory killer makes says so": Case(
        contained(WITHOUT_BIRD, **OURS, state=ContainerState.EXITED, exit_code=137, oom_killed=True),
        {"SV-CRASHLOOP calico-node": {"BIRD-DOWN BIRD"}},
        mode=Mode.SUPERVISE,
        supervising=supervising(Attempts(failures=7)),
        says=("was started 7 times", "was killed for lack of memory", "docker logs calico-node"),
    ),
    "between two ends of a loop the container runs, and the memory tells how it ended": Case(
        contained(WITHOUT_BIRD, **OURS, started_at=AT - timedelta(seconds=2)),
        {"SV-CRASHLOOP calico-node": set()},
        mode=Mode.SUPERVISE,
        supervising=supervising(Attempts(failures=5, last_failure="exited with code 1", hint=HINT)),
        says=("the last time it exited with code 1: calico/node refuses", HINT.line),
    ),
    "stopped by hand, and to be left so": Case(
        contained(WITHOUT_BIRD, **OURS, state=ContainerState.EXITED, exit_code=0, finished_at=AT, stopped_by_hand=True),
        {"SV-STOPPED calico-node": {"BIRD-DOWN BIRD"}},
        mode=Mode.SUPERVISE,
        supervising=supervising(respect_stop=True),
        says=("was stopped by hand at 2026-11-23 01:00:00 UTC", "docker start calico-node"),
        status=GONE,
    ),
    "Docker forgot that it was asked to stop it, the agent did not": Case(
        contained(WITHOUT_BIRD, **OURS, state=ContainerState.EXITED, finished_at=AT),
        {"SV-STOPPED calico-node": {"BIRD-DOWN BIRD"}},
        mode=Mode.SUPERVISE,
        supervising=supervising(Attempts(stopped_at=AT), respect_stop=True),
    ),
    "stopped by hand, which is not respected": Case(
        contained(WITHOUT_BIRD, **OURS, state=ContainerState.EXITED, finished_at=AT, stopped_by_hand=True),
        {"SV-EXITED calico-node": {"BIRD-DOWN BIRD"}},
        mode=Mode.SUPERVISE,
        supervising=supervising(),
    ),
    "it runs again after a loop: that is said, and the host is ready": Case(
        contained(**OURS, started_at=AT - timedelta(seconds=56)),
        {"SV-CRASHLOOP calico-node": set()},
        mode=Mode.SUPERVISE,
        supervising=supervising(Attempts(failures=7, last_failure="exited with code 1")),
        says=(
            "was started 7 times in a row and did not last; the last time it exited with code 1; it runs for 56 s now",
            "none while it runs; it counts as well at 120 s",
        ),
        status={},
    ),
    "BIRD that does not run now is not explained by what did not last before": Case(
        contained(
            WITHOUT_BIRD, **OURS, started_at=AT - timedelta(seconds=80), programs=(Program("bird", 0, None, AT),)
        ),
        {"SV-RESTARTING bird": {"BIRD-DOWN BIRD"}, "SV-CRASHLOOP calico-node": set()},
        mode=Mode.SUPERVISE,
        supervising=supervising(Attempts(failures=4)),
        says=("docker exec calico-node sv up /etc/service/enabled/bird where somebody put it down",),
    ),
    "it runs for a moment only: that is no end of a loop": Case(
        contained(**OURS, started_at=AT - timedelta(seconds=3)),
        {"SV-CRASHLOOP calico-node": set()},
        mode=Mode.SUPERVISE,
        supervising=supervising(Attempts(failures=7)),
        status={"ContainerRunning": Status.FALSE},
    ),
    "a certificate was renewed and has not reached the container": Case(
        contained(**OURS, outdated=("/etc/calico/cert.pem", "/etc/calico/key.pem")),
        {"SV-CERTIFICATE /etc/calico/cert.pem": set()},
        mode=Mode.SUPERVISE,
        supervising=supervising(),
        says=(
            "/etc/calico/cert.pem and /etc/calico/key.pem were renewed, and calico/node still has the ones of before",
            "calico-agent restarts calico-node",
        ),
        status={},
    ),
    "the same where drift is only reported": Case(
        contained(**OURS, outdated=("/etc/calico/ca.pem",)),
        {"SV-CERTIFICATE /etc/calico/ca.pem": set()},
        mode=Mode.SUPERVISE,
        supervising=supervising(on_drift=DriftPolicy.REPORT),
        says=("/etc/calico/ca.pem was renewed", "docker restart calico-node"),
    ),
    "drift, in words and without secrets": Case(
        contained(
            **{**BARE, "labels": OLD, "mounts": ()},
            image="calico/node:v3.30.0",
        ),
        {"SV-DRIFT calico-node": set()},
        mode=Mode.SUPERVISE,
        supervising=supervising(
            spec=replace(SPEC, env=(("ETCD_PASSWORD", "newest"), *SPEC.env[1:], ("FELIX_LOG", "info")))
        ),
        says=(
            "image is calico/node:v3.30.0, wanted calico/node:v3.31.7",
            "ETCD_PASSWORD is another value (not shown), wanted another value (not shown)",
            "FELIX_LOG is not set, wanted 'info'",
            "nothing is mounted at /var/lib/calico, wanted /var/lib/calico",
        ),
        status={},
    ),
    "drift of the restart policy alone": Case(
        contained(**{**OURS, "restart_policy": "always"}),
        {"SV-DRIFT calico-node": set()},
        mode=Mode.SUPERVISE,
        supervising=supervising(on_drift=DriftPolicy.REPORT),
        says=("restart policy is always, wanted no", "docker rm -f calico-node"),
        status={},
    ),
    "another hash of the same thing is no drift: the agent that made it counted differently": Case(
        contained(**{**BARE, "labels": OLD}), {}, mode=Mode.SUPERVISE, supervising=supervising(), status={}
    ),
    "somebody else's container, with what taking over would change": Case(
        contained(
            **{**BARE, "env": (("IP", "172.17.0.1"), ("NODENAME", "host1"), ("PATH", "/usr/bin"), ("AS", "64512"))}
        ),
        {"SV-FOREIGN calico-node": set()},
        mode=Mode.SUPERVISE,
        supervising=supervising(),
        says=(
            "what taking over would change",
            "IP is '172.17.0.1', wanted '10.77.0.11/24'",
            "AS is '64512', wanted not set",
            "ETCD_PASSWORD is not set, wanted another value (not shown)",
        ),
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_supervision(case: Case) -> None:
    check(case)


def test_no_secret_is_ever_in_a_finding() -> None:
    for case in CASES.values():
        found = findings_of(case.observation, case.identity, case.mode, case.supervising)
        assert "secret" not in " ".join(f"{one.what}{one.why}{one.cure}" for one in found)


@pytest.mark.parametrize(
    ("policy", "severity"), [(DriftPolicy.REPLACE, Severity.INFO), (DriftPolicy.REPORT, Severity.WARNING)]
)
def test_drift_weighs_more_when_nobody_puts_it_right(policy: DriftPolicy, severity: Severity) -> None:
    drifted = contained(**{**OURS, "restart_policy": "always"})
    (found,) = findings_of(drifted, IDENTITY, Mode.SUPERVISE, supervising(on_drift=policy))
    assert found.severity is severity
