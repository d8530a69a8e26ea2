"""The documents hang together: the site lists every page, and every link leads somewhere. Needs no mkdocs."""

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
TEXTS = [*sorted(ROOT.glob("*.md")), *PAGES]
FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")
PLACE = re.compile(r"`([\w.][\w./-]*(?:/|\.py))`")


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def nav(entries: list[object]) -> Iterator[str]:
    """The pages of the site in the order of mkdocs.yml."""
    for entry in entries:
        if isinstance(entry, str):
            yield entry
        elif isinstance(entry, dict):
            for below in entry.values():
                yield from nav(below if isinstance(below, list) else [below])


@cache
def anchors(path: Path) -> set[str]:
    """What a link can name in a page: its headings as mkdocs writes them."""
    text = FENCE.sub("", path.read_text())
    return {slug(match[1]) for match in re.finditer(r"^#+ (.+)$", text, re.MULTILINE)}


def slug(heading: str) -> str:
    """Python-Markdown's anchor of a heading."""
    plain = unicodedata.normalize("NFKD", heading).encode("ascii", "ignore").decode()
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", plain).strip().lower())


def test_the_site_lists_every_page_once() -> None:
    site = yaml.safe_load((ROOT / "mkdocs.yml").read_text())
    assert sorted(nav(site["nav"])) == [str(path.relative_to(DOCS)) for path in PAGES]


@pytest.mark.parametrize("path", TEXTS, ids=name)
def test_every_link_leads_somewhere(path: Path) -> None:
    for link in LINK.findall(FENCE.sub("", path.read_text())):
        if link.startswith("https://"):
            continue
        file, _, anchor = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_a_page_of_the_site_links_to_pages_of_the_site_only(path: Path) -> None:
    links = (link.partition("#")[0] for link in LINK.findall(FENCE.sub("", path.read_text())))
    inside = [link for link in links if link and not link.startswith("https://")]
    assert all((path.parent / link).resolve().is_relative_to(DOCS) for link in inside)


@pytest.mark.parametrize("path", TEXTS, ids=name)
def test_a_file_or_folder_that_is_named_is_there(path: Path) -> None:
    named = PLACE.findall(path.read_text()) if path.name != "CHANGELOG.md" else []
    trees = (ROOT, ROOT / "calico_agent")
    made = {line.removeprefix("/") for line in (ROOT / ".gitignore").read_text().splitlines() if line.startswith("/")}
    there = {place for place in named if any((tree / place).exists() for tree in trees)}
    assert set(named) - there - made == set()


def test_the_glossary_names_classes_that_there_are() -> None:
    named = re.findall(r"`([A-Z][a-z]\w+)`", (DOCS / "glossary.md").read_text())
    texts = (path.read_text() for path in (ROOT / "calico_agent").rglob("*.py"))
    classes = {found for text in texts for found in re.findall(r"^class (\w+)", text, re.MULTILINE)}
    assert len(named) > 30
    assert set(named) - classes == set()


def test_the_example_of_a_fault_is_the_code() -> None:
    """Each line of Python on that page stands in the package."""
    page = (DOCS / "adding-a-fault.md").read_text()
    shown = {
        line.strip() for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL) for line in block.splitlines()
    }
    code = {line.strip() for path in (ROOT / "calico_agent").rglob("*.py") for line in path.read_text().splitlines()}
    assert shown - code == set()
