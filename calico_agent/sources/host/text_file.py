"""Small files of this host, with a bound and without waiting."""

import os
from errno import EISDIR, EPERM
from pathlib import Path
from stat import S_ISDIR, S_IWGRP, S_IWOTH

_LIMIT = 1 << 16


def read_text(path: Path) -> str | None:
    """The beginning of a file, None when it does not exist. Does not wait, should it be a pipe.

    A directory is no file: Docker makes one of the source of a bind mount that is not there. Bytes that are not UTF-8
    are shown as escapes, so that a finding can print them. Raises OSError.
    """
    try:
        return _read(path, _LIMIT, owned=False)
    except IsADirectoryError:
        return None


def read_owned_text(path: Path, limit: int = _LIMIT) -> str | None:
    """At most `limit` bytes of a file that decides something: what another user than root may have written is not read.

    Raises OSError for that, and for a directory.
    """
    return _read(path, limit, owned=True)


def is_roots_own(status: os.stat_result) -> bool:
    """Whether only root may write a file: then what it says, or does, is no user's invention."""
    return status.st_uid == 0 and not status.st_mode & (S_IWGRP | S_IWOTH)


def _read(path: Path, limit: int, *, owned: bool) -> str | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        status = os.fstat(descriptor)
        if S_ISDIR(status.st_mode):
            raise IsADirectoryError(EISDIR, os.strerror(EISDIR))
        if owned and status.st_uid not in {0, os.geteuid()}:
            raise PermissionError(EPERM, f"it belongs to user {status.st_uid}, and not to root")
        if owned and status.st_mode & S_IWOTH:
            raise PermissionError(EPERM, "everybody may write it")
        return os.read(descriptor, limit).decode(errors="backslashreplace")
    except OSError as error:
        error.filename = path
        raise
    finally:
        os.close(descriptor)
