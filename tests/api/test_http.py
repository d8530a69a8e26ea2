"""The HTTP server over real sockets, with clients that behave and clients that do not."""

import gzip
import http.client
import io
import json
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.openmetrics import parser as open_metrics
from prometheus_client.parser import text_string_to_metric_families

from calico_agent import logs
from calico_agent.api.http import HttpServer
from calico_agent.api.latest import AgentHealth
from calico_agent.api.sockets import open_tcp
from calico_agent.cli.client import ask
from calico_agent.errors import ServeError
from calico_agent.faults.agent import AGENT_HTTP
from calico_agent.model.finding import ConditionType, Status
from calico_agent.model.host.claimant import Machine
from calico_agent.model.name_lease import NameLease, NameOwner
from calico_agent.model.network.address import IPAddress
from calico_agent.model.network.route_trace import KnownNames, NodeWay, RouteRow, Trace
from calico_agent.model.observation import Unreadable
from calico_agent.model.report import TimedCondition
from tests.patience import PATIENCE
from tests.reports import NOW, broken_report, condition, healthy_report

# A thousand clients that begin a request and go on with a byte now and then, for a minute at the most.
SLOW_CLIENTS = """
import contextlib, select, socket, sys, time
def connect():
    client = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=60)
    client.sendall(b"GET /status HTTP/1.1\\r\\nHo")
    return client
clients = [connect() for _ in range(1000)]
print("all there", flush=True)
end = time.monotonic() + 60
while time.monotonic() < end and not select.select([sys.stdin], [], [], 0.5)[0]:
    for number, client in enumerate(clients):
        try:
            client.sendall(b"s")
        except OSError:
            client.close()
            with contextlib.suppress(OSError):
                clients[number] = connect()
"""

LOOPBACK = ("127.0.0.1", 0)


class Running:
    """A server in this process, on both kinds of sockets."""

    def __init__(self, folder: Path) -> None:
        self.now = 100.0
        self.latest = AgentHealth(60, lambda: self.now)
        self.socket_path = folder / "agent.sock"
        self.server = HttpServer(self.latest, LOOPBACK, self.socket_path)
        self.server.start()
        assert self.server.port is not None
        self.port = self.server.port

    def get(self, path: str, method: str = "GET") -> tuple[int, str]:
        status, _, body = self.exchange(path, method)
        return status, body

    def exchange(self, path: str, method: str = "GET") -> tuple[int, dict[str, str], str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path)
            response = connection.getresponse()
            return response.status, dict(response.getheaders()), response.read().decode()
        finally:
            connection.close()

    def lines(self, path: str) -> set[str]:
        return set(self.get(path)[1].splitlines())

    def json(self, path: str) -> tuple[int, dict[str, Any]]:
        status, headers, body = self.exchange(path)
        assert headers["Content-Type"] == "application/json"
        document: dict[str, Any] = json.loads(body)
        return status, document

    def raw(self, request: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as connection:
            connection.sendall(request)
            return connection.recv(1 << 16)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    running = Running(tmp_path)
    yield running
    running.server.stop()


class TestBeforeTheFirstPass:
    def test_it_lives_and_is_not_ready(self, running: Running) -> None:
        status, document = running.json("/livez")
        assert (status, document["alive"], document["phase"]) == (200, True, "starting")
        assert running.json("/readyz") == (503, {"ready": False, "reasons": ["the first pass is not finished"]})

    def test_status_says_that_it_starts(self, running: Running) -> None:
        status, document = running.json("/status")
        assert (status, document["healthy"]) == (200, False)
        assert running.get("/status?format=text")[1].startswith("starting: the first pass is not finished")

    def test_metrics_are_there(self, running: Running) -> None:
        assert 'calico_agent_component_healthy{component="loop"} 1.0' in running.get("/metrics")[1]

    def test_a_first_pass_that_hangs_is_not_alive(self, running: Running) -> None:
        running.now += 61
        assert running.json("/livez")[0] == 503
        assert running.get("/status?format=text")[1].startswith("AGENT STUCK: its loop gave no sign of life for 1 min")

    def test_the_metrics_say_that_it_is_not_ready(self, running: Running) -> None:
        assert running.lines("/metrics") >= {"calico_agent_ready 0.0", "calico_agent_healthy 0.0"}


class TestPages:
    def test_a_healthy_host(self, running: Running) -> None:
        running.latest.publish(healthy_report())
        assert running.json("/livez")[1]["phase"] == "running"
        assert running.json("/readyz") == (200, {"ready": True, "reasons": []})
        status, headers, body = running.exchange("/status")
        assert (status, headers["Calico-Agent-Healthy"]) == (200, "yes")
        assert json.loads(body)["verdict"] == "all good (3 nodes, 2 sessions, 2 routes)"

    def test_a_broken_host_keeps_its_body_and_its_code(self, running: Running) -> None:
        running.latest.publish(broken_report())
        status, headers, body = running.exchange("/status?format=text")
        assert (status, headers["Calico-Agent-Healthy"]) == (200, "no")
        assert body.startswith("host1: PROBLEM IP-BRIDGE")

    def test_not_ready_says_why(self, running: Running) -> None:
        report = healthy_report()
        dead = TimedCondition(condition(ConditionType.CONTAINER_RUNNING, Status.FALSE, "it exited with code 1"), NOW)
        others = [timed for timed in report.conditions if timed.condition.type is not dead.condition.type]
        running.latest.publish(replace(report, conditions=(dead, *others)))
        reasons = ["ContainerRunning is false: it exited with code 1"]
        assert running.json("/readyz") == (503, {"ready": False, "reasons": reasons})

    def test_a_loop_that_stands_still_is_old_news_everywhere(self, running: Running) -> None:
        running.latest.publish(healthy_report())
        running.now += 120
        status, document = running.json("/livez")
        assert (status, document["components"][0]["alive"]) == (503, False)
        assert running.json("/readyz")[0] == 503
        assert running.exchange("/status")[1]["Calico-Agent-Healthy"] == "no"
        assert running.json("/status")[1]["healthy"] is False
        assert running.get("/status?format=text")[1].startswith("host1: AGENT STUCK: its loop gave no sign of life")
        document = running.json("/status")[1]
        assert (document["ready"], document["verdict"][:11]) == (False, "AGENT STUCK")
        assert running.lines("/metrics") >= {
            'calico_agent_component_healthy{component="loop"} 0.0',
            "calico_agent_ready 0.0",
            "calico_agent_healthy 0.0",
        }

    def test_a_healthy_host_is_ready_in_the_metrics(self, running: Running) -> None:
        running.latest.publish(healthy_report())
        assert running.lines("/metrics") >= {"calico_agent_ready 1.0", "calico_agent_healthy 1.0"}

    def test_the_page_for_people_names_those_for_programs(self, running: Running) -> None:
        running.latest.publish(healthy_report())
        named = re.findall(r'<a href="\.(/\w+)">', running.get("/")[1])
        assert {path for path in named if running.get(path)[0] == 404} == {"/routes"}  # nobody knows them here
        assert len(named) > 5

    def test_colour_on_demand(self, running: Running) -> None:
        running.latest.publish(broken_report())
        assert "\033[" in running.get("/status?format=text&colour=1")[1]
        assert "\033[" not in running.get("/status?format=text")[1]

    @pytest.mark.parametrize("path", ["/", "/livez", "/readyz", "/status", "/metrics"])
    def test_head_is_get_without_a_body(self, running: Running, path: str) -> None:
        running.latest.publish(healthy_report())
        status, headers, body = running.exchange(path, "HEAD")
        assert (status, body) == (200, "")
        assert int(headers["Content-Length"]) > 0

    def test_the_problems_alone_are_those_of_the_report(self, running: Running) -> None:
        status, document = running.json("/problems")
        assert (status, "error" in document) == (503, True)
        running.latest.publish(broken_report())
        status, document = running.json("/problems")
        assert status == 200
        assert [problem["code"] for problem in document["problems"]] == ["IP-BRIDGE"]
        assert document["problems"] == running.json("/status")[1]["problems"]
        running.latest.publish(healthy_report())
        assert running.json("/problems")[1]["problems"] == []

    @pytest.mark.parametrize("path", ["/metrics", "/status"])
    def test_who_accepts_gzip_gets_the_same_in_less(self, running: Running, path: str) -> None:
        running.latest.publish(broken_report())
        request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n"
        with socket.create_connection(("127.0.0.1", running.port), timeout=60) as connection:
            connection.sendall(request.encode())
            answer = b"".join(iter(lambda: connection.recv(1 << 16), b""))
        head, _, body = answer.partition(b"\r\n\r\n")
        assert b"Content-Encoding: gzip" in head
        assert f"Content-Length: {len(body)}".encode() in head
        plain = running.get(path)[1]
        assert len(body) < len(plain) / 3
        assert len(gzip.decompress(body).decode().splitlines()) == len(plain.splitlines())

    @pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "BREW"])
    def test_nothing_can_be_changed(self, running: Running, method: str) -> None:
        status, headers, body = running.exchange("/status", method)
        assert (status, headers["Allow"]) == (405, "GET, HEAD")
        assert "error" in json.loads(body)

    @pytest.mark.parametrize("path", ["/nope", "/status/", "/livez/x", "/%00", "/../etc/passwd"])
    def test_an_unknown_page_names_the_known_ones(self, running: Running, path: str) -> None:
        status, document = running.json(path)
        assert (status, document["pages"][-1]) == (404, "/metrics")

    @pytest.mark.parametrize(
        ("query", "words"),
        [
            ("format=xml", "format is json or text"),
            ("format=", "format is json or text"),
            ("&".join("a=1" for _ in range(50)), "cannot be understood"),
            ("format=%ff", "cannot be understood"),
            ("format=text&format=json", "given twice"),
            ("fromat=text", "no parameter 'fromat' (did you mean format?)"),
            ("x=1", "known: format, detail, colour, width"),
            ("width=20", "width is a number from 60 to 400"),
            ("width=wide", "width is a number from 60 to 400"),
            ("width=%D9%A3%D9%A3%D9%A3", "width is a number from 60 to 400"),
        ],
    )
    def test_a_query_that_cannot_be_understood_is_refused(self, running: Running, query: str, words: str) -> None:
        running.latest.publish(healthy_report())
        status, document = running.json(f"/status?{query}")
        assert status == 400
        assert words in document["error"]

    @pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
    def test_a_page_without_parameters_refuses_them(self, running: Running, path: str) -> None:
        status, document = running.json(f"{path}?verbose=1")
        assert (status, document["error"]) == (400, "this page has no parameter 'verbose' (it has none)")

    def test_the_text_is_as_wide_as_asked(self, running: Running) -> None:
        running.latest.publish(broken_report())
        widths = [max(map(len, running.lines(f"/status?format=text&width={width}"))) for width in (60, 80, 200)]
        assert widths[0] <= 60 < widths[1] <= 80 < widths[2] <= 200

    @pytest.mark.parametrize(
        "host", ["localhost", "LOCALHOST:9197", "127.0.0.1", "127.0.0.1:9197", "127.5.6.7", "[::1]:9197", ""]
    )
    def test_it_answers_to_its_own_names(self, running: Running, host: str) -> None:
        header = f"Host: {host}\r\n" if host else ""
        assert running.raw(f"GET /livez HTTP/1.0\r\n{header}\r\n".encode()).startswith(b"HTTP/1.0 200 ")

    @pytest.mark.parametrize(
        "host",
        [
            *("evil.example", "evil.example:9197", "127.0.0.1.evil.example", "localhost.evil.example", "10.0.0.1"),
            *("[fd00::1]", "169.254.169.254", "localhost.", "127.0.0.1, evil.example", "2130706433", "user@localhost"),
        ],
    )
    def test_it_does_not_answer_to_the_name_of_a_site(self, running: Running, host: str) -> None:
        running.latest.publish(healthy_report())
        for target in ("/status", "http://localhost/status"):
            answer = running.raw(f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
            assert answer.startswith(b"HTTP/1.1 421 ")
            assert b"verdict" not in answer

    def test_the_unix_socket_does_not_ask_for_a_name(self, running: Running) -> None:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(running.socket_path))
            connection.sendall(b"GET /livez HTTP/1.0\r\nHost: anything.example\r\n\r\n")
            assert connection.recv(100).startswith(b"HTTP/1.0 200 ")

    def test_a_machine_id_is_told_on_the_unix_socket_only(self, running: Running) -> None:
        owner = NameOwner("host1", Machine("a" * 32, hostname="host9"), NOW, "{}")
        running.latest.publish(replace(healthy_report(), claim=NameLease(owner)))
        assert running.json("/status")[1]["name_claim"]["machine_id"] is None
        assert "a" * 32 in ask(str(running.socket_path), "/status").text

    def test_the_metrics_are_open_metrics_for_who_accepts_that(self, running: Running) -> None:
        running.latest.detail_limit = 5
        running.latest.publish(broken_report())
        types, pages = [], []
        for accept in ("application/openmetrics-text;version=1.0.0", "text/plain;version=0.0.4", "*/*"):
            connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=PATIENCE)
            connection.request("GET", "/metrics", headers={"Accept": accept})
            response = connection.getresponse()
            types.append(response.getheader("Content-Type"))
            assert response.getheader("Vary") == "Accept, Accept-Encoding"
            pages.append(response.read().decode())
            connection.close()
        plain = "text/plain; version=0.0.4; charset=utf-8"
        assert types == ["application/openmetrics-text; version=1.0.0; charset=utf-8", plain, plain]
        assert pages[0].endswith("# EOF\n")
        strict = open_metrics.text_string_to_metric_families(pages[0])  # type: ignore[no-untyped-call]
        usual = text_string_to_metric_families(pages[1])
        assert {family.name for family in strict} == {family.name for family in usual}

    @pytest.mark.real
    def test_promtool_has_no_complaint_about_our_metrics(self, running: Running) -> None:
        running.latest.detail_limit = 5
        running.latest.tls_ends = lambda: {"server": NOW}
        running.latest.publish(broken_report())
        ours = running.get("/metrics")[1]
        done = subprocess.run(
            ["promtool", "check", "metrics"], input=ours, capture_output=True, text=True, timeout=30, check=False
        )
        assert (done.returncode, done.stdout + done.stderr) == (0, "")


class TestBadClients:
    @pytest.mark.parametrize(
        "request_bytes",
        [
            b"garbage\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
            b"GET /status HTTP/9.9\r\nContent-Length: -5\r\n\r\n",
            b"GET /status HTTP/1.1\r\nX: " + b"a" * 20_000 + b"\r\n\r\n",
            b"POST /status HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n",
            b"GET /status HTTP/1.1\r\nTransfer-Encoding: what\r\n\r\n",
        ],
        ids=["no HTTP", "TLS", "a negative length", "an endless header", "a large body", "an unknown encoding"],
    )
    def test_garbage_gets_an_error_and_hurts_nobody(self, running: Running, request_bytes: bytes) -> None:
        answer = running.raw(request_bytes)
        assert re.match(rb"HTTP/1\.[01] [45]\d\d ", answer)
        assert running.get("/livez")[0] == 200

    def test_half_requests_occupy_no_worker(self, running: Running) -> None:
        with ExitStack() as held:
            for _ in range(20):
                half = held.enter_context(socket.create_connection(("127.0.0.1", running.port), timeout=60))
                half.sendall(b"GET /status HTTP/1.1\r\nHos")
            started = time.monotonic()
            assert running.get("/livez")[0] == 200
            assert time.monotonic() - started < PATIENCE

    def test_a_client_that_does_not_read_occupies_no_worker(self, running: Running) -> None:
        running.latest.publish(broken_report())
        with ExitStack() as held:
            for _ in range(10):
                deaf = held.enter_context(socket.create_connection(("127.0.0.1", running.port), timeout=60))
                deaf.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 50)
            started = time.monotonic()
            assert running.get("/livez")[0] == 200
            assert time.monotonic() - started < PATIENCE

    def test_clients_that_hold_every_connection_do_not_keep_status_from_its_answer(self, running: Running) -> None:
        running.latest.publish(healthy_report())
        with ExitStack() as held:
            for _ in range(70):
                held.enter_context(socket.create_connection(("127.0.0.1", running.port), timeout=60))
            assert ask(str(running.socket_path), "/status?format=text", timeout=2).healthy
            assert running.get("/livez")[0] == 200

    def test_a_client_that_does_not_come_to_the_point_is_cut(self, running: Running) -> None:
        with socket.create_connection(("127.0.0.1", running.port), timeout=2 * PATIENCE) as slow:
            begun = time.monotonic()
            with suppress(BrokenPipeError, ConnectionResetError):
                while time.monotonic() - begun < PATIENCE + 10:
                    slow.sendall(b"X")
                    time.sleep(0.2)
            assert time.monotonic() - begun < PATIENCE + 10, "it was never cut"

    def test_a_thousand_slow_clients_keep_nobody_from_an_answer(self, running: Running) -> None:
        running.latest.publish(healthy_report())
        program = (sys.executable, "-c", SLOW_CLIENTS, str(running.port))
        with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as clients:
            assert clients.stdout is not None
            assert clients.stdout.readline() == "all there\n"
            for _ in range(20):
                begun = time.monotonic()
                assert running.get("/livez")[0] == 200
                assert ask(str(running.socket_path), "/status?format=text", timeout=PATIENCE).healthy
                assert time.monotonic() - begun < PATIENCE
            clients.communicate("enough")
        assert running.get("/readyz")[0] == 200

    def test_no_client_can_fill_the_log(self, running: Running) -> None:
        stream = io.StringIO()
        logs.configure("debug", "logfmt", stream=stream, environ={})
        with ExitStack() as held:
            for _ in range(300):
                with suppress(OSError):
                    connection = held.enter_context(socket.create_connection(("127.0.0.1", running.port), timeout=60))
                    connection.sendall(b"GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n" * 5)
        for _ in range(50):
            with suppress(ConnectionResetError):  # it may be closed before all of it was read
                running.raw(b"garbage\r\n\r\n")
        assert "waitress" not in stream.getvalue()

    def test_many_at_once_all_get_whole_answers(self, running: Running) -> None:
        running.latest.publish(broken_report())
        answers: list[tuple[int, str]] = []
        threads = [threading.Thread(target=lambda: answers.append(running.get("/status"))) for _ in range(40)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert [status for status, body in answers if json.loads(body)["schema"] == 1] == [200] * 40


class Slow:
    """Answers a question when it is told to."""

    def __init__(self) -> None:
        self.go_on = threading.Event()

    def routes(self) -> tuple[RouteRow, ...] | Unreadable:
        self.go_on.wait(PATIENCE)
        return ()

    def names(self) -> KnownNames:
        return KnownNames()

    def ways(self) -> tuple[NodeWay, ...] | Unreadable:
        return ()

    def trace(self, address: IPAddress) -> Trace | Unreadable:
        raise NotImplementedError(address)


def test_questions_that_take_long_leave_workers_for_the_prober(tmp_path: Path) -> None:
    slow = Slow()
    server = HttpServer(AgentHealth(60), LOOPBACK, tmp_path / "agent.sock", slow)
    server.start()
    try:
        with ExitStack() as held:
            asking = [
                held.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE))
                for _ in range(10)
            ]
            for client in asking:
                client.sendall(b"GET /routes HTTP/1.0\r\n\r\n")
            with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as prober:
                prober.sendall(b"GET /livez HTTP/1.0\r\n\r\n")
                assert prober.recv(100).startswith(b"HTTP/1.0 200 ")
            slow.go_on.set()
            answers = sorted(client.recv(12) for client in asking)
        assert answers == [b"HTTP/1.0 200"] * 2 + [b"HTTP/1.0 503"] * 8
    finally:
        server.stop()


class TestLife:
    def test_the_unix_socket_answers_the_same(self, running: Running) -> None:
        running.latest.publish(healthy_report())
        assert ask(str(running.socket_path), "/status?format=text").text.startswith("host1: all good")

    def test_stopping_leaves_no_thread_no_descriptor_and_no_file(self, tmp_path: Path) -> None:
        Running(tmp_path).server.stop()  # whatever is imported and opened once
        threads, descriptors = threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))
        for _ in range(5):
            started = time.monotonic()
            running = Running(tmp_path)
            running.get("/livez")
            with socket.create_connection(("127.0.0.1", running.port), timeout=60):
                running.server.stop()
            assert time.monotonic() - started < PATIENCE
        assert threading.active_count() == threads
        assert len(list(Path("/proc/self/fd").iterdir())) == descriptors
        assert not list(tmp_path.iterdir())

    def test_a_second_agent_is_refused_and_the_first_goes_on(self, running: Running) -> None:
        second = HttpServer(running.latest, None, running.socket_path)
        with pytest.raises(ServeError, match="another agent is running"):
            second.start()
        second.stop()
        assert ask(str(running.socket_path), "/status").text

    def test_a_taken_port_is_told_and_tried_again_and_the_socket_is_served_meanwhile(self, tmp_path: Path) -> None:
        with open_tcp(LOOPBACK) as taken:
            port = taken.getsockname()[1]
            server = HttpServer(AgentHealth(60), ("127.0.0.1", port), tmp_path / "agent.sock")
            server.start()
            server.retry()
            (trouble,) = server.troubles()
            assert (trouble.fault, trouble.subject) == (AGENT_HTTP, f"127.0.0.1 port {port}")
            assert trouble.what == f"cannot listen on 127.0.0.1 port {port}: Address already in use"
            assert f"`ss -ltnp sport = :{port}`" in trouble.cure
            assert ask(str(tmp_path / "agent.sock"), "/status").text
        server.retry()
        assert (server.troubles(), server.port) == ((), port)
        server.stop()

    @pytest.mark.parametrize("path", ["file/agent.sock", "x" * 200, "precious"])
    def test_a_socket_that_cannot_be_made_is_told_and_the_port_is_served(self, tmp_path: Path, path: str) -> None:
        (tmp_path / "file").touch()
        (tmp_path / "precious").write_text("precious")
        server = HttpServer(AgentHealth(60), LOOPBACK, tmp_path / path)
        server.start()
        (trouble,) = server.troubles()
        assert trouble.subject == str(tmp_path / path)
        assert server.port is not None
        server.stop()
        assert (tmp_path / "precious").read_text() == "precious"

    def test_a_socket_file_that_another_agent_made_is_not_removed(self, tmp_path: Path) -> None:
        first = Running(tmp_path)
        first.socket_path.unlink()
        second = Running(tmp_path)
        first.server.stop()
        assert ask(str(second.socket_path), "/status").text
        second.server.stop()

    def test_without_tcp_only_the_unix_socket_is_served(self, tmp_path: Path) -> None:
        server = HttpServer(AgentHealth(60), None, tmp_path / "agent.sock")
        server.start()
        assert server.port is None
        assert ask(str(tmp_path / "agent.sock"), "/status").text
        server.stop()
