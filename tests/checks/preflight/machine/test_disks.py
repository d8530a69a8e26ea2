"""Room on disks."""

from dataclasses import replace

import pytest

from calico_agent.checks.preflight.machine.disks import check_disks
from calico_agent.model.container.container import Mount
from calico_agent.model.host.disk import Disks, FileSystem
from calico_agent.model.observation import Unreadable
from calico_agent.model.preflight import Verdict
from tests.checks.cluster import HEALTHY, contained, problems_of
from tests.checks.preflight.case import CheckCase, check, prepared

GIB, MIB = 1 << 30, 1 << 20
DOCKER, NODE, LOGS, STATE = "/var/lib/docker", "/var/lib/calico", "/var/log/calico", "/var/lib/calico-agent"
MOUNTED = contained(mounts=(Mount(NODE, NODE), Mount("/var/log", "/var/log")))
ROOT = FileSystem("/", "ext4", (DOCKER, NODE, LOGS, STATE), 40 * GIB, 20 * GIB, 2 * GIB, 2_600_000, 2_000_000)
OK, WARNING, FAILURE = Verdict.OK, Verdict.WARNING, Verdict.FAILURE


def disks(*systems: FileSystem, unread: tuple[tuple[str, str], ...] = ()) -> Disks:
    return Disks(systems, unread, DOCKER, STATE)


@pytest.mark.parametrize(
    ("size", "free", "reserve", "verdict"),
    [
        pytest.param(40 * GIB, 20 * GIB, 0, OK, id="half full"),
        pytest.param(10_000 * GIB, 500 * GIB, 0, OK, id="10 TiB at 95 %"),
        pytest.param(10_000 * GIB, 2 * GIB, 0, OK, id="10 TiB at 99.98 %, with more than an image needs"),
        pytest.param(40 * GIB, 3 * GIB, 0, OK, id="92 % of a usual disk"),
        pytest.param(20 * GIB, 900 * MIB, 0, WARNING, id="less than 1 GiB and 5 %"),
        pytest.param(100 * MIB, 50 * MIB, 0, OK, id="a small one of its own, half full"),
        pytest.param(100 * MIB, 5 * MIB, 0, WARNING, id="a small one, nearly full"),
        pytest.param(100 * MIB, 0, 0, FAILURE, id="a small one, full"),
        pytest.param(20 * GIB, 50 * MIB, 0, FAILURE, id="full but for crumbs"),
        pytest.param(40 * GIB, 0, 2 * GIB, WARNING, id="full for all but root, who writes there"),
        pytest.param(40 * GIB, 0, 0, FAILURE, id="full"),
        pytest.param(0, 0, 0, Verdict.UNKNOWN, id="it does not say"),
    ],
)
def test_room(size: int, free: int, reserve: int, verdict: Verdict) -> None:
    system = replace(ROOT, size=size, free=free, reserve=reserve)
    check(CheckCase(prepared(MOUNTED, disks=disks(system)), {"HOST-DISK /": verdict}), check_disks)


@pytest.mark.parametrize(
    ("inodes", "free", "verdict"),
    [
        pytest.param(0, 0, OK, id="made as they are needed, as by btrfs and zfs"),
        pytest.param(2_600_000, 100_000, OK, id="few of many"),
        pytest.param(2_600_000, 9_000, WARNING, id="nearly none"),
        pytest.param(1_000, 900, OK, id="a small disk that has never many"),
        pytest.param(2_600_000, 12, FAILURE, id="none"),
    ],
)
def test_inodes(inodes: int, free: int, verdict: Verdict) -> None:
    system = replace(ROOT, inodes=inodes, free_inodes=free)
    says = () if verdict is OK else (f"{free} of {inodes} inodes free", "du --inodes")
    check(CheckCase(prepared(MOUNTED, disks=disks(system)), {"HOST-DISK /": verdict}, says), check_disks)


FULL_LOGS = FileSystem("/var/log", "xfs", (LOGS,), GIB, 0)
CASES = {
    "a disk for Docker alone is full, the other is fine": CheckCase(
        prepared(MOUNTED, disks=disks(ROOT, FileSystem("/docker", "xfs", (DOCKER,), 40 * GIB, 0))),
        {"HOST-DISK /": OK, "HOST-DISK /docker": FAILURE},
        ("Docker can make no container and fetch no image", "docker image prune", "du -x -d 2 /docker"),
        ("node name",),
    ),
    "the agent's own disk is full: calico/node runs all the same": CheckCase(
        prepared(MOUNTED, disks=disks(FileSystem("/agent", "ext4", (STATE,), GIB, 0))),
        {"HOST-DISK /agent": WARNING},
        ("calico-agent forgets at a restart what it knew",),
        ("Docker can",),
    ),
    "a disk became read-only after errors": CheckCase(
        prepared(MOUNTED, disks=disks(replace(ROOT, read_only=True))),
        {"HOST-DISK /": FAILURE},
        ("/ is mounted read-only", "dmesg | grep -i ext4", "does not start"),
    ),
    "whether it may be written cannot be seen, and it has room": CheckCase(
        prepared(MOUNTED, disks=disks(replace(ROOT, read_only=None))), {"HOST-DISK /": OK}
    ),
    "logs are written there": CheckCase(
        prepared(MOUNTED, disks=disks(FULL_LOGS)),
        {"HOST-DISK /var/log": FAILURE},
        ("logs of calico/node and of the CNI plugin are lost",),
    ),
    "calico/node of Calico 2.3 has no /var/lib/calico, and this one no logs": CheckCase(
        prepared(contained(mounts=()), disks=disks(FULL_LOGS, replace(ROOT, paths=(NODE,), free=0, reserve=0))), {}
    ),
    "a path of which nothing is known": CheckCase(
        prepared(MOUNTED, disks=disks(ROOT, unread=((DOCKER, "Input/output error"),))),
        {"HOST-DISK /var/lib/docker": Verdict.UNKNOWN, "HOST-DISK /": OK},
        ("/var/lib/docker: Input/output error",),
    ),
    "nothing could be read": CheckCase(
        prepared(HEALTHY, disks=Unreadable("disks", "not read within 10 s", "timeout")),
        {"HOST-DISK": Verdict.UNKNOWN},
        ("not read within 10 s",),
    ),
    "nothing was read": CheckCase(prepared(HEALTHY), {"HOST-DISK": Verdict.UNKNOWN}),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_disks(case: CheckCase) -> None:
    check(case, check_disks)


NOT_KEPT = replace(HEALTHY, snapshot_trouble=Unreadable("snapshot", "No space left on device", "file"))


@pytest.mark.parametrize(
    ("free", "problems"),
    [
        pytest.param(0, {"HOST-DISK /": {"DS-SNAPSHOT snapshot"}}, id="full"),
        pytest.param(500 * MIB, {"HOST-DISK /": set(), "DS-SNAPSHOT snapshot": set()}, id="nearly full"),
    ],
)
def test_only_a_full_disk_explains_what_cannot_be_kept(free: int, problems: dict[str, set[str]]) -> None:
    assert problems_of(prepared(NOT_KEPT, disks=disks(replace(ROOT, free=free, reserve=0)))) == problems
