"""`calico-agent history`: from the files without an agent, from the agent without the right to read them."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from calico_agent.api.http import HttpServer
from calico_agent.api.latest import AgentHealth
from calico_agent.state.history import append_history, entry_line, read_history
from tests.patience import PATIENCE, until
from tests.places import open_to_all

AS_NOBODY = """
import sys, os, json
from calico_agent.cli.main import main
main(["history", "--since", "0s"])  # imports what is needed: the interpreter may be root's alone
os.setgroups([]); os.setgid(65534); os.setuid(65534)
sys.exit(main(sys.argv[1:]))
"""
COMMAND = (sys.executable, "-m", "calico_agent", "history")
NOW = datetime.now(UTC)


def put(folder: Path, number: int, at: datetime) -> None:
    folder.mkdir(exist_ok=True)
    entry = {"at": at.isoformat(), "event": "acting", "level": "info", "doing": f"deed {number}"}
    append_history(str(folder), entry_line(entry))


@pytest.fixture
def state(tmp_path: Path) -> Path:
    for number, hours in enumerate((30, 5, 2, 0)):
        put(tmp_path / "state", number, NOW - timedelta(hours=hours, seconds=1))
    return tmp_path / "state"


def environ(state: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "TZ": "UTC", "CALICO_AGENT_AGENT_STATE_DIR": str(state)}


def run(state: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *flags], env=environ(state), capture_output=True, text=True, timeout=60, check=False
    )


def test_all_of_it_is_told_without_an_agent(state: Path) -> None:
    done = run(state)
    assert (done.returncode, done.stderr) == (0, "")
    assert [line[21:] for line in done.stdout.splitlines()] == [f"agent: deed {number}" for number in range(4)]


def test_since_when(state: Path) -> None:
    assert run(state, "--since", "3h").stdout.count("deed") == 2


def test_json_is_a_line_each_as_it_is_kept(state: Path) -> None:
    lines = run(state, "--json").stdout.splitlines()
    assert [json.loads(line) for line in lines] == list(read_history(str(state)))


def test_nothing_of_that_time_is_said(state: Path) -> None:
    done = run(state, "--since", "0s")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "calico-agent: nothing is kept of that time\n"


@pytest.mark.parametrize(("place", "flags"), [("", ()), ("state", ("--since", "soon"))], ids=["no place", "no moment"])
def test_what_cannot_be_asked_exits_2_in_one_line(state: Path, place: str, flags: tuple[str, ...]) -> None:
    done = run(state, *flags) if place else _without_a_place(state)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)


def _without_a_place(state: Path) -> subprocess.CompletedProcess[str]:
    known = {**environ(state), "CALICO_AGENT_AGENT_STATE_DIR": ""}
    return subprocess.run(COMMAND, env=known, capture_output=True, text=True, timeout=60, check=False)


def test_who_follows_sees_what_happens_then(state: Path) -> None:
    process = subprocess.Popen([*COMMAND, "--follow"], env=environ(state), stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        seen = [process.stdout.readline() for _ in range(4)]
        put(state, 4, NOW)
        seen.append(process.stdout.readline())
        assert seen[4].endswith("agent: deed 4\n")
    finally:
        process.terminate()
        process.wait(PATIENCE)
        process.stdout.close()


@pytest.fixture
def agent(state: Path, tmp_path: Path) -> Iterator[str]:
    latest = AgentHealth(60)
    latest.tell_history = lambda since: list(read_history(str(state), since))
    server = HttpServer(latest, None, tmp_path / "agent.sock")
    server.start()
    (tmp_path / "agent.sock").chmod(0o666)  # as for its group
    open_to_all(tmp_path)
    yield str(tmp_path / "agent.sock")
    server.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_who_may_not_read_the_files_asks_the_agent(state: Path, agent: str, tmp_path: Path) -> None:
    with (tmp_path / "out").open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-c", AS_NOBODY, "history", "--follow", "--since", "3h", "--socket", agent],
            env=environ(state),
            stdout=out,
        )
    try:
        until("what was is told", lambda: (tmp_path / "out").read_text().count("deed") == 2)
        put(state, 4, datetime.now(UTC))
        put(state, 5, datetime.now(UTC))
        until("what is new, too", lambda: (tmp_path / "out").read_text().count("deed") == 4)
    finally:
        process.terminate()
        process.wait(PATIENCE)
