"""Files for people, whenever the command that writes them is killed: each is there whole, or is not there."""

import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

from calico_agent.cli.new_files import NewFile, replace_with_backup, write_new

OLD, NEW = b"old\n" * 5000, b"new\n" * 5000


def killed_at_each_step(deed: Callable[[], object]) -> Iterator[int]:
    """Do it in a process that kills itself before its first step on files, then its second, until it gets through."""
    for number in range(100):
        child = os.fork()
        if child == 0:
            try:
                _kill_at(number)
                deed()
                os._exit(0)
            finally:
                traceback.print_exc()
                os._exit(1)
        _, status = os.waitpid(child, 0)
        yield number
        if os.WIFEXITED(status):
            assert os.WEXITSTATUS(status) == 0
            return
        assert os.WTERMSIG(status) == signal.SIGKILL
    raise AssertionError("it takes more than a hundred steps")


def _kill_at(number: int) -> None:
    left = number

    def audit(event: str, arguments: tuple[object, ...]) -> None:  # noqa: ARG001
        nonlocal left
        if event == "open" or event.startswith("os."):
            left -= 1
            if left < 0:
                signal.raise_signal(signal.SIGKILL)

    sys.addaudithook(audit)


def test_a_new_file_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    seen = set()
    for number in killed_at_each_step(lambda: write_new([NewFile(tmp_path / f"{os.getppid()}", NEW)])):
        file = tmp_path / f"{os.getpid()}"
        seen.add(file.exists())
        if file.exists():
            assert file.read_bytes() == NEW, f"killed at step {number}"
            file.unlink()
    assert seen == {True, False}


def test_a_replaced_file_is_the_old_or_the_new_one_and_its_backup_whole(tmp_path: Path) -> None:
    file, backup = tmp_path / "calico.yaml", tmp_path / "calico.yaml.before-split"
    file.write_bytes(OLD)
    seen = set()
    for number in killed_at_each_step(lambda: replace_with_backup(file, OLD, NEW)):
        content = file.read_bytes()
        seen.add(content)
        assert content in {OLD, NEW}, f"killed at step {number}"
        assert not backup.exists() or backup.read_bytes() == OLD
        assert backup.exists() or content == OLD
        file.write_bytes(OLD)
        backup.unlink(missing_ok=True)
    assert seen == {OLD, NEW}
