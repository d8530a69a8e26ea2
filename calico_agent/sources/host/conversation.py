"""Starts a program to read what it says, within bounds: it ends in time, or is ended with all that it has started."""

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

_CHUNK = 1 << 16


@dataclass(frozen=True, slots=True)
class Said:
    """What it printed, and its exit code."""

    output: bytes
    errors: bytes
    code: int


class BoundError(Exception):
    """It did not end in time, or printed too much."""


def converse(
    command: Sequence[str],
    environment: Mapping[str, str],
    *,
    seconds: float,
    limit: int,
    question: bytes = b"",
    descriptor: int | None = None,
) -> Said:
    """Start it, give it a question to read, and read both of its outputs to their ends. Raises OSError and BoundError.

    It gets nothing else of our environment. `descriptor`: it is this open file, and not what the first word names.
    """
    process = subprocess.Popen(  # noqa: S603 - a list, of which callers choose the program
        command,
        executable=None if descriptor is None else f"/proc/self/fd/{descriptor}",
        pass_fds=() if descriptor is None else (descriptor,),
        env=dict(environment),
        cwd="/",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    deadline = time.monotonic() + seconds
    with process:
        try:
            output, errors = _outputs(process, question, deadline, limit)
            return Said(output, errors, process.wait(max(0.0, deadline - time.monotonic())))
        except subprocess.TimeoutExpired:
            raise BoundError(f"did not end in time ({seconds:g} s)") from None
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def _outputs(process: subprocess.Popen[bytes], question: bytes, deadline: float, limit: int) -> tuple[bytes, bytes]:
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    with suppress(BrokenPipeError):  # it does not read it
        process.stdin.write(question)
        process.stdin.close()
    printed = {process.stdout.fileno(): bytearray(), process.stderr.fileno(): bytearray()}
    with selectors.DefaultSelector() as selector:
        for descriptor in printed:
            selector.register(descriptor, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(max(0.0, deadline - time.monotonic()))
            if not ready:
                raise subprocess.TimeoutExpired(process.args, 0)
            for key, _ in ready:
                chunk = os.read(key.fd, _CHUNK)
                printed[key.fd] += chunk
                if not chunk:
                    selector.unregister(key.fd)
                if len(printed[key.fd]) > limit:
                    raise BoundError(f"prints more than {limit} bytes")
    output, errors = printed.values()
    return bytes(output), bytes(errors)
