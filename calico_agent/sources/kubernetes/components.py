"""The kubelet and kube-proxy that run on this host, and what their command lines say.

Files that they name are read as they see them, below /proc/PID/root: kube-proxy mostly runs in a container.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from calico_agent.sources.host.root_processes import RunningProgram, programs_named
from calico_agent.sources.host.text_file import read_owned_text
from calico_agent.sources.kubernetes.decode.components import (
    K3S_SOCKET,
    PROGRAMS,
    RUNTIMES,
    arguments_file,
    decode_arguments_file,
    parts_of,
    runtime_endpoint,
)
from calico_agent.sources.kubernetes.decode.flags import flag_values

PROC = Path("/proc")
LARGEST_FILE = 1 << 18


@dataclass(frozen=True, slots=True)
class Part:
    """The kubelet or kube-proxy, in the program that it is part of. `arguments` is None where they cannot be seen."""

    program: RunningProgram
    arguments: tuple[str, ...] | None
    trouble: str = ""

    @property
    def flags(self) -> tuple[str, ...]:
        return self.arguments or ()


def find_part(part: str) -> Part | None:
    """The one that runs here. Raises OSError where the processes cannot be read."""
    for program in programs_named(PROGRAMS):
        if part in parts_of(program.name, program.arguments):
            return _part(part, program)
    return None


def kubelet_socket(kubelet: Part) -> str:
    """The socket of the container runtime that the kubelet uses; empty where nothing says it."""
    if kubelet.program.name.startswith("k3s"):
        return K3S_SOCKET
    file = flag_values(kubelet.flags, {"config"}).get("config", "")
    return runtime_endpoint(kubelet.flags, read_seen_by(kubelet.program.pid, file))


def read_seen_by(pid: int, path: str) -> str:
    """The text of a file that a process names; empty where it cannot be read."""
    with suppress(OSError):
        return (read_owned_text(seen_by(pid, path), LARGEST_FILE) if path.startswith("/") else None) or ""
    return ""


def seen_by(pid: int, path: str) -> Path:
    """Where the file is that a process knows under this path."""
    return PROC / str(pid) / "root" / path.lstrip("/")


def _part(part: str, program: RunningProgram) -> Part:
    if program.name.startswith("k3s"):
        return Part(program, None, "k3s does not show its command line")
    file = arguments_file(part, program.arguments)
    if not file:
        return Part(program, program.arguments)
    content = read_seen_by(program.pid, file)
    return Part(program, decode_arguments_file(content, file) if content else None, f"{file} cannot be read")


def running_runtimes(name: str) -> Iterator[RunningProgram]:
    """The container runtimes of this name. Raises OSError where the processes cannot be read."""
    return programs_named({name: RUNTIMES[name]})
