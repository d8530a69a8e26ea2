"""Runs a program of this host to ask it something, if only root can have made it, and for a bounded time.

What is run is the file that was looked at, by its descriptor: nobody can put another one there in between.
"""

import os
import selectors
import signal
import stat
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from calico_agent.observe.text_file import is_roots_own

_LONGEST_OUTPUT = 1 << 16
_SECONDS = 5.0  # a Go program of 100 MB that has to be read from a slow disk first


@dataclass(frozen=True, slots=True)
class Said:
    """What it printed, and its exit code."""

    output: bytes
    errors: bytes
    code: int


class NotRunError(Exception):
    """It was not run, or did not end. `executable` is False where nobody may run it at all."""

    def __init__(self, reason: str, *, tried: bool = False, executable: bool = True) -> None:
        super().__init__(reason)
        self.reason, self.tried, self.executable = reason, tried, executable


def ask(
    path: Path, arguments: Sequence[str], environment: Mapping[str, str] | None = None, question: bytes = b""
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
        return _run(descriptor, arguments, environment or {}, question)
    finally:
        os.close(descriptor)


def _run(descriptor: int, arguments: Sequence[str], environment: Mapping[str, str], question: bytes) -> Said:
    try:
        process = subprocess.Popen(  # noqa: S603 - a list, and a file of root's
            arguments,
            executable=f"/proc/self/fd/{descriptor}",
            pass_fds=(descriptor,),
            env=dict(environment),
            cwd="/",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        raise NotRunError(f"it cannot be run: {error.strerror}", tried=True) from None
    with process:
        try:
            output, errors = _converse(process, question)
            code = process.wait(_SECONDS)
        except (TimeoutError, subprocess.TimeoutExpired):
            raise NotRunError(f"it did not end within {_SECONDS:.0f} s", tried=True) from None
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    return Said(output, errors, code)


def _converse(process: "subprocess.Popen[bytes]", question: bytes) -> tuple[bytes, bytes]:
    """What it prints on its two outputs, after the question, as far as anybody wants to know. Raises TimeoutError."""
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    with suppress(BrokenPipeError):  # it does not read it
        process.stdin.write(question)
        process.stdin.close()
    deadline = time.monotonic() + _SECONDS
    printed = {process.stdout.fileno(): b"", process.stderr.fileno(): b""}
    with selectors.DefaultSelector() as selector:
        for descriptor in printed:
            selector.register(descriptor, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(max(0.0, deadline - time.monotonic()))
            if not ready:
                raise TimeoutError
            for key, _ in ready:
                some = os.read(key.fd, _LONGEST_OUTPUT)
                if not some:
                    selector.unregister(key.fd)
                printed[key.fd] = (printed[key.fd] + some)[:_LONGEST_OUTPUT]
    output, errors = printed.values()
    return output, errors
