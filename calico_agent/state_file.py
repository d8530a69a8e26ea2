"""Small files in the agent's state directory: replaced as a whole, read with a bound, for their owner only."""

import os
import stat
from pathlib import Path

_MOST_BYTES = 1 << 16


def read_state(path: Path) -> bytes:
    """The content. Raises OSError, and ValueError for what is no plain small file; waits for nothing."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > _MOST_BYTES:
            raise ValueError(f"it is no file, or larger than {_MOST_BYTES} bytes")
        return file.read(_MOST_BYTES)


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
