"""Small files of this host, with a bound and without waiting."""

import os
from pathlib import Path

_LIMIT = 1 << 16


def read_text(path: Path, limit: int = _LIMIT) -> str | None:
    """The beginning of a file, None when it does not exist. Does not wait, should it be a pipe.

    Bytes that are not UTF-8 are shown as escapes, so that a finding can print them. Raises OSError.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        return os.read(descriptor, limit).decode(errors="backslashreplace")
    except OSError as error:
        error.filename = path
        raise
    finally:
        os.close(descriptor)
