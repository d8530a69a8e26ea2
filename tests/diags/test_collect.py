"""A bundle is made whatever this host lacks, and in time whatever hangs."""

import io
import os
import socket
import tarfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from calico_agent.config import Config
from calico_agent.config.schema import AgentSection, BirdSection, DockerSection
from calico_agent.diags import collect
from calico_agent.diags.bundle import BundlePart
from calico_agent.diags.collect import make_bundle
from calico_agent.errors import NotRunningError
from calico_agent.state.history import append_history, entry_line


def silent(_page: str) -> str:
    raise NotRunningError("no agent is running here")


def names(content: bytes) -> set[str]:
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        return {member.name.partition("/")[2] for member in tar.getmembers()}


def config(folder: Path) -> Config:
    nowhere = str(folder / "nothing.sock")
    return Config(
        agent=AgentSection(state_dir=str(folder)),
        bird=BirdSection(socket=nowhere, socket6=nowhere),
        docker=DockerSection(url=f"unix://{nowhere}"),
    )


@pytest.fixture
def hung(tmp_path: Path) -> Iterator[str]:
    """A socket that takes connections and says nothing."""
    with closing(socket.socket(socket.AF_UNIX)) as listening:
        listening.bind(str(tmp_path / "hung.sock"))
        listening.listen(64)
        yield str(tmp_path / "hung.sock")


def test_a_host_without_anything_still_tells_its_network_and_its_history(tmp_path: Path) -> None:
    append_history(str(tmp_path), entry_line({"at": "2026-11-27T03:12:05+00:00", "event": "started", "level": "info"}))
    made = make_bundle(config(tmp_path), None, silent)
    host = socket.gethostname()
    assert {f"{host}/ip-addr.json", f"{host}/ip-route.json", "history.jsonl", "look/status.txt", "README.txt"} <= names(
        made.content
    )
    assert made.missing > 3


def test_what_hangs_is_left_behind(tmp_path: Path, hung: str) -> None:
    slow = Config(
        agent=AgentSection(state_dir=str(tmp_path)),
        bird=BirdSection(socket=hung, socket6=hung),
        docker=DockerSection(url=f"unix://{hung}", timeout_seconds=60),
    )
    begun = time.monotonic()
    made = make_bundle(slow, None, silent, seconds=3)
    assert time.monotonic() - begun < 25
    text = opened(made.content, "README.txt")
    assert "(docker)" in text
    assert "MISSING: the rest was not read within 3 s" in text
    assert f"{socket.gethostname()}/ip-addr.json" in names(made.content)


def opened(content: bytes, name: str) -> str:
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        member = next(member for member in tar.getmembers() if member.name.endswith(f"/{name}"))
        return (tar.extractfile(member) or io.BytesIO()).read().decode()


def test_a_lane_with_a_bug_costs_the_others_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is made up: a bug that is known is mended."""

    def broken(_config: Config) -> Iterator[BundlePart]:
        raise RuntimeError("a bug")

    monkeypatch.setattr(collect, "look_parts", broken)
    made = make_bundle(config(tmp_path), None, silent)
    assert "(look)" in opened(made.content, "README.txt")
    assert "RuntimeError('a bug')" in opened(made.content, "README.txt")
    assert f"{os.uname().nodename}/ip-addr.json" in names(made.content)
