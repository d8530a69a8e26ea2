"""Small files of the agent's state: the old content or the new, never a part."""

import os
from pathlib import Path

import pytest

from calico_agent.state.files import read_state, write_state


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write_state(tmp_path / "deep" / "state.json", "{}")
    assert read_state(tmp_path / "deep" / "state.json") == b"{}"


def test_what_a_crash_left_in_the_middle_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "state.new").write_text("half of")
    write_state(tmp_path / "state.json", "whole")
    assert [path.name for path in tmp_path.iterdir()] == ["state.json"]


def test_a_write_that_fails_leaves_the_old_content(tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    write_state(file, "old")
    (tmp_path / "state.new").mkdir()
    with pytest.raises(OSError, match="Is a directory"):
        write_state(file, "new")
    assert read_state(file) == b"old"


def test_a_link_in_the_way_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("of others")
    (tmp_path / "state.new").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic links"):
        write_state(tmp_path / "state.json", "new")
    assert (tmp_path / "elsewhere").read_text() == "of others"


def test_a_pipe_under_its_name_holds_nobody(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "state.json")
    with pytest.raises(ValueError, match="it is no file"):
        read_state(tmp_path / "state.json")


@pytest.mark.real
@pytest.mark.parametrize(
    ("user", "mode", "says"),
    [
        pytest.param(1000, 0o600, "it belongs to user 1000, and not to root", id="of a user"),
        pytest.param(0, 0o666, "everybody may write it", id="of everybody"),
    ],
)
def test_what_another_user_may_have_written_is_not_believed(tmp_path: Path, user: int, mode: int, says: str) -> None:
    """Else who was first in a folder like /tmp would tell the agent who this host is."""
    file = tmp_path / "identity.json"
    file.write_text("{}")
    file.chmod(mode)
    os.chown(file, user, user)
    with pytest.raises(ValueError, match=says):
        read_state(file)
