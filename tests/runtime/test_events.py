"""What happens goes to the history whole, and to the log once."""

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import structlog

from calico_agent import logs
from calico_agent.model.report import Event, Level
from calico_agent.runtime.events import Events, changed_settings
from calico_agent.state.history import read_history
from tests.patience import until

AT = datetime(2026, 11, 27, 3, 12, tzinfo=UTC)


def failed() -> Event:
    return Event("action_failed", Level.ERROR, {"doing": "starting"}, ("action_failed",), "starting")


@pytest.fixture
def _restored(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The standard library's logging belongs to the process, so to all tests."""
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    yield
    structlog.reset_defaults()


@pytest.mark.usefixtures("_restored")
def test_the_log_has_it_once_and_the_history_each_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", "json", environ={})
    events = Events(str(tmp_path))
    for _ in range(3):
        events.tell(failed(), at=AT)
    events.stop()
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(line["event"], line["level"], line["doing"]) for line in lines] == [("action_failed", "error", "starting")]
    assert len(list(read_history(str(tmp_path)))) == 3
    assert [entry["event"] for entry in events.past(AT)] == ["action_failed"] * 3


def test_a_reload_may_move_it(tmp_path: Path) -> None:
    events = Events(str(tmp_path / "old"))
    events.tell(failed(), at=AT)
    events.move(str(tmp_path / "new"))
    events.tell(failed(), failed(), at=AT)
    events.stop()
    assert len(list(read_history(str(tmp_path / "old")))) == 1
    assert len(list(read_history(str(tmp_path / "new")))) == 2


def test_what_cannot_be_kept_is_a_trouble_that_ends(tmp_path: Path) -> None:
    place = tmp_path / "state"
    place.write_text("a file is in the way")
    events = Events(str(place))
    assert events.troubles() == ()
    events.tell(failed(), at=AT)
    until("it is told", lambda: bool(events.troubles()))
    (trouble,) = events.troubles()
    assert (trouble.fault.code, trouble.subject) == ("SV-STATE", "history.jsonl")
    place.unlink()
    events.tell(failed(), at=AT)
    until("it is over", lambda: not events.troubles())
    events.stop()


def test_keys_that_have_other_values() -> None:
    before = {"mode": '"observe"', "node.env.A": "1", "log.level": '"info"'}
    now = {"mode": '"supervise"', "log.level": '"info"', "node.env.B": "2"}
    assert changed_settings(before, now) == ["mode", "node.env.A", "node.env.B"]
