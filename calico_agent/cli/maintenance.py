"""`pause`, `resume` and `restart-node`: root writes what is wanted into the state directory, and waits for the agent.

What is asked for is a file, not a request over the socket: it is kept over restarts, needs no running agent, and only
root can write it. Whoever may read the socket may change nothing. The agent is woken by a signal that hurts nobody who
does not know it, and answers by what it says of itself.
"""

import argparse
import json
import os
import pwd
import secrets
import signal
import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from calico_agent.cli import client
from calico_agent.cli.told import Told
from calico_agent.errors import EXIT_WRONG, CalicoAgentError, NotRunningError, UsageError
from calico_agent.model.maintenance import LONGEST_TEXT, Deed, Order
from calico_agent.state.maintenance import OrderFile, PauseFile, WrittenOrder, WrittenPause
from calico_agent.state.moment import this_moment

_PATIENCE_SECONDS = 60.0
"""The agent may be in the middle of a pass, or of replacing a container."""

_ANSWER_SECONDS = 10.0
_NO_LOGIN = 2**32 - 1  # of a process that nobody logged in for


@dataclass(frozen=True, slots=True)
class Place:
    """Where the agent of this host keeps its state, and where it listens."""

    state_dir: str
    socket: str

    def report(self) -> dict[str, Any]:
        """What the running agent says. Raises NotRunningError."""
        answer = client.ask(self.socket, "/status?format=json", timeout=_ANSWER_SECONDS)
        report: dict[str, Any] = json.loads(answer.text)
        if report.get("conditions") and "paused" not in report:
            raise CalicoAgentError("the agent that runs is an older one", hint="systemctl restart calico-agent")
        return report

    def wake(self) -> None:
        """Have the agent look now. One that cannot be woken looks by itself within [agent] interval_seconds."""
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(1.0)
            connection.connect(self.socket)
            peer = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
            pid = struct.unpack("3i", peer)[0]
            if pid > 0:  # it is 0 for a process of another process namespace
                os.kill(pid, signal.SIGURG)

    def wait(self, done: Callable[[dict[str, Any]], bool]) -> dict[str, Any] | None:
        """The first report that is as wanted; None where none came in time. Raises NotRunningError."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        self.wake()
        while time.monotonic() < deadline:
            report = self.report()
            if done(report):
                return report
            time.sleep(0.2)
        return None


def place_of(options: argparse.Namespace) -> Place:
    """As the running agent tells it, else as it is configured. Raises UsageError where no state is kept."""
    socket_path = options.socket or client.find_socket(options.config, os.environ)
    try:
        state_dir = json.loads(client.configurations(socket_path).used["agent.state_dir"])
    except (NotRunningError, KeyError, ValueError):
        from calico_agent.config import load  # noqa: PLC0415 - costs time

        state_dir = load(options.config, os.environ, {}).agent.state_dir
    if not state_dir:
        raise UsageError("[agent] state_dir is empty, so nothing can be kept there for the agent")
    return Place(str(state_dir), socket_path)


def pause(options: argparse.Namespace) -> Told:
    """Nothing is done about calico/node from now on. Raises CalicoAgentError where that cannot be kept."""
    place = place_of(options)
    seconds = options.duration.total_seconds() if options.duration else None
    written = WrittenPause(who(), options.why, this_moment(), seconds, secrets.token_hex(8))
    file = PauseFile(place.state_dir)
    file.save(written)
    if file.trouble is not None:
        raise CalicoAgentError(f"not paused: {file.trouble.reason}", hint=_as_root())
    held = written.now(written.begun)
    until = f"until {held.until:%Y-%m-%d %H:%M:%S} UTC" if held and held.until else "until somebody ends it"
    text = (
        f"paused {until}: calico-agent starts, stops and replaces nothing on this host\nend it: calico-agent resume\n"
    )
    try:
        report = place.wait(lambda said: _is_obeyed(said, written))
    except NotRunningError as error:
        return Told(text, f"calico-agent: no agent obeys it yet: {error}\n")
    if report is None:
        return Told(text, "calico-agent: the agent does not say yet that it obeys: look at its status\n", EXIT_WRONG)
    observes = report["agent"]["mode"] == "observe"
    return Told(text, "calico-agent: in mode observe it does nothing anyway\n" if observes else "")


def _is_obeyed(report: dict[str, Any], written: WrittenPause) -> bool:
    """Whether the agent goes by this pause, and not by one of before."""
    held = report.get("paused")
    return held is not None and bool(held["id"] == written.id)


def resume(options: argparse.Namespace) -> Told:
    """The pause is over. Raises CalicoAgentError where it cannot be ended."""
    place = place_of(options)
    file = PauseFile(place.state_dir)
    there = file.remove()
    if file.trouble is not None:
        raise CalicoAgentError(f"not resumed: {file.trouble.reason}", hint=_as_root())
    if not there:
        return Told("it was not paused\n")
    try:
        report = place.wait(lambda said: "paused" in said and said["paused"] is None)
    except NotRunningError as error:
        return Told("the pause is over\n", f"calico-agent: {error}\n")
    if report is None:
        return Told(
            "the pause is over\n", "calico-agent: the agent does not say so yet: look at its status\n", EXIT_WRONG
        )
    doing = report["supervision"]["doing"]
    return Told(f"the pause is over{f'; now: {doing}' if doing else ''}\n")


def restart_node(options: argparse.Namespace) -> Told:
    """The agent restarts calico/node now. Raises CalicoAgentError with the reason where it does not."""
    place = place_of(options)
    before = place.report()
    if (refusal := _no_restart(before)) is not None:
        raise CalicoAgentError(f"not restarted: {refusal[0]}", hint=refusal[1])
    name, began = before["container"]["name"], _run_of(before)
    with given(place, Deed.RESTART, options.why) as order:
        report = place.wait(lambda said: answered(said, order))
        if report is None or not report["supervision"]["order"]["obeyed"]:
            doing = report["supervision"]["doing"] if report else "the agent says nothing"
            raise CalicoAgentError(f"not restarted: {doing}")
        report = place.wait(lambda said: _run_of(said) not in {began, None})
    if report is None:
        doing = place.report()["supervision"]["doing"]
        raise CalicoAgentError(f"{name} does not run yet: {doing}", hint="calico-agent status")
    return Told(f"{name} was restarted; calico-agent wait --healthy waits for its sessions and routes\n")


def _no_restart(report: dict[str, Any]) -> tuple[str, str] | None:
    """Why the agent would not do it, and what to do; None where it would try."""
    if not report.get("conditions"):
        return "the agent was started just now", "try again"
    container = report["container"]
    by_hand = f"docker restart {container['name'] if container else 'calico-node'}"
    if report["agent"]["mode"] == "observe":
        return "the agent only observes (mode)", by_hand
    if report["paused"]:
        return f"{report['paused']['by']} paused the agent", "calico-agent resume"
    if container is None:
        return "there is no calico/node container" if report["container_known"] else "Docker cannot be asked", ""
    if not container["managed"]:
        return f"calico-agent did not make {container['name']}", by_hand
    return None


def _run_of(report: dict[str, Any]) -> tuple[str, str] | None:
    container = report.get("container")
    running = container is not None and container["state"] == "running"
    return (container["id"], container["started_at"]) if container is not None and running else None


def answered(report: dict[str, Any], order: Order) -> bool:
    """Whether the agent has seen the order."""
    seen = report.get("supervision", {}).get("order")
    return seen is not None and seen["id"] == order.id


@contextmanager
def given(place: Place, deed: Deed, why: str = "") -> Iterator[Order]:
    """An order, for as long as somebody waits for it. Raises CalicoAgentError where it cannot be given."""
    file, order = OrderFile(place.state_dir), Order(secrets.token_hex(8), deed, who(), why)
    file.save(WrittenOrder(order, this_moment()))
    if file.trouble is not None:
        raise CalicoAgentError(f"the agent cannot be asked: {file.trouble.reason}", hint=_as_root())
    try:
        yield order
    finally:
        file.remove()


def who() -> str:
    """Who asks, for people: whom the kernel knows as logged in, else whom sudo names, else the user."""
    uid = os.getuid()
    with suppress(OSError, ValueError):
        login = int(Path("/proc/self/loginuid").read_text())
        uid = uid if login == _NO_LOGIN else login
    if uid == 0 and os.environ.get("SUDO_UID", "").isdecimal():
        uid = int(os.environ["SUDO_UID"])
    try:
        name = pwd.getpwuid(uid).pw_name
    except (KeyError, OverflowError):
        name = "a user"
    return name if uid == 0 else f"{name} (uid {uid})"[:LONGEST_TEXT]


def _as_root() -> str:
    return "only root may" if os.geteuid() else ""
