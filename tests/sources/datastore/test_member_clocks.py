"""The clocks of etcd's members: a real etcd with TLS, and one that lives in another hour."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from calico_agent.model.host.clocks import Clocks
from calico_agent.model.settings import DatastoreSettings
from calico_agent.model.unreadable import Unreadable
from calico_agent.sources.datastore.member_clocks import read_clocks
from tests.etcd_server import Certificates, free_port, running_etcd


@contextmanager
def another_hour(date: str) -> Iterator[str]:
    """A member that answers with this Date."""

    class Member(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def date_time_string(self, timestamp: float | None = None) -> str:  # noqa: ARG002
            return date

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Member) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.mark.real
def test_etcd_with_tls_tells_its_time_and_it_is_ours(tmp_path: Path) -> None:
    certificates = Certificates.issue(tmp_path, "127.0.0.1")
    with running_etcd(tmp_path / "etcd", certificates) as etcd:
        found = read_clocks(etcd.settings())
    assert isinstance(found, Clocks)
    assert found.silent == ()
    assert len(found.answers) == 1
    assert abs(found.answers[0].ahead) <= found.answers[0].uncertainty


def test_a_member_of_another_time_shows_how_far_this_clock_is_ahead() -> None:
    with another_hour("Thu, 01 Jan 1970 00:00:00 GMT") as url:
        found = read_clocks(DatastoreSettings((url,)))
    assert isinstance(found, Clocks)
    assert found.answers[0].ahead > 365 * 86400


@pytest.mark.parametrize("date", ["yesterday", "", "Thu, 99 Jan 1970 00:00:00 GMT"])
def test_a_member_without_a_date_tells_no_time(date: str) -> None:
    with another_hour(date) as url:
        found = read_clocks(DatastoreSettings((url,)))
    assert isinstance(found, Clocks)
    assert (found.answers, len(found.silent)) == ((), 1)


def test_nobody_there_no_file_and_no_settings_are_no_time_either(tmp_path: Path) -> None:
    closed = read_clocks(DatastoreSettings((f"http://127.0.0.1:{free_port()}",)))
    assert isinstance(closed, Clocks)
    assert "refused" in closed.silent[0].lower()
    no_file = read_clocks(DatastoreSettings(("https://127.0.0.1:1",), ca_file=str(tmp_path / "none.pem")))
    assert isinstance(no_file, Unreadable)
    assert "does not exist" in no_file.reason
    assert isinstance(read_clocks(None), Unreadable)
