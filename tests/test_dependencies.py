"""pyproject.toml declares what is imported, and nothing else: nothing comes by chance with another package."""

import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DECLARED = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
# A line that imports: one module each, as ruff has it. To parse all files takes seconds.
IMPORT = re.compile(r"^\s*(?:from (\w+)[\w.]* import\b|import (\w+)[\w.]*(?: as \w+)?\s*(?:#|$))", re.MULTILINE)
# Declared for its bounds alone.
BOUNDED = {"protobuf"}  # etcd3 imports it and names no bounds


def distributions(requirements: list[str]) -> set[str]:
    """The normalized names of requirements."""
    names = [re.match(r"[\w.-]+", requirement) for requirement in requirements]
    return {_normalized(name[0]) for name in names if name}


def imported(package: str) -> set[str]:
    """The distributions that a package imports, at whatever depth of a module."""
    known = packages_distributions()
    texts = (path.read_text() for path in (ROOT / package).rglob("*.py"))
    names = {match[1] or match[2] for text in texts for match in IMPORT.finditer(text)}
    own = {*sys.stdlib_module_names, "_typeshed", "calico_agent", "tests"}
    return {_normalized(distribution) for name in names - own for distribution in known.get(name, [name])}


def _normalized(name: str) -> str:
    return name.lower().replace("_", "-")


def test_what_the_package_imports_is_declared_and_the_other_way_round() -> None:
    assert imported("calico_agent") | BOUNDED == distributions(DECLARED["dependencies"])


def test_what_the_tests_import_is_declared() -> None:
    declared = DECLARED["dependencies"] + DECLARED["optional-dependencies"]["test"]
    assert imported("tests") - distributions(declared) == set()


@pytest.mark.parametrize("group", ["dependencies", *DECLARED["optional-dependencies"]])
def test_no_group_declares_a_distribution_twice(group: str) -> None:
    requirements = DECLARED["optional-dependencies"].get(group, DECLARED["dependencies"])
    assert len(distributions(requirements)) == len(requirements)
