"""The service manager's notifications, against a socket like its own."""

import math
import os
import secrets
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from calico_agent.api.systemd import Notifier
from tests.patience import PATIENCE


@pytest.fixture(params=["a path", "an abstract name"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    """A listening manager and the NOTIFY_SOCKET that leads to it."""
    name = f"calico-agent-test-{secrets.token_hex(8)}"
    address, written = (str(tmp_path / "n"),) * 2 if request.param == "a path" else (f"\0{name}", f"@{name}")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.settimeout(2)
        listening.bind(address)
        yield listening, written


def test_each_news_is_one_datagram(manager: tuple[socket.socket, str]) -> None:
    listening, address = manager
    notifier = Notifier({"NOTIFY_SOCKET": address})
    notifier.ready("host1: all\ngood")
    notifier.status("host1: ill")
    notifier.watchdog()
    notifier.stopping()
    assert [listening.recv(4096).decode() for _ in range(4)] == [
        "READY=1\nSTATUS=host1: all good",
        "STATUS=host1: ill",
        "WATCHDOG=1",
        "STOPPING=1\nSTATUS=stopping; calico/node goes on running",
    ]


def test_a_reload_tells_when_it_began(manager: tuple[socket.socket, str]) -> None:
    listening, address = manager
    before = time.monotonic_ns() // 1000
    Notifier({"NOTIFY_SOCKET": address}).reloading()
    first, second = listening.recv(4096).decode().split("\n")
    assert first == "RELOADING=1"
    name, _, value = second.partition("=")
    assert name == "MONOTONIC_USEC"
    assert before <= int(value) <= time.monotonic_ns() // 1000


@pytest.mark.parametrize(
    "address", ["", "/nowhere/at/all", "@nobody-listens-here", "vsock:2:1234", "/" + "x" * 300, "relative"]
)
def test_a_manager_that_cannot_be_reached_is_no_reason_to_stop(address: str) -> None:
    Notifier({"NOTIFY_SOCKET": address}).ready("fine")


def test_a_manager_that_does_not_read_does_not_hold_the_agent_up(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as deaf:
        deaf.bind(str(tmp_path / "n"))
        notifier = Notifier({"NOTIFY_SOCKET": str(tmp_path / "n")})
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as filling:
            filling.setblocking(False)
            with suppress(BlockingIOError):
                while True:
                    filling.sendto(b"x", str(tmp_path / "n"))
        started = time.monotonic()
        notifier.watchdog()
        assert time.monotonic() - started < PATIENCE


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({}, math.inf),
        ({"WATCHDOG_USEC": "120000000"}, 120.0),
        ({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": str(os.getpid())}, 0.5),
        ({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": "1"}, math.inf),
        ({"WATCHDOG_USEC": "0"}, math.inf),
        ({"WATCHDOG_USEC": "soon"}, math.inf),
        ({"WATCHDOG_USEC": "²"}, math.inf),
    ],
    ids=["none", "two minutes", "for us", "for another process", "zero", "no number", "a digit that is no decimal"],
)
def test_the_watchdog_interval(environ: dict[str, str], seconds: float) -> None:
    assert Notifier(environ).watchdog_interval == seconds
