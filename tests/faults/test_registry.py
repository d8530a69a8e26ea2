"""A fault is declared once, explained well, and referred to by its symbol."""

import ast
import importlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import calico_agent
import tests.checks
from calico_agent.faults import correlate
from calico_agent.faults.registry import FAULTS
from calico_agent.faults.routes.table import RT_MISSING
from calico_agent.model.finding import Fault, Severity
from tests.checks.case import Case
from tests.checks.preflight.case import CheckCase

PACKAGE = Path(calico_agent.__path__[0])
CODE = re.compile(r"(?<![\w-])[A-Z]+(?:-[A-Z]+)+(?![\w-])")


def tables() -> Iterator[Mapping[str, Case | CheckCase]]:
    """The cases of all rules: every `CASES` of a test of `checks`."""
    for path in sorted(Path(tests.checks.__path__[0]).rglob("test_*.py")):
        name = ".".join(("tests", "checks", *path.relative_to(tests.checks.__path__[0]).with_suffix("").parts))
        yield getattr(importlib.import_module(name), "CASES", {})


def name_of(path: Path) -> str:
    """The name by which a module of the package is imported."""
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)


def literals(path: Path) -> Iterator[str]:
    """The strings of a module that are no docstrings."""
    tree = ast.parse(path.read_text())
    documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    statements = [node for node in ast.walk(tree) if isinstance(node, ast.Expr)]
    bodies = {id(node.body[0]) for node in ast.walk(tree) if isinstance(node, documented) and node.body}
    docstrings = {id(one.value) for one in statements if id(one) in bodies}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value


def declared() -> Iterator[tuple[str, str, Fault]]:
    """Module, symbol and fault of each `SYMBOL = Fault(...)` in the folder of faults."""
    for path in sorted((PACKAGE / "faults").rglob("*.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.Assign) and ast.unparse(node.value).startswith("Fault("):
                symbol = ast.unparse(node.targets[0])
                yield name_of(path), symbol, getattr(importlib.import_module(name_of(path)), symbol)


def test_each_declaration_is_registered_once() -> None:
    codes = [fault.code for _, _, fault in declared()]
    assert sorted(codes) == sorted(FAULTS)


def test_a_symbol_is_called_like_its_code() -> None:
    assert {symbol for _, symbol, _ in declared()} == {code.replace("-", "_") for code in FAULTS}


def test_no_string_spells_a_code_outside_its_declaration() -> None:
    """A code that is misspelt in a string is noticed by nobody. Explanations may name others."""
    named = [
        (code, name_of(path))
        for path in PACKAGE.rglob("*.py")
        for text in literals(path)
        if CODE.fullmatch(text) or "faults" not in path.parts
        for code in CODE.findall(text)
        if code in FAULTS
    ]
    assert sorted(named) == sorted((fault.code, module) for module, _, fault in declared())


def test_what_joins_findings_knows_no_single_fault() -> None:
    assert [one for one in vars(correlate).values() if isinstance(one, Fault)] == []


def test_every_code_is_given_by_some_case() -> None:
    given = {code for table in tables() for case in table.values() for code in case.codes()}
    assert set(FAULTS) - given == set()


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_an_explanation_says_what_how_and_what_to_do(fault: Fault) -> None:
    paragraphs = fault.explanation.split("\n\n")
    assert len(paragraphs) == 3
    assert all(paragraph.endswith((".", "`)")) for paragraph in paragraphs)
    assert max(map(len, fault.explanation.splitlines())) <= 100
    assert fault.title[0].islower() or not fault.title[:2].islower()
    assert not fault.title.endswith(".")


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_an_explanation_names_codes_that_exist(fault: Fault) -> None:
    areas = {code.partition("-")[0] for code in FAULTS}
    named = {code for code in CODE.findall(fault.explanation) if code.partition("-")[0] in areas}
    assert named <= set(FAULTS)


def test_a_finding_takes_weight_and_condition_from_its_fault() -> None:
    usual = RT_MISSING.finding("a", "b")
    assert (usual.fault, usual.severity, usual.condition) == (RT_MISSING, RT_MISSING.severity, RT_MISSING.condition)
    assert RT_MISSING.finding("a", "b", severity=Severity.INFO).severity is Severity.INFO
