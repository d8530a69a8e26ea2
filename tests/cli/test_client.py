"""Asking the running agent: every way in which the answer can fail to come, each with its own words and in time."""

import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from calico_agent import paths
from calico_agent.api.sockets import open_unix
from calico_agent.cli.client import ask, find_socket
from calico_agent.errors import ConfigError, NotRunningError, UsageError
from tests.patience import PATIENCE

GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nCalico-Agent-Healthy: yes\r\n\r\nyes"


@contextmanager
def answering(path: Path, behave: Callable[[socket.socket], None]) -> Iterator[None]:
    """A server for one client; `behave` gets the connection after the request was read."""

    def serve() -> None:
        with suppress(OSError):
            connection, _ = listening.accept()
            with connection:
                connection.recv(4096)
                behave(connection)

    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        thread = threading.Thread(target=serve)
        thread.start()
        yield
        listening.shutdown(socket.SHUT_RDWR)
    thread.join(5)
    assert not thread.is_alive()


@pytest.mark.parametrize("healthy", ["yes", "no"])
def test_a_good_answer(tmp_path: Path, healthy: str) -> None:
    raw = GOOD.replace(b"yes\r\n", healthy.encode() + b"\r\n")
    with answering(tmp_path / "s", lambda connection: connection.sendall(raw)):
        answer = ask(str(tmp_path / "s"), "/status")
    assert (answer.healthy, answer.text) == (healthy == "yes", "yes")


def test_a_question_that_the_agent_refuses_is_the_fault_of_who_asks(tmp_path: Path) -> None:
    body = b'{"error": "there is no node \'hsot2\'"}'
    raw = b"HTTP/1.0 404 Not Found\r\nContent-Length: %d\r\nCalico-Agent-Healthy: no\r\n\r\n%s" % (len(body), body)
    with answering(tmp_path / "s", lambda connection: connection.sendall(raw)), pytest.raises(UsageError) as refused:
        ask(str(tmp_path / "s"), "/routes?node=hsot2")
    assert str(refused.value) == "there is no node 'hsot2'"


BAD_ANSWERS = [
    ("nothing", b"", "is not calico-agent"),
    ("garbage", b"\x00\xff" * 1000, "is not calico-agent"),
    ("another server", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "is not calico-agent"),
    ("half a head", GOOD[:30], "is not calico-agent"),
    ("half a body", GOOD[:-1], "broke off in the middle"),
    ("a body that is too long", GOOD + b"more", "broke off in the middle"),
]


@pytest.mark.parametrize(("raw", "words"), [row[1:] for row in BAD_ANSWERS], ids=[row[0] for row in BAD_ANSWERS])
def test_a_bad_answer_is_told_apart(tmp_path: Path, raw: bytes, words: str) -> None:
    with (
        answering(tmp_path / "s", lambda connection: connection.sendall(raw)),
        pytest.raises(NotRunningError, match=words),
    ):
        ask(str(tmp_path / "s"), "/status")


def test_an_agent_that_hangs_is_given_up(tmp_path: Path) -> None:
    done = threading.Event()
    with answering(tmp_path / "s", lambda _: (done.wait(5) and None) or None):
        started = time.monotonic()
        with pytest.raises(NotRunningError, match=r"does not answer on .* within 0\.3 s"):
            ask(str(tmp_path / "s"), "/status", timeout=0.3)
        assert time.monotonic() - started < PATIENCE
        done.set()


def test_an_answer_that_drips_is_given_up_too(tmp_path: Path) -> None:
    done = threading.Event()

    def drip(connection: socket.socket) -> None:
        for byte in GOOD:
            connection.sendall(bytes([byte]))
            if done.wait(0.05):
                return

    with answering(tmp_path / "s", drip):
        started = time.monotonic()
        with pytest.raises(NotRunningError, match="does not answer"):
            ask(str(tmp_path / "s"), "/status", timeout=0.3)
        assert time.monotonic() - started < PATIENCE
        done.set()


def test_without_a_socket_there_is_no_agent(tmp_path: Path) -> None:
    with pytest.raises(NotRunningError, match=r"there is no .*status --once"):
        ask(str(tmp_path / "s"), "/status")


def test_a_socket_whose_owner_is_gone_is_no_agent(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as gone:
        gone.bind(str(tmp_path / "s"))
    with pytest.raises(NotRunningError, match="nobody answers"):
        ask(str(tmp_path / "s"), "/status")


def test_a_full_queue_is_an_agent_that_hangs(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as deaf, socket.socket(socket.AF_UNIX) as first:
        deaf.bind(str(tmp_path / "s"))
        deaf.listen(0)
        first.connect(str(tmp_path / "s"))
        with pytest.raises(NotRunningError, match="does not answer"):
            ask(str(tmp_path / "s"), "/status", timeout=0.3)


def test_a_path_that_cannot_be_is_one_line() -> None:
    with pytest.raises(NotRunningError, match="cannot ask the agent"):
        ask("/" + "x" * 200, "/status")


@pytest.mark.real
def test_a_socket_of_another_group_says_denied() -> None:
    # The interpreter may live where only root can read, so everything is imported before root is given up.
    program = (
        "import os, sys; from calico_agent.cli.client import ask;"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "try: ask(sys.argv[1], '/status')\nexcept Exception as error: print(type(error).__name__, error)"
    )
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        with open_unix(Path(folder) / "agent.sock"):
            done = subprocess.run(
                [sys.executable, "-c", program, f"{folder}/agent.sock"],
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
    assert done.stdout.startswith(f"NotRunningError permission denied on {folder}/agent.sock"), done.stderr


class TestFindSocket:
    def test_the_variable_wins(self, tmp_path: Path) -> None:
        (tmp_path / "c.toml").write_text('[http]\nsocket = "/file"')
        assert find_socket(tmp_path / "c.toml", {"CALICO_AGENT_HTTP_SOCKET": "/variable"}) == "/variable"

    def test_then_the_file(self, tmp_path: Path) -> None:
        (tmp_path / "c.toml").write_text('[http]\nsocket = "/file"')
        assert find_socket(tmp_path / "c.toml", {}) == "/file"

    @pytest.mark.parametrize("text", ["", "http = 5 # socket", "[http]\nsocket = 5", 'http = ["socket"]'])
    def test_a_file_that_does_not_say_means_the_usual_place(self, tmp_path: Path, text: str) -> None:
        (tmp_path / "c.toml").write_text(text)
        assert find_socket(tmp_path / "c.toml", {}) == paths.SOCKET

    def test_a_file_that_was_named_must_be_one(self, tmp_path: Path) -> None:
        (tmp_path / "c.toml").write_text("socket")
        for file, words in (("none.toml", "there is no such file"), (".", "cannot be read"), ("c.toml", "is not TOML")):
            for environ in ({}, {"CALICO_AGENT_HTTP_SOCKET": "/variable"}):
                with pytest.raises(ConfigError, match=words):
                    find_socket(tmp_path / file, environ)
