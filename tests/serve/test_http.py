"""The HTTP server over real sockets, with clients that behave and clients that do not."""

import http.client
import json
import re
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from calico_agent.client import ask
from calico_agent.errors import ServeError
from calico_agent.model.finding import ConditionType, Status
from calico_agent.model.report import TimedCondition
from calico_agent.serve.http import HttpServer
from calico_agent.serve.latest import Latest
from tests.patience import PATIENCE
from tests.reports import NOW, broken_report, condition, healthy_report

LOOPBACK = ("127.0.0.1", 0)


class Running:
    """A server in this process, on both kinds of sockets."""

    def __init__(self, folder: Path) -> None:
        self.now = 100.0
        self.latest = Latest(60, lambda: self.now)
        self.socket_path = folder / "agent.sock"
        self.server = HttpServer(self.latest, LOOPBACK, self.socket_path)
        self.server.start()
        assert self.server.port is not None
        self.port = self.server.port

    def get(self, path: str, method: str = "GET") -> tuple[int, str]:
        status, _, body = self.exchange(path, method)
        return status, body

    def exchange(self, path: str, method: str = "GET") -> tuple[int, dict[str, str], str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request(method, path)
            response = connection.getresponse()
            return response.status, dict(response.getheaders()), response.read().decode()
        finally:
            connection.close()

    def json(self, path: str) -> tuple[int, dict[str, Any]]:
        status, headers, body = self.exchange(path)
        assert headers["Content-Type"] == "application/json"
        document: dict[str, Any] = json.loads(body)
        return status, document

    def raw(self, request: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
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
        assert 'calico_agent_component_healthy{component="loop"} 0.0' in running.get("/metrics")[1]

    def test_the_index_names_the_pages(self, running: Running) -> None:
        assert running.get("/")[1].split()[2:] == ["/livez", "/readyz", "/status", "/metrics"]

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

    @pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "BREW"])
    def test_nothing_can_be_changed(self, running: Running, method: str) -> None:
        status, headers, body = running.exchange("/status", method)
        assert (status, headers["Allow"]) == (405, "GET, HEAD")
        assert "error" in json.loads(body)

    @pytest.mark.parametrize("path", ["/nope", "/status/", "/livez/x", "/%00", "/../etc/passwd"])
    def test_an_unknown_page_names_the_known_ones(self, running: Running, path: str) -> None:
        status, document = running.json(path)
        assert (status, document["pages"][-1]) == (404, "/metrics")

    @pytest.mark.parametrize("query", ["format=xml", "&".join("a=1" for _ in range(50)), "format=%ff"])
    def test_a_query_that_cannot_be_understood_is_refused(self, running: Running, query: str) -> None:
        assert running.json(f"/status?{query}")[0] == 400

    @pytest.mark.real
    def test_promtool_has_no_complaint_about_our_metrics(self, running: Running) -> None:
        running.latest.publish(broken_report())
        ours = re.sub(r"(?m)^(# (HELP|TYPE) )?process_.*\n", "", running.get("/metrics")[1])
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
                half = held.enter_context(socket.create_connection(("127.0.0.1", running.port), timeout=5))
                half.sendall(b"GET /status HTTP/1.1\r\nHos")
            started = time.monotonic()
            assert running.get("/livez")[0] == 200
            assert time.monotonic() - started < PATIENCE

    def test_a_client_that_does_not_read_occupies_no_worker(self, running: Running) -> None:
        running.latest.publish(broken_report())
        with ExitStack() as held:
            for _ in range(10):
                deaf = held.enter_context(socket.create_connection(("127.0.0.1", running.port), timeout=5))
                deaf.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 50)
            started = time.monotonic()
            assert running.get("/livez")[0] == 200
            assert time.monotonic() - started < PATIENCE

    def test_clients_that_hold_every_connection_do_not_keep_status_from_its_answer(self, running: Running) -> None:
        running.latest.publish(healthy_report())
        with ExitStack() as held:
            for _ in range(70):
                held.enter_context(socket.create_connection(("127.0.0.1", running.port), timeout=5))
            assert ask(str(running.socket_path), "/status?format=text", timeout=2).healthy
            # And the port itself is free again when they have been idle for long enough.
            with socket.create_connection(("127.0.0.1", running.port), timeout=20) as patient:
                patient.sendall(b"GET /livez HTTP/1.0\r\n\r\n")
                assert patient.recv(100).startswith(b"HTTP/1.0 200 ")

    def test_many_at_once_all_get_whole_answers(self, running: Running) -> None:
        running.latest.publish(broken_report())
        answers: list[tuple[int, str]] = []
        threads = [threading.Thread(target=lambda: answers.append(running.get("/status"))) for _ in range(40)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert [status for status, body in answers if json.loads(body)["schema"] == 1] == [200] * 40


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
            with socket.create_connection(("127.0.0.1", running.port), timeout=5):
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

    def test_a_taken_port_leaves_no_socket_file_behind(self, running: Running, tmp_path: Path) -> None:
        second = HttpServer(running.latest, ("127.0.0.1", running.port), tmp_path / "second.sock")
        with pytest.raises(ServeError, match="Address already in use"):
            second.start()
        assert not (tmp_path / "second.sock").exists()

    def test_a_socket_file_that_another_agent_made_is_not_removed(self, tmp_path: Path) -> None:
        first = Running(tmp_path)
        first.socket_path.unlink()
        second = Running(tmp_path)
        first.server.stop()
        assert ask(str(second.socket_path), "/status").text
        second.server.stop()

    def test_without_tcp_only_the_unix_socket_is_served(self, tmp_path: Path) -> None:
        server = HttpServer(Latest(60), None, tmp_path / "agent.sock")
        server.start()
        assert server.port is None
        assert ask(str(tmp_path / "agent.sock"), "/status").text
        server.stop()
