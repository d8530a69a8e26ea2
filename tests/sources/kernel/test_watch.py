"""A change wakes; a flood wakes seldom; stopping is at once."""

import errno
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from calico_agent.sources.kernel import watch as watch_netlink
from calico_agent.sources.kernel.watch import NetlinkWatch
from tests.netns import NetworkNamespace, network_namespace
from tests.patience import PATIENCE, until

pytestmark = pytest.mark.real


class Wakes:
    """What the watch said, and when."""

    def __init__(self) -> None:
        self.reasons: list[str] = []
        self.times: list[float] = []

    def __call__(self, reason: str) -> None:
        self.times.append(time.monotonic())
        self.reasons.append(reason)

    def wait_for(self, reason: str, seconds: float = 5) -> float:
        """When this was said first; fails if it is not said in time."""
        until(f"{reason!r} is said", lambda: reason in self.reasons, lambda: str(self.reasons), seconds)
        return self.times[self.reasons.index(reason)]

    def forget(self) -> None:
        """Waits until it is quiet, then starts anew."""
        while self.times and time.monotonic() - self.times[-1] < 0.3:
            time.sleep(0.05)
        self.reasons.clear()
        self.times.clear()


@contextmanager
def watched() -> Iterator[tuple[NetworkNamespace, Wakes, NetlinkWatch]]:
    wakes = Wakes()
    with network_namespace() as host:
        host.ip("link add eth0 type veth peer name wire0", "link set eth0 up", "link set wire0 up")
        watch = NetlinkWatch(wakes)
        host.run(watch.start)
        try:
            wakes.wait_for("netlink: watching")
            wakes.forget()
            yield host, wakes, watch
        finally:
            watch.stop()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("addr add 10.77.0.11/24 dev eth0", "netlink: address changed"),
        ("route add blackhole 192.168.5.0/26", "netlink: route changed"),
        ("route add blackhole fd00:192::/122", "netlink: route changed"),
        ("link set eth0 mtu 1400", "netlink: link changed"),
        ("rule add to 192.168.0.0/16 lookup 100", "netlink: rule changed"),
        ("-6 rule add to fd00:192::/64 lookup 100", "netlink: rule changed"),
        ("neigh add 10.77.0.12 lladdr 02:00:00:00:00:01 dev eth0 nud permanent", "netlink: neighbour changed"),
    ],
)
def test_a_change_wakes_at_once_and_says_what_it_was(line: str, reason: str) -> None:
    with watched() as (host, wakes, _):
        before = time.monotonic()
        host.output("ip", *line.split())
        assert wakes.wait_for(reason) - before < 2


def test_forwarding_that_is_switched_off_wakes_at_once() -> None:
    with watched() as (host, wakes, _):
        forward = Path("/proc/sys/net/ipv4/ip_forward")
        host.run(forward.write_text, "0" if host.run(forward.read_text).strip() == "1" else "1")
        wakes.wait_for("netlink: sysctl changed")


def test_nothing_wakes_when_nothing_changes_or_only_neighbours_that_the_kernel_found_do() -> None:
    with watched() as (host, wakes, _):
        host.ip("neigh add 10.77.0.12 lladdr 02:00:00:00:00:01 dev eth0 nud reachable")
        time.sleep(0.5)
        assert wakes.reasons == []


def test_a_burst_is_few_wakes_and_the_last_one_is_after_its_end() -> None:
    with watched() as (host, wakes, _):
        before = time.monotonic()
        host.batch(f"route add blackhole 10.{a}.{b}.0/24" for a in range(40) for b in range(250))
        burst = time.monotonic() - before
        last = time.monotonic()
        host.ip("route add blackhole 192.168.5.0/26")
        time.sleep(0.3)
        assert 1 < len(wakes.reasons) <= (burst + 0.5) / 0.05
        assert min(b - a for a, b in zip(wakes.times, wakes.times[1:], strict=False)) > 0.045
        assert wakes.times[-1] > last


def test_an_overrun_wakes_and_the_watch_goes_on() -> None:
    proceed = threading.Event()
    wakes = Wakes()

    def held(reason: str) -> None:
        wakes(reason)
        proceed.wait(30)  # so that nobody takes notifications meanwhile

    with network_namespace() as host:
        watch = NetlinkWatch(held)
        host.run(watch.start)
        try:
            wakes.wait_for("netlink: watching")
            host.batch(f"route add blackhole 10.{a}.{b}.0/24" for a in range(60) for b in range(250))
            proceed.set()
            wakes.wait_for("netlink: overrun")
            wakes.forget()
            host.ip("addr add 10.77.0.11/24 dev lo")
            wakes.wait_for("netlink: address changed")
        finally:
            proceed.set()
            watch.stop()


@pytest.mark.parametrize("changes", [0, 250], ids=["while nothing happens", "in a burst"])
def test_it_stops_at_once_and_twice(changes: int) -> None:
    with watched() as (host, _, watch):
        host.batch(f"route add blackhole 10.9.{b}.0/24" for b in range(changes))
        before = time.monotonic()
        watch.stop()
        assert time.monotonic() - before < PATIENCE
        assert "watch-netlink" not in {thread.name for thread in threading.enumerate()}
        watch.stop()


def test_a_watch_that_cannot_begin_says_so_once_and_tries_on(monkeypatch: pytest.MonkeyPatch) -> None:
    tries = []

    def refused() -> socket.socket:
        tries.append(time.monotonic())
        if len(tries) < 4:
            raise OSError(errno.EMFILE, "no")
        return subscribe()

    subscribe = watch_netlink._subscribe
    monkeypatch.setattr(watch_netlink, "_subscribe", refused)
    monkeypatch.setattr(watch_netlink, "_REOPEN", 0.05)
    wakes = Wakes()
    watch = NetlinkWatch(wakes)
    watch.start()
    try:
        wakes.wait_for("netlink: watching")
    finally:
        watch.stop()
    assert wakes.reasons[:2] == ["netlink: Too many open files", "netlink: watching"]
    assert len(tries) == 4


def test_it_can_be_stopped_without_having_been_started() -> None:
    NetlinkWatch(Wakes()).stop()


def test_its_heartbeat_goes_on_when_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("calico_agent.sources.kernel.watch._HEARTBEAT", 0.1)
    with watched() as (_, _wakes, watch):
        first = watch.heartbeat()
        time.sleep(0.5)
        assert watch.heartbeat() > first + 0.2
