"""Findings that hang on nodes wait until these were read after they were first seen, and no longer than that."""

import math

import pytest

from calico_agent.report.node_doubts import NodeDoubts

GONE, NEW = frozenset({("BGP-NO-SESSION", "host3", "")}), frozenset({("BGP-STALE-SESSION", "10.99.0.14", "")})
NOTHING = GONE - GONE


@pytest.fixture
def doubts() -> NodeDoubts:
    """After a first look at which all was well; nodes were listed at 100."""
    doubts = NodeDoubts()
    assert doubts.judge(NOTHING, 100.0, 101.0) == (NOTHING, None)
    return doubts


def test_a_finding_waits_for_nodes_that_were_listed_after_it_was_seen(doubts: NodeDoubts) -> None:
    assert doubts.judge(GONE, 100.0, 200.0) == (GONE, 200.0)
    assert doubts.judge(GONE, 199.0, 205.0) == (GONE, 200.0), "that list may not have had it"
    assert doubts.judge(GONE, 201.0, 210.0) == (NOTHING, 90.0)


def test_a_list_for_one_finding_does_not_do_for_a_later_one(doubts: NodeDoubts) -> None:
    doubts.judge(GONE, 100.0, 200.0)
    assert doubts.judge(GONE | NEW, 201.0, 210.0) == (NEW, 210.0)
    assert doubts.judge(GONE | NEW, 211.0, 220.0)[0] == NOTHING


def test_what_there_was_when_all_was_read_does_not_wait() -> None:
    assert NodeDoubts().judge(GONE, 100.0, 103.0)[0] == NOTHING


def test_nodes_that_cannot_be_read_hide_nothing_for_long(doubts: NodeDoubts) -> None:
    assert doubts.judge(GONE, 100.0, 200.0)[0] == GONE
    assert doubts.judge(GONE, 100.0, 319.0)[0] == GONE
    assert doubts.judge(GONE, 100.0, 320.0)[0] == NOTHING


def test_what_comes_and_goes_is_doubted_once(doubts: NodeDoubts) -> None:
    doubts.judge(GONE, 100.0, 200.0)
    doubts.judge(NOTHING, 201.0, 210.0)
    assert doubts.judge(GONE, 201.0, 230.0)[0] == NOTHING
    doubts.judge(NOTHING, 201.0, 240.0)
    assert doubts.judge(GONE, 201.0, 300.0)[0] == GONE, "that is another one"


def test_where_all_that_changes_is_told_nothing_waits(doubts: NodeDoubts) -> None:
    assert doubts.judge(GONE, math.inf, 200.0)[0] == NOTHING


def test_what_was_told_while_nodes_could_not_be_read_stays_told(doubts: NodeDoubts) -> None:
    doubts.judge(GONE, 100.0, 200.0)
    doubts.believe(GONE | NEW)
    assert doubts.judge(GONE | NEW, 100.0, 210.0)[0] == NOTHING
