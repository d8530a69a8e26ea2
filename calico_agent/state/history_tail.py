"""What is appended to the history from now on, also when the file is changed for a new one meanwhile."""

import os
from pathlib import Path
from typing import BinaryIO

from calico_agent.state.files import open_state
from calico_agent.state.history import MOST_BYTES, Entry, entry_of, history_files


class HistoryTail:
    """Follows the newer file in `state_dir` from its end; it may not be there yet."""

    def __init__(self, state_dir: str) -> None:
        _, self._path = history_files(state_dir)
        self._rest = b""
        self._file = _open(self._path)
        if self._file is not None:
            self._file.seek(0, os.SEEK_END)

    def read(self) -> list[Entry]:
        """The entries since the last time. Half a line waits for its end."""
        lines = self._more()
        if self._replaced():
            if self._file is not None:
                self._file.close()
            self._file = _open(self._path)
            lines += self._more()
        return [entry for line in lines if (entry := entry_of(line)) is not None]

    def _more(self) -> list[bytes]:
        if self._file is None:
            return []
        *lines, self._rest = (self._rest + self._file.read()).split(b"\n")
        return lines

    def _replaced(self) -> bool:
        """Whether the file of this name is another one by now."""
        try:
            now = self._path.stat()
        except OSError:
            return False
        if self._file is None:
            return True
        opened = os.fstat(self._file.fileno())
        return (opened.st_dev, opened.st_ino) != (now.st_dev, now.st_ino)


def _open(path: Path) -> BinaryIO | None:
    try:
        return open_state(path, 2 * MOST_BYTES)
    except (OSError, ValueError):
        return None
