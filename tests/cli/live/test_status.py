"""`calico-agent status` and `peers` as people on call use them: on a terminal, without an agent, without Docker."""

import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import suppress
from fcntl import ioctl
from pathlib import Path

import pytest

from calico_agent.api.http import HttpServer
from calico_agent.api.latest import AgentHealth
from tests.patience import PATIENCE
from tests.reports import broken_report, healthy_report

COMMAND = (sys.executable, "-m", "calico_agent")
ENTER, LEAVE, HOME = "\033[?1049h", "\033[?1049l", "\033[H"


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[tuple[AgentHealth, str]]:
    """The socket of an agent whose reports the test makes."""
    latest = AgentHealth(60)
    server = HttpServer(latest, None, tmp_path / "agent.sock")
    server.start()
    latest.publish(healthy_report())
    yield latest, str(tmp_path / "agent.sock")
    server.stop()


def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    known = {"PATH": os.environ["PATH"], **environ}
    return subprocess.run([*COMMAND, *arguments], env=known, capture_output=True, text=True, timeout=120, check=False)


class Terminal:
    """A command on a terminal of its own."""

    def __init__(self, *arguments: str, **environ: str) -> None:
        self._ours, theirs = pty.openpty()
        self.resize(24, 80)
        known = {"PATH": os.environ["PATH"], "TERM": "xterm", **environ}
        self.process = subprocess.Popen(
            [*COMMAND, *arguments], stdin=theirs, stdout=theirs, env=known, start_new_session=True
        )
        self.before = termios.tcgetattr(theirs)
        self._theirs = theirs
        self.seen = ""

    def resize(self, rows: int, columns: int) -> None:
        ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def press(self, keys: str) -> None:
        os.write(self._ours, keys.encode())

    def until(self, what: str) -> str:
        """What is printed until there is this; it is taken off what was seen."""
        deadline = time.monotonic() + PATIENCE
        while what not in self.seen:
            left = deadline - time.monotonic()
            assert left > 0, f"{what!r} is not in {self.seen!r}"
            if select.select([self._ours], [], [], left)[0]:
                with suppress(OSError):
                    self.seen += os.read(self._ours, 1 << 16).decode()
        found, _, self.seen = self.seen.partition(what)
        return found

    def close(self) -> None:
        with suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait(PATIENCE)
        os.close(self._ours)
        os.close(self._theirs)


@pytest.fixture
def watching(agent: tuple[AgentHealth, str]) -> Iterator[Terminal]:
    terminal = Terminal("status", "--watch", "0.2", "--socket", agent[1])
    yield terminal
    terminal.close()


def test_watch_has_a_screen_of_its_own_and_gives_the_old_one_back(watching: Terminal) -> None:
    watching.until(ENTER)
    watching.until("all good (3 nodes, 2 sessions, 2 routes")
    watching.until(HOME)
    watching.press("q")
    watching.until(LEAVE)
    assert watching.process.wait(PATIENCE) == 0


def test_watch_draws_over_the_page_before_and_never_clears_the_whole_screen(
    watching: Terminal, agent: tuple[AgentHealth, str]
) -> None:
    watching.until("all good")
    agent[0].publish(broken_report())
    shown = watching.until("PROBLEM IP-BRIDGE")
    assert "\033[2J" not in shown
    watching.press("q")
    watching.until(LEAVE)
    assert watching.process.wait(PATIENCE) == 1


def test_watch_follows_the_size_of_the_window(watching: Terminal, agent: tuple[AgentHealth, str]) -> None:
    agent[0].publish(broken_report())
    watching.until("PROBLEM")
    watching.until("more lines: make the window higher")
    watching.resize(100, 100)
    os.kill(watching.process.pid, signal.SIGWINCH)
    watching.until(HOME)
    page = ""
    for _ in range(10):
        page = watching.until(HOME)
        if "more lines" not in page:
            break
    assert "  agent      0.1.0" in page
    widths = {len(re.sub(r"\033\[[0-9;?]*[A-Za-z]", "", line)) for line in page.split("\r\n")}
    assert 80 < max(widths) <= 100


def test_lines_that_are_wider_than_the_window_push_nothing_out_of_it(watching: Terminal) -> None:
    assert watching.until(ENTER) == ""
    watching.until("\033[?7l")
    watching.press("q")
    watching.until("\033[?7h")
    watching.until(LEAVE)


def test_watch_waits_for_an_agent_that_is_away(tmp_path: Path) -> None:
    terminal = Terminal("status", "--watch", "0.2", "--socket", str(tmp_path / "none.sock"))
    try:
        terminal.until("no agent is running here")
        terminal.until("no agent is running here")
        terminal.press("q")
        assert terminal.process.wait(PATIENCE) == 3
    finally:
        terminal.close()


def test_watch_without_a_terminal_prints_one_page_after_another(agent: tuple[AgentHealth, str]) -> None:
    process = subprocess.Popen(
        [*COMMAND, "status", "--brief", "--watch", "0.1", "--socket", agent[1]], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        lines = [process.stdout.readline() for _ in range(4)]
    finally:
        process.terminate()
        process.wait(PATIENCE)
        process.stdout.close()
    assert lines[0].startswith("host1: all good")
    assert lines[2].startswith("host1: all good")
    assert "\033" not in "".join(lines)


@pytest.mark.parametrize("flags", [("--json",), ("--once",)])
def test_what_cannot_be_watched_is_refused(flags: tuple[str, ...]) -> None:
    assert run("status", "--watch", *flags).returncode == 2


@pytest.mark.parametrize("pause", ["0", "-1", "x", "nan", "1e9"])
def test_a_pause_that_is_none_is_refused_in_one_line(pause: str) -> None:
    done = run("status", "--watch", pause)
    assert done.returncode == 2
    assert "is no number of seconds" in done.stderr


def test_brief_is_the_first_line(agent: tuple[AgentHealth, str]) -> None:
    agent[0].publish(broken_report())
    brief, usual = (run("status", *flags, "--socket", agent[1]) for flags in (("--brief",), ()))
    assert brief.stdout.count("\n") == 1
    assert brief.stdout.split()[:3] == usual.stdout.split()[:3] == ["host1:", "PROBLEM", "IP-BRIDGE:"]
    assert (brief.returncode, usual.returncode) == (1, 1)


@pytest.mark.parametrize(
    ("environ", "coloured"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)],
)
def test_colours_are_for_terminals_that_want_them(
    agent: tuple[AgentHealth, str], environ: dict[str, str], coloured: bool
) -> None:
    terminal = Terminal("status", "--socket", agent[1], **environ)
    try:
        assert ("\033[" in terminal.until("mode supervise")) is coloured
    finally:
        terminal.close()


def test_peers_tells_the_sessions_and_whether_all_are_up(agent: tuple[AgentHealth, str]) -> None:
    well = run("peers", "--socket", agent[1])
    agent[0].publish(broken_report())
    sick = run("peers", "--socket", agent[1])
    assert (well.returncode, sick.returncode) == (0, 1)
    assert well.stdout.startswith("2 sessions, 2 established, flaps of the last ")
    assert '"flaps": 0' in run("peers", "--json", "--socket", agent[1]).stdout


def test_a_look_at_a_host_without_docker_and_etcd_loads_neither_and_looks_once(tmp_path: Path) -> None:
    """It has a second; each of the two takes a third of one to load, and a second look three."""
    config = tmp_path / "agent.toml"
    config.write_text(
        f'[agent]\nstate_dir = ""\n[docker]\nurl = "unix://{tmp_path}/none.sock"\n'
        f'[bird]\nsocket = "{tmp_path}/bird.ctl"\nsocket6 = "{tmp_path}/bird6.ctl"\n'
    )
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "calico_agent", "status", "--once", "--config", str(config)],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "DOCKER-UNREADABLE" in done.stdout
    assert "SUSPECTED" not in done.stdout
    assert loaded & {"docker", "grpc", "requests", "structlog", "calico_agent.sources.datastore.etcd3.backend"} == set()
    assert "calico_agent.runtime.oneshot" in loaded
