"""Pure code does no I/O and data goes one way: what breaks that is refused, as the tests that put it in show."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.places import REPOSITORY
from tests.purity import modules, refusals

PACKAGE = REPOSITORY / "calico_agent"


def test_pure_code_imports_nothing_but_what_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)
    found = dict(modules(PACKAGE))
    assert len(found) > 250
    assert [each for name, source in found.items() for each in refusals(name, source)] == []


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("checks.sentences", "from calico_agent.state.files import StateFile"),
        ("plan.backoff", "import urllib.request"),
        ("text", "import requests"),
        ("identity.name", "from calico_agent.cli import client"),
        ("model.recency", "from calico_agent.state.attempts import AttemptsFile"),
        ("sources.bird.decode.rib", "from calico_agent.sources.bird import client"),
        ("expected.routes", "import os.path"),
        ("faults.correlate", "text = open('/etc/hostname').read()"),
        ("checks.assessment", "from calico_agent.sources.docker.decode import container"),
        ("adopt.translate", "from calico_agent.config.loading import load"),
    ],
)
def test_what_reaches_outside_is_refused(monkeypatch: pytest.MonkeyPatch, module: str, line: str) -> None:
    monkeypatch.chdir(REPOSITORY)
    source = (PACKAGE / f"{module.replace('.', '/')}.py").read_text()
    assert not list(refusals(f"calico_agent.{module}", source))
    assert list(refusals(f"calico_agent.{module}", f"{source}\n{line}\n"))


AGAINST_THE_FLOW = {
    "sources.kernel.reader": "calico_agent.checks.assessment",
    "act.image": "calico_agent.checks.sentences",
    "act.container": "calico_agent.runtime.clock",
    "config.loading": "calico_agent.act.image",
    "model.recency": "calico_agent.state.attempts",
    "expected.cluster": "calico_agent.checks.sentences",
    "sources.bird.client": "calico_agent.config.values",
}


def test_what_goes_against_the_flow_is_refused(tmp_path: Path) -> None:
    """One import of each kind is put into a copy of the package; the contract names every one of them."""
    shutil.copytree(PACKAGE, tmp_path / "calico_agent", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(REPOSITORY / "pyproject.toml", tmp_path)
    for module, imported in AGAINST_THE_FLOW.items():
        path = tmp_path / "calico_agent" / f"{module.replace('.', '/')}.py"
        path.write_text(f"{path.read_text()}\nimport {imported}\n")
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-logo", "--no-cache"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    said = " ".join(done.stdout.split())
    assert done.returncode == 1, done.stdout + done.stderr
    assert [pair for pair in AGAINST_THE_FLOW.items() if f"calico_agent.{pair[0]} -> {pair[1]}" not in said] == []
