"""Which labels a selector matches."""

import pytest

from calico_agent.model.calico.selector import (
    Comparison,
    Every,
    Everything,
    Has,
    Labels,
    Membership,
    Not,
    Operator,
    Selector,
    Some,
)

RACK1 = Comparison("rack", Operator.EQUAL, "1")
NOT_RACK1 = Comparison("rack", Operator.DIFFERENT, "1")
OUTSIDE = Membership("rack", frozenset({"1", "2"}), inside=False)


@pytest.mark.parametrize(
    ("selector", "labels", "expected"),
    [
        pytest.param(Everything(), {}, True, id="everything matches what has no labels"),
        pytest.param(Has("rack"), {"rack": ""}, True, id="a label may be empty and is there"),
        pytest.param(Has("rack"), {"tier": "1"}, False, id="a label that is not there"),
        pytest.param(RACK1, {"rack": "1"}, True, id="equal"),
        pytest.param(RACK1, {"rack": "11"}, False, id="not equal"),
        pytest.param(RACK1, {}, False, id="nothing is equal to a label that is not there"),
        pytest.param(NOT_RACK1, {"rack": "2"}, True, id="different"),
        pytest.param(NOT_RACK1, {"rack": "1"}, False, id="not different"),
        pytest.param(NOT_RACK1, {}, True, id="a label that is not there is different from every text"),
        pytest.param(Comparison("rack", Operator.CONTAINS, "ow"), {"rack": "row1"}, True, id="contains"),
        pytest.param(Comparison("rack", Operator.CONTAINS, ""), {}, False, id="contains, but not there"),
        pytest.param(Comparison("rack", Operator.STARTS_WITH, "ro"), {"rack": "row1"}, True, id="starts with"),
        pytest.param(Comparison("rack", Operator.STARTS_WITH, "ow"), {"rack": "row1"}, False, id="starts otherwise"),
        pytest.param(Comparison("rack", Operator.ENDS_WITH, "w1"), {"rack": "row1"}, True, id="ends with"),
        pytest.param(Comparison("rack", Operator.ENDS_WITH, "ro"), {"rack": "row1"}, False, id="ends otherwise"),
        pytest.param(Membership("rack", frozenset({"1", "2"})), {"rack": "2"}, True, id="one of several"),
        pytest.param(Membership("rack", frozenset({"1", "2"})), {"rack": "3"}, False, id="none of several"),
        pytest.param(Membership("rack", frozenset({"1", "2"})), {}, False, id="one that is not there is none of them"),
        pytest.param(Membership("rack", frozenset()), {"rack": "1"}, False, id="nothing is one of none"),
        pytest.param(OUTSIDE, {"rack": "3"}, True, id="outside of several"),
        pytest.param(OUTSIDE, {"rack": "1"}, False, id="not outside"),
        pytest.param(OUTSIDE, {}, True, id="what is not there is outside"),
        pytest.param(Not(RACK1), {"rack": "1"}, False, id="not what matches"),
        pytest.param(Not(RACK1), {}, True, id="what does not match"),
        pytest.param(Every((RACK1, Has("tier"))), {"rack": "1", "tier": ""}, True, id="every one of two"),
        pytest.param(Every((RACK1, Has("tier"))), {"rack": "1"}, False, id="one of two is not every"),
        pytest.param(Some((RACK1, Has("tier"))), {"tier": ""}, True, id="some of two"),
        pytest.param(Some((RACK1, Has("tier"))), {"rack": "2"}, False, id="none of two"),
    ],
)
def test_what_a_selector_matches(selector: Selector, labels: Labels, *, expected: bool) -> None:
    assert selector.matches(labels) is expected


@pytest.mark.parametrize(
    ("selector", "text"),
    [
        pytest.param(Everything(), "all()", id="everything"),
        pytest.param(Not(Has("rack")), "!has(rack)", id="not"),
        pytest.param(RACK1, 'rack == "1"', id="double quotes"),
        pytest.param(Comparison("rack", Operator.STARTS_WITH, '"1'), "rack starts with '\"1'", id="single quotes"),
        pytest.param(Membership("rack", frozenset({"b", "a"})), 'rack in {"a", "b"}', id="in the order of the texts"),
        pytest.param(OUTSIDE, 'rack not in {"1", "2"}', id="not in"),
        pytest.param(
            Some((Every((RACK1, Has("a"))), Has("b"))), 'rack == "1" && has(a) || has(b)', id="no brackets needed"
        ),
        pytest.param(
            Every((Some((RACK1, Has("a"))), Has("b"))), '(rack == "1" || has(a)) && has(b)', id="brackets needed"
        ),
        pytest.param(
            Every((Every((RACK1, Has("a"))), Has("b"))), '(rack == "1" && has(a)) && has(b)', id="brackets kept"
        ),
        pytest.param(Not(Some((RACK1, Has("a")))), '!(rack == "1" || has(a))', id="brackets behind not"),
    ],
)
def test_the_text_of_a_selector(selector: Selector, text: str) -> None:
    assert str(selector) == text
