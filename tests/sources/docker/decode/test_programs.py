"""calico/node's programs in a process tree: kept by runit, or by something else."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from calico_agent.model.container.program import Child, Program
from calico_agent.sources.docker.decode.programs import Process, find_programs

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
            process(2, 1, "runsv", "felix"),
            process(3, 2, "svlogd", "-tt", "/var/log/calico/felix"),
            process(4, 2, "calico-felix", at=LATER),
        ),
        (Program("felix", 4, LATER, BOOT),),
    ),
    "an older calico/node calls the service as it calls Felix": (
        (RUNIT, process(2, 1, "runsv", "calico-felix"), process(4, 2, "calico-felix", at=LATER)),
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


WAITED_FOR = {
    "nothing": ((), None),
    "an iptables-restore": ((process(20, 12, "iptables-restore", "--noflush", at=LATER),), "iptables-restor"),
    "the older of two": ((process(21, 12, "ipset", "list", at=LATER), process(20, 12, "nft")), "nft"),
    "what was put in the place of one": ((process(20, 12, "sleep", "100000"),), "sleep"),
    "a child of its child": ((process(20, 12, "sh", "-c", "ipset"), process(21, 20, "ipset")), "sh"),
    "a dataplane driver, which it keeps": ((process(20, 12, "calico-iptables-plugin"),), None),
    "the driver that it was told to keep": ((process(20, 12, "/opt/our-own-dataplane"),), None),
    "conntrack, which it lets go on beside it": ((process(20, 12, "conntrack", "--delete"),), None),
    "another program's child": ((process(20, 13, "sleep", "100000"),), None),
}  # fmt: skip


@pytest.mark.parametrize(("beside", "name"), WAITED_FOR.values(), ids=WAITED_FOR.keys())
def test_what_felix_waits_for(beside: tuple[Process, ...], name: str | None) -> None:
    supervised = (
        RUNIT,
        process(2, 1, "runsv", "felix"),
        process(3, 1, "runsv", "bird"),
        process(12, 2, "calico-felix"),
        process(13, 3, "bird", "-R"),
    )
    _, felix = find_programs((*supervised, *beside), "/opt/our-own-dataplane")
    assert (felix.child.name if felix.child else None) == name
    assert felix.child is None or felix.child == Child(felix.child.name, 20, felix.child.started_at)


def test_a_felix_without_runit_waits_too() -> None:
    tree = (process(1, 0, "python3"), process(2, 1, "calico-felix"), process(3, 2, "ipset", "restore"))
    assert [one.child and one.child.pid for one in find_programs(tree)] == [3]
