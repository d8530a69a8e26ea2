"""Names are resolved beside the passes; a resolver that hangs costs the first pass two seconds and no other."""

import socket
import threading
import time
from ipaddress import ip_address
from typing import Any

import pytest

from calico_agent.sources.host.dns import NameLookup
from tests.patience import until


def answers(*addresses: str) -> list[Any]:
    return [(socket.AF_INET, socket.SOCK_DGRAM, 17, "", (address, 0)) for address in addresses]


def test_an_address_is_itself() -> None:
    assert NameLookup("192.0.2.7").ask() == (ip_address("192.0.2.7"),)


def test_a_name_of_the_hosts_file() -> None:
    assert set(NameLookup("localhost").ask()) <= {ip_address("127.0.0.1"), ip_address("::1")}


def test_a_name_that_does_not_exist() -> None:
    assert NameLookup("nowhere.invalid").ask() == ()


def test_a_hanging_resolver_holds_the_first_pass_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """And is not asked again before it has answered."""
    go_on = threading.Event()
    asked: list[str] = []

    def hang(name: str, *_: object, **__: object) -> list[Any]:
        asked.append(name)
        go_on.wait(20)
        return answers("192.0.2.9")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    lookup = NameLookup("gate.example")
    started = time.monotonic()
    assert lookup.ask() == ()
    first = time.monotonic() - started
    assert lookup.ask() == ()
    again = time.monotonic() - started - first
    assert again < first / 2
    go_on.set()
    until("it is known", lambda: bool(lookup.ask()))
    assert (lookup.ask(), asked) == ((ip_address("192.0.2.9"),), ["gate.example"])


def test_the_last_good_answer_stands_when_the_resolver_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    replies = [answers("192.0.2.9", "192.0.2.9", "192.0.2.10")]

    def reply(*_: object, **__: object) -> list[Any]:
        if not replies:
            raise socket.gaierror("temporary failure")
        return replies.pop()

    monkeypatch.setattr(socket, "getaddrinfo", reply)
    monkeypatch.setattr("calico_agent.sources.host.dns._REFRESH_SECONDS", -1.0)
    lookup = NameLookup("gate.example")
    good = (ip_address("192.0.2.9"), ip_address("192.0.2.10"))
    assert [lookup.ask() for _ in range(3)] == [good] * 3
    assert replies == []
