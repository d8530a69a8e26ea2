"""A boot at which everything is missing: the agent starts, says what it waits for, and goes on as each of it comes."""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.authority import self_signed
from tests.patience import until
from tests.systemd.machine import PYTHON, TREE, UNIT, Machine

pytestmark = pytest.mark.real

STATE = "/var/lib/calico-agent"
CONFIGURATION = """
mode = "supervise"
[agent]
hold_down_seconds = 1.0
[datastore]
endpoints = ["https://127.0.0.1:1"]
ca_file = "/etc/calico/ca.crt"
[node]
image = "calico/node:v3.31.7"
"""
DOCKERD = (
    "dockerd", "--bridge=none", "--iptables=false", "--ip6tables=false", "--storage-driver=vfs",
    "--data-root=/run/late/data", "--exec-root=/run/late/exec", "--pidfile=/run/late/pid",
)  # fmt: skip
ENDPOINTS = "Environment=CALICO_AGENT_DATASTORE_ENDPOINTS=https://127.0.0.1:1"
HALF = '{"format": 1, "machi'
CLOCK = "/run/clock"
# libfaketime 0.9.10, which Debian 12 has, fakes what `time.sleep` of Python 3.11 waits by although it is told not to
# (wolfcw/libfaketime#426): each sleep fails with EINVAL. What Python imports at its start has it wait in another way.
SLEEPS = "import threading, time\ntime.sleep = lambda seconds: threading.Event().wait(seconds)\n"
FILES = ("identity.json", "attempts.json", "pause.json", "order.json", "history.jsonl", "datastore.snapshot")


def write(machine: Machine, path: str, text: str) -> None:
    folder = path.rpartition("/")[0]
    machine.run("sh", "-c", f"mkdir -p {folder}; cat >{path} <<'END'\n{text}\nEND")


def drop_in(machine: Machine, *lines: str) -> None:
    """More settings of the unit; none for those of before."""
    folder = f"/run/systemd/system/{UNIT}.d"
    machine.run("rm", "-rf", folder)
    if lines:
        write(machine, f"{folder}/zz-late.conf", "\n".join(("[Service]", *lines)))
    machine.run("systemctl", "daemon-reload")


def report(machine: Machine) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(machine.agent("status", "--json"))
    return found


def says(machine: Machine, words: str) -> None:
    """Wait until `status` has them, on however many lines."""

    def said() -> bool:
        return words in " ".join(machine.agent("status").split())

    until(f"it says: {words}", said, lambda: machine.agent("status"))


@pytest.fixture
def supervised(machine: Machine) -> Iterator[Machine]:
    """The machine with a configuration, and the agent not started."""
    write(machine, "/etc/calico-agent/calico-agent.toml", CONFIGURATION)
    drop_in(machine, ENDPOINTS)
    yield machine
    machine.run("systemctl", "stop", UNIT)
    machine.run("systemctl", "reset-failed", UNIT)
    machine.run("rm", "-rf", "/etc/calico-agent", "/etc/calico", *(f"{STATE}/{name}" for name in FILES))
    drop_in(machine)


def active(machine: Machine) -> bool:
    return machine.show("ActiveState") == "active"


def start(machine: Machine) -> None:
    """It comes up at once, whatever is missing."""
    assert machine.run("systemctl", "start", UNIT) == "", machine.journal()
    assert (machine.show("ActiveState"), machine.show("NRestarts")) == ("active", "0"), machine.journal()


def test_what_comes_late_is_named_and_taken_when_it_is_there(supervised: Machine, tmp_path: Path) -> None:
    start(supervised)
    says(supervised, "dockerd does not run")
    says(supervised, "/etc/calico/ca.crt, does not exist")
    says(supervised, "no IPv4 address")
    assert report(supervised)["supervision"]["doing"].startswith("waiting for Docker: ")
    assert "UNKNOWN" in supervised.show("StatusText") or "PROBLEM" in supervised.show("StatusText")
    assert "not ready within 0 s: " in supervised.agent("wait", "--ready", "--timeout", "0")
    write(supervised, "/etc/calico/ca.crt", self_signed(tmp_path, "ca").cert.read_text())
    says(supervised, "connection refused")
    supervised.run("ip", "link", "add", "late0", "type", "veth", "peer", "name", "wire0")
    supervised.run("ip", "link", "set", "wire0", "up")
    supervised.run("ip", "link", "set", "late0", "up")
    supervised.run("ip", "addr", "add", "10.9.0.5/24", "dev", "late0")
    supervised.run("ip", "route", "add", "default", "via", "10.9.0.1")
    supervised.run("systemd-run", "--unit=late-docker", "--quiet", *DOCKERD)
    try:
        told = partial(supervised.agent, "status")
        until("the address is taken", lambda: report(supervised)["identity"]["ipv4"]["chosen"] == "10.9.0.5/24", told)
        until("Docker is seen", lambda: "waiting for Docker" not in report(supervised)["supervision"]["doing"], told)
        assert supervised.show("NRestarts") == "0"
    finally:
        supervised.run("systemctl", "stop", "late-docker")
        supervised.run("ip", "link", "del", "late0")


def test_state_that_was_half_written_is_named_and_costs_nothing_else(supervised: Machine) -> None:
    for name in FILES:
        write(supervised, f"{STATE}/{name}", HALF)
    start(supervised)
    says(supervised, f"{STATE}/pause.json is of no use: it is not JSON")
    assert report(supervised)["paused"] is None
    until("the reading is named", lambda: "DS-SNAPSHOT" in supervised.agent("status"), supervised.journal)
    assert "the pause is over" in supervised.agent("resume")
    until("it is told no more", lambda: "pause.json" not in supervised.agent("status"), supervised.journal)


def test_a_disk_that_is_full_is_named_and_used_again_when_there_is_room(supervised: Machine) -> None:
    supervised.run("mkdir", "-p", STATE)
    supervised.run("mount", "-t", "tmpfs", "-o", "size=64k,mode=0700", "tmpfs", STATE)
    try:
        supervised.run("sh", "-c", f"cat /dev/zero >{STATE}/full")
        start(supervised)
        says(supervised, "No space left on device")
        assert "No space left on device (" not in supervised.agent("pause")
        assert "not paused: " in supervised.agent("pause")
        supervised.run("rm", f"{STATE}/full")
        assert supervised.agent("pause").startswith("paused until")
        assert supervised.agent("resume").startswith("the pause is over")
        told = partial(supervised.agent, "status")
        until("it is told no more", lambda: "No space left" not in told(), told)
    finally:
        supervised.run("systemctl", "stop", UNIT)
        supervised.run("umount", STATE)


def test_a_pause_reaches_the_agent_in_its_sandbox_and_outlives_a_watchdog(supervised: Machine) -> None:
    start(supervised)
    pid = supervised.pid()
    assert supervised.agent("pause", "--for", "1h", "--why", "kernel").startswith("paused until ")
    until("systemd is told", lambda: "; paused by " in supervised.show("StatusText"), supervised.journal)
    supervised.run("kill", "-KILL", str(pid))
    until("it is started again", lambda: supervised.pid() not in {0, pid} and active(supervised), supervised.journal)
    assert report(supervised)["paused"]["why"] == "kernel"
    assert supervised.agent("resume").startswith("the pause is over")
    until("systemd is told", lambda: "paused by" not in supervised.show("StatusText"), supervised.journal)


def test_a_clock_that_is_wrong_by_a_day_and_set_later_does_no_harm(supervised: Machine) -> None:
    """libfaketime is the clock of the agent alone: a clock that is set is everybody's."""
    library = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    write(supervised, f"{CLOCK}/now", "-1d")
    write(supervised, f"{CLOCK}/sitecustomize.py", SLEEPS)
    drop_in(
        supervised,
        ENDPOINTS,
        f"Environment=LD_PRELOAD={library} FAKETIME_TIMESTAMP_FILE={CLOCK}/now FAKETIME_NO_CACHE=1 "
        f"FAKETIME_DONT_FAKE_MONOTONIC=1 PYTHONPATH={CLOCK}:{TREE}",
    )
    start(supervised)
    pid = supervised.pid()
    # As the agent sees /proc: systemd-nspawn shows all others another id of the boot, by which the uptime is known.
    beside = ("nsenter", f"--target={pid}", "--mount", "--", "env", f"PYTHONPATH={TREE}", PYTHON, "-m", "calico_agent")
    said = supervised.run(*beside, "pause", "--for", "1h")
    assert said.startswith("paused until "), said + supervised.journal()
    before = report(supervised)
    write(supervised, f"{CLOCK}/now", "+0")
    until("the clock is set", lambda: report(supervised)["at"][:10] > before["at"][:10], supervised.journal)
    after = report(supervised)
    assert after["paused"] is not None, "a pause lasts as long as it was to"
    ages = [condition["since"] for condition in after["conditions"]]
    assert min(ages)[:10] == after["at"][:10], "what lasted for seconds does not last for a day"
    assert (supervised.pid(), supervised.show("NRestarts"), supervised.show("ActiveState")) == (pid, "0", "active")
    supervised.agent("resume")
