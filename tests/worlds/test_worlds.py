"""Some worlds, always the same: nothing is said of the healthy ones, and of a fault what is right."""

import ast
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from tests.worlds.health import false_alarms
from tests.worlds.properties import wrong
from tests.worlds.strategies import Case, cases

MODEL = sorted((Path(__file__).parent / "model").glob("*.py"))
FIXED = settings(
    max_examples=60, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)


@settings(FIXED, max_examples=300)
@given(cases())
def test_nothing_is_said_of_a_healthy_world(case: Case) -> None:
    assert false_alarms(case.world) == []


@FIXED
@given(cases())
def test_a_healthy_world_is_left_alone_and_a_fault_is_told_where_it_is(case: Case) -> None:
    assert wrong(case) == []


@pytest.mark.parametrize("file", MODEL, ids=lambda path: path.name)
def test_the_model_knows_nothing_of_what_it_is_to_test(file: Path) -> None:
    nodes = list(ast.walk(ast.parse(file.read_text())))
    imported = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    assert not {name for name in imported if name.startswith("calico_agent")}
    ours = {name for name in imported if name.startswith("tests")}
    assert {name for name in ours if not name.startswith("tests.worlds.model")} == set(), "nor by a detour"
