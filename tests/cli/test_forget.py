"""`forget` as it is typed: what follows is said, a person is asked, and nobody else is harmed.

A host without Docker and etcd, and without a running agent; with them it is tried in tests/lab.
"""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from calico_agent.cli.main import main
from calico_agent.config import load
from calico_agent.model.identity import KeptIdentity
from calico_agent.runtime.single import Locks
from calico_agent.state.identity import IdentityFile
from tests.patience import PATIENCE

pytestmark = pytest.mark.real

KEPT = KeptIdentity("", "host1", "host name")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The configuration of a host on which something is kept."""
    path = tmp_path / "agent.toml"
    path.write_text(
        f'mode = "supervise"\n[agent]\nstate_dir = "{tmp_path}/state"\n[http]\nsocket = "{tmp_path}/agent.sock"\n'
        f'[docker]\nurl = "unix://{tmp_path}/docker.sock"\n[datastore]\nendpoints = ["http://127.0.0.1:1"]\n'
        '[node]\nimage = "calico/node:v3.31.7"\n'
    )
    IdentityFile(str(tmp_path / "state")).save(KEPT)
    return path


def kept(file: Path) -> KeptIdentity:
    return IdentityFile(str(file.parent / "state")).load()


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("\n", 1)], ids=["yes", "nothing"])
def test_a_person_is_told_what_follows_and_asked(file: Path, answer: str, code: int) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "calico_agent", "forget", "identity", "--config", str(file)]
    try:
        with subprocess.Popen(
            command, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as asked:
            os.write(ours, answer.encode())
            out, err = asked.communicate(timeout=3 * PATIENCE)
    finally:
        os.close(ours)
        os.close(theirs)
    assert (asked.returncode, kept(file) == KeptIdentity()) == (code, code == 0), err
    assert err.startswith("kept: node host1\nwithout it: node ")
    assert "what follows: " in err
    assert "forget it? [y/N] " in err
    assert ("forgotten; " in out) is (code == 0)


def test_without_a_terminal_somebody_has_to_say_yes(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["forget", "identity", "--config", str(file)]) == 2
    assert "nobody can be asked here (--yes does it without asking)" in capsys.readouterr().err
    assert kept(file) == KEPT


def test_an_agent_that_does_not_answer_is_not_passed_over(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It would write what it remembers anew."""
    locks = Locks(file.parent)
    config = load(file, {})
    locks.take(config)
    try:
        assert main(["forget", "identity", "--yes", "--config", str(file)]) == 1
    finally:
        locks.release()
    assert "another calico-agent" in capsys.readouterr().err
    assert kept(file) == KEPT


def test_a_claim_that_nobody_can_look_up_stays(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["forget", "claim", "--yes", "--config", str(file)]) == 1
    assert "which name this machine has claimed is not known: etcd: " in capsys.readouterr().err


def test_nothing_kept_is_said(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    IdentityFile(str(file.parent / "state")).remove()
    assert main(["forget", "identity", "--config", str(file)]) == 0
    assert capsys.readouterr().out == "nothing is kept of who this host is\n"
