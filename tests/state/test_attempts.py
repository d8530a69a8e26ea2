"""What supervision remembers over restarts of the agent; whatever is wrong with the file costs the memory only."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calico_agent.model.container.container import LogHint
from calico_agent.model.container.supervision import Attempts
from calico_agent.state.attempts import AttemptsFile

NOW = datetime(2026, 11, 23, 4, tzinfo=UTC)
FULL = Attempts(
    failures=5,
    starts=12,
    restarts=11,
    not_before=NOW,
    spec="0123456789abcdef",
    last_failure="exited with code 1",
    hint=LogHint("address-conflict", "it refuses", "the line", "the cure"),
    stopped_at=NOW,
    last_error="Docker refuses: no",
)

moments = st.none() | st.datetimes(timezones=st.just(UTC))
hints = st.none() | st.builds(LogHint, st.text(), st.text(), st.text(), st.text())


def reread(state_dir: Path) -> Attempts:
    return AttemptsFile(str(state_dir)).load()


def test_nothing_is_remembered_at_first(tmp_path: Path) -> None:
    assert reread(tmp_path / "none") == Attempts()


def test_everything_comes_back(tmp_path: Path) -> None:
    AttemptsFile(str(tmp_path / "state")).save(FULL)
    assert reread(tmp_path / "state") == FULL


@given(
    st.builds(
        Attempts,
        failures=st.integers(0, 1 << 30),
        starts=st.integers(0, 1 << 30),
        restarts=st.integers(0, 1 << 30),
        not_before=moments,
        spec=st.text(),
        last_failure=st.text(),
        hint=hints,
        stopped_at=moments,
        drift=st.text(),
        drift_since=moments,
        last_error=st.text(),
    )
)
def test_every_memory_comes_back(tmp_path_factory: pytest.TempPathFactory, attempts: Attempts) -> None:
    state_dir = tmp_path_factory.getbasetemp()
    AttemptsFile(str(state_dir)).save(attempts)
    # How long a container has differed each agent sees for itself.
    assert reread(state_dir) == replace(attempts, drift="", drift_since=None)


def test_what_an_agent_of_before_wrote_is_remembered(tmp_path: Path) -> None:
    """It knew four words of a hint: what it remembers of a stop by hand must not be lost with an upgrade."""
    hint = ["etcd-refused", "it waits", "the line", "the cure"]
    (tmp_path / "attempts.json").write_text(json.dumps({"format": 1, "stopped_at": NOW.isoformat(), "hint": hint}))
    file = AttemptsFile(str(tmp_path))
    assert file.load() == Attempts(stopped_at=NOW, hint=LogHint(*hint))
    assert file.trouble is None


def test_the_file_is_the_agents_alone_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    AttemptsFile(str(tmp_path / "state")).save(FULL)
    (file,) = (tmp_path / "state").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600


def test_it_is_written_only_when_something_changed(tmp_path: Path) -> None:
    kept = AttemptsFile(str(tmp_path))
    kept.save(FULL)
    (tmp_path / "attempts.json").unlink()
    kept.save(FULL)
    assert not (tmp_path / "attempts.json").exists()


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\xff\xfe\x00", id="not text"),
        pytest.param(b'{"format": 1, "failures": 3', id="cut off"),
        pytest.param(b"[" * 20_000, id="deeply nested"),
        pytest.param(b'{"format": 2, "failures": 3}', id="of a later agent"),
        pytest.param(b'["format"]', id="no object"),
        pytest.param(b'{"format": 1, "failures": -1}', id="a negative count"),
        pytest.param(b'{"format": 1, "failures": true}', id="a count that is none"),
        pytest.param(b'{"format": 1, "starts": 1e300}', id="a count beyond counting"),
        pytest.param(b'{"format": 1, "not_before": "soon"}', id="a time that is none"),
        pytest.param(b'{"format": 1, "not_before": "2026-11-23T04:00:00"}', id="a time without a zone"),
        pytest.param(b'{"format": 1, "hint": ["a", "b"]}', id="half a hint"),
        pytest.param(b'{"format": 1, "spec": 3}', id="a hash that is none"),
        pytest.param(b'{"format": 1, "spec": "' + b"x" * 70_000 + b'"}', id="too large"),
    ],
)
def test_garbage_means_an_empty_memory_and_is_told_until_it_is_written_anew(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "attempts.json").write_bytes(content)
    file = AttemptsFile(str(tmp_path))
    assert file.load() == Attempts()
    assert file.trouble is not None
    assert f"{tmp_path}/attempts.json is of no use" in file.trouble.reason
    file.save(Attempts())
    assert file.trouble is None


@given(
    st.binary(max_size=200)
    | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps).map(str.encode)
)
def test_no_content_stops_the_agent(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    state_dir = tmp_path_factory.getbasetemp() / "garbage"
    state_dir.mkdir(exist_ok=True)
    (state_dir / "attempts.json").write_bytes(content)
    assert isinstance(reread(state_dir), Attempts)


def test_a_state_directory_that_cannot_be_written_is_told_while_that_lasts(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file is in the way")
    kept = AttemptsFile(str(tmp_path / "state"))
    kept.save(FULL)
    assert kept.trouble is not None
    assert "cannot be written" in kept.trouble.reason
    (tmp_path / "state").unlink()
    kept.save(FULL)
    assert kept.trouble is None


def test_a_link_that_somebody_put_there_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "attempts.new").symlink_to(victim)
    AttemptsFile(str(tmp_path / "state")).save(FULL)
    assert victim.read_text() == "precious"


def test_without_a_state_directory_nothing_is_kept() -> None:
    kept = AttemptsFile("")
    kept.save(FULL)
    assert kept.load() == Attempts()
