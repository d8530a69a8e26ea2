"""The lock names all that a host is given, by hash, and nothing that pyproject.toml would not take."""

import re
import tomllib
from importlib.metadata import requires

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.places import REPOSITORY

DECLARED = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["dependencies"]


def locked(name: str) -> dict[str, str]:
    """Name -> version of a lock, each with at least one hash."""
    text = (REPOSITORY / "packages" / name).read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line]
    assert all(re.search(r"--hash=sha256:[0-9a-f]{64}", line) for line in lines)
    assert "://" not in text
    return {canonicalize_name(line.partition("==")[0]): line.partition("==")[2].split()[0] for line in lines}


LOCK = locked("requirements.txt")


@pytest.mark.parametrize("text", DECLARED)
def test_it_holds_a_version_that_is_declared(text: str) -> None:
    requirement = Requirement(text)
    assert requirement.specifier.contains(LOCK[canonicalize_name(requirement.name)])


def test_it_holds_what_these_need_in_turn_and_nothing_else() -> None:
    needed, left = set[str](), [Requirement(text) for text in DECLARED]
    while left:
        name = canonicalize_name(left.pop().name)
        if name not in needed:
            needed.add(name)
            below = map(Requirement, requires(name) or ())
            left += [one for one in below if one.marker is None or one.marker.evaluate({"extra": ""})]
    assert needed == set(LOCK)


def test_the_tools_are_locked_as_well() -> None:
    wanted = (REPOSITORY / "packages" / "tools.in").read_text().splitlines()
    assert {line for line in wanted if not line.startswith("#")} <= set(locked("tools.txt"))
