"""`config diff` as it is typed, against an agent that tells its configuration on its socket."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from calico_agent.api.access import Access
from calico_agent.api.app import App
from calico_agent.api.http import HttpServer
from calico_agent.api.latest import AgentHealth
from calico_agent.cli import client
from calico_agent.cli.main import main
from calico_agent.config import load
from calico_agent.config.show import told_config
from calico_agent.errors import NotRunningError
from tests.patience import until

SECRET = '[node]\nenv = { AUTH = "hush" }\n'


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[tuple[AgentHealth, Path]]:
    """Its slot, and the file that it was started with."""
    file = tmp_path / "calico-agent.toml"
    file.write_text(SECRET)
    latest = AgentHealth(60)
    used = told_config(load(file, {}))
    latest.tell_configuration = lambda: {"used": used, "on_disk": told_config(load(file, {}))}
    server = HttpServer(latest, None, tmp_path / "agent.sock")
    server.start()
    yield latest, file
    server.stop()


def diff(tmp_path: Path, *arguments: str) -> int:
    return main(["config", "diff", "--socket", f"{tmp_path}/agent.sock", *arguments])


def test_nothing_changes(agent: tuple[AgentHealth, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert diff(tmp_path, "--config", str(agent[1])) == 0
    out, err = capsys.readouterr()
    assert out == "the configuration: no key changes\nthe container: is not touched (mode observe)\n"
    assert err == "calico-agent: not compared, as they are not shown: node.env.AUTH\n"


def test_a_key_changes(agent: tuple[AgentHealth, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    agent[1].write_text(f'{SECRET}cpu_shares = 300\n[log]\nlevel = "debug"\n')
    assert diff(tmp_path, "--config", str(agent[1])) == 1
    out = capsys.readouterr().out
    assert "  node.cpu_shares: 0 becomes 300\n" in out
    assert '  log.level: "info" becomes "debug"\n' in out
    assert "hush" not in out


def test_a_file_that_would_be_refused(
    agent: tuple[AgentHealth, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    agent[1].write_text("[node]\ncpu_shares = 1\n")
    assert diff(tmp_path, "--config", str(agent[1])) == 2
    assert "cpu_shares: 1 is no weight" in capsys.readouterr().err


def test_what_the_agent_itself_would_read_counts_where_no_file_is_named(
    agent: tuple[AgentHealth, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    agent[0].tell_configuration = lambda: {"used": {"mode": "a"}, "on_disk": {"mode": "b"}}
    assert diff(tmp_path) == 1
    assert "  mode: a becomes b\n" in capsys.readouterr().out
    agent[0].tell_configuration = lambda: {"used": {}, "refused": ["the variable X is wrong"]}
    assert diff(tmp_path) == 2
    assert capsys.readouterr().err == "calico-agent: the variable X is wrong\n"


def test_without_an_agent_only_the_container_is_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "x.toml"
    file.write_text("")
    assert diff(tmp_path, "--config", str(file)) == 0
    out, err = capsys.readouterr()
    assert out == "the container: is not touched (mode observe)\n"
    assert err.startswith("calico-agent: only the container is compared: no agent is running here")


@pytest.mark.parametrize(("access", "status"), [(None, "200 OK"), (Access(), "404 Not Found")])
def test_it_is_told_on_the_socket_only(agent: tuple[AgentHealth, Path], access: Access | None, status: str) -> None:
    said: list[str] = []
    asked = {"REQUEST_METHOD": "GET", "PATH_INFO": "/configuration", "HTTP_HOST": "localhost"}
    App(agent[0], access=access)(asked, lambda status, _headers: said.append(status))  # type: ignore[arg-type]
    assert said == [status]


@pytest.mark.real
def test_a_running_agent_tells_what_a_reload_would_bring(tmp_path: Path) -> None:
    """With a variable of its own, which only it knows."""
    file, socket_path = tmp_path / "calico-agent.toml", tmp_path / "agent.sock"
    usual = (
        f'[agent]\nstate_dir = "{tmp_path}/state"\nprobe_next_hops = false\n[docker]\nurl = "unix://{tmp_path}/d.sock"\n'
        f'[http]\nlisten = ""\nsocket = "{socket_path}"\n'
    )
    file.write_text(usual)
    with subprocess.Popen(
        (sys.executable, "-m", "calico_agent", "run", "--config", str(file)),
        env={**os.environ, "CALICO_AGENT_LOG_LEVEL": "error"},
        stderr=subprocess.DEVNULL,
    ) as agent:
        try:
            until("the agent answers", lambda: _configurations(socket_path) is not None)
            told = client.configurations(str(socket_path))
            assert told.used == told.on_disk
            assert told.used["log.level"] == '"error"'
            file.write_text(f"{usual}[node]\ncpu_shares = 300\n")
            told = client.configurations(str(socket_path))
            assert (told.used["node.cpu_shares"], told.on_disk["node.cpu_shares"]) == ("0", "300")
            agent.send_signal(signal.SIGHUP)
            until("the reload is done", lambda: _shares(socket_path) == "300")
            file.write_text("[node]\ncpu_shares = 1\n")
            assert "is no weight" in client.configurations(str(socket_path)).refused[0]
        finally:
            agent.terminate()
            agent.wait(30)


def _shares(socket_path: Path) -> str:
    told = _configurations(socket_path)
    return "" if told is None else told.used["node.cpu_shares"]


def _configurations(socket_path: Path) -> client.Configurations | None:
    try:
        return client.configurations(str(socket_path))
    except NotRunningError:
        return None
