"""The loop: wait, pass, wait. Level-triggered: whatever woke it, the pass reads the whole world again.

The main thread makes the passes. Watchers and signal handlers only put a word into the queue (`SimpleQueue` because a
signal handler may put into it while the main thread waits in it). A lost word costs one interval, never correctness.
"""

import ctypes
import os
import signal
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue

import structlog

from calico_agent import __version__, logs
from calico_agent.api.http import HttpServer
from calico_agent.api.latest import AgentHealth, Heartbeat
from calico_agent.api.systemd import Notifier
from calico_agent.config import Config, ConfigOnDisk
from calico_agent.config.show import told_beside, told_config
from calico_agent.errors import ConfigError
from calico_agent.model.container.action import KINDS
from calico_agent.model.observation import AgentTrouble
from calico_agent.model.report import Event, Level, Report
from calico_agent.report.as_text import render_line
from calico_agent.report.changes import changes
from calico_agent.report.pacing import seconds_to_next_pass
from calico_agent.runtime.events import Events, changed_settings
from calico_agent.runtime.parts import LONGEST_PASS, DaemonParts, Watcher
from calico_agent.runtime.queries import RouteQueries
from calico_agent.runtime.reconciler import Reconciler
from calico_agent.runtime.single import Locks
from calico_agent.sources.docker.watch import DockerWatch
from calico_agent.sources.kernel.watch import NetlinkWatch

# Changes come in bursts (a peer comes back with a thousand routes): at most five passes begin in a second.
_SHORTEST_PERIOD = 0.2

_M_ARENA_MAX = -8  # malloc.h

_STOP = "stop"
_RELOAD = "reload"


class Daemon:
    """One running agent: the loop, its watchers and its server."""

    def __init__(self, config: Config, on_disk: ConfigOnDisk, locks: Locks, parts: DaemonParts) -> None:
        self._parts = parts
        self._log = structlog.get_logger("calico_agent")
        self._config = config
        self._on_disk = on_disk
        self._locks = locks
        self._words: SimpleQueue[str] = SimpleQueue()
        self._events = Events(config.agent.state_dir)
        self._notifier = Notifier(os.environ)
        self._latest = AgentHealth(config.agent.interval_seconds + LONGEST_PASS)
        self._agent = parts.agent(config, self._words.put, on_disk.look, self._troubles)
        self._latest.tell_configuration = self._tell_configuration
        self._latest.tell_history = self._events.past
        self._latest.tell_recent = self._events.recent
        self._server = parts.server(self._latest, config, self._agent.queries)
        self._watch_parts()
        self._watches: tuple[Watcher, ...] = ()
        self._report: Report | None = None
        self._begun = 0.0  # when the last pass began, monotonic

    def run(self) -> None:
        """Until SIGTERM or SIGINT. The container goes on running."""
        signal.signal(signal.SIGTERM, lambda *_: self._words.put(_STOP))
        signal.signal(signal.SIGINT, lambda *_: self._words.put(_STOP))
        signal.signal(signal.SIGHUP, lambda *_: self._words.put(_RELOAD))
        # Something was asked for (`cli.maintenance`). Who does not handle this signal is not hurt by it.
        signal.signal(signal.SIGURG, lambda *_: self._words.put("asked"))
        try:
            self._server.start()
            self._watches = self._parts.watches(self._config, self._words.put, self._latest)
            self._tell("started", version=__version__, mode=self._config.mode.value, pid=os.getpid())
            self._loop()
        finally:
            self._notifier.stopping()
            for watch in self._watches:
                watch.stop()
            self._agent.close()
            self._server.stop()
            self._tell("stopped")
            self._events.stop()

    def _loop(self) -> None:
        words = {"start"}
        while _STOP not in words:
            if _RELOAD in words:
                self._reconfigure()
            self._pass(sorted(words))
            words = self._wait()

    def _pass(self, words: list[str]) -> None:
        self._begun = time.monotonic()
        self._latest.tally = self._latest.tally.after_waking(words)
        self._latest.do("looking at this host")
        self._server.retry()
        try:
            report, plan = self._agent.make_pass()
        except Exception as error:  # noqa: BLE001 - a bug must not end the watch over the host
            # The next pass may meet another world. If none can finish, systemd's watchdog is not fed and restarts us.
            advice = "this is a bug of calico-agent: please report it with this text"
            trace = "".join(traceback.format_exception(error))
            self._latest.tally = self._latest.tally.after_failure()
            self._tell("pass_failed", Level.ERROR, repr(error), error=repr(error), advice=advice, exception=trace)
            return
        self._events.tell(*changes(self._report, report), at=report.at)
        self._publish(report)
        self._log.debug("pass", woken_by=words, seconds=round(report.pass_seconds, 3))
        self._agent.keep_name(plan)
        self._agent.keep_image(plan)
        if plan.action is None:
            return
        self._tell("acting", says=plan.doing, doing=plan.doing, reason=plan.action.reason)
        self._latest.do(plan.doing)
        outcome = self._agent.act(plan)
        self._latest.beat()
        if outcome is not None:
            self._latest.tally = self._latest.tally.after_action(KINDS[type(plan.action)], done=not outcome.error)
        if outcome is not None and outcome.error:
            self._tell("action_failed", Level.ERROR, says=plan.doing, doing=plan.doing, error=outcome.error)
        self._words.put("acted")

    def _publish(self, report: Report) -> None:
        first = self._report is None
        self._report = report
        self._latest.tally = self._latest.tally.after_pass(report.pass_seconds, report.unreadable)
        self._latest.publish(report)
        line = render_line(report)
        if first:
            self._notifier.ready(line)
        else:
            self._notifier.status(line)
        if not self._latest.stuck():  # systemd restarts for what /livez tells others
            self._notifier.watchdog()

    def _tell_configuration(self) -> dict[str, object]:
        """The configuration in use, and the one that a reload would bring. Asked by the threads of the server."""
        used: dict[str, object] = {"used": told_config(self._config)}
        try:
            return used | {"on_disk": told_beside(self._on_disk.peek(), self._config)}
        except ConfigError as error:
            return used | {"refused": list(error.faults)}

    def _troubles(self) -> tuple[AgentTrouble, ...]:
        return self._server.troubles() + self._events.troubles()

    def _tell(self, event: str, level: Level = Level.INFO, says: str = "", **fields: object) -> None:
        """Tell of something that the agent itself does, or that is done to it."""
        self._events.tell(Event(event, level, fields, (event,), says))

    def _wait(self) -> set[str]:
        """Until something happens or the next pass is due; what happens within a moment is one reason to look."""
        words: set[str] = set()
        longest = min(self._config.agent.interval_seconds, self._notifier.watchdog_interval / 2)
        due = seconds_to_next_pass(self._report, longest)
        self._latest.wait(due)
        try:
            words.add(self._words.get(timeout=due))
        except Empty:
            words.add("interval")
        pause = self._begun + _SHORTEST_PERIOD - time.monotonic()
        if pause > 0 and _STOP not in words:
            time.sleep(pause)
        while not self._words.empty():
            words.add(self._words.get())
        return words

    def _reconfigure(self) -> None:
        self._notifier.reloading()
        try:
            config = self._on_disk.reload(self._locks.take)
        except ConfigError as error:
            kept = "the configuration of before"
            self._tell("reload_refused", Level.ERROR, str(error), faults=list(error.faults), kept=kept)
            self._notifier.ready(f"the reload was refused: {error.faults[0]}")
        else:
            if config.http != self._config.http:
                reason = "[http] changes only with a restart"
                self._tell("restart_needed", Level.WARNING, reason=reason)
            for watch in self._watches:
                watch.stop()
            logs.configure(config.log.level, config.log.format)
            self._agent.reconfigure(config, self._words.put)
            self._watches = self._parts.watches(config, self._words.put, self._latest)
            self._latest.loop_limit = config.agent.interval_seconds + LONGEST_PASS
            self._watch_parts()
            changed = changed_settings(told_config(self._config), told_beside(config, self._config))
            self._config = config
            self._events.move(config.agent.state_dir)
            self._tell("reloaded", says=str(changed), mode=config.mode.value, changed=changed)
            self._notifier.ready("reloaded")

    def _watch_parts(self) -> None:
        self._latest.watch("http", Heartbeat(self._server.heartbeat, LONGEST_PASS))
        self._latest.watch("history", Heartbeat(self._events.heartbeat, LONGEST_PASS))
        for name, heartbeat in self._agent.heartbeats().items():
            self._latest.watch(name, heartbeat)


def run(config: Config, on_disk: ConfigOnDisk) -> int:
    """Run the agent in the foreground; returns the exit code. Raises InUseError where another one does its work."""
    logs.configure(config.log.level, config.log.format)
    _share_one_heap()
    locks = Locks()
    locks.take(config)
    Daemon(config, on_disk, locks, DaemonParts(Reconciler, _serve, _open_watches)).run()
    return 0


def _serve(latest: AgentHealth, config: Config, queries: RouteQueries) -> HttpServer:
    latest.detail_limit = config.http.detail_limit
    path, group = Path(config.http.socket), config.http.socket_group
    return HttpServer(latest, config.listen, path, queries, access=config.access_files, group=group)


def _share_one_heap() -> None:
    """Have glibc serve all threads from one arena: with one for each of ours, 6 MiB more are held for nothing."""
    with suppress(AttributeError, OSError):  # another C library
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)


def _open_watches(config: Config, wake: Callable[[str], None], latest: AgentHealth) -> tuple[Watcher, ...]:
    netlink, docker = (
        NetlinkWatch(wake),
        DockerWatch(config.docker.url, wake, container_name=config.node.container_name),
    )
    for name, watch in (("netlink", netlink), ("docker", docker)):
        watch.start()
        latest.watch(f"{name}_watch", Heartbeat(watch.heartbeat, LONGEST_PASS))
    return netlink, docker
