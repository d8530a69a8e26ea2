"""Whether anything was lost on the hosts of a lab while something was done to them.

Three witnesses: the tables of all hosts, looked at every 20 ms (`sampling`); the kernel's own messages, of which none
is lost between two looks (`ip monitor route`); and packets, ten a second from each pod to each pod of another host.
The first knows how long a route was away, the second that it was, and the third whether that cost anybody anything.
"""

import json
import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.lab.lab import Lab
from tests.lab.sampling import Samples, sampled
from tests.patience import until

_PING_SECONDS = "0.1"


@dataclass
class Witness:
    """What was seen. Complete when the block has ended."""

    samples: Samples
    deleted: list[str] = field(default_factory=list)
    """Messages of the kernel that a route, which was there at the begin, was deleted."""
    sent: dict[str, int] = field(default_factory=dict)
    unanswered: dict[str, list[int]] = field(default_factory=dict)
    """The pings without an answer, by their numbers in the order in which they were sent, of each pair that has some.

    Counted from the first that was answered, and without the one that was on its way when it ended.
    """

    def __str__(self) -> str:
        return (
            f"{self.samples.taken} looks at the tables of all hosts, the longest pause "
            f"{self.samples.longest_pause * 1000:.0f} ms, routes away: {self.samples.lost or 'none'}; "
            f"deletions told by the kernels: {self.deleted or 'none'}; "
            f"of {sum(self.sent.values())} pings unanswered: {self.unanswered or 'none'}"
        )


@contextmanager
def witnessed(lab: Lab, pods: Mapping[str, tuple[str, str]]) -> Iterator[Witness]:
    """`pods`: the name and the address of the pod of each host."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        monitors = {host: _Child(lab, host, Path(folder), "ip", "-4", "monitor", "route") for host in pods}
        pings = {
            f"{name} to {other}": _Child(
                lab, host, Path(folder), "ip", "netns", "exec", name, "busybox", "ping", "-i", _PING_SECONDS, address
            )
            for host, (name, _) in pods.items()
            for other, (_, address) in pods.items()
            if other != host
        }
        for child in (*monitors.values(), *pings.values()):
            stack.callback(child.stop)
        for pair, ping in pings.items():
            ping.wait_for("bytes from", f"{pair} is answered")
        begun = {host: _routes(lab, host) for host in pods}
        with sampled(lab) as samples:
            witness = Witness(samples)
            yield witness
        for child in (*monitors.values(), *pings.values()):
            child.stop()
        for host, monitor in monitors.items():
            gone = (line for line in monitor.said().splitlines() if line.startswith("Deleted "))
            witness.deleted += [f"{host}: {line}" for line in gone if _destination(line) in begun[host]]
        for pair, ping in pings.items():
            ping.wait_for("packets received", f"{pair} has counted")
            sent, lost = _lost(ping.said())
            witness.sent[pair] = sent
            if lost:
                witness.unanswered[pair] = lost


def _lost(said: str) -> tuple[int, list[int]]:
    """How many pings were sent, and which were lost, by what `busybox ping` has said."""
    sent = int(said.rpartition("---\n")[2].split()[0])
    answered = {int(number) for number in re.findall(r" seq=(\d+) ", said)}
    return sent, [number for number in range(min(answered), sent - 1) if number not in answered]


def _routes(lab: Lab, host: str) -> set[str]:
    return {route["dst"] for route in json.loads(lab.exec(host, "ip", "-j", "-4", "route", check=True).stdout)}


def _destination(line: str) -> str:
    words = [word for word in line.split()[1:] if word not in {"blackhole", "unicast"}]
    return words[0] if words else ""


class _Child:
    """A program in a host whose output is kept; SIGINT ends it."""

    def __init__(self, lab: Lab, host: str, folder: Path, *argv: str) -> None:
        self._file = folder / f"{len(list(folder.iterdir()))}"
        with self._file.open("wb") as output:
            self._process = subprocess.Popen(
                lab.host(host).command(*argv),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def said(self) -> str:
        return self._file.read_text()

    def wait_for(self, words: str, what: str) -> None:
        until(what, lambda: words in self.said(), self.said)

    def stop(self) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGINT)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
