"""Programs of this host that are run to be read: by an absolute path, with bounds for their time and output.

Only root's own programs are run, from the folders where distributions put them, whatever PATH says.
"""

import os
import selectors
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from calico_agent.model.unreadable import Unreadable
from calico_agent.observe.text_file import is_roots_own

_FOLDERS = tuple(map(Path, ("/usr/sbin", "/sbin", "/usr/bin", "/bin", "/usr/local/sbin")))
_ENVIRONMENT = {"PATH": ":".join(map(str, _FOLDERS)), "LC_ALL": "C"}
_CHUNK = 1 << 16
_LONGEST_COMPLAINT = 300


def find_tool(*names: str) -> Path | None:
    """The first of these programs that this host has."""
    for name in names:
        for folder in _FOLDERS:
            with suppress(OSError):
                if is_roots_own((folder / name).stat()):
                    return folder / name
    return None


def run_tool(tool: Path, *arguments: str, seconds: float, limit: int) -> str | Unreadable:
    """What it prints. One that fails, takes longer or prints more than that many bytes is Unreadable."""
    command = (str(tool), *arguments)
    try:
        process = subprocess.Popen(  # noqa: S603 - an absolute path and our own arguments
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=_ENVIRONMENT
        )
    except OSError as error:
        return Unreadable(tool.name, f"{tool} cannot be run: {error.strerror}.", "refused")
    with process:
        try:
            output, complaint = _gathered(process, time.monotonic() + seconds, limit)
        except _BoundError as error:
            process.kill()
            return Unreadable(tool.name, f"{' '.join(command)} {error}.", "timeout")
    if process.returncode:
        said = " ".join(complaint.decode(errors="backslashreplace").split())[:_LONGEST_COMPLAINT]
        return Unreadable(tool.name, f"{' '.join(command)} failed: {said or process.returncode}.", "refused")
    return output.decode(errors="backslashreplace")


class _BoundError(Exception):
    pass


def _gathered(process: subprocess.Popen[bytes], deadline: float, limit: int) -> tuple[bytes, bytes]:
    """Both outputs to their ends."""
    found: dict[int, bytearray] = {}
    with selectors.DefaultSelector() as selector:
        for stream in (process.stdout, process.stderr):
            assert stream is not None
            found[stream.fileno()] = bytearray()
            selector.register(stream.fileno(), selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(max(0.0, deadline - time.monotonic()))
            if not ready:
                raise _BoundError("did not end in time")
            for key, _ in ready:
                chunk = os.read(key.fd, _CHUNK)
                found[key.fd] += chunk
                if not chunk:
                    selector.unregister(key.fd)
                if len(found[key.fd]) > limit:
                    raise _BoundError(f"prints more than {limit} bytes")
    output, complaint = found.values()
    return bytes(output), bytes(complaint)
