"""What a key of the datastore means, its decoders alone know: rules go by the kind and name that these find in it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import calico_agent

PACKAGE = Path(calico_agent.__file__).parent
RULES = ("identity", "expected", "checks", "faults", "plan", "report", "runtime", "act")
KEY_PATH = re.compile(
    r"/calico/(resources|ipam|bgp|v1|v2)\b|/(nodes|ippools|bgp\w+|ipam|block|host|workload|workloadendpoints)/"
)
TAKES_APART = {"partition", "rpartition", "split", "rsplit", "startswith", "endswith", "removeprefix", "removesuffix"}
# What people type to see the record of a claim on a block.
ALLOWED = {("checks/records.py", "/calico/ipam/v2/host/"), ("checks/records.py", "/block/")}


def key_paths(source: str) -> Iterator[str]:
    """Each text in a module that is a part of a key, and each place where a `key` is taken apart or searched."""
    tree = ast.parse(source)
    said = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str(text)) if id(node) not in said and KEY_PATH.search(text):
                yield text
            case ast.Call(func=ast.Attribute(value=ast.Attribute(attr="key"), attr=method)) if method in TAKES_APART:
                yield ast.unparse(node)
            case ast.Compare(ops=[ast.In() | ast.NotIn()], comparators=[ast.Attribute(attr="key")]):
                yield ast.unparse(node)


@pytest.mark.parametrize("package", RULES)
def test_no_rule_looks_into_the_path_of_a_key(package: str) -> None:
    paths = sorted((PACKAGE / package).rglob("*.py"))
    found = {(str(path.relative_to(PACKAGE)), text) for path in paths for text in key_paths(path.read_text())}
    assert paths
    assert found <= ALLOWED


@pytest.mark.parametrize(
    "rule",
    [
        '"/ippools/" in bad.key',
        'bad.key.rpartition("/")[2]',
        '_NODE_KEY = re.compile(r"^/calico/resources/v3/projectcalico.org/nodes/")',
        "mark in bad.key",
    ],
)
def test_one_that_does_is_found(rule: str) -> None:
    assert list(key_paths(rule))
