"""sources/bird/client.py against a real BIRD 1.6.8, and against sockets that behave as no BIRD should."""

import errno
import os
import resource
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest

from calico_agent.model.calico.bird import Bird
from calico_agent.model.network.address import Family
from calico_agent.model.observation import Unreadable
from calico_agent.sources.bird.client import BirdReader
from tests.own_process import open_files
from tests.patience import PATIENCE, until

pytestmark = pytest.mark.real

CONFIGURATION = """
router id 10.0.0.1;
protocol device {}
protocol static { route 10.9.0.0/26 blackhole; }
protocol bgp Mesh_10_0_0_2 {
    local as 64512; neighbor 10.0.0.2 as 64512; multihop; passive on; source address 127.0.0.1;
    import all; export all;
}
"""


class Daemon:
    """One bird in a network namespace of its own; its socket is a file and needs no network."""

    def __init__(self, directory: Path, configuration: str = CONFIGURATION, zone: str = "UTC") -> None:
        self.socket = directory / "bird.ctl"
        file = directory / "bird.conf"
        file.write_text(configuration)
        options = ("-d", "-c", str(file), "-s", str(self.socket), "-P", str(directory / "bird.pid"))
        self.process = subprocess.Popen(
            ("unshare", "--net", "bird", *options), stderr=subprocess.DEVNULL, env={**os.environ, "TZ": zone}
        )
        reader = BirdReader(str(self.socket), Family.IPV4)
        until("bird comes up", lambda: not isinstance(reader.read(), Unreadable))

    def command(self, text: str) -> None:
        subprocess.run(("birdc", "-s", str(self.socket), text), check=True, stdout=subprocess.DEVNULL)

    def run(self, *command: str) -> None:
        """In the daemon's network namespace."""
        subprocess.run(("nsenter", f"--net=/proc/{self.process.pid}/ns/net", *command), check=True)

    def ip(self, *lines: str) -> None:
        for line in lines:
            self.run("ip", *line.split())

    def links(self) -> str:
        command = ("birdc", "-s", str(self.socket), "show interfaces")
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def stop(self) -> None:
        with suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
        self.process.wait()


@pytest.fixture
def bird(tmp_path: Path) -> Iterator[Daemon]:
    daemon = Daemon(tmp_path)
    try:
        yield daemon
    finally:
        daemon.stop()


def test_a_running_daemon_is_read(bird: Daemon) -> None:
    found = BirdReader(str(bird.socket), Family.IPV4).read()
    assert isinstance(found, Bird)
    assert (found.version, found.router_id, found.routes) == ("1.6.8", "10.0.0.1", ())
    assert [(session.name, session.bgp_state) for session in found.sessions] == [("Mesh_10_0_0_2", "Passive")]


def test_it_is_asked_for_the_routes_to_some_prefixes(bird: Daemon) -> None:
    known, unknown, other_family = (ip_network(text) for text in ("10.9.0.0/26", "10.9.0.64/26", "fd00::/122"))
    found = BirdReader(str(bird.socket), Family.IPV4).read([known, unknown, other_family])
    assert isinstance(found, Bird)
    assert [(route.prefix, route.kind, route.best) for route in found.routes] == [(known, "blackhole", True)]
    assert found.asked == frozenset({known, unknown})


def test_while_no_session_changes_the_same_object_is_given(bird: Daemon) -> None:
    reader = BirdReader(str(bird.socket), Family.IPV4)
    first = reader.read()
    assert isinstance(first, Bird)
    assert all(reader.read() is first for _ in range(20))


def test_what_somebody_switches_off_is_seen(bird: Daemon) -> None:
    reader = BirdReader(str(bird.socket), Family.IPV4)
    found = [reader.read()]
    for command in ("disable static1", "disable device1", "enable static1"):
        bird.command(command)
        found += [reader.read(), reader.read()]
    off = [one.switched_off for one in found if isinstance(one, Bird)]
    one, two = ("static1",), ("device1", "static1")
    assert [tuple(sorted(names)) for names in off] == [(), one, one, two, two, two[:1], two[:1]]


def test_a_link_that_bird_takes_for_down_is_named_to_who_looks_into_a_fault(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path, "router id 10.0.0.1; protocol device { scan time 1; }")
    try:
        daemon.ip("link add eth0 type veth peer name wire0", "link set eth0 up", "link set wire0 up")
        daemon.ip("address add 10.8.0.100/24 dev eth0", "address add 10.8.0.12/24 dev eth0")
        daemon.run("sysctl", "-q", "-w", "net.ipv4.conf.eth0.promote_secondaries=1")
        reader, about = BirdReader(str(daemon.socket), Family.IPV4), [ip_network("10.9.0.0/26")]
        until("BIRD is as wanted", lambda: _missed(reader.read(about)) == () and "10.8.0.12" in daemon.links())
        daemon.ip("address del 10.8.0.100/24 dev eth0")
        until("BIRD is as wanted", lambda: _missed(reader.read(about)) == ("eth0",))
        assert _missed(reader.read()) == ()
    finally:
        daemon.stop()


def _missed(found: Bird | Unreadable) -> tuple[str, ...] | None:
    return found.links_missed if isinstance(found, Bird) else None


def test_a_session_that_changes_is_seen_with_its_details(bird: Daemon) -> None:
    reader = BirdReader(str(bird.socket), Family.IPV4)
    before = reader.read()
    bird.command("disable Mesh_10_0_0_2")
    after = reader.read()
    assert isinstance(before, Bird)
    assert isinstance(after, Bird)
    assert [session.protocol_state for session in (*before.sessions, *after.sessions)] == ["start", "down"]
    assert after.sessions[0].peer == before.sessions[0].peer


def test_a_large_table_is_read_within_the_deadline(tmp_path: Path) -> None:
    blocks = [f"10.{second}.{third}.0/26" for second in range(100) for third in range(250)]
    static = "".join(f"route {block} blackhole;" for block in blocks)
    daemon = Daemon(tmp_path, f"router id 10.0.0.1; protocol device {{}} protocol static {{ {static} }}")
    try:
        found = BirdReader(str(daemon.socket), Family.IPV4, timeout=5.0).read([ip_network(block) for block in blocks])
    finally:
        daemon.stop()
    assert isinstance(found, Bird)
    assert {str(route.prefix) for route in found.routes} == set(blocks)


def test_a_stopped_daemon_hangs_until_the_deadline_only(bird: Daemon) -> None:
    bird.process.send_signal(signal.SIGSTOP)
    began = time.monotonic()
    found = BirdReader(str(bird.socket), Family.IPV4, timeout=0.5).read()
    assert 0.4 < time.monotonic() - began < PATIENCE
    assert isinstance(found, Unreadable)
    assert (found.source, found.code) == ("BIRD", "timeout")
    assert "hangs" in found.reason


def test_a_full_backlog_of_a_stopped_daemon_is_a_hang_too(bird: Daemon) -> None:
    bird.process.send_signal(signal.SIGSTOP)
    waiting: list[socket.socket] = []
    try:
        full = 0
        while not full and len(waiting) < 2000:
            waiting.append(socket.socket(socket.AF_UNIX))
            waiting[-1].setblocking(False)
            full = waiting[-1].connect_ex(str(bird.socket))
        assert full == errno.EAGAIN
        found = BirdReader(str(bird.socket), Family.IPV4, timeout=0.5).read()
    finally:
        for connection in waiting:
            connection.close()
    assert isinstance(found, Unreadable)
    assert found.code == "timeout"


def test_a_killed_daemon_leaves_a_socket_that_refuses(bird: Daemon) -> None:
    bird.process.kill()
    bird.process.wait()
    assert bird.socket.exists()
    found = BirdReader(str(bird.socket), Family.IPV4).read()
    assert isinstance(found, Unreadable)
    assert found.code == "refused"


def test_a_daemon_that_goes_on_is_read_again(bird: Daemon) -> None:
    bird.process.send_signal(signal.SIGSTOP)
    assert isinstance(BirdReader(str(bird.socket), Family.IPV4, timeout=0.2).read(), Unreadable)
    bird.process.send_signal(signal.SIGCONT)
    assert isinstance(BirdReader(str(bird.socket), Family.IPV4).read(), Bird)


def test_no_socket_file_is_absent(tmp_path: Path) -> None:
    for path in (tmp_path / "bird6.ctl", tmp_path / "no" / "folder" / "bird6.ctl"):
        found = BirdReader(str(path), Family.IPV6).read()
        assert isinstance(found, Unreadable)
        assert (found.source, found.code) == ("BIRD (IPv6)", "absent")


def test_a_socket_that_we_may_not_use_is_denied(bird: Daemon) -> None:
    bird.socket.parent.chmod(0o700)
    os.seteuid(65534)
    try:
        found = BirdReader(str(bird.socket), Family.IPV4).read()
    finally:
        os.seteuid(0)
    assert isinstance(found, Unreadable)
    assert found.code == "denied"


@pytest.fixture
def answering(tmp_path: Path) -> Iterator[Callable[[Callable[[socket.socket], None]], str]]:
    """A socket whose connections are handed to a function, one after the other."""
    path = tmp_path / "odd.ctl"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    threads: list[threading.Thread] = []

    def serve(behave: Callable[[socket.socket], None]) -> str:
        def run() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with closing(connection), suppress(OSError):
                        behave(connection)

        threads.append(threading.Thread(target=run))
        threads[-1].start()
        return str(path)

    yield serve
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    for thread in threads:
        thread.join()


def send(*parts: bytes, every: float = 0.0) -> Callable[[socket.socket], None]:
    def behave(connection: socket.socket) -> None:
        for part in parts:
            connection.sendall(part)
            time.sleep(every)

    return behave


GREETING = b"0001 BIRD 1.6.8 ready.\n"


@pytest.mark.parametrize(
    ("behave", "code"),
    [
        pytest.param(send(), "closed", id="it closes at once"),
        pytest.param(send(GREETING, b"1000-BIRD 1.6.8\n"), "closed", id="it closes in the middle of a reply"),
        pytest.param(
            send(GREETING, *[b"9001 syntax error\n"] * 3, every=0.1), "malformed", id="it does not know the commands"
        ),
        pytest.param(send(b"HTTP/1.1 400 Bad Request\r\n", every=1.5), "timeout", id="it is another kind of server"),
        pytest.param(send(b"x" * (2 << 20)), "malformed", id="it never stops talking"),
        pytest.param(send(*(b"0" for _ in range(20)), every=0.1), "timeout", id="it sends one byte now and then"),
    ],
)
def test_what_is_no_bird_is_unreadable(
    answering: Callable[[Callable[[socket.socket], None]], str], behave: Callable[[socket.socket], None], code: str
) -> None:
    began = time.monotonic()
    found = BirdReader(answering(behave), Family.IPV4, timeout=1.0).read()
    assert isinstance(found, Unreadable)
    assert found.code == code
    assert time.monotonic() - began < PATIENCE


def test_an_agent_without_file_descriptors_does_not_blame_bird(bird: Daemon) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    reader = BirdReader(str(bird.socket), Family.IPV4)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
        found = reader.read()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert isinstance(found, Unreadable)
    assert (found.code, "Too many open files" in found.reason) == ("error", True)


def test_the_moment_since_which_a_session_is_so_is_told_in_any_zone(tmp_path: Path) -> None:
    began = datetime.now(UTC)
    for zone in ("UTC", "IST-5:30", "EST5"):
        daemon = Daemon(tmp_path, zone=zone)
        try:
            found = BirdReader(str(daemon.socket), Family.IPV4).read()
        finally:
            daemon.stop()
        assert isinstance(found, Bird)
        (session,) = found.sessions
        assert session.since_at is not None
        assert began - timedelta(seconds=2) < session.since_at < datetime.now(UTC) + timedelta(seconds=2)


def test_failures_leave_no_open_files(tmp_path: Path, bird: Daemon) -> None:
    bird.process.kill()
    bird.process.wait()
    before = open_files()
    for _ in range(200):
        BirdReader(str(bird.socket), Family.IPV4).read()
        BirdReader(str(tmp_path / "absent"), Family.IPV4).read()
    assert open_files() == before
