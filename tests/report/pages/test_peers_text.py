"""The table of sessions: who is down first, and everything that is asked at three in the morning."""

from dataclasses import replace
from datetime import timedelta

import pytest

from calico_agent.model.network.address import Family
from calico_agent.report.as_json import peers_json
from calico_agent.report.pages.peers_text import peers_in_order, render_peers
from tests.reports import NOW, broken_report, healthy_report, session

FLAPPED = replace(
    session("10.77.0.12", node="host2"), flaps=3, last_error="Hold timer expired", error_at=NOW - timedelta(minutes=5)
)


def test_a_session_has_uptime_flaps_routes_and_its_last_error() -> None:
    text = render_peers(replace(healthy_report(), sessions=(FLAPPED,)), NOW, width=200)
    head, _, names, row = text.splitlines()
    assert head == "1 session, 1 established, flaps of the last 2 h 5 min"
    assert names.split() == ["PEER", "NODE", "TYPE", "STATE", "UPTIME", "FLAPS", "IN", "OUT", "LAST", "ERROR"]
    told = " ".join(row.split())
    assert told.startswith("10.77.0.12 host2 node-to-node mesh Established ")
    assert told.endswith(" 3 1 1 Hold timer expired (5 min ago)")


def test_those_that_are_down_come_first_and_are_not_in_order() -> None:
    text = render_peers(broken_report(), NOW)
    assert text.index("Passive") < text.index("Established")
    assert not peers_in_order(broken_report())
    assert peers_in_order(healthy_report())


@pytest.mark.parametrize("width", [60, 80, 100, 200])
def test_it_keeps_to_the_width(width: int) -> None:
    long = replace(FLAPPED, node="a-node-with-a-long-name", last_error="Received: Administrative shutdown " * 3)
    lines = render_peers(replace(broken_report(), sessions=(long, *broken_report().sessions)), NOW, width=width)
    assert max(map(len, lines.splitlines())) <= width


@pytest.mark.parametrize(
    ("width", "told"), [(80, "a-node-of-a-large-clu..."), (160, "a-node-of-a-large-cluster-0017.example.com")]
)
def test_a_long_name_is_whole_where_there_is_room(width: int, told: str) -> None:
    long = replace(FLAPPED, node="a-node-of-a-large-cluster-0017.example.com")
    assert told in render_peers(replace(healthy_report(), sessions=(long,)), NOW, width=width).split()


def test_what_is_not_known_is_said_and_is_not_in_order() -> None:
    blind = replace(healthy_report(), sessions=(), unread=frozenset({Family.IPV4}))
    assert "sessions of IPv4 are not known: BIRD cannot be read" in render_peers(blind, NOW)
    assert not peers_in_order(blind)


def test_a_thousand_are_all_there() -> None:
    many = tuple(session(f"10.7.{number // 250}.{number % 250}") for number in range(1000))
    assert render_peers(replace(healthy_report(), sessions=many), NOW).count("Established") == 1000


def test_json_has_what_the_report_has() -> None:
    document = peers_json(replace(healthy_report(), sessions=(FLAPPED,)))
    assert isinstance(sessions := document["sessions"], list)
    assert [(one["flaps"], one["last_failure"]) for one in sessions] == [(3, "Hold timer expired")]
