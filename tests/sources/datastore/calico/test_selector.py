"""Selectors as people write them. What is accepted and what is refused was held against Calico's own parser."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calico_agent.model.calico.selector import (
    Comparison,
    Every,
    Everything,
    Has,
    Membership,
    Not,
    Operator,
    Selector,
    Some,
)
from calico_agent.sources.datastore.calico.selector import parse_selector
from calico_agent.sources.decode_error import Malformed

A, B, C = Has("a"), Has("b"), Has("c")


def one_of(label: str, *values: str) -> Membership:
    return Membership(label, frozenset(values))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", Everything(), id="nothing selects everything"),
        pytest.param(" \t", Everything(), id="and so do blanks"),
        pytest.param(" all( ) ", Everything(), id="all"),
        pytest.param("global()", Everything(), id="global"),
        pytest.param("has( a\n)", A, id="has, with white space inside"),
        pytest.param("a=='x'", Comparison("a", Operator.EQUAL, "x"), id="equal, single quotes"),
        pytest.param('a != "it\'s"', Comparison("a", Operator.DIFFERENT, "it's"), id="different, quotes in quotes"),
        pytest.param("a contains'x'", Comparison("a", Operator.CONTAINS, "x"), id="contains"),
        pytest.param("a starts with 'x'", Comparison("a", Operator.STARTS_WITH, "x"), id="starts with"),
        pytest.param("a startswith'x'", Comparison("a", Operator.STARTS_WITH, "x"), id="starts with, in one word"),
        pytest.param("a ends \n with 'x'", Comparison("a", Operator.ENDS_WITH, "x"), id="ends with"),
        pytest.param("a in {'x', 'y', 'x'}", one_of("a", "x", "y"), id="in"),
        pytest.param("a in{}", one_of("a"), id="in nothing"),
        pytest.param("a in {'x',}", one_of("a", "x"), id="a comma at the end"),
        pytest.param("a not in {'x'}", Membership("a", frozenset({"x"}), inside=False), id="not in"),
        pytest.param("a notin {'x'}", Membership("a", frozenset({"x"}), inside=False), id="not in, in one word"),
        pytest.param("in in {'in'}", one_of("in", "in"), id="a label may be called in"),
        pytest.param("has == 'x'", Comparison("has", Operator.EQUAL, "x"), id="or has"),
        pytest.param(
            "node-role.kubernetes.io/a_b == ''",
            Comparison("node-role.kubernetes.io/a_b", Operator.EQUAL, ""),
            id="every character that a label may have",
        ),
        pytest.param("a == 'é\n'", Comparison("a", Operator.EQUAL, "é\n"), id="a text may be anything"),
        pytest.param("!has(a)", Not(A), id="not"),
        pytest.param("! !!has(a)", Not(A), id="three times not"),
        pytest.param("!!has(a)", A, id="twice not is nothing"),
        pytest.param("!(!has(a))", A, id="also with brackets between"),
        pytest.param("!a == 'x'", Not(Comparison("a", Operator.EQUAL, "x")), id="not belongs to the whole comparison"),
        pytest.param("has(a) && has(b) && has(c)", Every((A, B, C)), id="several with and"),
        pytest.param("has(a)||has(b)||has(c)", Some((A, B, C)), id="several with or"),
        pytest.param("has(a) && has(b) || has(c)", Some((Every((A, B)), C)), id="and binds closer than or"),
        pytest.param("has(a) || has(b) && has(c)", Some((A, Every((B, C)))), id="on both sides"),
        pytest.param("(has(a) || has(b)) && has(c)", Every((Some((A, B)), C)), id="brackets bind closest"),
        pytest.param("((has(a)))", A, id="brackets around one thing"),
        pytest.param(f"{'(' * 50}has(a){')' * 50}", A, id="fifty brackets"),
        pytest.param(f"has({'a' * 512})", Has("a" * 512), id="the longest label"),
    ],
)
def test_what_a_selector_means(text: str, expected: Selector) -> None:
    assert parse_selector(text) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("b", "has its end where an operator should be, behind label 'b'", id="a label alone"),
        pytest.param("a b", "cannot be read from 'b' on", id="two labels"),
        pytest.param("b == b", "has the label 'b' where a text in quotes should be", id="no quotes"),
        pytest.param("'b' == b", "has the text 'b' where a label, all(), has() or a bracket should be", id="turned"),
        pytest.param("b in 'x'", "has the text 'x' where '{' should be", id="in a text"),
        pytest.param("b in {'x' 'y'}", "has the text 'y' where '}' should be", id="no comma"),
        pytest.param("b in {,}", "has ',' where '}' should be", id="a comma alone"),
        pytest.param("b inx {'x'}", "cannot be read from \"inx {'x'}\" on", id="a word that begins with in"),
        pytest.param("b = 'x'", "cannot be read from \"= 'x'\" on", id="one equals sign"),
        pytest.param("b == 'x' & c == 'y'", "cannot be read from \"& c == 'y'\" on", id="one ampersand"),
        pytest.param("b == 'x' |", "cannot be read from '|' on", id="one bar"),
        pytest.param("b == 'x' &&", "has its end where a label, all(), has() or a bracket should be", id="and nothing"),
        pytest.param("b == \"x'", "cannot be read from '\"x\\'' on", id="quotes that do not end"),
        pytest.param("!", "has its end where a label, all(), has() or a bracket should be", id="not alone"),
        pytest.param("()", "has ')' where a label, all(), has() or a bracket should be", id="empty brackets"),
        pytest.param("(has(a)", "has its end where ')' should be", id="a bracket that does not end"),
        pytest.param("has(a))", "has ')' where its end should be", id="one bracket too many"),
        pytest.param("has(a) has(b)", "has has(b) where its end should be", id="nothing between"),
        pytest.param("has(a b)", "cannot be read from 'b)' on", id="two labels in has"),
        pytest.param("all(a)", "has '(' where an operator should be, behind label 'all'", id="all of something"),
        pytest.param("a == 'x'\n", "cannot be read from '\\n' on", id="a line break"),
        pytest.param("%", "cannot be read from '%' on", id="junk"),
        pytest.param(f"{'(' * 51}has(a){')' * 51}", "has more than 50 brackets in each other", id="too many brackets"),
        pytest.param(f"has({'a' * 513})", "cannot be read from 'a)' on", id="a label that is too long"),
        pytest.param("!" * 30_000, "has more than 20000 words", id="endless"),
    ],
)
def test_what_is_no_selector(text: str, reason: str) -> None:
    with pytest.raises(Malformed) as refused:
        parse_selector(text)
    assert refused.value.what == reason


WORDS = ("a", "b", "in", "not", "all", "has", "global", "contains", "starts", "with", "ends", "all()", "has(a)")
MARKS = ("(", ")", "{", "}", ",", "==", "!=", "!", "&&", "||", "'x'", '"y"', "'", '"', "=", "&", "|")
PIECES = st.sampled_from(WORDS + MARKS)


def read(text: str) -> Selector | Malformed:
    try:
        return parse_selector(text)
    except Malformed as malformed:
        return malformed


@given(st.text() | st.lists(PIECES, max_size=30).map(" ".join) | st.lists(PIECES, max_size=30).map("".join))
def test_any_text_is_a_selector_or_malformed(text: str) -> None:
    found = read(text)
    if isinstance(found, Malformed):
        assert found.what.isprintable()
        assert len(found.what) < 300
    else:
        assert parse_selector(str(found)) == found
        assert found.matches({"a": "x"}) in {True, False}


@pytest.mark.parametrize("piece", ["(", "!(", "a in {", "has(a)&&(", "'", "a starts "])
def test_the_deepest_nonsense_is_refused_at_once(piece: str) -> None:
    with pytest.raises(Malformed):
        parse_selector(piece * 100_000)


LABELS = st.from_regex(r"[a-zA-Z0-9_./-]{1,20}", fullmatch=True)
VALUES = st.text(max_size=10).map(lambda text: text.replace("'", ""))
SELECTORS: st.SearchStrategy[Selector] = st.recursive(
    st.just(Everything())
    | st.builds(Has, LABELS)
    | st.builds(Comparison, LABELS, st.sampled_from(Operator), VALUES)
    | st.builds(Membership, LABELS, st.frozensets(VALUES, max_size=4), st.booleans()),
    lambda inner: (
        inner.map(lambda one: one.operand if isinstance(one, Not) else Not(one))
        | st.lists(inner, min_size=2, max_size=4).map(lambda found: Every(tuple(found)))
        | st.lists(inner, min_size=2, max_size=4).map(lambda found: Some(tuple(found)))
    ),
    max_leaves=12,
)


@given(SELECTORS, st.dictionaries(LABELS, VALUES, max_size=4))
def test_the_text_of_a_selector_reads_as_the_same(selector: Selector, labels: dict[str, str]) -> None:
    again = parse_selector(str(selector))
    assert again == selector
    assert again.matches(labels) == selector.matches(labels)
