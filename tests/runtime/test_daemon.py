"""The loop, with a script in place of the passes: signals, reloads, what raises, what is slow, the watchdog, the stop.

The script is no stand-in for a part that is tested: what a pass comes to is what the loop is to be tried with. The
socket of the service manager, the HTTP server, the configuration on disk and the signals are real.
"""

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from calico_agent.api.http import HttpServer
from calico_agent.api.latest import AgentHealth, Heartbeat
from calico_agent.config import Config, ConfigOnDisk, load
from calico_agent.model.container.action import Outcome, StartContainer
from calico_agent.model.container.supervision import Attempts, Plan
from calico_agent.model.last_value_cache import Caches
from calico_agent.model.report import Report
from calico_agent.runtime.daemon import Daemon
from calico_agent.runtime.parts import DaemonParts
from calico_agent.runtime.queries import RouteQueries
from calico_agent.runtime.single import Locks
from tests.reports import healthy_report

NOTHING = Plan(None, "all is well", Attempts())
START = Plan(StartContainer("0123", "it is not running"), "starting calico-node", Attempts())


HANDLED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGURG)


@dataclass
class Script:
    """An agent whose passes are written down. After the last one it asks for the stop."""

    steps: list[Callable[["Script"], tuple[Report, Plan]]]
    wake: Callable[[str], None] = lambda _: None
    queries: RouteQueries = field(default_factory=lambda: RouteQueries(Caches()))
    done: list[str] = field(default_factory=list)
    beats: dict[str, Heartbeat] = field(default_factory=dict)

    def make_pass(self) -> tuple[Report, Plan]:
        if not self.steps:
            os.kill(os.getpid(), signal.SIGTERM)
            return good(self)
        self.done.append("pass")
        return self.steps.pop(0)(self)

    def act(self, plan: Plan) -> Outcome | None:
        self.done.append(plan.doing)
        return Outcome(START.action, datetime.now(UTC), "Docker refuses") if START.action else None

    def keep_name(self, plan: Plan) -> None:
        pass

    def keep_image(self, plan: Plan) -> None:
        pass

    def reconfigure(self, config: Config, wake: Callable[[str], None]) -> None:
        self.wake = wake
        self.done.append(f"reload {config.agent.interval_seconds:g}")

    def heartbeats(self) -> Mapping[str, Heartbeat]:
        return self.beats

    def close(self) -> None:
        self.done.append("close")


def good(_: Script) -> tuple[Report, Plan]:
    return replace(healthy_report(), pass_seconds=0.001), NOTHING


def raises(script: Script) -> tuple[Report, Plan]:
    script.wake("netlink: route changed")
    raise RuntimeError("a bug")


def acts(_: Script) -> tuple[Report, Plan]:
    return replace(healthy_report(), pass_seconds=0.001), START


def signalled(number: int) -> Callable[[Script], tuple[Report, Plan]]:
    """A pass during which a signal comes."""

    def step(script: Script) -> tuple[Report, Plan]:
        os.kill(os.getpid(), number)
        return good(script)

    return step


def woken(script: Script) -> tuple[Report, Plan]:
    """A pass during which a watch says something."""
    script.wake("netlink: route changed")
    return good(script)


def stopped_soon(script: Script) -> tuple[Report, Plan]:
    """A pass after which a signal comes, while the loop waits."""
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGTERM)).start()
    return good(script)


class Running:
    """A daemon in this thread, with what it told the service manager and what its watches did."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.file = folder / "agent.toml"
        self.write(5)
        self.told: list[str] = []
        self.watches: list[str] = []
        self.health: AgentHealth | None = None
        self._folder = folder
        self._manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._manager.bind(str(folder / "notify"))
        self._manager.settimeout(0.2)
        monkeypatch.setenv("NOTIFY_SOCKET", str(folder / "notify"))

    def write(self, interval: float, rest: str = "") -> None:
        self.file.write_text(
            f'[agent]\nstate_dir = ""\ninterval_seconds = {interval}\n[http]\nlisten = ""\n'
            f'socket = "{self.file.parent}/agent.sock"\n{rest}'
        )

    def run(self, *steps: Callable[[Script], tuple[Report, Plan]], beats: Mapping[str, float] | None = None) -> Script:
        script = Script(
            list(steps), beats={name: Heartbeat(partial(float, at), 60) for name, at in (beats or {}).items()}
        )
        config = load(self.file, {})
        on_disk = ConfigOnDisk(config, lambda: load(self.file, {}), self.file)
        locks = Locks(self._folder)
        listener = threading.Thread(target=self._listen)
        listener.start()
        before = {number: signal.getsignal(number) for number in HANDLED}
        try:
            Daemon(config, on_disk, locks, self._parts(script)).run()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            locks.release()
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
                end.sendto(b"", str(self._folder / "notify"))
            listener.join()
            self._manager.close()
        return script

    def _parts(self, script: Script) -> DaemonParts:
        def agent(_config: Config, wake: Callable[[str], None], *_: object) -> Script:
            script.wake = wake
            return script

        def server(latest: AgentHealth, config: Config, queries: RouteQueries) -> HttpServer:
            self.health = latest
            return HttpServer(latest, config.listen, Path(config.http.socket), queries)

        return DaemonParts(agent, server, lambda *_: (Watcher(self.watches),))

    def _listen(self) -> None:
        while True:
            try:
                said = self._manager.recv(1 << 16).decode()
            except TimeoutError:
                continue
            if not said:
                return
            self.told.append(said)


class Watcher:
    """Says when it is opened and stopped."""

    def __init__(self, said: list[str]) -> None:
        self._said = said
        said.append("open")

    def stop(self) -> None:
        self._said.append("stop")


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    yield Running(tmp_path, monkeypatch)
    assert not (tmp_path / "agent.sock").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_stop_that_comes_in_a_pass_ends_the_loop_after_it(running: Running, number: int) -> None:
    script = running.run(signalled(number), good)
    assert script.done == ["pass", "close"]
    assert running.told[0].startswith("READY=1")
    assert running.told[-1].startswith("STOPPING=1")
    assert running.watches == ["open", "stop"]


def test_a_stop_that_comes_while_it_waits_ends_the_wait(running: Running) -> None:
    running.write(3600)
    script = running.run(stopped_soon, good)
    assert script.done == ["pass", "close"]


def test_what_a_watch_says_in_a_pass_is_looked_at_at_once(running: Running) -> None:
    running.write(3600)
    assert running.run(woken, signalled(signal.SIGTERM)).done == ["pass", "pass", "close"]


def test_what_the_loop_does_is_counted(running: Running) -> None:
    running.run(raises, acts, signalled(signal.SIGTERM))
    assert running.health is not None
    tally = running.health.tally
    assert tally.failed == 1
    assert sum(tally.durations) == 2
    assert (tally.woken["start"], tally.woken["netlink"], tally.woken["acted"]) == (1, 1, 1)
    assert tally.actions["start", False] == 1


def test_what_is_asked_for_is_looked_at_at_once(running: Running) -> None:
    """The signal of `calico-agent pause`, in the middle of a wait of an hour."""
    running.write(3600)

    def asked_soon(script: Script) -> tuple[Report, Plan]:
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGURG)).start()
        return good(script)

    assert running.run(asked_soon, signalled(signal.SIGTERM)).done == ["pass", "pass", "close"]


def test_a_pass_that_raises_ends_nothing_and_feeds_no_watchdog(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "400000")
    script = running.run(raises, raises, signalled(signal.SIGTERM))
    assert script.done[:3] == ["pass"] * 3
    fed = [said for said in running.told if "WATCHDOG=1" in said]
    assert len(fed) == 1, "by the third pass"
    assert running.told[0].startswith("READY=1"), "ready is said after the first pass that came to an end"


def test_no_pass_feeds_the_watchdog_while_a_part_stands_still(running: Running) -> None:
    script = running.run(woken, woken, signalled(signal.SIGTERM), beats={"datastore_mirror": float("-inf")})
    assert script.done[:3] == ["pass"] * 3
    assert not [said for said in running.told if "WATCHDOG=1" in said]


def test_a_reload_takes_the_new_file_opens_the_watches_anew_and_says_so(running: Running) -> None:
    def step(script: Script) -> tuple[Report, Plan]:
        running.write(7)
        return signalled(signal.SIGHUP)(script)

    script = running.run(step, signalled(signal.SIGTERM))
    assert script.done == ["pass", "reload 7", "pass", "close"]
    assert running.watches == ["open", "stop", "open", "stop"]
    reloading = next(place for place, said in enumerate(running.told) if said.startswith("RELOADING=1"))
    assert any("STATUS=reloaded" in said and "READY=1" in said for said in running.told[reloading:])
    assert running.health is not None
    assert running.health.loop_limit == 67


@pytest.mark.parametrize("rest", ["[agent", "[wrong]\nx = 1\n"], ids=["no TOML", "an unknown section"])
def test_a_reload_that_is_refused_changes_nothing_and_says_why(running: Running, rest: str) -> None:
    def step(script: Script) -> tuple[Report, Plan]:
        running.write(7, rest)
        return signalled(signal.SIGHUP)(script)

    script = running.run(step, signalled(signal.SIGTERM))
    assert script.done == ["pass", "pass", "close"]
    assert running.watches == ["open", "stop"]
    assert any("READY=1" in said and "the reload was refused" in said for said in running.told)


def test_what_is_done_is_followed_by_a_look_at_once(running: Running) -> None:
    running.write(3600)
    script = running.run(acts, signalled(signal.SIGTERM))
    assert script.done[:3] == ["pass", "starting calico-node", "pass"]
