"""The lines of a page: the steps of a cure, each to be typed by itself."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calico_agent.report.pages.page import steps_of
from tests.captures import CAPTURES
from tests.replay.judge import assess_capture

_HOLE = re.compile(r"<\w+>|\b(ADDRESS|HOST|NODE|NAME|FILE|DEVICE|PREFIX)\b|\bx\.x|\.\.\.")
HOSTS = sorted(path.parent for path in CAPTURES.glob("*/*/ip-addr.json"))


@pytest.mark.parametrize(
    ("cure", "steps"),
    [
        ("", []),
        ("docker restart calico-node", ["docker restart calico-node"]),
        ("ip route del 10.0.0.0/26; or move it", ["ip route del 10.0.0.0/26", "or move it"]),
        ("sh -c 'a; b'; c", ["sh -c 'a; b'", "c"]),
        ('patch -p "x; y"; it is the host\'s', ['patch -p "x; y"', "it is the host's"]),
        ("a;b", ["a;b"]),
    ],
)
def test_the_steps_of_a_cure(cure: str, steps: list[str]) -> None:
    assert steps_of(cure) == steps


@given(st.text(alphabet="ab;'\" ", max_size=200))
def test_nothing_of_a_cure_is_lost(cure: str) -> None:
    left, whole = ("".join(text.split()).replace(";", "") for text in ("".join(steps_of(cure)), cure))
    assert left == whole


@pytest.mark.parametrize("host", HOSTS, ids=lambda host: f"{host.parent.name}/{host.name}")
def test_cures_of_recorded_hosts_name_what_is_meant(host: Path) -> None:
    """Nothing is left for the reader to fill in."""
    problems = assess_capture(host.parent, host.name).problems
    cures = [one.cure for problem in problems for one in (problem.cause, *problem.consequences)]
    assert [cure for cure in cures if _HOLE.search(cure)] == []
