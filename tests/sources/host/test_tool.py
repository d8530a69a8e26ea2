"""Programs that are run to be read."""

import os
from pathlib import Path

import pytest

from calico_agent.model.unreadable import Unreadable
from calico_agent.sources.host import tool
from calico_agent.sources.host.tool import find_tool, run_tool

SH = Path("/bin/sh")


def test_what_it_prints() -> None:
    assert run_tool(SH, "-c", "echo to read; echo beside >&2", seconds=20, limit=100) == "to read\n"


def test_of_one_that_fails_what_it_complains_of() -> None:
    found = run_tool(SH, "-c", "echo no right >&2; exit 3", seconds=20, limit=100)
    assert isinstance(found, Unreadable)
    assert found.reason.endswith("failed: no right.")


def test_one_that_hangs_is_ended() -> None:
    found = run_tool(SH, "-c", "exec sleep 1000", seconds=0.2, limit=100)
    assert isinstance(found, Unreadable)
    assert "did not end in time" in found.reason


def test_one_that_prints_for_ever_is_ended() -> None:
    found = run_tool(SH, "-c", "while :; do echo more; done", seconds=20, limit=1000)
    assert isinstance(found, Unreadable)
    assert "more than 1000 bytes" in found.reason


@pytest.mark.real
def test_only_what_root_alone_may_write_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tool, "_FOLDERS", (tmp_path,))
    mine = tmp_path / "nft"
    mine.write_text("#!/bin/sh\n")
    mine.chmod(0o755)
    assert find_tool("absent", "nft") == mine
    os.chown(mine, 65534, 65534)
    assert find_tool("nft") is None
