"""calico/node's programs in a process tree: kept by runit, or by something else."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from calico_agent.decode.processes import Process, find_programs
from calico_agent.model.container import Program

BOOT = datetime(2026, 11, 23, tzinfo=UTC)
LATER = BOOT + timedelta(hours=1)


def process(pid: int, parent: int, *arguments: str, name: str = "", at: datetime = BOOT) -> Process:
    return Process(pid, parent, (name or arguments[0].rpartition("/")[2])[:15], arguments, at)


RUNIT = process(1, 0, "/usr/local/bin/runsvdir", "-P", "/etc/service/enabled")
CASES = {
    "nothing": ((), ()),
    "calico/node v3.31.7": (
        (
            RUNIT,
            process(2, 1, "runsv", "felix"),
            process(3, 1, "runsv", "bird"),
            process(4, 1, "runsv", "confd"),
            process(5, 1, "runsv", "monitor-addresses"),
            process(12, 2, "calico-node", "-felix"),
            process(13, 3, "bird", "-R", "-s", "/var/run/calico/bird.ctl"),
            process(14, 4, "calico-node", "-confd", at=LATER),
            process(15, 5, "calico-node", "-monitor-addresses"),
        ),
        (Program("bird", 13, BOOT, BOOT), Program("confd", 14, LATER, BOOT), Program("felix", 12, BOOT, BOOT)),
    ),
    "one is held, as is a supervisor, which matters not": (
        (
            RUNIT,
            replace(process(2, 1, "runsv", "felix"), stopped=True),
            process(3, 1, "runsv", "confd"),
            process(12, 2, "calico-node", "-felix"),
            replace(process(13, 3, "calico-node", "-confd"), stopped=True),
        ),
        (Program("confd", 13, BOOT, BOOT, stopped=True), Program("felix", 12, BOOT, BOOT)),
    ),
    "calico/node v1.3.0 logs to files: svlogd is not the program": (
        (
            RUNIT,
            process(2, 1, "runsv", "calico-felix"),
            process(3, 2, "svlogd", "-tt", "/var/log/calico/felix"),
            process(4, 2, "calico-felix", at=LATER),
        ),
        (Program("felix", 4, LATER, BOOT),),
    ),
    "Felix ended and waits for its second": (
        (RUNIT, process(2, 1, "runsv", "felix"), process(3, 2, "svlogd", "-tt", "/var/log/calico/felix")),
        (Program("felix", 0, None, BOOT),),
    ),
    "the helper that fails for ever outside Kubernetes means nothing": (
        (RUNIT, process(2, 1, "runsv", "complete-startup"), process(3, 2, "calico-node", "-complete-startup")),
        (),
    ),
    "start-up, before runit": (
        (process(1, 0, "/bin/sh", "/sbin/start_runit"), process(2, 1, "calico-node", "-startup")),
        (),
    ),
    "BIRD without runit": (
        (process(1, 0, "python3"), process(2, 1, "bird", "-d", at=LATER), process(3, 1, "bird6", "-d")),
        (Program("bird", 2, LATER), Program("bird6", 3, BOOT)),
    ),
}


@pytest.mark.parametrize(("tree", "programs"), CASES.values(), ids=CASES.keys())
def test_programs(tree: tuple[Process, ...], programs: tuple[Program, ...]) -> None:
    assert find_programs(tree) == programs
