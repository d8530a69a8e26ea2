"""`systemctl` on a lab host, for the units that run calico/node and calico-agent there.

systemd does not run on a lab host: process 1 of it is the lab's own, and three of systemd would need three machines
(tests/systemd boots one, for the agent's unit). So each unit that is started has a small keeper, a process of the lab
that reads the very file in /etc/systemd/system and does what systemd.service(5) says of these settings:
EnvironmentFile, Environment, ExecStartPre, ExecStart, ExecStop, ExecReload, Type=notify, Restart, RestartSec, each
command in the unit's own control group. Above all: ExecStop is run as well when the service ended by itself. Other
settings (the sandbox) are passed over.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.lab.unit_file import STATE, UNITS, Unit, read_unit
from tests.lab.unit_keeper import STOP_SECONDS, Keeper

_WANTS = UNITS / "multi-user.target.wants"
_START_SECONDS = 60.0


def main(arguments: Sequence[str]) -> int:
    """The commands that a guide, or a person in the lab, needs."""
    words = [word for word in arguments if not word.startswith("-")]
    now = "--now" in arguments
    match words:
        case ["daemon-reload"]:
            return 0
        case ["keep", name]:
            return Keeper(read_unit(name)).run()
        case ["enable" | "disable" as action, name]:
            return _enable(read_unit(name), action, now=now)
        case ["start", name]:
            return _start(read_unit(name))
        case ["stop", name]:
            return _stop(read_unit(name))
        case ["restart", name]:
            return _stop(read_unit(name)) or _start(read_unit(name))
        case ["reload", name]:
            return _reload(read_unit(name))
        case ["reload-or-restart", name]:
            unit = read_unit(name)
            return _reload(unit) if _keeper(unit) else _start(unit)
        case ["show", name] if "--property=ActiveState" in arguments:
            print("active" if _keeper(read_unit(name)) else "inactive")
            return 0
        case ["is-active", name]:
            print("active" if _keeper(read_unit(name)) else "inactive")
            return 0 if _keeper(read_unit(name)) else 3
    print(f"the lab's systemctl does not know: {' '.join(arguments)}", file=sys.stderr)
    return 2


def _enable(unit: Unit, action: str, *, now: bool) -> int:
    link = _WANTS / unit.name
    if action == "enable":
        _WANTS.mkdir(exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(UNITS / unit.name)
        return _start(unit) if now else 0
    link.unlink(missing_ok=True)
    return _stop(unit) if now else 0


def _keeper(unit: Unit) -> int:
    """The process of the unit's keeper, 0 for none."""
    try:
        pid = int((STATE / unit.name).read_text())
        return pid if b"tests.lab.units" in Path(f"/proc/{pid}/cmdline").read_bytes() else 0
    except (OSError, ValueError):
        return 0


def _main_pid(unit: Unit) -> int:
    return int((STATE / f"{unit.name}.main").read_text())


def _start(unit: Unit) -> int:
    if _keeper(unit):
        return 0
    STATE.mkdir(exist_ok=True)
    started = STATE / f"{unit.name}.started"
    started.unlink(missing_ok=True)
    with (STATE / f"{unit.name}.log").open("ab") as log:
        keeper = subprocess.Popen(
            (sys.executable, "-m", "tests.lab.units", "keep", unit.name),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    (STATE / unit.name).write_text(str(keeper.pid))
    deadline = time.monotonic() + _START_SECONDS
    while not started.exists():
        if keeper.poll() is not None or time.monotonic() > deadline:
            print(f"Job for {unit.name} failed: {(STATE / f'{unit.name}.log').read_text()[-2000:]}", file=sys.stderr)
            return 1
        time.sleep(0.05)
    return 0


def _stop(unit: Unit) -> int:
    pid = _keeper(unit)
    if not pid:
        return 0
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while _keeper(unit) and time.monotonic() < deadline:
        time.sleep(0.05)
    return int(bool(_keeper(unit)))


def _reload(unit: Unit) -> int:
    if not _keeper(unit):
        print(f"{unit.name} is not active, cannot reload.", file=sys.stderr)
        return 1
    variables = {**unit.environment(), "MAINPID": str(_main_pid(unit))}
    for command, counts in unit.commands("ExecReload", variables):
        if subprocess.run(command, check=False).returncode and counts:
            print(f"Job for {unit.name} failed.", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
