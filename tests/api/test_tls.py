"""The port with TLS: who is let in, and what clients that are slow with it may take."""

import http.client
import io
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, nullcontext, suppress
from pathlib import Path

import psutil
import pytest

from calico_agent import logs
from calico_agent.api.access import Access
from calico_agent.api.app import App
from calico_agent.api.http import HttpServer
from calico_agent.api.latest import AgentHealth
from calico_agent.api.service import Service
from calico_agent.api.sockets import open_tcp
from calico_agent.cli.client import ask
from calico_agent.faults.agent import AGENT_HTTP
from calico_agent.model.settings import AccessFiles
from tests.api.tls_clients import TOKEN, Authorities, TlsPort, make_authorities, read_all
from tests.patience import PATIENCE
from tests.places import REPOSITORY
from tests.reports import broken_report, healthy_report

BEARER = f"Authorization: Bearer {TOKEN}"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Authorities:
    return make_authorities(tmp_path_factory.mktemp("authorities"))


@pytest.fixture
def opened(tmp_path: Path, made: Authorities) -> Iterator[Callable[..., TlsPort]]:
    """Opens ports that are closed after the test."""
    ports: list[TlsPort] = []

    def open_port(*, client_ca: bool = False, token: bool = False) -> TlsPort:
        ports.append(TlsPort(tmp_path, made, client_ca=client_ca, token=token))
        return ports[-1]

    yield open_port
    for port in ports:
        port.server.stop()


class TestWhoIsLetIn:
    def test_whoever_shows_a_certificate_of_the_right_authority(
        self, opened: Callable[..., TlsPort], made: Authorities
    ) -> None:
        port = opened(client_ca=True)
        assert port.ask(port.client(made.client))[0] == 200

    def test_one_of_another_authority_and_none_are_told_so_by_tls(
        self, opened: Callable[..., TlsPort], made: Authorities
    ) -> None:
        port = opened(client_ca=True)
        for client, alert in ((None, "CERTIFICATE_REQUIRED"), (made.stranger, "UNKNOWN_CA")):
            with pytest.raises(ssl.SSLError, match=alert):
                port.ask(port.client(client))

    @pytest.mark.parametrize("path", ["/", "/livez", "/readyz", "/status", "/metrics", "/nope"])
    def test_without_a_token_there_is_no_page_and_no_hint_which_there_are(
        self, opened: Callable[..., TlsPort], path: str
    ) -> None:
        port = opened(token=True)
        status, document, head = port.ask(port.client(), path)
        assert status == 401
        assert document == {"error": "a bearer token is wanted, one of those in [http] token_file"}
        assert 'www-authenticate: bearer realm="calico-agent"' in head.lower()

    @pytest.mark.parametrize(
        ("header", "status"),
        [
            (BEARER, 200),
            (f"authorization: bearer {TOKEN}", 200),
            (f"Authorization: Bearer {TOKEN}x", 401),
            (f"Authorization: Bearer {TOKEN[:-1]}", 401),
            (f"Authorization: Basic {TOKEN}", 401),
            (f"Authorization: {TOKEN}", 401),
            ("Authorization: Bearer ", 401),
            ("Authorization: Bearer \xe9", 401),
        ],
    )
    def test_the_token_has_to_be_the_right_one(self, opened: Callable[..., TlsPort], header: str, status: int) -> None:
        port = opened(token=True)
        assert port.ask(port.client(), headers=[header])[0] == status

    def test_of_what_is_configured_both_are_wanted(self, opened: Callable[..., TlsPort], made: Authorities) -> None:
        port = opened(client_ca=True, token=True)
        assert port.ask(port.client(made.client))[0] == 401
        assert port.ask(port.client(made.client), headers=[BEARER])[0] == 200
        with pytest.raises(ssl.SSLError):
            port.ask(port.client(), headers=[BEARER])

    @pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
    @pytest.mark.parametrize(
        ("version", "good"), [(ssl.TLSVersion.TLSv1_1, False), (ssl.TLSVersion.TLSv1_2, True)], ids=str
    )
    def test_tls_is_1_2_at_the_least(self, opened: Callable[..., TlsPort], version: ssl.TLSVersion, good: bool) -> None:
        port = opened(token=True)
        client = port.client()
        client.set_ciphers("ALL:@SECLEVEL=0")
        client.minimum_version = client.maximum_version = version
        refused = "" if good else "PROTOCOL_VERSION"
        with pytest.raises(ssl.SSLError, match=refused) if refused else nullcontext():
            assert port.ask(client, headers=[BEARER])[0] == 200

    def test_whoever_asks_without_tls_is_told_so(self, opened: Callable[..., TlsPort]) -> None:
        port = opened(token=True)
        with socket.create_connection(("127.0.0.1", port.port), timeout=PATIENCE) as client:
            client.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
            answer = read_all(client)
        assert answer.startswith(b"HTTP/1.0 400 ")
        assert b"ask by https" in answer

    def test_a_token_is_wanted_on_loopback_without_tls_as_well(self, tmp_path: Path) -> None:
        (tmp_path / "token").write_text(TOKEN)
        server = HttpServer(AgentHealth(60), ("127.0.0.1", 0), None, access=AccessFiles(token=str(tmp_path / "token")))
        server.start()
        for header, status in ((f"Bearer {TOKEN}", 200), ("Bearer other", 401)):
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
            connection.request("GET", "/livez", headers={"Authorization": header})
            assert connection.getresponse().status == status
            connection.close()
        server.stop()

    @pytest.mark.parametrize("address", ["0.0.0.0", "127.0.0.1"])
    def test_what_others_reach_is_not_opened_without_protection(
        self, tmp_path: Path, made: Authorities, address: str
    ) -> None:
        (tmp_path / "token").write_text(TOKEN)
        cert, key, token = str(made.server.cert), str(made.server.key), str(tmp_path / "token")
        for files, lacks in (
            (AccessFiles(), "with cert_file and key_file and with client_ca_file or token_file"),
            (AccessFiles(cert, key), "with client_ca_file or token_file"),
            (AccessFiles(token=token), "with cert_file and key_file"),
            (AccessFiles(cert, key, token=token), ""),
        ):
            server = HttpServer(AgentHealth(60), (address, 0), tmp_path / "agent.sock", access=files)
            server.start()
            refused = lacks and address == "0.0.0.0"
            assert (server.port is None) == bool(refused)
            assert [trouble.fault for trouble in server.troubles()] == [AGENT_HTTP] * bool(refused)
            assert not refused or server.troubles()[0].what.endswith(f"which [http] allows only {lacks}")
            assert ask(str(tmp_path / "agent.sock"), "/status").text
            server.stop()

    def test_a_port_without_its_files_is_opened_when_they_come(self, tmp_path: Path, made: Authorities) -> None:
        files = AccessFiles(str(tmp_path / "crt"), str(tmp_path / "key"))
        server = HttpServer(AgentHealth(60), ("127.0.0.1", 0), None, access=files)
        server.start()
        ports = [server.port]
        (trouble,) = server.troubles()
        assert trouble.what == f"{tmp_path}/crt cannot be read: No such file or directory"
        assert trouble.cure == "see [http] cert_file"
        (tmp_path / "crt").write_text(made.server.cert.read_text())
        (tmp_path / "key").write_text(made.server.key.read_text())
        server.retry()
        ports.append(server.port)
        assert [port is None for port in ports] == [True, False]
        assert server.troubles() == ()
        server.stop()


class TestClients:
    def test_one_connection_serves_several_requests_and_a_large_answer(self, opened: Callable[..., TlsPort]) -> None:
        port = opened(token=True)
        port.latest.publish(broken_report())
        question = f"GET /status HTTP/1.1\r\nHost: x\r\n{BEARER}\r\n"
        with port.connect(port.client()) as client:
            client.sendall(f"{question}\r\n{question}\r\n{question}Connection: close\r\n\r\n".encode())
            answer = read_all(client)
        assert answer.count(b"HTTP/1.1 200 OK") == 3
        assert answer.count(b'"schema": 1') == 3

    def test_the_name_of_the_host_does_not_matter_as_the_certificate_does(self, opened: Callable[..., TlsPort]) -> None:
        port = opened(token=True)
        assert port.ask(port.client(), headers=[BEARER])[0] == 200  # it asks for host1.example

    def test_what_is_no_handshake_hurts_nobody(self, opened: Callable[..., TlsPort]) -> None:
        port = opened(token=True)
        with ExitStack() as held:
            for garbage in (
                b"\x16\x03\x01\xff\xff" + b"x" * 70_000,
                b"\0" * 100,
                b"\x80\x2e\x01\x03",
                b"\0\x16" * 999,
            ):
                client = held.enter_context(socket.create_connection(("127.0.0.1", port.port), timeout=PATIENCE))
                with suppress(OSError):
                    client.sendall(garbage)
            assert port.ask(port.client(), headers=[BEARER])[0] == 200
        assert port.ask(port.client(), headers=[BEARER])[0] == 200

    def test_one_that_does_not_read_holds_no_worker(self, opened: Callable[..., TlsPort]) -> None:
        port = opened(token=True)
        port.latest.publish(broken_report())
        with ExitStack() as held:
            for _ in range(10):
                deaf = held.enter_context(port.connect(port.client()))
                deaf.sendall(f"GET /status HTTP/1.1\r\nHost: x\r\n{BEARER}\r\n\r\n".encode() * 50)
            assert port.ask(port.client(), headers=[BEARER])[0] == 200

    def test_a_handshake_that_does_not_end_is_cut(self, made: Authorities) -> None:
        access = Access(AccessFiles(str(made.server.cert), str(made.server.key)))
        access.open()
        served = Service(App(AgentHealth(60)), open_tcp(("127.0.0.1", 0)), 8, deadline=1, access=access)
        with socket.create_connection(("127.0.0.1", served.port), timeout=PATIENCE) as slow:
            slow.sendall(b"\x16\x03\x01\x02\x00\x01")
            assert slow.recv(1) == b""
        served.stop()

    def test_a_thousand_that_are_slow_or_idle_lock_nobody_out_and_take_no_memory(
        self, opened: Callable[..., TlsPort], made: Authorities
    ) -> None:
        port = opened(token=True)
        port.latest.publish(healthy_report())
        client, process = port.client(), psutil.Process()
        assert port.ask(client, headers=[BEARER])[0] == 200
        before, files = process.memory_info().rss, process.num_fds()
        program = (sys.executable, "-m", "tests.api.slow_tls", str(port.port), str(made.ours.cert))
        with subprocess.Popen(
            program, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as clients:
            assert clients.stdout is not None
            assert clients.stdout.readline() == "all there\n"
            for _ in range(10):
                begun = time.monotonic()
                assert port.ask(client, "/metrics", [BEARER])[0] == 200
                assert time.monotonic() - begun < PATIENCE
            grown, open_files = process.memory_info().rss - before, process.num_fds() - files
            clients.communicate("enough")
        # 4 MiB as it is; what each of a thousand would take is thirty.
        assert grown < 20 << 20
        assert open_files < 300

    def test_no_client_can_fill_the_log(self, opened: Callable[..., TlsPort]) -> None:
        port = opened(client_ca=True)
        stream = io.StringIO()
        logs.configure("debug", "logfmt", stream=stream, environ={})
        for number in range(10):
            with suppress(OSError):
                port.ask(port.client(), "/livez")
            with socket.create_connection(("127.0.0.1", port.port), timeout=PATIENCE) as client, suppress(OSError):
                client.sendall(b"GET / HTTP/1.0\r\n\r\n" if number % 2 else b"\x16\x03\x01")
        assert stream.getvalue() == ""

    def test_stopping_leaves_no_thread_and_no_descriptor(self, tmp_path: Path, made: Authorities) -> None:
        def come_and_go() -> None:
            port = TlsPort(tmp_path, made, token=True)
            with port.connect(port.client()), socket.create_connection(("127.0.0.1", port.port), timeout=PATIENCE):
                assert port.ask(port.client(), headers=[BEARER])[0] == 200
                port.server.stop()

        come_and_go()  # whatever is imported and opened once
        threads, descriptors = threading.active_count(), psutil.Process().num_fds()
        for _ in range(3):
            come_and_go()
        assert (threading.active_count(), psutil.Process().num_fds()) == (threads, descriptors)
