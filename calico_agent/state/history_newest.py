"""The newest of the history, for who looks every few seconds: files that did not change are not read again."""

import os
from contextlib import suppress
from pathlib import Path

from calico_agent.model.report import RecentHistory
from calico_agent.state.files import open_state
from calico_agent.state.history import MOST_BYTES, entry_of, history_files

_MOST_READ = 160 << 10
_MOST_ENTRIES = 500

_Mark = tuple[tuple[int, int, int], ...]
"""What changes with the files: of each the inode, the size, and when it was written (ns)."""


class HistoryNewest:
    """The last of what is kept in `state_dir`, bounded in bytes and entries. For any thread: it is a single slot."""

    def __init__(self, state_dir: str) -> None:
        self._files = history_files(state_dir)
        self._last: tuple[_Mark, RecentHistory] | None = None

    def read(self) -> RecentHistory:
        """Return it; the same object while nothing was appended."""
        mark, last = _mark(self._files), self._last
        if last is not None and last[0] == mark:
            return last[1]
        try:
            recent = _read(self._files)
        except (OSError, ValueError) as error:
            recent = RecentHistory(trouble=str(error))
        self._last = (mark, recent)
        return recent


def _mark(files: tuple[Path, ...]) -> _Mark:
    found = []
    for path in files:
        with suppress(OSError):
            status = path.stat()
            found.append((status.st_ino, status.st_size, status.st_mtime_ns))
    return tuple(found)


def _read(files: tuple[Path, ...]) -> RecentHistory:
    """Read from the newest file backwards. Raises OSError and ValueError."""
    lines: list[bytes] = []
    left, whole = _MOST_READ, True
    for path in reversed(files):
        with suppress(FileNotFoundError), open_state(path, 2 * MOST_BYTES) as file:
            size = file.seek(0, os.SEEK_END)
            begin = max(0, size - left)
            file.seek(begin)
            read = file.read(left).split(b"\n")
            if begin:
                read, whole = read[1:], False  # the first line may be the end of one
            lines = read + lines
            left -= min(left, size)
    entries = [entry for line in lines if (entry := entry_of(line)) is not None]
    return RecentHistory(tuple(entries[-_MOST_ENTRIES:]), whole and len(entries) <= _MOST_ENTRIES)
