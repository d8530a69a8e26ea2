"""Whether any host of a lab is without a route for a moment, which the agent itself could not see."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.lab.lab import Lab

_SAMPLE_SECONDS = 0.02


@dataclass
class Samples:
    """Every host's IPv4 routes, looked at all the time, as the kernel shows them to a process of the host."""

    taken: int = 0
    longest_pause: float = 0.0
    lost: dict[str, float] = field(default_factory=dict)
    """Seconds for which a route was not there, by host and route."""


@contextmanager
def sampled(lab: Lab) -> Iterator[Samples]:
    """Looks at the routes of all hosts until the block ends; every one that was there at its begin is wanted."""
    hosts = lab.options.names
    tables = {host: Path(f"/proc/{lab.host(host).init}/net/route") for host in hosts}
    wanted = {host: routes_in(table) for host, table in tables.items()}
    assert all(len(routes) >= len(hosts) for routes in wanted.values()), wanted
    samples, stopping = Samples(), threading.Event()

    def sample() -> None:
        last = time.monotonic()
        while not stopping.wait(_SAMPLE_SECONDS):
            missing = [f"{host} {route}" for host, table in tables.items() for route in wanted[host] - routes_in(table)]
            now = time.monotonic()
            pause, last = now - last, now
            samples.taken += 1
            samples.longest_pause = max(samples.longest_pause, pause)
            for route in missing:
                samples.lost[route] = samples.lost.get(route, 0.0) + pause

    thread = threading.Thread(target=sample, daemon=True)
    thread.start()
    try:
        yield samples
    finally:
        stopping.set()
        thread.join()


def routes_in(table: Path) -> set[str]:
    """Link, destination, next hop and mask of each route."""
    rows = [line.split() for line in table.read_text().splitlines()[1:]]
    return {" ".join((row[0], row[1], row[2], row[7])) for row in rows}
