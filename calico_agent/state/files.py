"""Small files in the agent's state directory: replaced as a whole, read with a bound, for their owner only."""

import os
import stat
from pathlib import Path
from typing import BinaryIO

_MOST_BYTES = 1 << 16


def read_state(path: Path) -> bytes:
    """The content. Raises OSError, and ValueError for what is no plain small file; waits for nothing."""
    with open_state(path, _MOST_BYTES) as file:
        return file.read(_MOST_BYTES)


def open_state(path: Path, most: int) -> BinaryIO:
    """The open file. Raises as `read_state` does; also for what another user than root may have written.

    Something else under this name, like a pipe or a link, neither holds us up nor leads us elsewhere.
    """
    file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC), "rb")
    status = os.fstat(file.fileno())
    if not stat.S_ISREG(status.st_mode) or status.st_size > most:
        trouble = f"it is no file, or larger than {most} bytes"
    elif status.st_uid not in {0, os.geteuid()}:
        trouble = f"it belongs to user {status.st_uid}, and not to root"
    elif status.st_mode & stat.S_IWOTH:
        trouble = "everybody may write it"
    else:
        return file
    file.close()
    raise ValueError(trouble)


def write_state(path: Path, text: str) -> None:
    """Replace the file: a reader, or who comes after a crash, finds the old content or the new. Raises OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
    with os.fdopen(os.open(fresh, flags, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
