"""The tree of the package: one word for each thing, folders and files of a size that one can survey."""

import re
from collections import Counter, defaultdict
from pathlib import Path, PurePosixPath

import pytest

from tests.places import REPOSITORY

PACKAGE = REPOSITORY / "calico_agent"
MODULES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py") if path.name != "__init__.py")

MIRRORED = frozenset({"backend", "client", "decode", "link", "reader", "watch"})
"""What each outside system and each datastore has, under one name."""

MOST_MODULES = 15
MOST_LINES = 250


def named_twice(modules: list[Path]) -> dict[str, list[str]]:
    """Return the base names that several modules of one stage have, each with their paths below the package.

    A stage is a folder of the package. Two stages may have a module of one name, as they treat one subject: `routes`
    are read, expected and audited. A decoder is named like the reader beside whose folder it lies.
    """
    found: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for path in modules:
        folder = path.parent.parent if path.parent.name == "decode" else path.parent
        place = (folder / path.name).as_posix()
        if path.stem not in MIRRORED and place not in found[path.parts[0], path.stem]:
            found[path.parts[0], path.stem].append(place)
    return {stem: places for (_, stem), places in found.items() if len(places) > 1}


def test_no_two_modules_of_a_stage_have_one_name() -> None:
    assert len(MODULES) > 400
    assert named_twice(MODULES) == {}


@pytest.mark.parametrize(
    ("paths", "twice"),
    [
        (("checks/words.py", "checks/routes/words.py"), {"words"}),
        (("sources/docker/programs.py", "sources/kubernetes/decode/programs.py"), {"programs"}),
        (("sources/docker/programs.py", "sources/docker/decode/programs.py"), set()),
        (("sources/docker/watch.py", "sources/kernel/watch.py"), set()),
        (("plan/rollout.py", "model/container/rollout.py"), set()),
    ],
)
def test_what_counts_as_one_name(paths: tuple[str, ...], twice: set[str]) -> None:
    assert set(named_twice([Path(path) for path in paths])) == twice


def test_no_folder_has_more_modules_than_one_surveys() -> None:
    found = Counter(PurePosixPath(path.parent) for path in MODULES)
    assert {str(folder): number for folder, number in found.items() if number > MOST_MODULES} == {}


def test_no_module_is_longer_than_one_reads_at_once() -> None:
    lines = {str(path): len((PACKAGE / path).read_text().splitlines()) for path in MODULES}
    assert {path: number for path, number in lines.items() if number > MOST_LINES} == {}


def test_no_two_public_classes_have_one_name() -> None:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for path in MODULES:
        for name in re.findall(r"^class ([A-Z]\w*)", (PACKAGE / path).read_text(), re.MULTILINE):
            found[name].append(path.as_posix())
    assert {name: paths for name, paths in found.items() if len(paths) > 1} == {}
