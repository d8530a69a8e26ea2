"""Files that commands write for people: never over one that is there, and each whole or not at all."""

import errno
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from calico_agent.errors import CalicoAgentError, UsageError
from calico_agent.small_file import read_small

_MOST_BYTES = 16 << 20
_MOST_BACKUPS = 100
_BACKUP = ".before-split"
# File systems that know no second name of a file.
_NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file to be written."""

    path: Path
    content: bytes
    mode: int = 0o600


def write_new(files: Sequence[NewFile]) -> list[str]:
    """Write them all, or none where one would be written over; says of each what was done.

    One that is there with the same content is left as it is. Raises UsageError and CalicoAgentError.
    """
    fresh = [file for file in files if not _is_there(file)]
    for file in fresh:
        try:
            file.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _create(file)
        except FileExistsError:
            raise UsageError(f"{file.path} is there by now, and is not written over") from None
        except OSError as error:
            raise CalicoAgentError(f"cannot write {file.path}: {error.strerror}") from None
    return [f"{'wrote' if file in fresh else 'has the same already'}: {file.path}" for file in files]


def replace_with_backup(path: Path, before: bytes, after: bytes) -> Path:
    """Put `after` in the place of a file that holds `before`; what it held is kept beside it, in the file returned.

    Owner and mode stay. Who reads it meanwhile finds the one or the other. Raises CalicoAgentError and UsageError.
    """
    real = Path(os.path.realpath(path))
    try:
        status = real.stat()
        if not stat.S_ISREG(status.st_mode):
            raise UsageError(f"{path} is not a file that can be replaced", hint="use --output-dir")
        backup = _backup(real, before, status)
        fresh = real.with_name(f".{real.name}.new-{os.getpid()}")
        _create(NewFile(fresh, after, stat.S_IMODE(status.st_mode)), status)
        try:
            if read_small(real, _MOST_BYTES) != before:
                raise UsageError(f"{path} was changed meanwhile, and stays as it is")
            fresh.replace(real)
        finally:
            fresh.unlink(missing_ok=True)
    except OSError as error:
        raise CalicoAgentError(f"cannot replace {path}: {error.strerror}") from None
    return backup


def _is_there(file: NewFile) -> bool:
    try:
        content = read_small(file.path, _MOST_BYTES)
    except NotADirectoryError as error:
        raise CalicoAgentError(f"cannot write {file.path}: {error.strerror}") from None
    except FileNotFoundError:
        if file.path.is_symlink():
            raise UsageError(f"{file.path} is a link to nowhere, and is not written over") from None
        return False
    except OSError as error:
        raise UsageError(f"{file.path} is there, and is not written over ({error.strerror})") from None
    if content != file.content:
        raise UsageError(f"{file.path} is there with another content, and is not written over")
    return True


def _backup(real: Path, before: bytes, status: os.stat_result) -> Path:
    """The file of before under a name of its own. One that holds the same already is enough."""
    for number in range(_MOST_BACKUPS):
        backup = real.with_name(f"{real.name}{_BACKUP}" + (f".{number}" if number else ""))
        try:
            _create(NewFile(backup, before, stat.S_IMODE(status.st_mode)), status)
        except FileExistsError:
            if backup.is_symlink() or read_small(backup, _MOST_BYTES) != before:
                continue
        return backup
    raise UsageError(f"{real} has {_MOST_BACKUPS} backups already", hint="move them away")


def _create(file: NewFile, status: os.stat_result | None = None) -> None:
    """Make a file that was not there, at once and whole: who is killed meanwhile leaves none of this name."""
    draft = file.path.with_name(f".{file.path.name}.calico-agent-{os.getpid()}")
    _write(replace(file, path=draft), status)
    try:
        os.link(draft, file.path)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        _write(file, status)
    finally:
        draft.unlink(missing_ok=True)


def _write(file: NewFile, status: os.stat_result | None) -> None:
    """Nothing of the file is left where that fails."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(file.path, flags, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as opened:
            if status is not None and (status.st_uid, status.st_gid) != (os.geteuid(), os.getegid()):
                os.fchown(descriptor, status.st_uid, status.st_gid)
            os.fchmod(descriptor, file.mode)
            opened.write(file.content)
            opened.flush()
            os.fsync(descriptor)
    except BaseException:
        file.path.unlink(missing_ok=True)
        raise
