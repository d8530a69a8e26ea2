"""What happened on this host, on disk: a JSON object a line, oldest first, in two files of half the size each.

Lines are appended and never changed. When the newer file is full it takes the place of the older one, so what is lost
is the oldest, and the disk never holds more than `MOST_BYTES`. A reader passes over what is no entry: a power loss may
leave half a line, or a line of zeros, and the next entry begins on a line of its own.
"""

import json
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from calico_agent.state.files import open_state

MOST_BYTES = 5 << 20
NAME = "history.jsonl"
_OLDER = "history.1.jsonl"

_BEGINNING = b'{"at":"'
_SECOND = len("2026-11-27T03:12:05")

Entry = dict[str, Any]
"""`at` (RFC 3339, UTC), `event`, `level`, and the fields of the event."""


def history_files(state_dir: str) -> tuple[Path, Path]:
    """The older file and the newer one. Either may be absent."""
    return Path(state_dir, _OLDER), Path(state_dir, NAME)


def entry_line(entry: Entry) -> bytes:
    """An entry as it is kept."""
    return json.dumps(entry, ensure_ascii=False, separators=(",", ":")).encode(errors="replace") + b"\n"


def entry_of(line: bytes) -> Entry | None:
    """The entry of a line; None for what is none."""
    try:
        entry = json.loads(line)
        at = datetime.fromisoformat(entry["at"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return entry if at.tzinfo is not None and isinstance(entry.get("event"), str) else None


def read_history(state_dir: str, since: datetime | None = None) -> Iterator[Entry]:
    """The entries that are kept, oldest first. Raises OSError, and ValueError for files that are not to be believed."""
    head = since.astimezone(UTC).isoformat()[:_SECOND].encode() if since is not None else b""
    for path in history_files(state_dir):
        with suppress(FileNotFoundError), open_state(path, 2 * MOST_BYTES) as file:
            for line in file:
                if line.startswith(_BEGINNING) and line[len(_BEGINNING) :][:_SECOND] < head:
                    continue  # what is long ago need not be understood
                entry = entry_of(line)
                if entry is not None and (since is None or datetime.fromisoformat(entry["at"]) >= since):
                    yield entry


def append_history(state_dir: str, lines: bytes, most: int = MOST_BYTES) -> None:
    """Append whole lines and have them on the disk. Raises OSError, and then none of them is there."""
    older, newer = history_files(state_dir)
    newer.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = _opened(newer)
    try:
        size = os.fstat(descriptor).st_size
        if size and size + len(lines) > most // 2:
            newer.replace(older)
            os.close(descriptor)
            descriptor = _opened(newer)
            size = 0
        _append(descriptor, size, lines)
    finally:
        os.close(descriptor)
    if size == 0:  # the name of a new file is lost with the power, unless its folder is written, too
        _sync_folder(newer.parent)


def _opened(path: Path) -> int:
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o600)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(f"{path} is not a file")
    return descriptor


def _append(descriptor: int, size: int, lines: bytes) -> None:
    torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
    left = b"\n" + lines if torn else lines
    try:
        while left:
            left = left[os.write(descriptor, left) :]
        os.fdatasync(descriptor)
    except OSError:
        with suppress(OSError):
            os.ftruncate(descriptor, size)
        raise


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
