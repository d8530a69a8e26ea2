"""The thread that keeps the history: no disk holds up who hands in events, and nothing is lost without a word."""

import threading
import time
from datetime import UTC, datetime
from pathlib import Path

from calico_agent.model.report import Event
from calico_agent.state.history import append_history, read_history
from calico_agent.state.history_writer import HistoryWriter
from tests.patience import until

AT = datetime(2026, 11, 27, 3, 12, tzinfo=UTC)


def event(number: int, **fields: object) -> Event:
    return Event("acting", fields={"number": number, **fields})


class Disk:
    """A disk that is full, or takes its time, when the test says so; else the real one."""

    def __init__(self) -> None:
        self.error: OSError | None = None
        self.free = threading.Event()
        self.free.set()

    def append(self, state_dir: str, lines: bytes) -> None:
        self.free.wait()
        if self.error is not None:
            raise self.error
        append_history(state_dir, lines)


def kept(folder: Path) -> list[object]:
    return [one.get("number", one["event"]) for one in read_history(str(folder))]


def test_a_stop_writes_what_is_left(tmp_path: Path) -> None:
    writer = HistoryWriter(str(tmp_path))
    writer.keep([event(1), event(2)], AT)
    writer.keep([event(3)], AT)
    writer.stop()
    assert kept(tmp_path) == [1, 2, 3]


def test_a_restart_goes_on_where_it_was(tmp_path: Path) -> None:
    for number in (1, 2):
        writer = HistoryWriter(str(tmp_path))
        writer.keep([event(number)], AT)
        writer.stop()
    assert kept(tmp_path) == [1, 2]


def test_without_a_place_there_is_no_thread() -> None:
    writer = HistoryWriter("")
    writer.keep([event(1)], AT)
    assert not writer.started
    writer.stop()


def test_a_disk_that_hangs_holds_up_nobody(tmp_path: Path) -> None:
    disk = Disk()
    disk.free.clear()
    writer = HistoryWriter(str(tmp_path), disk.append)
    begun = time.monotonic()
    for number in range(5000):
        writer.keep([event(number)], AT)
    assert time.monotonic() - begun < 5
    disk.free.set()
    writer.stop()
    found = kept(tmp_path)
    assert found[-1] == 4999


def test_a_full_disk_is_told_and_what_did_not_fit_is_written_later(tmp_path: Path) -> None:
    disk = Disk()
    disk.error = OSError(28, "No space left on device")
    writer = HistoryWriter(str(tmp_path), disk.append)
    writer.keep([event(1)], AT)
    until("it is told", lambda: writer.trouble is not None)
    assert writer.trouble is not None
    assert writer.trouble.reason == f"{tmp_path}/history.jsonl cannot be written: No space left on device"
    disk.error = None
    writer.keep([event(2)], AT)
    until("it is over", lambda: writer.trouble is None)
    writer.stop()
    assert kept(tmp_path) == [1, 2]


def test_how_much_was_lost_is_written(tmp_path: Path) -> None:
    disk = Disk()
    disk.error = OSError(28, "No space left on device")
    writer = HistoryWriter(str(tmp_path), disk.append)
    writer.keep([event(number) for number in range(2500)], AT)
    until("it is told", lambda: writer.trouble is not None)
    disk.error = None
    writer.stop()
    first, *others = read_history(str(tmp_path))
    assert (first["event"], first["count"], len(others)) == ("history_lost", 500, 2000)


def test_secrets_and_long_texts_are_not_kept(tmp_path: Path) -> None:
    writer = HistoryWriter(str(tmp_path))
    writer.keep([event(1, what="https://root:hunter2@etcd:2379", of=["x" * 5000])], AT)
    writer.stop()
    (one,) = read_history(str(tmp_path))
    assert "hunter2" not in str(one)
    assert len(one["of"][0]) < 1100
