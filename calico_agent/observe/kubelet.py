"""The kubelet of this host, found among the running processes (/proc).

A kubelet in another network namespace is another node's (kind and k3d run theirs in containers). Whoever is not root
may not look at that, and then every kubelet counts.
"""

import os
import time
from pathlib import Path

from calico_agent.decode.kubelet import decode_kubelet
from calico_agent.model.host import Kubelet

_PROC = Path("/proc")
_NAME = b"kubelet\n"
_LONGEST_COMMAND = 1 << 16

# Where none is found, all processes are gone through again at most that often: on a large host that is not free.
_LEISURE_SECONDS = 30.0


class KubeletReader:
    """Finds the kubelet, and follows it while it lives."""

    def __init__(self) -> None:
        self._pid = 0
        self._searched_at = -_LEISURE_SECONDS

    def read(self) -> Kubelet | None:
        """The oldest process called kubelet in our network namespace; None when there is none."""
        found = _kubelet(self._pid) if self._pid else None
        if found is None and (self._pid or time.monotonic() - self._searched_at >= _LEISURE_SECONDS):
            self._searched_at = time.monotonic()
            found = next((kubelet for pid in _processes() if (kubelet := _kubelet(pid))), None)
        self._pid = found.pid if found else 0
        return found


def _processes() -> list[int]:
    return sorted(int(name) for name in os.listdir(_PROC) if name.isdecimal())  # noqa: PTH208 - names, not a Path each


def _kubelet(pid: int) -> Kubelet | None:
    """The process with this number, if it is a kubelet of ours."""
    try:
        with open(f"/proc/{pid}/comm", "rb") as file:  # noqa: PTH123 - for every process: a Path costs much more
            if file.read(len(_NAME) + 1) != _NAME:
                return None
        with (_PROC / str(pid) / "cmdline").open("rb") as file:
            arguments = file.read(_LONGEST_COMMAND).decode(errors="backslashreplace").split("\0")
    except OSError:
        return None  # it ended meanwhile
    return decode_kubelet(pid, arguments[:-1]) if arguments[:-1] and _is_ours(pid) else None


def _is_ours(pid: int) -> bool:
    try:
        return (_PROC / str(pid) / "ns/net").readlink() == (_PROC / "thread-self/ns/net").readlink()
    except OSError:
        return True
