"""The page at `/` over HTTP: its headers, what it refuses, and that a look costs little."""

import gzip
import http.client
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from threading import BoundedSemaphore

import pytest

from calico_agent.api.front_page import FrontPage
from calico_agent.api.http import HttpServer
from calico_agent.api.latest import AgentHealth
from calico_agent.model.assessment import RouteCounts
from calico_agent.model.network.address import IPAddress
from calico_agent.model.network.route_trace import KnownNames, NodeWay, RouteRow, Trace
from calico_agent.model.observation import Unreadable
from calico_agent.model.report import RecentHistory
from tests.api.test_questions import Known
from tests.reports import NOW, broken_report, healthy_report


@pytest.fixture
def shown() -> Iterator[tuple[AgentHealth, int]]:
    latest = AgentHealth(60)
    server = HttpServer(latest, ("127.0.0.1", 0), None, Known())
    server.start()
    assert server.port is not None
    yield latest, server.port
    server.stop()


def ask(port: int, path: str = "/", method: str = "GET", **headers: str) -> tuple[int, http.client.HTTPMessage, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def test_the_browser_may_do_nothing_but_show_it(shown: tuple[AgentHealth, int]) -> None:
    latest, port = shown
    latest.publish(broken_report())
    status, headers, body = ask(port)
    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["style-src"].startswith("'sha256-")
    assert policy["script-src"].startswith("'sha256-")
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert (headers["X-Content-Type-Options"], headers["Referrer-Policy"]) == ("nosniff", "no-referrer")
    for elsewhere in (b"http://", b"https://", b" style=", b" onclick"):
        assert elsewhere not in body.replace(b"http://www.w3.org/2000/svg", b"")


def test_a_head_has_no_body_and_gzip_has_the_same_page(shown: tuple[AgentHealth, int]) -> None:
    latest, port = shown
    latest.publish(healthy_report())
    body = ask(port)[2]
    assert ask(port, method="HEAD")[2] == b""
    _, packed_headers, packed = ask(port, Accept_Encoding="gzip")
    assert packed_headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed) == body
    assert len(packed) < len(body) / 2
    assert ask(port, method="POST")[0] == 405


def test_who_has_the_page_gets_another_one_only_with_another_report(shown: tuple[AgentHealth, int]) -> None:
    latest, port = shown
    report = healthy_report()
    latest.publish(report)
    tag = ask(port)[1]["ETag"]
    status, headers, body = ask(port, If_None_Match=f'W/"old", {tag}')
    assert (status, headers["ETag"], body) == (304, tag, b"")
    latest.publish(replace(report, at=report.at + timedelta(seconds=10)))
    assert ask(port, If_None_Match=tag)[0] == 200


def test_a_parameter_that_it_does_not_know_is_refused(shown: tuple[AgentHealth, int]) -> None:
    latest, port = shown
    latest.publish(healthy_report())
    assert ask(port, "/?nodes=host1")[0] == 400
    assert b"there is no node &#39;hst2&#39; (did you mean host2?)" in ask(port, "/?node=hst2")[2]
    assert b"192.168.2.7 goes well" in ask(port, "/?address=192.168.2.7")[2]
    assert b"address is an IPv4 or IPv6 address" in ask(port, "/?address=%3Cb%3E")[2]


def test_what_stands_still_is_told_first(shown: tuple[AgentHealth, int]) -> None:
    latest, port = shown
    latest.publish(healthy_report())
    latest.loop_limit = -1
    assert b"<span>host1: AGENT STUCK: its loop gave no sign of life" in ask(port)[2]


class Counting(Known):
    """Counts what it is asked."""

    asked = 0

    def routes(self) -> tuple[RouteRow, ...] | Unreadable:
        self.asked += 1
        return super().routes()

    def ways(self) -> tuple[NodeWay, ...] | Unreadable:
        self.asked += 1
        return super().ways()

    def names(self) -> KnownNames:
        return super().names()

    def trace(self, address: IPAddress) -> Trace | Unreadable:
        raise NotImplementedError(address)


def test_it_is_made_once_for_a_report_and_its_history_and_no_large_table_unasked() -> None:
    latest, questions, turns = AgentHealth(60), Counting(), BoundedSemaphore(1)
    page = FrontPage(latest, questions, turns)
    latest.tell_recent = lambda: history
    history = RecentHistory()
    latest.publish(replace(healthy_report(), routes=RouteCounts(expected=1000, present=1000)))
    bodies = {page.answer({}).body for _ in range(3)}
    assert (len(bodies), questions.asked) == (1, 1)
    history = RecentHistory(({"at": NOW.isoformat(), "event": "reloaded", "level": "info"},))
    assert b"the configuration was reloaded" in page.answer({}).body
    assert questions.asked == 2
    page.answer({"state": "missing"})
    assert questions.asked == 4
    with turns:
        assert b"it is answering other questions" in page.answer({"state": "missing"}).body
