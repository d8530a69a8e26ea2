"""Text from outside stays text, and lists end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from calico_agent.report.html.markup import fitting, row
from calico_agent.text import clean


@given(st.text())
def test_no_text_becomes_markup(text: str) -> None:
    shown = row(clean(text))
    inside = shown.removeprefix('<tr><th scope="row">').removesuffix("</th></tr>")
    assert not set("<>\"'") & set(inside)
    assert inside.isprintable()


@pytest.mark.parametrize(
    ("most", "most_bytes", "number"), [(5, 1000, 5), (100, 1000, 10), (100, 50, 1), (100, 1000_000, 100)]
)
def test_a_list_ends_by_number_or_by_size_and_has_something_in_any_case(
    most: int, most_bytes: int, number: int
) -> None:
    assert len(fitting((Markup("x" * 100) for _ in range(1000)), most, most_bytes)) == min(number, most)
