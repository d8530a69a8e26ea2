"""Words for people."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calico_agent.text import clean, counted, display_width, padded, span


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "0 s"),
        (0.9, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (3599, "59 min"),
        (7500, "2 h 5 min"),
        (86400 * 3 + 3600 * 4, "3 d 4 h"),
    ],
)
def test_a_duration_has_its_largest_units(seconds: float, words: str) -> None:
    assert span(timedelta(seconds=seconds)) == words


def test_a_count_agrees_with_its_noun() -> None:
    assert [counted(number, "route") for number in (0, 1, 2)] == ["0 routes", "1 route", "2 routes"]


def test_white_space_is_folded_and_what_moves_the_cursor_is_escaped() -> None:
    assert clean("a\n\t b\x1b[2J\u202e c\0") == "a b\\x1b[2J\\u202e c\\x00"


@given(text=st.text(), limit=st.integers(3, 40))
def test_clean_text_is_one_printable_line_within_its_limit(text: str, limit: int) -> None:
    cleaned = clean(text, limit)
    assert len(cleaned) <= limit
    assert cleaned.isprintable()


@pytest.mark.parametrize(
    ("text", "columns"),
    [("host1", 5), ("東京", 4), ("e\u0301", 1), ("\uff21\uff22", 4), ("a\u200bb", 2), ("ﾊﾝ", 2), ("", 0)],
)
def test_columns_of_a_terminal(text: str, columns: int) -> None:
    assert display_width(text) == columns
    assert display_width(padded(text, 10)) == 10


def test_what_is_long_is_cut_before_it_is_looked_through() -> None:
    assert clean("x" * 10_000_000) == "x" * 597 + "..."
    assert clean("https://user:secret@host/" + "x" * 10_000_000).startswith("https://(not shown)@host/xx")
