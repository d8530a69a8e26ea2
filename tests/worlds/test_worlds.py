"""Some hundreds of worlds, always the same: nothing is said of the healthy ones."""

import ast
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from tests.worlds.model.values import World
from tests.worlds.properties import PROPERTIES
from tests.worlds.strategies import worlds

MODEL = sorted((Path(__file__).parent / "model").glob("*.py"))
FIXED = settings(
    max_examples=100, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)


@FIXED
@given(worlds())
def test_what_must_hold_of_every_world_holds(world: World) -> None:
    assert [said for check in PROPERTIES for said in check(world)] == []


@pytest.mark.parametrize("file", MODEL, ids=lambda path: path.name)
def test_the_model_knows_nothing_of_what_it_is_to_test(file: Path) -> None:
    nodes = list(ast.walk(ast.parse(file.read_text())))
    imported = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    assert not {name for name in imported if name.startswith("calico_agent")}
    ours = {name for name in imported if name.startswith("tests")}
    assert {name for name in ours if not name.startswith("tests.worlds.model")} == set(), "nor by a detour"
