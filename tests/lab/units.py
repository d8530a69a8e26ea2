"""`systemctl` on a lab host, for the units that run calico/node and calico-agent there.

systemd does not run on a lab host: process 1 of it is the lab's own, and three of systemd would need three machines
(tests/systemd boots one, for the agent's unit). So each unit that is started has a small keeper, a process of the lab
that reads the very file in /etc/systemd/system and does what systemd.service(5) says of these settings:
EnvironmentFile, Environment, ExecStartPre, ExecStart, ExecStop, ExecReload, Type=notify, Restart, RestartSec, each
command in the unit's own control group. Above all: ExecStop is run as well when the service ended by itself. Other
settings (the sandbox) are passed over.
"""

import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

CGROUP = "CALAB_CGROUP"
"""Environment variable: the control group of this host, below the root of a hierarchy."""

_UNITS = Path("/etc/systemd/system")
_WANTS = _UNITS / "multi-user.target.wants"
_STATE = Path("/run/lab-units")
_START_SECONDS = 60.0
_STOP_SECONDS = 30.0
_LISTS = frozenset({"ExecStartPre", "ExecStart", "ExecStop", "ExecReload", "Environment", "EnvironmentFile"})


@dataclass(frozen=True, slots=True)
class Unit:
    """What is used of a unit's section Service."""

    name: str
    lists: dict[str, list[str]] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)

    def commands(self, key: str, variables: dict[str, str]) -> Iterator[tuple[list[str], bool]]:
        """Each command with whether its failure counts (no `-` before it), variables and specifiers put in."""
        for text in self.lists.get(key, ()):
            words = [_expanded(word, variables) for word in shlex.split(text.lstrip("-@+!"))]
            # Its path is where the package has it; on a lab host the program is where PATH has it.
            program = words[0] if Path(words[0]).exists() else Path(words[0]).name
            yield [program, *words[1:]], not text.startswith("-")

    def environment(self) -> dict[str, str]:
        found = dict(os.environ)
        for text in self.lists.get("Environment", ()):
            found |= dict(word.split("=", 1) for word in shlex.split(text))
        for text in self.lists.get("EnvironmentFile", ()):
            file = Path(text.removeprefix("-"))
            lines = file.read_text().splitlines() if file.exists() or not text.startswith("-") else ()
            found |= dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith(("#", ";")))
        return found


def read_unit(name: str) -> Unit:
    """The unit of this name. Raises SystemExit with systemctl's words where there is none."""
    name = name if name.endswith(".service") else f"{name}.service"
    file = _UNITS / name
    if not file.exists():
        raise SystemExit(f"Unit {name} not found.")
    unit, section = Unit(name), ""
    for line in file.read_text().replace("\\\n", " ").splitlines():
        text = line.strip()
        if text.startswith("["):
            section = text
        elif section == "[Service]" and "=" in text and not text.startswith(("#", ";")):
            key, value = (part.strip() for part in text.split("=", 1))
            if key in _LISTS:
                unit.lists.setdefault(key, []).append(value)
            else:
                unit.values[key] = value
    return unit


def _expanded(word: str, variables: dict[str, str]) -> str:
    for name in sorted(variables, key=len, reverse=True):
        word = word.replace(f"${{{name}}}", variables[name])
        if word == f"${name}":
            word = variables[name]
    return word.replace("%H", socket.gethostname()).replace("%%", "%")


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
        link.symlink_to(_UNITS / unit.name)
        return _start(unit) if now else 0
    link.unlink(missing_ok=True)
    return _stop(unit) if now else 0


def _keeper(unit: Unit) -> int:
    """The process of the unit's keeper, 0 for none."""
    try:
        pid = int((_STATE / unit.name).read_text())
        return pid if b"tests.lab.units" in Path(f"/proc/{pid}/cmdline").read_bytes() else 0
    except (OSError, ValueError):
        return 0


def _main_pid(unit: Unit) -> int:
    return int((_STATE / f"{unit.name}.main").read_text())


def _start(unit: Unit) -> int:
    if _keeper(unit):
        return 0
    _STATE.mkdir(exist_ok=True)
    started = _STATE / f"{unit.name}.started"
    started.unlink(missing_ok=True)
    with (_STATE / f"{unit.name}.log").open("ab") as log:
        keeper = subprocess.Popen(
            (sys.executable, "-m", "tests.lab.units", "keep", unit.name),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    (_STATE / unit.name).write_text(str(keeper.pid))
    deadline = time.monotonic() + _START_SECONDS
    while not started.exists():
        if keeper.poll() is not None or time.monotonic() > deadline:
            print(f"Job for {unit.name} failed: {(_STATE / f'{unit.name}.log').read_text()[-2000:]}", file=sys.stderr)
            return 1
        time.sleep(0.05)
    return 0


def _stop(unit: Unit) -> int:
    pid = _keeper(unit)
    if not pid:
        return 0
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_SECONDS
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


class Keeper:
    """What systemd is to one service, until it is stopped."""

    def __init__(self, unit: Unit) -> None:
        self._unit = unit
        self._environment = unit.environment()
        self._stopping = False
        self._service: subprocess.Popen[bytes] | None = None

    def run(self) -> int:
        signal.signal(signal.SIGTERM, self._stop)
        _join_control_group(self._unit.name)
        code, restart = 0, self._unit.values.get("Restart", "no")
        while not self._stopping:
            code = self._live()
            if restart != "always" and not (restart == "on-failure" and code):
                break
            self._pause(float(self._unit.values.get("RestartSec", "0.1")))
        return code

    def _live(self) -> int:
        """One life of the service, with what is run before and after it."""
        self._each("ExecStartPre")
        ((command, _),) = self._unit.commands("ExecStart", self._environment)
        with _Notified(self._unit) as notified:
            self._service = subprocess.Popen(command, env={**self._environment, **notified.environment})
            (_STATE / f"{self._unit.name}.main").write_text(str(self._service.pid))
            if notified.wait(self._service):
                (_STATE / f"{self._unit.name}.started").touch()
            while self._service.poll() is None and not self._stopping:
                notified.drain()
                time.sleep(0.05)
        # The stop commands, whoever ended it; then SIGTERM to what is left.
        self._each("ExecStop")
        if self._service.poll() is None:
            self._service.terminate()
        return self._service.wait(_STOP_SECONDS)

    def _pause(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not self._stopping:
            time.sleep(0.05)

    def _each(self, key: str) -> None:
        for command, _ in self._unit.commands(key, self._environment):
            subprocess.run(command, env=self._environment, check=False)

    def _stop(self, *_: object) -> None:
        self._stopping = True


class _Notified:
    """sd_notify(3) as far as `READY=1`, for services of Type=notify; others are ready when they are started."""

    def __init__(self, unit: Unit) -> None:
        self.environment: dict[str, str] = {}
        self._socket: socket.socket | None = None
        if unit.values.get("Type") == "notify":
            path = _STATE / f"{unit.name}.notify"
            path.unlink(missing_ok=True)
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._socket.bind(str(path))
            self._socket.settimeout(0.1)
            self.environment = {"NOTIFY_SOCKET": str(path)}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._socket is not None:
            self._socket.close()

    def drain(self) -> None:
        """Take what else the service says, or it would have to wait."""
        while self._socket is not None:
            try:
                self._socket.recv(4096, socket.MSG_DONTWAIT)
            except (BlockingIOError, TimeoutError):
                return

    def wait(self, service: subprocess.Popen[bytes]) -> bool:
        while self._socket is not None and service.poll() is None:
            try:
                if b"READY=1" in self._socket.recv(4096):
                    return True
            except TimeoutError:
                continue
        return self._socket is None


def _join_control_group(name: str) -> None:
    """As systemd has it: by the name of the group, `calico-agent` tells which unit a process belongs to."""
    root = Path("/sys/fs/cgroup")
    root = root if (root / "cgroup.procs").exists() else root / "pids"
    group = root / os.environ[CGROUP].lstrip("/") / name
    group.mkdir(parents=True, exist_ok=True)
    (group / "cgroup.procs").write_text(str(os.getpid()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
