"""`pause`, `resume`, `restart-node` and `wait` as they are typed, and what each says when it is not to be.

The agent that answers is a loop that reads what is asked for as the real one does (`runtime.asked`), and says it on its
socket. What the real one makes of it is tried in tests/lab.
"""

import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from calico_agent.api.http import HttpServer
from calico_agent.api.latest import AgentHealth
from calico_agent.cli.main import main
from calico_agent.model.container.container import LABEL_MANAGED_BY, MANAGED_BY
from calico_agent.model.report import Report, Supervision
from calico_agent.model.settings import Mode
from calico_agent.state.asked import Asked
from tests.patience import until
from tests.places import open_to_all
from tests.reports import broken_report, healthy_report

SECONDS = 0.05

# What it needs is imported before: the tree may be where nobody else reads.
AS_NOBODY = """
import os, sys
from calico_agent.cli import maintenance
from calico_agent.cli.main import _parser, main
from calico_agent.config import load
from calico_agent.secret import masked
_parser()
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
sys.exit(main(sys.argv[1:]))
"""


class Loop:
    """Publishes what is asked for; `obeys` orders by starting another container, or says `doing`."""

    def __init__(self, folder: Path) -> None:
        healthy = healthy_report()
        assert healthy.container is not None
        ours = replace(healthy.container, labels=((LABEL_MANAGED_BY, MANAGED_BY),))
        self.report = replace(healthy, mode=Mode.SUPERVISE, container=ours)
        self.obeys = True
        self.doing = "calico-node is running"
        self.asked = Asked(str(folder / "state"))
        self.latest = AgentHealth(60)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self._server = HttpServer(self.latest, None, folder / "agent.sock")
        self._server.start()
        self._thread.start()
        until("the first pass is made", lambda: self.latest.report is not None, str)

    def says(self, report: Report) -> None:
        """From now on, and seen by who asks."""
        self.report = report
        said = self.latest.report
        until("it is said", lambda: self.latest.report is not said, str)

    def _work(self) -> None:
        obeyed = ""
        while not self._end.wait(SECONDS):
            asked, container = self.asked.read(datetime.now(UTC)), self.report.container
            if asked.order is not None and asked.order.id != obeyed and self.obeys:
                assert container is not None
                obeyed = asked.order.id
                self.report = replace(self.report, container=replace(container, started_at=datetime.now(UTC)))
            said = Supervision(doing=self.doing, obeyed=obeyed)
            self.latest.publish(replace(self.report, maintenance=asked, supervision=said))

    def close(self) -> None:
        self._end.set()
        self._thread.join()
        self._server.stop()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "agent.toml").write_text(
        f'[agent]\nstate_dir = "{tmp_path}/state"\n[http]\nsocket = "{tmp_path}/agent.sock"\n'
    )
    return tmp_path


@pytest.fixture
def loop(folder: Path) -> Iterator[Loop]:
    loop = Loop(folder)
    yield loop
    loop.close()


def run(folder: Path, *words: str) -> int:
    return main([words[0], "--config", str(folder / "agent.toml"), *words[1:]])


def paused(loop: Loop) -> bool:
    return loop.asked.read(datetime.now(UTC)).pause is not None


def test_it_is_paused_when_the_command_ends_and_goes_on_after_resume(
    folder: Path, loop: Loop, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(folder, "pause", "--for", "1h30m", "--why", "new disk") == 0
    out, err = capsys.readouterr()
    assert out.startswith("paused until 2")
    assert out.endswith("calico-agent starts, stops and replaces nothing on this host\nend it: calico-agent resume\n")
    assert err == ""
    assert loop.latest.report is not None
    pause = loop.latest.report.maintenance.pause
    assert pause is not None
    assert pause.until is not None
    assert (pause.why, (pause.until - pause.since).total_seconds()) == ("new disk", 5400)
    assert run(folder, "resume") == 0
    assert capsys.readouterr().out == "the pause is over; now: calico-node is running\n"
    assert loop.latest.report.maintenance.pause is None
    assert run(folder, "resume") == 0
    assert capsys.readouterr().out == "it was not paused\n"


def test_without_an_agent_the_next_one_is_paused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(folder, "pause") == 0
    out, err = capsys.readouterr()
    assert out.startswith("paused until somebody ends it: ")
    assert err.startswith("calico-agent: no agent obeys it yet: no agent is running here")
    loop = Loop(folder)
    assert paused(loop)
    loop.close()
    assert run(folder, "resume") == 0
    assert "the pause is over\n" in capsys.readouterr().out
    assert list((folder / "state").iterdir()) == []


def test_an_agent_that_observes_does_nothing_anyway(
    folder: Path, loop: Loop, capsys: pytest.CaptureFixture[str]
) -> None:
    loop.says(replace(loop.report, mode=Mode.OBSERVE))
    assert run(folder, "pause") == 0
    assert capsys.readouterr().err == "calico-agent: in mode observe it does nothing anyway\n"


def test_sudo_does_not_hide_who_it_was(folder: Path, loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    login = Path("/proc/self/loginuid").read_text()
    if int(login) not in {0, 2**32 - 1}:
        pytest.skip("whoever logged in is known to the kernel, and named")
    monkeypatch.setenv("SUDO_UID", "65534")
    run(folder, "pause")
    assert loop.latest.report is not None
    assert loop.latest.report.maintenance.pause is not None
    assert loop.latest.report.maintenance.pause.by == "nobody (uid 65534)"


@pytest.mark.real
@pytest.mark.parametrize("command", ["pause", "resume", "restart-node"])
def test_only_root_may(folder: Path, loop: Loop, command: str) -> None:
    """Whoever may read the socket, too, may change nothing."""
    run(folder, "pause") if command == "resume" else None
    (folder / "agent.sock").chmod(0o666)
    (folder / "state").mkdir(exist_ok=True, mode=0o700)
    open_to_all(folder)
    done = subprocess.run(
        [sys.executable, "-c", AS_NOBODY, command, "--config", str(folder / "agent.toml")],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.endswith("Permission denied (only root may)\n")
    assert paused(loop) is (command == "resume")


@pytest.mark.parametrize(
    "words",
    [("pause", "--for", "soon"), ("pause", "--for", "0m"), ("pause", "--for", "9999d"), ("pause", "--why", "a\nb"),
     ("pause", "--why", "x" * 201), ("wait", "--ready", "--timeout", "-1"), ("wait",), ("forget", "all")],
    ids=" ".join,
)  # fmt: skip
def test_what_makes_no_sense_is_refused_in_one_line(
    folder: Path, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        run(folder, *words)
    assert ended.value.code == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith(f"calico-agent {words[0]}: error: ")
    assert not (folder / "state").exists()


def test_without_a_place_nothing_can_be_asked_for(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "agent.toml").write_text(f'[agent]\nstate_dir = ""\n[http]\nsocket = "{folder}/agent.sock"\n')
    assert run(folder, "pause") == 2
    assert "[agent] state_dir is empty" in capsys.readouterr().err


def test_a_place_that_cannot_be_written_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "state").write_text("")
    assert run(folder, "pause") == 1
    assert capsys.readouterr().err.startswith(
        f"calico-agent: not paused: {folder}/state/pause.json cannot be written: "
    )


def test_a_restart_is_over_when_the_command_ends(folder: Path, loop: Loop, capsys: pytest.CaptureFixture[str]) -> None:
    assert loop.report.container is not None
    before = loop.report.container.started_at
    assert run(folder, "restart-node") == 0
    assert capsys.readouterr().out.startswith("calico-node was restarted; ")
    assert loop.report.container.started_at != before
    assert not (folder / "state" / "order.json").exists(), "an order that is done is taken back"


def test_a_restart_that_is_not_made_says_why_and_is_taken_back(
    folder: Path, loop: Loop, capsys: pytest.CaptureFixture[str]
) -> None:
    loop.obeys, loop.doing = False, "not restarting calico-node: another node has its address"
    assert run(folder, "restart-node") == 1
    assert capsys.readouterr().err == f"calico-agent: not restarted: {loop.doing}\n"
    assert not (folder / "state" / "order.json").exists()


def refused(report: Report, folder: Path, loop: Loop) -> None:
    loop.says(report)
    assert run(folder, "restart-node") == 1
    assert not (folder / "state" / "order.json").exists()


def test_what_the_agent_would_not_restart_is_not_asked_for(
    folder: Path, loop: Loop, capsys: pytest.CaptureFixture[str]
) -> None:
    supervises, container = loop.report, loop.report.container
    assert container is not None
    for report, words in (
        (replace(supervises, mode=Mode.OBSERVE), "only observes (mode) (docker restart calico-node)"),
        (replace(supervises, container=replace(container, labels=())), "did not make calico-node"),
        (replace(supervises, container=None), "there is no calico/node container"),
        (replace(supervises, container=None, container_known=False), "Docker cannot be asked"),
    ):
        refused(report, folder, loop)
        assert words in capsys.readouterr().err
    loop.says(supervises)
    run(folder, "pause")
    refused(supervises, folder, loop)
    assert "paused the agent (calico-agent resume)" in capsys.readouterr().err


def test_without_an_agent_nothing_is_restarted(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(folder, "restart-node") == 3
    assert "no agent is running here" in capsys.readouterr().err


class TestWait:
    @pytest.mark.usefixtures("loop")
    def test_it_ends_when_the_host_is_ready(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(folder, "wait", "--ready") == 0
        assert capsys.readouterr().out == "this host is ready\n"

    def test_what_is_not_so_in_time_says_why(
        self, folder: Path, loop: Loop, capsys: pytest.CaptureFixture[str]
    ) -> None:
        loop.says(broken_report())
        assert run(folder, "wait", "--healthy", "--timeout", "0") == 1
        assert capsys.readouterr().err.startswith("calico-agent: not healthy within 0 s: PROBLEM IP-BRIDGE: ")

    def test_an_agent_that_comes_later_is_waited_for(self, folder: Path) -> None:
        started: list[Loop] = []
        timer = threading.Timer(0.7, lambda: started.append(Loop(folder)))
        timer.start()
        try:
            assert run(folder, "wait", "--ready", "--timeout", "60") == 0
        finally:
            timer.join()
            started[0].close()

    def test_without_an_agent_it_exits_3_in_time(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(folder, "wait", "--ready", "--timeout", "0.2") == 3
        assert "no agent is running here" in capsys.readouterr().err

    def test_the_first_pass_is_waited_for(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        server = HttpServer(AgentHealth(60), None, folder / "agent.sock")
        server.start()
        try:
            assert run(folder, "wait", "--ready", "--timeout", "0.2") == 1
        finally:
            server.stop()
        assert "the first pass is not finished" in capsys.readouterr().err
