"""The history on disk: bounded, in order, and readable whatever a crash or a full disk left of it."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from calico_agent.state.history import (
    MOST_BYTES,
    Entry,
    append_history,
    entry_line,
    entry_of,
    history_files,
    read_history,
)
from calico_agent.state.history_newest import HistoryNewest
from calico_agent.state.history_tail import HistoryTail

AT = datetime(2026, 11, 27, 3, 12, 5, 123456, tzinfo=UTC)


def entry(number: int, text: str = "") -> Entry:
    at = AT + timedelta(seconds=number)
    return {"at": at.isoformat(), "event": "acting", "level": "info", "number": number, "text": text}


def append(folder: Path, *entries: Entry, most: int = MOST_BYTES) -> None:
    append_history(str(folder), b"".join(map(entry_line, entries)), most)


def numbers(folder: Path, since: datetime | None = None) -> list[int]:
    return [one["number"] for one in read_history(str(folder), since)]


def test_what_is_appended_is_read_in_its_order(tmp_path: Path) -> None:
    append(tmp_path, entry(1), entry(2, "Zürich, 東京"))
    append(tmp_path, entry(3))
    assert [one["number"] for one in read_history(str(tmp_path))] == [1, 2, 3]
    assert list(read_history(str(tmp_path)))[1] == entry(2, "Zürich, 東京")


def test_it_is_for_its_owner_only(tmp_path: Path) -> None:
    append(tmp_path / "state", entry(1))
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700
    assert history_files(str(tmp_path / "state"))[1].stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(("seconds", "left"), [(0, [0, 1, 2, 3]), (1.5, [2, 3]), (2, [2, 3]), (9, [])])
def test_only_what_is_younger_is_read(tmp_path: Path, seconds: float, left: list[int]) -> None:
    append(tmp_path, *map(entry, range(4)))
    assert numbers(tmp_path, AT + timedelta(seconds=seconds)) == left


def test_the_oldest_goes_and_the_disk_never_holds_more_than_the_bound(tmp_path: Path) -> None:
    for number in range(400):
        append(tmp_path, entry(number, "x" * 100), most=8192)
        assert sum(path.stat().st_size for path in history_files(str(tmp_path)) if path.exists()) <= 8192
    found = numbers(tmp_path)
    assert found == list(range(found[0], 400))
    assert len(found) > 15


@pytest.mark.parametrize(
    "torn", [b'{"at":"2026-11-27T03:1', b"\0" * 300, b"\xff\xfe\n", b"[]\n", b'{"at":"no","event":"x"}\n', b'{"at":1}'],
    ids=["half a line", "zeros", "no text", "no object", "no time", "another shape"],
)  # fmt: skip
def test_what_a_power_loss_left_costs_no_other_line(tmp_path: Path, torn: bytes) -> None:
    append(tmp_path, entry(1))
    with history_files(str(tmp_path))[1].open("ab") as file:
        file.write(torn)
    append(tmp_path, entry(2))
    assert numbers(tmp_path) == [1, 2]


def test_a_moment_without_a_zone_is_none() -> None:
    assert entry_of(b'{"at":"2026-11-27T03:12:05","event":"x"}') is None


def test_what_was_written_by_half_is_taken_back(tmp_path: Path) -> None:
    append(tmp_path, entry(1))
    path = history_files(str(tmp_path))[1]
    size = path.stat().st_size
    import resource  # noqa: PLC0415 - the limit is taken back at once
    import signal  # noqa: PLC0415

    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 40, before[1]))  # as a disk with forty bytes left
    try:
        with pytest.raises(OSError, match="large"):
            append(tmp_path, entry(2, "x" * 100))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert path.stat().st_size == size
    append(tmp_path, entry(3))
    assert numbers(tmp_path) == [1, 3]


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/etc/passwd")])
def test_what_is_no_file_is_not_written_to(tmp_path: Path, make: object) -> None:
    assert callable(make)
    make(history_files(str(tmp_path))[1])
    with pytest.raises(OSError, match=r"history|symbolic|not a file"):
        append(tmp_path, entry(1))


def test_who_follows_sees_what_comes_also_over_a_change_of_files(tmp_path: Path) -> None:
    tail = HistoryTail(str(tmp_path))
    assert tail.read() == []
    append(tmp_path, entry(1))
    assert [one["number"] for one in tail.read()] == [1]
    seen = []
    for number in range(2, 80):
        append(tmp_path, entry(number, "x" * 100), most=4096)
        seen += tail.read()
    assert [one["number"] for one in seen] == list(range(2, 80))
    assert history_files(str(tmp_path))[0].exists()


def test_half_a_line_waits_for_its_end(tmp_path: Path) -> None:
    append(tmp_path, entry(1))
    tail, line = HistoryTail(str(tmp_path)), entry_line(entry(2))
    with history_files(str(tmp_path))[1].open("ab", buffering=0) as file:
        file.write(line[:20])
        assert tail.read() == []
        file.write(line[20:])
    assert tail.read() == [entry(2)]


class TestNewest:
    def test_the_newest_are_told_in_their_order_and_read_once(self, tmp_path: Path) -> None:
        newest = HistoryNewest(str(tmp_path))
        assert newest.read().entries == ()
        append(tmp_path, *map(entry, range(3)))
        first = newest.read()
        assert ([one["number"] for one in first.entries], first.whole) == ([0, 1, 2], True)
        assert newest.read() is first
        append(tmp_path, entry(3))
        assert [one["number"] for one in newest.read().entries] == [0, 1, 2, 3]

    def test_both_files_are_one_list(self, tmp_path: Path) -> None:
        for number in range(60):
            append(tmp_path, entry(number, "x" * 100), most=8192)
        assert [one["number"] for one in HistoryNewest(str(tmp_path)).read().entries] == numbers(tmp_path)

    def test_of_much_the_last_is_told_and_that_there_is_more(self, tmp_path: Path) -> None:
        append(tmp_path, *(entry(number, "x" * 1000) for number in range(1000)))
        recent = HistoryNewest(str(tmp_path)).read()
        told = [one["number"] for one in recent.entries]
        assert (told, recent.whole) == (list(range(told[0], 1000)), False)
        assert 100 < len(told) <= 500

    def test_one_that_cannot_be_believed_is_told_as_such(self, tmp_path: Path) -> None:
        append(tmp_path, entry(1))
        history_files(str(tmp_path))[1].chmod(0o666)
        recent = HistoryNewest(str(tmp_path)).read()
        assert (recent.entries, recent.trouble) == ((), "everybody may write it")
