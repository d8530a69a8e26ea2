"""BGP sessions over time: each change once, also one that nobody saw, and how often a session went down."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from calico_agent.model.assessment import PeerSession
from calico_agent.model.network.address import Family
from calico_agent.model.report import Report
from calico_agent.report.session_changes import remembered, session_changes
from tests.reports import NOW, healthy_report, session

UP = session("10.77.0.12", node="host2")
DOWN = session("10.77.0.12", "Active", "host2", "Socket: Connection refused")


def later(peer: PeerSession, seconds: float) -> PeerSession:
    """The same session, established anew."""
    assert peer.session.since_at is not None
    return replace(peer, session=replace(peer.session, since_at=peer.session.since_at + timedelta(seconds=seconds)))


def report(*peers: PeerSession, unread: frozenset[Family] = frozenset()) -> Report:
    return replace(healthy_report(), sessions=peers, unread=unread)


def told(before: Report | None, now: Report) -> list[str]:
    return [event.name for event in session_changes(before, now)]


def test_each_change_is_told_once() -> None:
    assert told(report(UP), report(UP)) == []
    assert told(report(UP), report(DOWN)) == ["session_down"]
    assert told(report(DOWN), report(DOWN)) == []
    assert told(report(DOWN), report(UP)) == ["session_up"]
    assert told(report(), report(UP)) == ["session_added"]
    assert told(report(UP), report()) == ["session_removed"]


def test_one_that_was_down_between_two_looks_is_told_too() -> None:
    assert told(report(UP), report(later(UP, 60))) == ["session_flapped"]
    assert told(report(UP), report(later(UP, 1))) == []


def test_what_is_not_known_is_no_change() -> None:
    blind = report(unread=frozenset({Family.IPV4}))
    assert told(report(UP), blind) == []
    assert told(blind, report(DOWN)) == []
    assert told(None, report(DOWN)) == []


class Agent:
    """What an agent remembers of one session."""

    def __init__(self) -> None:
        self.known: Mapping[str, PeerSession] = {}
        self.at = NOW

    def see(self, *peers: PeerSession, unread: tuple[int, ...] = ()) -> "Agent":
        self.at += timedelta(seconds=10)
        self.known = remembered(self.known, peers, unread, self.at)
        return self

    @property
    def one(self) -> PeerSession:
        (peer,) = self.known.values()
        return peer


def test_flaps_are_counted_seen_or_not() -> None:
    agent = Agent().see(UP).see(DOWN).see(DOWN).see(later(UP, 30)).see(later(UP, 90))
    assert agent.one.flaps == 2


def test_the_last_error_stays_when_the_session_is_up_again() -> None:
    agent = Agent().see(UP).see(DOWN).see(DOWN).see(later(UP, 30))
    assert (agent.one.last_error, agent.one.error_at) == ("Socket: Connection refused", NOW + timedelta(seconds=20))
    assert agent.one.session.last_error == ""


def test_a_bird_that_cannot_be_read_for_a_while_costs_no_memory() -> None:
    agent = Agent().see(UP).see(DOWN).see(unread=(4,)).see(later(UP, 60))
    assert (agent.one.flaps, agent.one.last_error) == (1, "Socket: Connection refused")


def test_a_session_that_is_gone_is_forgotten() -> None:
    assert Agent().see(UP).see(DOWN).see().known == {}


@given(st.lists(st.booleans(), max_size=30))
def test_it_went_down_as_often_as_it_did(states: list[bool]) -> None:
    agent, began = Agent(), 0.0
    for number, up in enumerate(states):
        began += 100 if number and up and not states[number - 1] else 0
        agent.see(later(UP, began) if up else DOWN)
    falls = sum(was and not now for was, now in pairwise(states))
    assert not states or agent.one.flaps == falls
