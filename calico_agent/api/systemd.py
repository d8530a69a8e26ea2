"""The service manager's notification protocol (sd_notify(3)): one datagram with NAME=value lines for each news.

Our own, because it is forty lines, and a unit of Type=notify whose notification module happens to be missing just
times out. A manager that cannot be reached is no reason to stop: every failure to send is ignored.
"""

import math
import os
import socket
import time
from collections.abc import Mapping

_SEND_TIMEOUT = 1.0


class Notifier:
    """Tells the service manager how the agent is; does nothing when there is none.

    `watchdog_interval` is the time in seconds within which `watchdog` must be called again; infinite without one.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._address = _address(environ.get("NOTIFY_SOCKET", ""))
        self.watchdog_interval = _watchdog_interval(environ)

    def ready(self, status: str) -> None:
        """The first pass is finished, or a reload."""
        self._send("READY=1", _status(status))

    def status(self, status: str) -> None:
        """One line for `systemctl status`."""
        self._send(_status(status))

    def watchdog(self) -> None:
        """The loop is alive. Only a finished pass may say so."""
        self._send("WATCHDOG=1")

    def reloading(self) -> None:
        """A reload begins; `ready` ends it."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """The agent goes; the container stays."""
        self._send("STOPPING=1", _status("stopping; calico/node goes on running"))

    def _send(self, *lines: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.settimeout(_SEND_TIMEOUT)
                sender.sendto("\n".join(lines).encode(errors="replace"), self._address)
        except OSError:
            return


def _address(text: str) -> str:
    """A path, or a name in the abstract namespace, which is written with @ and begins with a zero byte."""
    if text.startswith("@"):
        return "\0" + text[1:]
    return text if text.startswith("/") else ""


def _status(text: str) -> str:
    return f"STATUS={' '.join(text.split())}"


def _watchdog_interval(environ: Mapping[str, str]) -> float:
    """WATCHDOG_USEC, unless it is meant for another process (sd_watchdog_enabled(3))."""
    if environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return math.inf
    microseconds = environ.get("WATCHDOG_USEC", "")
    return int(microseconds) / 1e6 if microseconds.isdecimal() and int(microseconds) > 0 else math.inf
