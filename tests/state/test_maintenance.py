"""A pause and an order on disk: kept over restarts and set clocks, over by themselves, and believed from root only."""

import json
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from calico_agent.model.maintenance import Deed, Order, Pause
from calico_agent.state.maintenance import OrderFile, PauseFile, WrittenOrder, WrittenPause
from calico_agent.state.moment import Moment

AT = datetime(2026, 11, 23, 4, tzinfo=UTC)
HOUR = timedelta(hours=1)
BEGUN = Moment(AT, "boot-1", 500.0)
HELD = WrittenPause("alice (uid 1000)", "disk", BEGUN, 7200.0, "0bf1")
ORDER = Order("0af1", Deed.RESTART, "root", "why")


def after(age: timedelta, *, jump: timedelta = timedelta(0), boot: str = "boot-1") -> Moment:
    return Moment(AT + age + jump, boot, 500.0 + age.total_seconds())


def paused(folder: Path, written: WrittenPause = HELD) -> PauseFile:
    PauseFile(str(folder)).save(written)
    return PauseFile(str(folder))


def test_another_agent_finds_it(tmp_path: Path) -> None:
    assert paused(tmp_path).read(after(HOUR)) == Pause("alice (uid 1000)", "disk", AT, AT + 2 * HOUR, "0bf1")


def test_one_without_an_end_lasts(tmp_path: Path) -> None:
    file = paused(tmp_path, replace(HELD, seconds=None, why=""))
    assert file.read(after(300 * 24 * HOUR)) == Pause("alice (uid 1000)", "", AT, None, "0bf1")


@pytest.mark.parametrize("days", [-1, 1])
def test_a_clock_that_is_set_moves_it_and_changes_not_how_long_it_lasts(tmp_path: Path, days: int) -> None:
    file, jump = paused(tmp_path), timedelta(days=days)
    assert file.read(after(HOUR, jump=jump)) == Pause(HELD.by, "disk", AT + jump, AT + 2 * HOUR + jump, "0bf1")
    assert file.read(after(2 * HOUR, jump=jump)) is None


def test_one_that_is_over_does_not_come_back_with_a_clock_that_is_set_back(tmp_path: Path) -> None:
    file = paused(tmp_path)
    assert file.read(after(2 * HOUR)) is None
    assert list(tmp_path.iterdir()) == []
    assert PauseFile(str(tmp_path)).read(after(HOUR, boot="boot-2", jump=-HOUR)) is None


def test_it_outlives_a_boot(tmp_path: Path) -> None:
    assert paused(tmp_path).read(Moment(AT + HOUR, "boot-2", 40.0)) is not None


def test_one_that_somebody_ended_is_over_at_the_next_look(tmp_path: Path) -> None:
    file = paused(tmp_path)
    assert file.read(after(HOUR)) is not None
    assert PauseFile(str(tmp_path)).remove()
    assert file.read(after(HOUR)) is None
    assert file.trouble is None
    assert not PauseFile(str(tmp_path)).remove()


def test_what_cannot_be_read_for_a_moment_ends_no_pause(tmp_path: Path) -> None:
    """Out of file descriptors, say: the path is a folder here, which cannot be read either."""
    file = paused(tmp_path)
    held = file.read(after(HOUR))
    (tmp_path / "pause.json").unlink()
    (tmp_path / "pause.json").mkdir()
    assert file.read(after(HOUR)) == held
    assert file.trouble is not None
    (tmp_path / "pause.json").rmdir()
    assert file.read(after(HOUR)) is None


GOOD = HELD.begun.encode() | {"format": 1, "id": "", "by": "root", "why": "", "seconds": 60}


@pytest.mark.parametrize(
    "wrong",
    [{"by": 3}, {"by": "x" * 201}, {"why": "a\nb"}, {"seconds": 0}, {"seconds": True}, {"seconds": 1e30}, {"at": ""}],
    ids=str,
)
def test_garbage_pauses_nothing_and_is_told(tmp_path: Path, wrong: dict[str, object]) -> None:
    (tmp_path / "pause.json").write_text(json.dumps(GOOD | wrong))
    file = PauseFile(str(tmp_path))
    assert file.read(BEGUN) is None
    assert file.trouble is not None
    assert "pause.json is of no use" in file.trouble.reason


@pytest.mark.real
@pytest.mark.parametrize("kind", ["another user's", "for everybody to write", "a link"])
def test_what_another_user_may_have_written_pauses_nothing(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "pause.json"
    path.write_text(json.dumps(GOOD))
    assert PauseFile(str(tmp_path)).read(BEGUN) is not None
    if kind == "another user's":
        os.chown(path, 65534, 65534)
    elif kind == "a link":
        path.rename(tmp_path / "other")
        path.symlink_to(tmp_path / "other")
    else:
        path.chmod(0o666)
    file = PauseFile(str(tmp_path))
    assert file.read(BEGUN) is None
    assert file.trouble is not None


def test_an_order_counts_for_two_minutes(tmp_path: Path) -> None:
    OrderFile(str(tmp_path)).save(WrittenOrder(ORDER, BEGUN))
    file = OrderFile(str(tmp_path))
    assert file.read(after(timedelta(seconds=119))) == ORDER
    assert file.read(after(timedelta(seconds=120))) is None


def test_an_order_for_what_nobody_knows_is_none(tmp_path: Path) -> None:
    OrderFile(str(tmp_path)).save(WrittenOrder(ORDER, BEGUN))
    path = tmp_path / "order.json"
    path.write_text(path.read_text().replace("restart-node", "rm -rf"))
    assert OrderFile(str(tmp_path)).read(BEGUN) is None
