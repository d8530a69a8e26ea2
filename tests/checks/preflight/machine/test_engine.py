"""What Docker is set to."""

from dataclasses import replace

import pytest

from calico_agent.checks.preflight.machine.engine import check_engine
from calico_agent.expected.view import view_of
from calico_agent.model.container.container import Docker
from calico_agent.model.container.engine import Engine
from calico_agent.model.observation import Unreadable
from calico_agent.model.preflight import Verdict
from calico_agent.model.settings import Mode
from tests.checks.cluster import HEALTHY, IDENTITY, contained
from tests.checks.preflight.case import CheckCase, check, prepared

ENGINE = Engine(
    version="24.0.7",
    root_dir="/var/lib/docker",
    driver="overlay2",
    storage=(("Backing Filesystem", "extfs"), ("Supports d_type", "true")),
    cgroup_driver="systemd",
    cgroup_version="2",
    security=frozenset({"apparmor", "seccomp", "cgroupns"}),
)
OF_2017 = Engine("17.03.1-ce", "/var/lib/docker", "aufs", (("Root Dir", "/var/lib/docker/aufs"),), "cgroupfs")
NO_CONTAINER = replace(HEALTHY, docker=Docker(), bird=Unreadable("BIRD", "no socket", "absent"))
ALL = ("engine", "userns-remap", "storage", "live-restore")


def lines(**other: Verdict) -> dict[str, Verdict]:
    verdicts = dict.fromkeys(ALL, Verdict.OK) | {name.replace("_", "-"): other[name] for name in other}
    return {f"HOST-DOCKER {subject}": verdict for subject, verdict in verdicts.items()}


def engine(**changes: object) -> Engine:
    return replace(ENGINE, **changes)  # type: ignore[arg-type]


WARNING, FAILURE = Verdict.WARNING, Verdict.FAILURE
CASES = {
    "a usual host: live-restore is off, and no fault": CheckCase(
        prepared(engine=ENGINE), lines(), ("live-restore is off", "the routes stay"), ("swarm",)
    ),
    "a host of 2017 says less of itself": CheckCase(prepared(engine=OF_2017), lines()),
    "SELinux and no-new-privileges leave a privileged container alone": CheckCase(
        prepared(engine=engine(security=frozenset({"selinux", "seccomp", "no-new-privileges"}))), lines()
    ),
    "live-restore": CheckCase(
        prepared(engine=engine(live_restore=True)), lines(), ("goes on while dockerd restarts",), ("ends when",)
    ),
    "swarm mode has no live-restore": CheckCase(prepared(engine=engine(swarm=True)), lines(), ("swarm mode",)),
    "Docker restarts what it was told to": CheckCase(
        prepared(contained(restart_policy="always"), engine=ENGINE), lines(), ("and Docker starts it again",)
    ),
    "users are mapped, and calico/node runs all the same": CheckCase(
        prepared(engine=engine(security=frozenset({"userns"}))), lines(), ("in the host's user namespace",)
    ),
    "users are mapped, and calico/node is to be started by hand": CheckCase(
        prepared(NO_CONTAINER, engine=engine(security=frozenset({"userns"}))),
        lines(userns_remap=WARNING),
        ("docker run --userns=host",),
    ),
    "rootless": CheckCase(
        prepared(engine=engine(security=frozenset({"rootless", "seccomp"}))), lines(engine=FAILURE), ("without root",)
    ),
    "gVisor by default": CheckCase(
        prepared(engine=engine(default_runtime="runsc")), lines(engine=FAILURE), ("sandbox by default (runsc)",)
    ),
    "Kata by default, under the name of its shim": CheckCase(
        prepared(engine=engine(default_runtime="io.containerd.kata.v2")), lines(engine=FAILURE)
    ),
    "another runtime that is no sandbox": CheckCase(prepared(engine=engine(default_runtime="nvidia")), lines()),
    "control groups that this Docker does not know": CheckCase(
        prepared(engine=engine(version="19.03.15")), lines(engine=FAILURE), ("Docker 19.03.15 knows no",)
    ),
    "a version that is no number is not judged": CheckCase(prepared(engine=engine(version="dev")), lines()),
    "containers of Windows": CheckCase(prepared(engine=engine(system="windows")), lines(engine=FAILURE)),
    "a file system that has no types in its folders": CheckCase(
        prepared(engine=engine(storage=(("Supports d_type", "false"),))), lines(storage=WARNING), ("ftype=1",)
    ),
    "devicemapper on a file": CheckCase(
        prepared(engine=engine(driver="devicemapper", storage=(("Data loop file", "/var/lib/docker/data"),))),
        lines(storage=WARNING),
        ("loopback",),
    ),
    "Docker does not answer": CheckCase(
        prepared(engine=Unreadable("Docker", "nobody answers on /run/docker.sock: dockerd does not run", "refused")),
        {"HOST-DOCKER": Verdict.UNKNOWN},
        ("dockerd does not run",),
    ),
    "nothing was read": CheckCase(prepared(), {"HOST-DOCKER": Verdict.UNKNOWN}),
    "containerd runs calico/node": CheckCase(
        prepared(replace(HEALTHY, docker=Docker()), engine=ENGINE), {"HOST-DOCKER": Verdict.NOT_APPLICABLE}
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_engine(case: CheckCase) -> None:
    check(case, check_engine)


def test_users_are_mapped_and_calico_agent_makes_the_container() -> None:
    mapped = prepared(NO_CONTAINER, engine=engine(security=frozenset({"userns"})))
    supervised = view_of(mapped, IDENTITY, mode=Mode.SUPERVISE, container_name="calico-node")
    assert {one.verdict for one in check_engine(supervised)} == {Verdict.OK}
