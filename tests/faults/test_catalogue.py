"""The catalogue is complete: no rule has a code without an entry, and no entry is without a rule."""

import ast
import importlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import calico_agent
import tests.checks
from calico_agent.faults.catalogue import CATALOGUE, finding
from calico_agent.faults.catalogue.entry import Entry
from calico_agent.model.finding import Severity
from tests.checks.case import Case
from tests.checks.preflight.case import CheckCase

CODE = re.compile(r"(AGENT|IP|NAME|NODE|DS|DOCKER|KERNEL|HOST|SV|BIRD|BGP|RT)(-[A-Z]+)+")


def tables() -> Iterator[Mapping[str, Case | CheckCase]]:
    """The cases of all rules: every `CASES` of a test of `checks`."""
    for path in sorted(Path(tests.checks.__path__[0]).rglob("test_*.py")):
        name = ".".join(("tests", "checks", *path.relative_to(tests.checks.__path__[0]).with_suffix("").parts))
        yield getattr(importlib.import_module(name), "CASES", {})


def codes_in_rules() -> set[str]:
    """Every word in the package's strings that is written like a code."""
    package = Path(calico_agent.__path__[0])
    strings = (
        value.value
        for folder in ("checks", "expected", "faults")
        for path in (package / folder).rglob("*.py")
        if path.parent.name != "catalogue"
        for value in ast.walk(ast.parse(path.read_text()))
        if isinstance(value, ast.Constant) and isinstance(value.value, str) and "\n" not in value.value
    )
    return {match[0] for text in strings for match in CODE.finditer(text) if not text.endswith("-")}


def test_every_code_that_a_rule_names_is_explained() -> None:
    assert codes_in_rules() - set(CATALOGUE) == set()


def test_every_code_is_given_by_some_case() -> None:
    given = {code for table in tables() for case in table.values() for code in case.codes()}
    assert set(CATALOGUE) - given == set()


@pytest.mark.parametrize("entry", CATALOGUE.values(), ids=CATALOGUE.keys())
def test_an_explanation_says_what_how_and_what_to_do(entry: Entry) -> None:
    paragraphs = entry.explanation.split("\n\n")
    assert len(paragraphs) == 3
    assert all(paragraph.endswith((".", "`)")) for paragraph in paragraphs)
    assert max(map(len, entry.explanation.splitlines())) <= 100
    assert entry.title[0].islower() or not entry.title[:2].islower()
    assert not entry.title.endswith(".")


def test_a_finding_takes_weight_and_condition_from_its_entry() -> None:
    entry = CATALOGUE["RT-MISSING"]
    usual = finding("RT-MISSING", "a", "b")
    assert (usual.severity, usual.condition) == (entry.severity, entry.condition)
    assert finding("RT-MISSING", "a", "b", severity=Severity.INFO).severity is Severity.INFO
