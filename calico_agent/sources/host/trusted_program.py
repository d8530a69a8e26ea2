"""Runs a program of this host to ask it something, if only root can have made it, and for a bounded time.

What is run is the file that was looked at, by its descriptor: nobody can put another one there in between.
"""

import os
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path

from calico_agent.sources.host.conversation import BoundError, Said, converse
from calico_agent.sources.host.text_file import is_roots_own

_LONGEST_OUTPUT = 1 << 16
_SECONDS = 5.0  # a Go program of 100 MB that has to be read from a slow disk first


class NotRunError(Exception):
    """It was not run, or did not end. `executable` is False where nobody may run it at all."""

    def __init__(self, reason: str, *, tried: bool = False, executable: bool = True) -> None:
        super().__init__(reason)
        self.reason, self.tried, self.executable = reason, tried, executable


def ask(
    path: Path,
    arguments: Sequence[str],
    environment: Mapping[str, str] | None = None,
    question: bytes = b"",
    seconds: float | None = None,
) -> Said:
    """Run it with these arguments, the first of which is its own name, and nothing else of our environment.

    Raises OSError where it cannot be opened, and NotRunError.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or not status.st_mode & 0o111:
            raise NotRunError("it is not executable", executable=False)
        if not is_roots_own(status):
            raise NotRunError("others than root may write it, so it is not run")
        return _run(descriptor, arguments, environment or {}, question, seconds or _SECONDS)
    finally:
        os.close(descriptor)


def _run(
    descriptor: int, arguments: Sequence[str], environment: Mapping[str, str], question: bytes, seconds: float
) -> Said:
    try:
        return converse(
            arguments,
            environment,
            question=question,
            descriptor=descriptor,
            seconds=seconds,
            limit=_LONGEST_OUTPUT,
        )
    except OSError as error:
        raise NotRunError(f"it cannot be run: {error.strerror}", tried=True) from None
    except BoundError as error:
        raise NotRunError(f"it {error}", tried=True) from None
