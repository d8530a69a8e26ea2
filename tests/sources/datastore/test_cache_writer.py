"""The thread that keeps the snapshot up to date, on a real disk."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from calico_agent.model.calico.node import Datastore
from calico_agent.sources.datastore import cache_writer as keeper_module
from calico_agent.sources.datastore.cache import SnapshotFile
from calico_agent.sources.datastore.cache_writer import CacheWriter
from tests.patience import until
from tests.sources.datastore.test_cache import AT, ETCD, READ


@pytest.fixture
def file(tmp_path: Path) -> SnapshotFile:
    return SnapshotFile(tmp_path / "datastore.snapshot", ETCD)


@pytest.fixture
def keep(file: SnapshotFile, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., CacheWriter]]:
    """Starts keepers that look often, and stops them."""
    monkeypatch.setattr(keeper_module, "_LOOK_SECONDS", 0.02)
    monkeypatch.setattr(keeper_module, "_SHORTEST", 0.02)
    keepers = []

    def start(read: Callable[[], Datastore]) -> CacheWriter:
        keeper = CacheWriter(file)
        keepers.append(keeper)
        keeper.load()
        keeper.keep(read)
        return keeper

    yield start
    for keeper in keepers:
        keeper.stop()
    assert not [thread.name for thread in threading.enumerate() if thread.name == "etcd snapshot"]


def test_what_is_read_is_kept_and_comes_back(file: SnapshotFile, keep: Callable[..., CacheWriter]) -> None:
    fresh = replace(READ, read_at=datetime.now(UTC))
    keep(lambda: fresh)
    until("the file is as wanted", lambda: file.load() == fresh)
    again = CacheWriter(file)
    assert again.kept_from is None
    assert again.load() == fresh
    assert again.kept_from == fresh.read_at


def test_one_that_is_of_no_use_is_told_until_it_is_replaced(
    file: SnapshotFile, keep: Callable[..., CacheWriter]
) -> None:
    file.path.write_text("junk")
    keeper = CacheWriter(file)
    assert keeper.load() is None
    assert keeper.error is not None
    assert keeper.error.reason == f"{file.path} is of no use: the value is not JSON"
    started = keep(lambda: READ)
    until("the file is as wanted", lambda: started.error is None and file.load() == READ)


def test_what_has_not_changed_is_not_written_again_until_it_is_old(
    file: SnapshotFile, keep: Callable[..., CacheWriter]
) -> None:
    later = replace(READ, read_at=AT + timedelta(minutes=5))
    readings = [READ]
    keeper = keep(lambda: readings[-1])
    until("the file is as wanted", lambda: file.load() == READ)
    readings.append(later)
    time.sleep(0.2)
    assert file.load() == READ
    keeper.stop()
    assert file.load() == later, "the last write renews its age"


def test_a_reading_that_cannot_be_written_is_told_and_the_agent_goes_on(
    file: SnapshotFile, keep: Callable[..., CacheWriter]
) -> None:
    file.path.mkdir()
    keeper = keep(lambda: READ)
    until("the file is as wanted", lambda: keeper.error is not None and "cannot be written" in keeper.error.reason)
    file.path.rmdir()
    until("the file is as wanted", lambda: keeper.error is None)
