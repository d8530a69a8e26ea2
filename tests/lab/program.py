"""A program that a test runs on a host of the lab, and that goes with the test."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.lab.lab import Lab


@contextmanager
def process(lab: Lab, host: str, *command: str) -> Iterator[int]:
    """A program on a host; yields its pid there, and kills it."""
    spawned = lab.exec(host, "sh", "-c", '"$@" </dev/null >/dev/null 2>&1 & echo $!', "sh", *command, check=True)
    pid = int(spawned.stdout)
    try:
        yield pid
    finally:
        lab.exec(host, "kill", "-KILL", str(pid))
