"""The commands as a person runs them: a process, its output, its exit code."""

import fcntl
import json
import os
import pty
import signal
import socket
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest

from calico_agent import __version__
from calico_agent.api.http import HttpServer
from calico_agent.api.latest import AgentHealth
from calico_agent.faults.registry import FAULTS
from calico_agent.model.finding import ConditionType
from tests.netns import network_namespace
from tests.patience import PATIENCE
from tests.places import REPOSITORY
from tests.reports import broken_report, healthy_report

COMMAND = (sys.executable, "-m", "calico_agent")


def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [*COMMAND, *arguments],
        env={"PATH": os.environ["PATH"], "PYTHONUTF8": "1", **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[tuple[AgentHealth, str]]:
    """The socket of an agent whose reports the test makes."""
    latest = AgentHealth(60)
    server = HttpServer(latest, None, tmp_path / "agent.sock")
    server.start()
    yield latest, str(tmp_path / "agent.sock")
    server.stop()


class TestStatus:
    def test_a_healthy_host_exits_0(self, agent: tuple[AgentHealth, str]) -> None:
        agent[0].publish(healthy_report())
        done = run("status", "--socket", agent[1])
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith("host1: all good (3 nodes, 2 sessions, 2 routes; checked ")

    def test_a_broken_host_exits_1_and_names_the_cause(self, agent: tuple[AgentHealth, str]) -> None:
        agent[0].publish(broken_report())
        done = run("status", CALICO_AGENT_HTTP_SOCKET=agent[1])
        assert (done.returncode, done.stderr) == (1, "")
        assert done.stdout.startswith("host1: PROBLEM IP-BRIDGE: node host3 is registered with 172.17.0.1/16")

    def test_an_agent_that_starts_exits_1_and_says_so(self, agent: tuple[AgentHealth, str]) -> None:
        done = run("status", "--socket", agent[1])
        assert (done.returncode, done.stdout[:9]) == (1, "starting:")

    def test_json_is_the_document(self, agent: tuple[AgentHealth, str]) -> None:
        agent[0].publish(broken_report())
        done = run("status", "--json", "--socket", agent[1])
        assert done.returncode == 1
        assert json.loads(done.stdout)["problems"][0]["code"] == "IP-BRIDGE"

    @pytest.mark.parametrize(
        "command", [("status",), ("routes",), ("trace", "10.0.0.1"), ("status", "--once")], ids=" ".join
    )
    def test_a_configuration_that_is_not_there_exits_2(self, tmp_path: Path, command: tuple[str, ...]) -> None:
        done = run(*command, "--config", str(tmp_path / "none.toml"))
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == f"calico-agent: {tmp_path}/none.toml: there is no such file\n"

    def test_json_is_indented_wherever_it_comes_from(self, agent: tuple[AgentHealth, str]) -> None:
        agent[0].publish(healthy_report())
        done = run("status", "--json", "--socket", agent[1])
        assert done.stdout == json.dumps(json.loads(done.stdout), indent=2) + "\n"

    @pytest.mark.parametrize(("columns", "widest"), [(20, 60), (60, 60), (80, 80), (200, 200)])
    def test_the_text_is_as_wide_as_the_terminal(
        self, agent: tuple[AgentHealth, str], columns: int, widest: int
    ) -> None:
        agent[0].publish(broken_report())
        ours, theirs = pty.openpty()
        try:
            fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
            process = subprocess.Popen([*COMMAND, "status", "--socket", agent[1]], stdout=theirs, env={"TERM": "dumb"})
            assert process.wait(20) == 0 or process.returncode == 1
            lines = os.read(ours, 1 << 16).decode().splitlines()
        finally:
            os.close(ours)
            os.close(theirs)
        assert min(widest - 40, 100) < max(map(len, lines)) <= widest

    def test_without_a_terminal_it_is_a_hundred_columns_wide(self, agent: tuple[AgentHealth, str]) -> None:
        agent[0].publish(broken_report())
        lines = run("status", "--socket", agent[1], COLUMNS="60").stdout.splitlines()
        assert 80 < max(map(len, lines)) <= 100

    def test_no_agent_exits_3_and_says_what_to_do(self, tmp_path: Path) -> None:
        done = run("status", "--socket", str(tmp_path / "none.sock"))
        assert (done.returncode, done.stdout) == (3, "")
        assert done.stderr.startswith(f"calico-agent: no agent is running here: there is no {tmp_path}/none.sock (")
        assert done.stderr.count("\n") == 1
        assert "status --once" in done.stderr

    def test_a_reader_that_has_enough_is_no_error(self, agent: tuple[AgentHealth, str]) -> None:
        agent[0].publish(broken_report())
        shell = f"{sys.executable} -m calico_agent status --json --socket {agent[1]} | head -c 1"
        done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, timeout=60, check=False)
        assert (done.stdout, done.stderr) == ("{", "")

    def test_a_terminal_that_knows_only_ascii_still_gets_the_text(self, agent: tuple[AgentHealth, str]) -> None:
        agent[0].publish(healthy_report())
        done = run("status", "--socket", agent[1], PYTHONIOENCODING="ascii")
        assert done.returncode == 0

    @pytest.mark.parametrize(
        ("environ", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)]
    )
    def test_colour_is_for_terminals(
        self, agent: tuple[AgentHealth, str], environ: dict[str, str], *, coloured: bool
    ) -> None:
        agent[0].publish(healthy_report())
        ours, theirs = pty.openpty()
        try:
            process = subprocess.Popen(
                [*COMMAND, "status", "--socket", agent[1]], stdout=theirs, env={"TERM": "xterm", **environ}
            )
            assert process.wait(20) == 0
            assert (b"\033[" in os.read(ours, 1 << 16)) is coloured
        finally:
            os.close(ours)
            os.close(theirs)

    def test_it_imports_nothing_that_is_slow(self, agent: tuple[AgentHealth, str]) -> None:
        agent[0].publish(healthy_report())
        done = subprocess.run(
            [sys.executable, "-X", "importtime", *COMMAND[1:], "status", "--socket", agent[1]],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0
        imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
        assert "argparse" in imported
        slow = {
            "grpc",
            "etcd3",
            "pyroute2",
            "docker",
            "requests",
            "structlog",
            "prometheus_client",
            "msgspec",
            "waitress",
            # Of the standard library, each some milliseconds of the fifty that there are.
            "dataclasses",
            "datetime",
            "ipaddress",
            "pathlib",
            "shutil",
        }
        assert not imported & slow


class TestUsage:
    @pytest.mark.parametrize(
        "arguments",
        [
            (),
            ("statsu",),
            ("status", "--jsno"),
            ("status", "extra"),
            ("config",),
            ("config", "edit"),
            ("run", "--mode"),
            ("trace",),
            ("routes", "--state", "purple"),
        ],
        ids=" ".join,
    )
    def test_a_command_that_does_not_exist_exits_2(self, arguments: tuple[str, ...]) -> None:
        done = run(*arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert "usage: calico-agent" in done.stderr

    @pytest.mark.parametrize(
        ("arguments", "usage", "words"),
        [
            (("stauts",), "usage: calico-agent [-h]", "there is no 'stauts' (did you mean status?)"),
            (("status", "--jsn"), "usage: calico-agent status [-h]", "no '--jsn' (did you mean --json?)"),
            (("trace", "10.0.0.1", "--onec"), "usage: calico-agent trace", "(did you mean --once?)"),
            (("status", "--sokcet=/x"), "usage: calico-agent status", "(did you mean --socket?)"),
            (("config", "chekc"), "usage: calico-agent config [-h]", "there is no 'chekc' (did you mean check?)"),
            (("config", "check", "--mod", "x"), "usage: calico-agent config check", "(did you mean --mode?)"),
            (("routes", "--state", "mising"), "usage: calico-agent routes", "(did you mean missing?)"),
            (("routes", "--state", "purple"), "usage: calico-agent routes", "right, missing, wrong, stale"),
            (("status", "extra"), "usage: calico-agent status", "there is no 'extra'"),
            (("help", "stauts"), "usage: calico-agent [-h]", "(did you mean status?)"),
        ],
    )  # fmt: skip
    def test_a_typo_gets_the_nearest_and_the_right_usage(
        self, arguments: tuple[str, ...], usage: str, words: str
    ) -> None:
        done = run(*arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith(usage)
        assert words in done.stderr

    def test_a_trace_of_no_address_exits_2(self) -> None:
        done = run("trace", "host2")
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == "calico-agent: 'host2' is no address (for example 192.168.1.5)\n"

    @pytest.mark.parametrize("arguments", [("routes",), ("trace", "192.168.2.7")], ids=" ".join)
    def test_a_question_needs_an_agent(self, arguments: tuple[str, ...], tmp_path: Path) -> None:
        done = run(*arguments, "--socket", str(tmp_path / "nobody.sock"))
        assert (done.returncode, done.stdout) == (3, "")
        assert "no agent is running here" in done.stderr

    def test_the_version(self) -> None:
        assert run("--version").stdout == f"calico-agent {__version__}\n"

    def test_every_command_has_help(self) -> None:
        for command in ((), ("run",), ("status",), ("detect",), ("explain",), ("config", "check"), ("config", "show")):
            asked = run(*command, "--help")
            assert asked.returncode == 0
            assert run("help", *command).stdout == asked.stdout


class TestExplain:
    def test_all_codes_are_listed(self) -> None:
        conditions = [kind.value for kind in ConditionType]
        assert [line.split()[0] for line in run("explain").stdout.splitlines()] == [*conditions, *sorted(FAULTS)]

    def test_one_is_explained_in_any_case(self) -> None:
        assert run("explain", "ip-bridge").stdout.startswith(f"IP-BRIDGE: {FAULTS['IP-BRIDGE'].title}\n\n")

    @pytest.mark.parametrize("condition", [kind.value for kind in ConditionType])
    def test_a_condition_is_explained_in_any_case(self, condition: str) -> None:
        done = run("explain", condition.lower())
        assert done.stdout.startswith(f"{condition}: whether ")
        assert "Unknown" in done.stdout
        assert max(map(len, done.stdout.splitlines())) <= 100

    def test_a_condition_that_is_mistyped_gets_the_nearest(self) -> None:
        assert "(did you mean RoutesInPlace?)" in run("explain", "RoutesInPlce").stderr

    def test_an_unknown_one_exits_2_with_the_nearest(self) -> None:
        done = run("explain", "IP-BRIGE")
        assert (done.returncode, done.stderr) == (
            2,
            "calico-agent: there is no code 'IP-BRIGE' (did you mean IP-BRIDGE?)\n",
        )


class TestConfig:
    def test_check_accepts_the_file_that_is_shipped(self) -> None:
        shipped = REPOSITORY / "config" / "calico-agent.toml"
        done = run("config", "check", "--config", str(shipped))
        assert (done.returncode, done.stdout) == (0, "the configuration is good (mode observe)\n")

    def test_check_prints_each_fault_on_its_line_and_exits_2(self, tmp_path: Path) -> None:
        file = tmp_path / "agent.toml"
        file.write_text('[identity]\nipv4 = "10.0.0.300"\nnme = "x"\n')
        done = run("config", "check", "--config", str(file))
        assert (done.returncode, done.stdout) == (2, "")
        assert sorted(done.stderr.splitlines()) == [
            (
                f'calico-agent: {file}: [identity] ipv4: "10.0.0.300" is not an IPv4 address '
                '(wanted "auto", "none" or an address)'
            ),
            f'calico-agent: {file}: [identity]: unknown key "nme" (did you mean "name"?)',
        ]

    @pytest.mark.parametrize("command", [("run",), ("detect",), ("status", "--once"), ("config", "show")], ids=" ".join)
    def test_no_command_runs_with_a_wrong_configuration(self, command: tuple[str, ...], tmp_path: Path) -> None:
        (tmp_path / "agent.toml").write_text("mode = 5")
        done = run(*command, "--config", str(tmp_path / "agent.toml"))
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == f'calico-agent: {tmp_path}/agent.toml: mode: 5 is not "observe" or "supervise"\n'

    def test_show_prints_what_is_effective(self, tmp_path: Path) -> None:
        (tmp_path / "agent.toml").write_text('[log]\nlevel = "debug"')
        done = run(
            "config", "show", "--config", str(tmp_path / "agent.toml"), "--log-format", "json",
            CALICO_AGENT_IDENTITY_NAME="host9",
        )  # fmt: skip
        assert done.returncode == 0
        for line in ('level = "debug"', 'format = "json"', 'name = "host9"'):
            assert f"\n{line}\n" in done.stdout


def test_an_interrupt_is_quiet(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "agent.sock"))
        silent.listen()
        process = subprocess.Popen(
            [*COMMAND, "status", "--socket", str(tmp_path / "agent.sock")], stderr=subprocess.PIPE, text=True
        )
        try:
            silent.settimeout(PATIENCE)
            asked, _ = silent.accept()
            process.send_signal(signal.SIGINT)  # it is waiting for the answer
            assert process.wait(PATIENCE) == 130
            assert process.stderr is not None
            assert process.stderr.read() == ""
            asked.close()
        finally:
            process.kill()
            process.communicate()


class TestDryRun:
    def test_without_an_image_it_says_which_key_is_missing(self) -> None:
        done = run("run", "--dry-run")
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == "calico-agent: [node] image is not set: which calico/node would be run?\n"

    def test_what_cannot_be_known_is_said_instead_of_a_line(self, tmp_path: Path) -> None:
        done = run(
            "run",
            "--dry-run",
            CALICO_AGENT_NODE_IMAGE="calico/node:v3.31.7",
            CALICO_AGENT_DOCKER_URL=f"unix://{tmp_path}/none.sock",
            CALICO_AGENT_AGENT_STATE_DIR=str(tmp_path),
        )
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith("calico-agent: the agent would run no calico/node here: no datastore")

    def test_config_show_lists_what_the_preset_gives(self) -> None:
        done = run("config", "show", CALICO_AGENT_NODE_PRESET="v1.3")
        assert done.returncode == 0
        assert "#   CALICO_LIBNETWORK_ENABLED=true\n" in done.stdout
        assert "#   /run/docker/plugins:/run/docker/plugins\n" in done.stdout


class TestPreflight:
    @pytest.mark.real
    def test_on_a_bare_host_each_check_is_a_line_and_nothing_fails(self, tmp_path: Path) -> None:
        with network_namespace() as host:
            done = preflight(tmp_path, *host.command())
        assert (done.returncode, done.stderr) == (0, "")
        assert ", 0 failures" in done.stdout
        assert "failure  " not in done.stdout

    def test_who_may_read_little_is_told_what_cannot_be_told(self, tmp_path: Path) -> None:
        done = preflight(tmp_path, "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--")
        assert (done.returncode, done.stderr) == (0, "")
        assert "cannot tell" in done.stdout

    def test_json_has_every_check(self, tmp_path: Path) -> None:
        done = preflight(tmp_path, flags=("--json",))
        document = json.loads(done.stdout)
        assert document["counts"]["ok"] == sum(check["verdict"] == "ok" for check in document["checks"])
        assert document["prepared"] is (done.returncode == 0)

    @pytest.mark.parametrize(
        ("flags", "says"),
        [(("--jsno",), "did you mean --json?"), (("host1",), "host1"), (("--config", "/none.toml"), "no such file")],
        ids=["a wrong option", "a word too many", "no such configuration"],
    )
    def test_wrong_usage_is_one_line_and_exit_code_2(self, tmp_path: Path, flags: tuple[str, ...], says: str) -> None:
        done = preflight(tmp_path, flags=flags)
        assert (done.returncode, done.stdout) == (2, "")
        assert says in done.stderr


def preflight(tmp_path: Path, *before: str, flags: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """The command on a host without dockerd, configuration and calico/node."""
    done = subprocess.run(
        [*before, *COMMAND, "preflight", *flags],
        env={"PATH": os.environ["PATH"], "CALICO_AGENT_DOCKER_URL": f"unix://{tmp_path}/none.sock"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done
