"""What systemd is to a service, on a lab host: see tests/lab/units.py."""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Self

from tests.lab.unit_file import STATE, Unit

CGROUP = "CALAB_CGROUP"
"""Environment variable: the control group of this host, below the root of a hierarchy."""

STOP_SECONDS = 30.0


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
            (STATE / f"{self._unit.name}.main").write_text(str(self._service.pid))
            if notified.wait(self._service):
                (STATE / f"{self._unit.name}.started").touch()
            while self._service.poll() is None and not self._stopping:
                notified.drain()
                time.sleep(0.05)
        # The stop commands, whoever ended it; then SIGTERM to what is left.
        self._each("ExecStop")
        if self._service.poll() is None:
            self._service.terminate()
        return self._service.wait(STOP_SECONDS)

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
            path = STATE / f"{unit.name}.notify"
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
