"""Go's regular expressions in Python: read alike, or refused. The answers of Go are those of Go 1.24's regexp."""

import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calico_agent.model.calico.go_regex import compile_go

NAMES = ("eth0", "eth10", "ens3", "br-1234deadbeaf", "lo", "bond0.100", "veth_1", "ETH0", "wg[0]", "x{,1}", "e&t|h~")

# Each expression with the names in which Go finds it.
FOUND = {
    "eth": ("eth0", "eth10", "veth_1"),
    "^eth": ("eth0", "eth10"),
    "^eth0$": ("eth0",),
    r"^eth0\z": ("eth0",),
    "eth[0-9]": ("eth0", "eth10"),
    "(?i)^eth0": ("eth0", "ETH0"),
    "(?i:E)TH0": ("ETH0",),
    "^(eth|ens)[0-9]+$": ("eth0", "eth10", "ens3"),
    "^(?:lo|bond.*)$": ("lo", "bond0.100"),
    r"\.100": ("bond0.100",),
    r"^\w+$": ("eth0", "eth10", "ens3", "lo", "veth_1", "ETH0"),
    r"\_1": ("veth_1",),
    "[[]": ("wg[0]",),
    "[]]": ("wg[0]",),
    "[&~|]": ("e&t|h~",),
    r"x{,1}": ("x{,1}",),
    "h{1}0": ("eth0",),
    r"\x30$": ("eth0", "eth10", "bond0.100", "ETH0"),
    "": NAMES,
}


@pytest.mark.parametrize(("expression", "found"), FOUND.items())
def test_is_found_where_go_finds_it(expression: str, found: tuple[str, ...]) -> None:
    pattern = compile_go(expression)
    assert tuple(name for name in NAMES if pattern.search(name)) == found


def test_the_end_is_the_very_end() -> None:
    """Python's $ also matches before a last line end."""
    assert compile_go("eth0$").search("eth0\n") is None


def test_digits_are_those_of_ascii() -> None:
    assert compile_go(r"eth\d").search("eth\N{ARABIC-INDIC DIGIT TWO}") is None


REFUSED = {
    "look-ahead, which Go lacks": "(?=eth)",
    "look-behind, which Go lacks": "(?<=v)eth",
    "a back reference, which Go lacks": r"(e)\1",
    "possessive repetition, which is nested to Go": "e++",
    "nested repetition": "e**",
    "a comment group": "(?#x)",
    "verbose flags": "(?x)eth",
    "flags in the middle, whose reach differs": "e(?i)th",
    "a Unicode class, which Python lacks": r"\pL",
    "quoting, which Python lacks": r"\Qeth\E",
    "a named class, which Python lacks": "[[:alpha:]]",
    "an escape only Python knows": "\\u0041",
    "Python's end of text": r"eth\Z",
    "a difference of classes in Python's future": "[a--b]",
    "more repetitions than Go allows": "e{1001}",
    "a parenthesis that is not closed": "(eth",
    "a class that is not closed": "[eth",
    "a repetition of nothing": "*eth",
    "a backslash at the end": "eth\\",
}


@pytest.mark.parametrize("expression", REFUSED.values(), ids=REFUSED.keys())
def test_refuses(expression: str) -> None:
    with pytest.raises(ValueError, match=r"^(has|is|repeats|cannot be used) "):
        compile_go(expression)


@given(st.text(max_size=30))
def test_any_text_is_a_pattern_or_a_fault(text: str) -> None:
    with suppress(ValueError):
        assert isinstance(compile_go(text), re.Pattern)
