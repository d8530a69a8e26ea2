"""What all hosts of a lab say, looked at five times a second, and since when."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.lab.lab import Lab

_PAUSE = 0.2
_SOCKET = "run/calico-agent/agent.sock"


@dataclass
class Sight:
    """What one host has said since the watch began. A problem is `CODE subject`; times are of `time.monotonic`."""

    suspected: dict[str, float] = field(default_factory=dict)
    confirmed: dict[str, float] = field(default_factory=dict)
    now: list[str] = field(default_factory=list)
    """The confirmed problems of the last look, the gravest first."""
    is_good: bool = False
    """Healthy, and nothing suspected, by the last look. False, too, where no agent answers."""
    good_since: float | None = None

    def look(self, answer: dict[str, Any] | None) -> None:
        """Take note of a report; None where no agent answers."""
        at = time.monotonic()
        if answer is None:
            self.now, self.is_good, self.good_since = [], False, None
            return
        problems = [(f"{one['code']} {one['subject']}".strip(), one["confirmed"]) for one in answer.get("problems", ())]
        for problem, is_confirmed in problems:
            self.suspected.setdefault(problem, at)
            if is_confirmed:
                self.confirmed.setdefault(problem, at)
        self.now = [problem for problem, is_confirmed in problems if is_confirmed]
        self.is_good = bool(answer.get("healthy")) and all(one["severity"] == "info" for one in answer["problems"])
        self.good_since = (self.good_since or at) if self.is_good else None


@dataclass
class Watch:
    """All hosts."""

    sights: dict[str, Sight]

    def all_good_since(self) -> float | None:
        """Since when all hosts are good; None if one is not."""
        since = [sight.good_since for sight in self.sights.values()]
        return None if None in since else max(one for one in since if one is not None)


@contextmanager
def watched(lab: Lab) -> Iterator[Watch]:
    """Looks at all hosts until the block ends, each from a thread of its own: one that hangs holds up no other."""
    watch, stopping = Watch({host: Sight() for host in lab.options.names}), threading.Event()

    def look(host: str) -> None:
        while not stopping.wait(_PAUSE):
            watch.sights[host].look(status(lab, host))

    threads = [threading.Thread(target=look, args=(host,), daemon=True) for host in watch.sights]
    for thread in threads:
        thread.start()
    try:
        yield watch
    finally:
        stopping.set()
        for thread in threads:
            thread.join()


def status(lab: Lab, host: str) -> dict[str, Any] | None:
    """The report of a host's agent by its socket; None if it does not answer within two seconds."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(2.0)
        try:
            client.connect(str(Path(lab.host(host).root, _SOCKET)))
            client.sendall(b"GET /status?format=json HTTP/1.0\r\nHost: agent\r\n\r\n")
            reply = b"".join(iter(lambda: client.recv(1 << 16), b""))
            answer: dict[str, Any] = json.loads(reply.partition(b"\r\n\r\n")[2])
        except (OSError, ValueError):
            return None
    return answer if "problems" in answer else None
